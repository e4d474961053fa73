"""Applying styles to a piece of drums, a groove, a trio or a performance.

A code forgets some of what it encodes, so decoding it would change a piece even where no style asks for it. What a style
changes is therefore measured on what the network itself plays: decoded once from mu and once from ``mu + sum of s_k v_k``, with
the same noise. A *lane* of a bar (one class of drums, a melody, a bass, one instrument) in which both are the same stays as it
is in the piece; one in which they differ is taken from the second. In lanes of a groove that keep their hits, the
velocities and timings of hits that both play move by the difference of both. A network that fills in what its encoder is not
shown (the feel of a stiff beat, a beat for taps, a hi-hat) plays all of it. At strength 0 the very same piece comes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.limits import check_strengths, check_temperature
from musicvae.compose.pieces.coding import decode_windows, encode, in_use, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import window_guides
from musicvae.compose.pieces.windows import join_columns
from musicvae.compose.seeds import window_seed
from musicvae.compose.styles import StyleVector
from musicvae.music.performance import DRUMS, END, FIRST_PROGRAM, MAX_PARTS, NOTHING, empty_bars
from musicvae.music.piece import Piece
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF

__all__ = ["carried_over", "offset_at", "offset_of", "restyle_piece"]

Array = NDArray[Any]
_MAX_OFFSET = 0.5


def restyle_piece(
    engine: PieceEngine,
    piece: Piece,
    styles: Sequence[tuple[StyleVector, float]],
    *,
    temperature: float = 0.0,
    seed: int = 0,
    refine: int = 0,
    provenance: Mapping[str, Any] | None = None,
) -> Piece:
    """The piece moved by each vector with its strength; the very same piece where all strengths are 0.

    ValueError for strengths beyond +-10, for vectors of another model and for a piece of another material.
    """
    check_temperature(temperature)
    strengths = check_strengths({vector.name: strength for vector, strength in styles})
    for vector, _ in styles:
        vector.check_model(engine.hash, engine.config.z_size)
    if not any(strengths.values()):
        return piece
    code = encode(engine, piece, refine=refine)
    seeds = [window_seed(seed, w) for w in range(len(code.windows))]
    guides = window_guides(code.guide, code.windows)
    offsets = np.stack([offset_at(engine, styles, window.read_bars) for window in code.windows])
    played = []
    for z in (code.mu, code.mu + offsets):
        parts = decode_windows(engine, np.array(z), code.windows, guides, temperature=temperature, seeds=seeds)
        played.append(join_columns(parts, code.windows, code.material, code.held))
    moved = played[1] if engine.fills_in else carried_over(piece.columns, played[0], played[1], engine.material)
    columns = {**piece.columns, **moved}
    return piece_of(engine, columns, tempo_qpm=piece.tempo_qpm, name=piece.name, key=piece.key, provenance=dict(provenance or {}))


def offset_of(styles: Sequence[tuple[StyleVector, float]], z_size: int) -> Floats:
    """What vectors with their strengths add together to a z, (Z,), that has all its blocks."""
    total = np.zeros(z_size)
    for vector, strength in styles:
        total += strength * (vector.scale if strength >= 0 else vector.scale_down) * vector.direction
    return total


def offset_at(engine: PieceEngine, styles: Sequence[tuple[StyleVector, float]], bars: int) -> Floats:
    """What they add to the z, (Z,), of a window of `bars` bars."""
    return in_use(engine, offset_of(styles, engine.config.z_size), bars)


def carried_over(own: Columns, before: Columns, after: Columns, material: str) -> dict[str, Array]:
    """The columns (B, ...) of `own` with what differs between `before` and `after`, by the rule above."""
    if material == "groove":
        return _grooves(own, before, after)
    if material == "performance":
        bars = zip(own["bars"], before["bars"], after["bars"], strict=True)
        return {"bars": np.stack([_instruments(*rows) for rows in bars])}
    carried = {}
    for name in ("bars", "bass", "drums"):
        if name in after:
            change = _hits if after[name].dtype == np.uint64 else _tokens
            carried[name] = change(own[name], before[name], after[name])
    return carried


def _hits(own: Array, before: Array, after: Array) -> Array:
    """Hits (B, 16): each class of each bar from `own` or, where it changed, from `after`."""
    changed = np.bitwise_or.reduce(before ^ after, axis=1, keepdims=True)
    return np.asarray((own & ~changed) | (after & changed))


def _instruments(own: Array, before: Array, after: Array) -> Array:
    """Rows (8, 64) of a bar: each instrument, wherever its row is, from `own` or, where it changed, from `after`; own ones come first."""
    if np.array_equal(before, after):
        return own
    played, was, now = (_by_instrument(rows) for rows in (own, before, after))
    for lane in was.keys() - now.keys():
        played.pop(lane, None)
    for lane, row in now.items():
        if lane not in was or not np.array_equal(was[lane], row):
            played[lane] = row
    found = empty_bars(1)[0]
    for place, lane in enumerate(sorted(list(played)[:MAX_PARTS])):
        found[place] = played[lane]
    return np.asarray(found, own.dtype)


def _by_instrument(rows: Array) -> dict[tuple[int, int], Array]:
    """The rows (8, 64) in which something is, by the token of the program (a piano's where there is none) and which of its rows it is."""
    met: Counter[int] = Counter()
    found: dict[tuple[int, int], Array] = {}
    for row in rows:
        if row[0] in (END, NOTHING):
            continue
        programs = row[(row >= FIRST_PROGRAM) & (row <= DRUMS)]
        token = int(programs[0]) if len(programs) else FIRST_PROGRAM
        found[token, met[token]] = row
        met[token] += 1
    return found


def _tokens(own: Array, before: Array, after: Array) -> Array:
    """Events (B, 16) of a melody, bar by bar; a note ends at a bar line where the other source begins and does not hold that note."""
    changed = (before != after).any(axis=1)
    mixed = np.where(changed[:, None], after, own).astype(own.dtype)
    flat, width = mixed.reshape(-1), own.shape[1]
    for bar in range(1, len(own)):
        start = bar * width
        if flat[start] == HOLD:
            source = (after if changed[bar] else own).reshape(-1)
            sounding, meant = _latest(flat[:start]), _latest(source[:start])
            if sounding >= FIRST_PITCH_TOKEN and sounding != meant:
                flat[start] = NOTE_OFF
    return mixed


def _latest(flat: Array) -> int:
    """The last event that is not a hold; `NOTE_OFF` where there is none."""
    events = flat[flat != HOLD]
    return int(events[-1]) if len(events) else NOTE_OFF


def _grooves(own: Columns, before: Columns, after: Columns) -> dict[str, Array]:
    struck = {name: columns["bars"] > 0 for name, columns in (("own", own), ("before", before), ("after", after))}
    changed = (struck["before"] != struck["after"]).any(axis=1, keepdims=True)
    moves = struck["own"] & struck["before"] & struck["after"] & ~changed
    louder = np.where(moves, after["bars"].astype(np.int64) - before["bars"].astype(np.int64), 0)
    later = np.where(moves, after["offsets"].astype(np.float64) - before["offsets"].astype(np.float64), 0)
    loud = np.where(struck["own"], np.clip(own["bars"].astype(np.int64) + louder, 1, 127), 0)
    late = np.clip(own["offsets"].astype(np.float64) + later, -_MAX_OFFSET, _MAX_OFFSET)
    return {
        "bars": np.where(changed, after["bars"], loud).astype(np.uint8),
        "offsets": np.where(changed, after["offsets"], late).astype(np.float16),
    }
