"""Pieces to z and back, window by window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.limits import check_refine, check_temperature
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import own_guide, window_guides, with_guide
from musicvae.compose.pieces.windows import Reading, cut_columns, free_readings, held_steps, join_columns, readings
from musicvae.compose.seeds import window_seed
from musicvae.music.piece import Piece

__all__ = [
    "check_code",
    "check_piece",
    "decode",
    "decode_windows",
    "encode",
    "encode_windows",
    "in_use",
    "like_bars",
    "piece_of",
    "readings_of",
    "windows_of",
]

# Windows that are computed at once: bounds memory, changes no result.
_BATCH = 64


def encode(engine: PieceEngine, piece: Piece, *, refine: int = 0) -> PieceCode:
    """The code of a piece; refine: gradient steps at encode time. ValueError for a piece of another material or drum map."""
    check_refine(refine)
    check_piece(engine, piece)
    chosen = readings_of(engine, piece.num_bars)
    mu, sigma = encode_windows(engine, windows_of(engine, piece, chosen), refine=refine)
    return PieceCode(
        mu=mu, sigma=sigma, held=held_steps(piece.columns, chosen, engine.material), span=engine.bars, is_fixed=engine.fixed_window,
        num_bars=piece.num_bars, material=engine.material, drum_map=piece.drum_map, tempo_qpm=float(piece.tempo_qpm), name=piece.name,
        key=piece.key, guide=own_guide(engine, piece.columns, piece.tempo_qpm), model_hash=engine.hash, refine=refine,
        notices=_notices(engine, piece, chosen),
    )  # fmt: skip


def decode(
    engine: PieceEngine,
    code: PieceCode,
    *,
    temperature: float = 0.0,
    seed: int = 0,
    guide: Columns | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Piece:
    """The piece of a code: tempo, key and name are those of the encoded one.

    Window w is drawn with `compose.seeds.window_seed(seed, w)`. guide: (num_bars, ...), default the code's own.
    ValueError for another model's code.
    """
    check_temperature(temperature)
    check_code(engine, code)
    guide = code.guide if guide is None else guide
    seeds = [window_seed(seed, w) for w in range(len(code.windows))]
    parts = decode_windows(engine, code.mu, code.windows, window_guides(guide, code.windows), temperature=temperature, seeds=seeds)
    columns = with_guide(engine, join_columns(parts, code.windows, code.material, code.held), guide)
    return piece_of(engine, columns, tempo_qpm=code.tempo_qpm, name=code.name, key=code.key, provenance=dict(provenance or {}))


def readings_of(engine: PieceEngine, bars: int) -> tuple[Reading, ...]:
    """The windows of a piece of so many bars, as the engine takes them."""
    return readings(bars, engine.bars) if engine.fixed_window else free_readings(bars, engine.bars)


def windows_of(engine: PieceEngine, piece: Piece, chosen: Sequence[Reading]) -> list[dict[str, NDArray[Any]]]:
    """The columns (read_bars, ...) of a piece's windows, with chords and tempo where the network wants some."""
    told = own_guide(engine, piece.columns, piece.tempo_qpm)
    heard = {name: rows for name, rows in told.items() if name != "hits"}
    guided = {**piece.columns, **heard}
    return cut_columns(guided, chosen, engine.material)


def encode_windows(engine: PieceEngine, windows: Sequence[Columns], *, refine: int = 0) -> tuple[Floats, Floats]:
    """Mean and standard deviation, each (W, Z), of windows of columns (bars, ...)."""
    mu = np.zeros((len(windows), engine.config.z_size))
    sigma = np.ones_like(mu)
    for _, rows in like_bars([len(window["bars"]) for window in windows]):
        part = _stacked([windows[row] for row in rows])
        means, sigma[rows] = engine.encode(part)
        mu[rows] = engine.refine(means, part, refine) if refine else means
    return mu, sigma


