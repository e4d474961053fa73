"""How likely a network of pieces finds passages that differ in one bar, form included: `compose.revising.evidence` for pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.revising.evidence import Parts

__all__ = ["FillingEngine", "piece_parts"]

Rows = dict[str, NDArray[Any]]


class FillingEngine(PieceEngine, Protocol):
    """An engine that tells how likely single bars are, and writes them."""

    def bar_log_probs(self, columns: Columns, z: Floats, *, bar: int) -> dict[str, Floats]:
        """Nats (N, 16) of each stream of one bar of the columns, given z (N, Z)."""
        ...

    def decode_bar(self, z: Floats, *, bars: int, bar: int) -> Rows:
        """Columns (N, 1, ...) of one bar of z (N, Z), the likeliest."""
        ...

    def prior_log_probs(self, z: Floats, columns: Columns) -> Floats:
        """Nats (N, 1 + B) of the blocks of z (N, Z) under the prior."""
        ...


def piece_parts(engine: FillingEngine, columns: Columns, bar: int, streams: Sequence[str]) -> Parts:
    """The parts of windows (N, B, ...) that differ in one bar, heard in these streams; equal ones are computed once."""
    flat = np.concatenate([np.ascontiguousarray(rows[:, bar]).view(np.uint8).reshape(len(rows), -1) for rows in columns.values()], axis=1)
    _, first, place = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    found = _parts(engine, {name: rows[first] for name, rows in columns.items()}, bar, streams)
    place = place.reshape(-1)
    return Parts(found.own[place], found.others[place])


def _parts(engine: FillingEngine, columns: Columns, bar: int, streams: Sequence[str]) -> Parts:
    mu, sigma = engine.encode(columns)
    bars = columns["bars"].shape[1]
    heard = engine.bar_log_probs(columns, mu, bar=bar)
    prior = engine.prior_log_probs(mu, columns)
    used = engine.z_used(bars)
    width = engine.z_used(2) - engine.z_used(1) if engine.bars > 1 else 0
    block = slice(engine.z_used(bar + 1) - width, engine.z_used(bar + 1))
    spread, own_spread = np.log(sigma[:, :used]).sum(axis=1), np.log(sigma[:, block]).sum(axis=1)
    own = sum(heard[name].sum(axis=1) for name in streams) + prior[:, 1 + bar] + own_spread
    return Parts(np.asarray(own), prior.sum(axis=1) + spread - prior[:, 1 + bar] - own_spread)
