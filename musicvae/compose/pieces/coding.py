"""Pieces to z and back, window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.limits import check_refine, check_temperature
from musicvae.compose.pieces.code import PieceCode
from musicvae.compose.pieces.engine import Columns, PieceEngine, converter_of
from musicvae.compose.pieces.guides import controls_of, guide_kind, own_guide, window_guides, with_guide
from musicvae.compose.pieces.intake import drum_map_of
from musicvae.compose.pieces.windows import Reading, cut_columns, held_steps, join_columns, readings
from musicvae.compose.seeds import window_seed
from musicvae.music.piece import Piece

__all__ = ["check_code", "decode", "decode_windows", "encode", "encode_windows", "piece_of", "windows_of"]

# Windows that are computed at once: bounds memory, changes no result.
_BATCH = 64


def encode(engine: PieceEngine, piece: Piece, *, refine: int = 0) -> PieceCode:
    """The code of a piece; refine: gradient steps at encode time. ValueError for a piece of another material or drum map."""
    check_refine(refine)
    check_piece(engine, piece)
    chosen = readings(piece.num_bars, engine.bars)
    columns = windows_of(engine, piece.columns, chosen)
    mu, sigma = encode_windows(engine, columns, refine=refine)
    return PieceCode(
        mu=mu, sigma=sigma, held=held_steps(piece.columns, chosen, engine.material), span=engine.bars, num_bars=piece.num_bars,
        material=engine.material, drum_map=piece.drum_map, tempo_qpm=float(piece.tempo_qpm), name=piece.name, key=piece.key,
        guide=own_guide(engine, piece.columns), model_hash=engine.hash, refine=refine, notices=_notices(engine, piece, chosen),
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
    parts = decode_windows(engine, code.mu, window_guides(guide, code.windows, code.span), temperature=temperature, seeds=seeds)
    columns = with_guide(engine, join_columns(parts, code.windows, code.material, code.held), guide)
    return piece_of(engine, columns, tempo_qpm=code.tempo_qpm, name=code.name, key=code.key, provenance=dict(provenance or {}))


def windows_of(engine: PieceEngine, columns: Columns, chosen: Sequence[Reading]) -> dict[str, NDArray[Any]]:
    """The columns (W, span, ...) of a piece's windows, with chords where the network wants some."""
    guided = {**columns, **own_guide(engine, columns)} if guide_kind(engine) == "chords" else columns
    return cut_columns(guided, chosen, engine.bars, engine.material)


def encode_windows(engine: PieceEngine, columns: Columns, *, refine: int = 0) -> tuple[Floats, Floats]:
    """Mean and standard deviation, each (W, Z), of windows (W, span, ...)."""
    size = len(columns["bars"])
    mu = np.zeros((size, engine.config.z_size))
    sigma = np.ones_like(mu)
    for rows in _batches(size):
        part = {name: column[rows] for name, column in columns.items()}
        means, sigma[rows] = engine.encode(part)
        mu[rows] = engine.refine(means, part, refine) if refine else means
    return mu, sigma


def decode_windows(engine: PieceEngine, z: Floats, guides: Columns, *, temperature: float, seeds: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Columns (W, span, ...) of each row of z (W, Z), drawn with its own seed; guides: (W, span, ...)."""
    found: list[Columns] = []
    for rows in _batches(len(z)):
        controls = controls_of(engine, {name: guide[rows] for name, guide in guides.items()})
        # A copy, since a code's arrays are read-only, which torch warns of.
        found.append(engine.decode(np.array(z[rows]), temperature=temperature, seeds=list(seeds[rows]), controls=controls))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def piece_of(engine: PieceEngine, columns: Columns, **facts: Any) -> Piece:
    """A piece of the engine's material and drum map."""
    return Piece(material=engine.material, columns=columns, drum_map=drum_map_of(converter_of(engine)), **facts)


def check_piece(engine: PieceEngine, piece: Piece) -> None:
    """ValueError unless the piece is what the network is about."""
    drum_map = drum_map_of(converter_of(engine))
    if piece.material != engine.material:
        raise ValueError(f"{engine.config.preset} is about {engine.material}, the piece is of {piece.material}")
    if piece.drum_map != drum_map:
        raise ValueError(f"{engine.config.preset} knows drums by the map {drum_map}, the piece is written in {piece.drum_map}")


def check_code(engine: PieceEngine, code: PieceCode) -> None:
    """ValueError unless this engine can decode the code."""
    if code.model_hash != engine.hash:
        raise ValueError(f"the code was made by model {code.model_hash}, this is model {engine.hash}: load the one that made it")
    if code.mu.shape[1] != engine.config.z_size or code.span != engine.bars or code.material != engine.material:
        raise ValueError(f"a code of shape {code.mu.shape} with windows of {code.span} bars of {code.material} does not fit the model")


def moved(code: PieceCode, offset: Floats) -> PieceCode:
    """The code with an offset (Z,) added to every window's mean."""
    return replace(code, mu=code.mu + offset)


def _notices(engine: PieceEngine, piece: Piece, chosen: Sequence[Reading]) -> tuple[str, ...]:
    span, total = engine.bars, piece.num_bars
    lost = converter_of(engine).losses({name: column[None] for name, column in piece.columns.items()})
    notices = [f"left out by the model: {reason}: {count}" for reason, count in lost.items()]
    if total < span:
        notices.append(f"the model hears {span} bars at once: the {total} given were repeated to fill them")
    elif total > span:
        skip = chosen[-1].skip_bars
        overlap = f", the last of which begins {skip} bar{'s' * (skip > 1)} earlier" if skip else ""
        notices.append(f"{total} bars were taken in {len(chosen)} windows of {span}{overlap}")
    return tuple(notices)


def _batches(size: int) -> list[slice]:
    return [slice(start, start + _BATCH) for start in range(0, size, _BATCH)]
