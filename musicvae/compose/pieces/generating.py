"""New pieces of drums, grooves, trios and performances from the prior N(0, I).

Conventions: a network draws its whole span at once. A longer piece is drawn in as many windows as it takes, each with its
own idea z: that of the first is drawn, z_k of window k is ``KINSHIP * z_0 + sqrt(1 - KINSHIP ** 2) * e_k`` with e_k
from the prior. Every window is thus a fair draw from the prior and a variation of the first, so that a beat keeps its groove
however long it plays, and the first bars of a longer piece are those of a shorter one. A style is added to every z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.coding import decode_windows, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import window_guides, with_guide
from musicvae.compose.pieces.windows import join_columns, plain_readings
from musicvae.compose.seeds import window_seed
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.piece import Piece

__all__ = ["KINSHIP", "PieceOrder", "draw"]

KINSHIP = 0.9
"""Correlation of a later window's z with that of the first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PieceOrder:
    """What to generate. vector: (Z,), what styles add to z. guide: (bars, ...), as in `compose.pieces.guides`."""

    bars: int
    temperature: float = 1.0
    prior_temperature: float = 1.0
    tempo_qpm: float = DEFAULT_TEMPO_QPM
    vector: Floats | None = None
    guide: Columns = field(default_factory=dict)


def draw(engine: PieceEngine, seeds: Sequence[int], order: PieceOrder) -> list[Piece]:
    """One piece for each seed; piece i depends on `seeds[i]` and the order only."""
    windows = plain_readings(order.bars, engine.bars)
    first = engine.sample_prior(seeds, temperature=order.prior_temperature)
    z = np.stack([first, *(_varied(engine, first, seeds, window, order) for window in range(1, len(windows)))], axis=1)
    if order.vector is not None:
        z = z + order.vector
    guides = {
        name: np.tile(rows, (len(seeds), *[1] * (rows.ndim - 1))) for name, rows in window_guides(order.guide, windows, engine.bars).items()
    }
    every = [window_seed(seed, window) for seed in seeds for window in range(len(windows))]
    parts = decode_windows(engine, z.reshape(len(every), -1), guides, temperature=order.temperature, seeds=every)
    pieces = []
    for number in range(len(seeds)):
        rows = slice(number * len(windows), (number + 1) * len(windows))
        joined = join_columns({name: part[rows] for name, part in parts.items()}, windows, engine.material)
        pieces.append(piece_of(engine, with_guide(engine, joined, order.guide), tempo_qpm=order.tempo_qpm))
    return pieces


def _varied(engine: PieceEngine, first: Floats, seeds: Sequence[int], window: int, order: PieceOrder) -> Floats:
    """The z (N, Z) of a later window."""
    fresh = engine.sample_prior([window_seed(seed, window) for seed in seeds], temperature=order.prior_temperature)
    return np.asarray(KINSHIP * first + np.sqrt(1 - KINSHIP**2) * fresh)
