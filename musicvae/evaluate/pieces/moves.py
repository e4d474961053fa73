"""How far the vector of an attribute moves it, and everything else, in held-out pieces.

Held-out windows are encoded, their mu moved by strengths -2, -1, 0, 1, 2 and decoded greedily, with what the network is told of them. A
*shift* is the least-squares slope over strengths, per unit of strength, in standard deviations (SD) of training windows. Beside it: a
random direction of equal length in the same numbers of z.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.attributes import attributes_of, measured
from musicvae.evaluate.metrics import Estimate, mean_estimate, spearman
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.styles import STYLE_BARS, random_like, scaled
from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows, told_of
from musicvae.evaluate.styles import STRENGTHS
from musicvae.evaluate.table import Section

if TYPE_CHECKING:
    from musicvae.compose.styles import StyleVector

__all__ = ["MoveRow", "sections"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MoveRow:
    """One attribute's vector over its pieces; ranks are Spearman's of strength and attribute, piece by piece, where it moves at all."""

    style: str
    pieces: int
    rank_correlation: Estimate
    shift: Estimate
    largest_side_effect: str
    side_shift: float
    random_rank: float
    random_shift: float


def sections(job: Job) -> Iterator[Section]:
    """The table of attributes' vectors that lie beside the model, where there are any."""
    names = attributes_of(job.engine.material)
    vectors = [vector for vector in job.styles if vector.attribute in names]
    rows: list[MoveRow] = []
    if not vectors:
        return
    bars = job.engine.bars if job.engine.fixed_window else min(STYLE_BARS, job.engine.bars)
    codec = job.codec("attributes")
    train, windows = codec.own(job.windows("train", bars=bars).columns), job.windows(bars=bars, limit=job.effort.style_pieces)
    if len(train["bars"]) and len(windows):
        spread = {name: float(measured(name, train, job.engine.material, job.engine.drum_map).std()) for name in names}
        mu = codec.encode(windows).mu
        rows = [_row(job, codec, windows, mu, vector, spread) for vector in vectors]
    yield Section("attributes", "Vectors of attributes", _NOTE, rows)


def _row(job: Job, codec: PieceCodec, windows: PieceWindows, mu: Floats, vector: StyleVector, spread: dict[str, float]) -> MoveRow:
    job.tell(f"attribute {vector.name}")
    own = vector.attribute or vector.name
    moves = [scaled(vector, strength, job.engine.z_used(windows.bars)) for strength in STRENGTHS]
    found = _values(job, codec, windows, mu, moves, tuple(spread))
    rng = np.random.default_rng([job.seed, *vector.name.encode()])
    chance = random_like(np.broadcast_to(scaled(vector, 1.0, job.engine.z_used(windows.bars)), mu.shape), rng)
    at_random = _values(job, codec, windows, mu, [strength * chance for strength in STRENGTHS], (own,))[own]
    shifts = {name: _slopes(values) / (spread[name] or float("nan")) for name, values in found.items()}
    side = {name: float(values.mean()) for name, values in shifts.items() if name != own and spread[name] > 0}
    largest = max(side, key=lambda name: abs(side[name])) if side else ""
    return MoveRow(
        vector.name, len(windows), mean_estimate(_ranks(found[own]), windows.tunes), mean_estimate(shifts[own], windows.tunes), largest,
        side.get(largest, float("nan")), mean_estimate(_ranks(at_random), windows.tunes).value,
        float((_slopes(at_random) / (spread[own] or float("nan"))).mean()),
    )  # fmt: skip


def _values(
    job: Job, codec: PieceCodec, windows: PieceWindows, mu: Floats, moves: list[Floats], names: tuple[str, ...]
) -> dict[str, Floats]:
    """Values (W, 5) of each attribute, a column for each move (Z,) or (W, Z)."""
    told = told_of(job.engine, windows.columns)
    played = [codec.decode(mu + move, bars=windows.bars, told=told) for move in moves]
    return {
        name: np.stack([measured(name, columns, job.engine.material, job.engine.drum_map) for columns in played], axis=1) for name in names
    }


def _slopes(values: Floats) -> Floats:
    """Least-squares slope over strengths of each row of (W, 5); the strengths have mean 0."""
    strengths = np.array(STRENGTHS)
    return np.asarray(values @ strengths / (strengths @ strengths), np.float64)


def _ranks(values: Floats) -> Floats:
    return np.array([spearman(STRENGTHS, row) for row in values], np.float64)


_NOTE = (
    f"Held-out windows of {STYLE_BARS} bars (or the network's own number) encoded, moved by strengths -2, -1, 0, 1, 2 and decoded "
    "greedily. Rank correlation: of strength and attribute, piece by piece. Shift: slope over strengths, in standard deviations (SD) of "
    "training windows. Random: a direction of equal length."
)
