"""What a conditioned network is told beside z: the chords that a piece is played over, the hits that a groove is for, or taps.

Conventions: a *guide* holds, for the bars of a piece, ``chords`` (B, 8) uint8 as `music.chords.Chord.code`, ``hits`` (B, 16)
uint64, a bit for each class of drums, or ``taps`` (B, 16) uint8 and ``tap_offsets`` (B, 16) float16 sixteenths; beside these ``tempo``
(B,) float64 quarter notes a minute, where the network hears it. It is {} for a network that is told nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.harmony import Chords, spread_chords
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.windows import Reading
from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import counted_bars

__all__ = ["at_tempo", "asked_guide", "hits_notices", "own_guide", "tapped", "window_guides", "with_guide"]

Array = NDArray[Any]


def own_guide(engine: PieceEngine, columns: Columns, tempo_qpm: float = DEFAULT_TEMPO_QPM) -> dict[str, Array]:
    """The guide that a piece's own columns (B, ...) make; no chord where it states none."""
    bars = len(columns["bars"])
    guide: dict[str, Array] = {}
    if engine.guide == "hits":
        guide = {"hits": _hits(columns)}
    elif engine.guide == "taps":
        guide = tapped(columns)
    elif engine.guide == "chords":
        guide = {"chords": columns.get("chords", np.zeros((bars, EIGHTHS_PER_ROW), np.uint8)).astype(np.uint8)}
    return at_tempo(guide, tempo_qpm, bars) if engine.hears_tempo else guide


def asked_guide(
    engine: PieceEngine, bars: int, *, chords: Chords | None = None, hits: Columns | None = None, tempo_qpm: float = DEFAULT_TEMPO_QPM
) -> dict[str, Array]:
    """The guide for `bars` bars that is asked for; hits: columns of drums or a groove, repeated or cut to that length.

    Where nothing is asked for there are no chords. ValueError for what the network cannot be told, and for one
    that plays given hits or taps where none are given.
    """
    if chords is not None and engine.guide != "chords":
        raise ValueError(f"{engine.title} knows no chords: leave them out, or load a model whose name ends in _chords")
    if hits is not None and engine.guide not in ("hits", "taps"):
        raise ValueError(f"{engine.title} chooses its own hits: leave them out, or load one that plays given hits, such as 'groove'")
    if engine.guide == "chords":
        return {"chords": np.zeros((bars, EIGHTHS_PER_ROW), np.uint8) if chords is None else spread_chords(chords, bars)}
    if not engine.guide:
        return {}
    if hits is None:
        plays = "plays given hits with its own feel" if engine.guide == "hits" else "makes a beat of given taps"
        raise ValueError(f"{engine.title} {plays}: say which, a file or piece of drums (hits)")
    own = own_guide(engine, hits)
    whole = {name: rows[np.arange(bars) % len(rows)] for name, rows in own.items()}
    return at_tempo(whole, tempo_qpm, bars) if engine.hears_tempo else whole


def hits_notices(bars: int, hits: Columns | None) -> tuple[str, ...]:
    """What is done to given hits of another length than a piece of `bars` bars, to be told."""
    given = bars if hits is None else len(hits["bars"])
    if given < bars:
        return (f"the hits, of {given} bar{'s' * (given > 1)}, were repeated to fill {bars}",)
    return (f"of the hits, the first {bars} of {counted_bars(given)} were played",) if given > bars else ()


def at_tempo(guide: Columns, tempo_qpm: float, bars: int) -> dict[str, Array]:
    """The guide at this tempo."""
    return {**guide, "tempo": np.full(bars, float(tempo_qpm))}


def with_guide(engine: PieceEngine, columns: Columns, guide: Columns) -> dict[str, Array]:
    """The columns with what of the guide is a column too: the chords."""
    return {**columns, "chords": guide["chords"]} if engine.guide == "chords" else dict(columns)


def window_guides(guide: Columns, windows: Sequence[Reading]) -> list[dict[str, Array]]:
    """The guide (read_bars, ...) of each window; past the end of the piece it begins anew."""
    places = [window.start_bar + np.arange(window.read_bars) for window in windows]
    return [{name: rows[place % len(rows)] for name, rows in guide.items()} for place in places]


def tapped(columns: Columns) -> dict[str, Array]:
    """Drums or a groove as taps: one where anything is hit, with the timing of its loudest hit where that is known."""
    hits = columns["bars"]
    if hits.ndim == 2:
        return {"taps": np.asarray(hits > 0).astype(np.uint8), "tap_offsets": np.zeros(hits.shape, np.float16)}
    loudest = hits.argmax(axis=-1)[..., None]
    late = np.take_along_axis(columns["offsets"], loudest, axis=-1)[..., 0]
    taps = np.asarray(hits.any(axis=-1))
    return {"taps": taps.astype(np.uint8), "tap_offsets": np.where(taps, late, 0).astype(np.float16)}


def _hits(columns: Columns) -> Array:
    """Which classes are hit, (B, 16) uint64, in drums or a groove."""
    struck = columns["bars"]
    if struck.ndim == 2:
        return struck
    bits = (struck > 0).astype(np.uint64) << np.arange(struck.shape[-1], dtype=np.uint64)
    return np.asarray(np.bitwise_or.reduce(bits, axis=-1))