def decode_windows(
    engine: PieceEngine, z: Floats, windows: Sequence[Reading], guides: Sequence[Columns], *, temperature: float, seeds: Sequence[int],
    done: Callable[[int], None] = lambda bars: None,
) -> list[dict[str, NDArray[Any]]]:  # fmt: skip
    """The columns (read_bars, ...) of each row of z (W, Z), drawn with its own seed; guides: as `window_guides` gives them.

    done: called after each batch with the bars it had.
    """
    found: list[dict[str, NDArray[Any]]] = [{} for _ in windows]
    for bars, rows in like_bars([window.read_bars for window in windows]):
        told = _stacked([guides[row] for row in rows]) if engine.guide else None
        # A copy, since a code's arrays are read-only, which torch warns of.
        played = engine.decode(np.array(z[rows]), bars=bars, temperature=temperature, seeds=[seeds[row] for row in rows], told=told)
        for place, row in enumerate(rows):
            found[row] = {name: column[place] for name, column in played.items()}
        done(bars * len(rows))
    return found


def in_use(engine: PieceEngine, z: Floats, bars: int) -> Floats:
    """The same z (..., Z) with 0 in the blocks of bars that a window of `bars` bars does not have."""
    used = np.array(z)
    used[..., engine.z_used(bars) :] = 0
    return used


def like_bars(bars: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Rows that have the same number of bars, with it, no more than are to be computed at once."""
    groups: dict[int, list[int]] = {}
    for row, count in enumerate(bars):
        groups.setdefault(count, []).append(row)
    return [(count, rows[start : start + _BATCH]) for count, rows in groups.items() for start in range(0, len(rows), _BATCH)]


def _stacked(parts: Sequence[Columns]) -> dict[str, NDArray[Any]]:
    """Columns (N, bars, ...) of those that all parts have."""
    return {name: np.stack([part[name] for part in parts]) for name in parts[0] if all(name in part for part in parts)}


def piece_of(engine: PieceEngine, columns: Columns, **facts: Any) -> Piece:
    """A piece of the engine's material and drum map."""
    return Piece(material=engine.material, columns=columns, drum_map=engine.drum_map, **facts)


def check_piece(engine: PieceEngine, piece: Piece) -> None:
    """ValueError unless the piece is what the network is about."""
    if piece.material != engine.material:
        raise ValueError(f"{engine.title} is about {engine.material}, the piece is of {piece.material}")
    if piece.drum_map != engine.drum_map:
        raise ValueError(f"{engine.title} knows drums by the map {engine.drum_map}, the piece is written in {piece.drum_map}")


def check_code(engine: PieceEngine, code: PieceCode) -> None:
    """ValueError unless this engine can decode the code."""
    if code.model_hash != engine.hash:
        raise ValueError(f"the code was made by model {code.model_hash}, this is model {engine.hash}: load the one that made it")
    if (code.mu.shape[1], code.span, code.is_fixed, code.material) != (
        engine.config.z_size, engine.bars, engine.fixed_window, engine.material,
    ):  # fmt: skip
        raise ValueError(f"a code of shape {code.mu.shape} with windows of {code.span} bars of {code.material} does not fit the model")


def _notices(engine: PieceEngine, piece: Piece, chosen: Sequence[Reading]) -> tuple[str, ...]:
    span, total = engine.bars, piece.num_bars
    lost = engine.losses({name: column[None] for name, column in piece.columns.items()})
    notices = [f"left out by the model: {reason}: {count}" for reason, count in lost.items()]
    if not engine.fixed_window:
        if len(chosen) > 1:
            notices.append(f"{total} bars were taken in windows of {', '.join(str(window.num_bars) for window in chosen)}")
    elif total < span:
        notices.append(f"the model hears {span} bars at once: the {total} given were repeated to fill them")
    elif total > span:
        skip = chosen[-1].skip_bars
        overlap = f", the last of which begins {skip} bar{'s' * (skip > 1)} earlier" if skip else ""
        notices.append(f"{total} bars were taken in {len(chosen)} windows of {span}{overlap}")
    return tuple(notices)
