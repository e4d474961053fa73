"""Randomness as an argument: counter-based generators keyed by seed and purpose.

Every piece has one seed. The noise for its z and for its events come from separate streams of
numpy's Philox generator, so that they can be drawn by any engine, in any order and batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_SEED", "generator", "piece_seed", "standard_noise"]

MAX_SEED = 2**63 - 1
_SMALLEST = 2.0**-54  # half of the smallest step of a uniform number: logarithms stay finite


def generator(seed: int, stream: str) -> np.random.Generator:
    """The generator of one piece for one purpose; ValueError for a seed outside 0..2**63 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed {seed} is outside 0..{MAX_SEED}")
    return np.random.Generator(np.random.Philox(key=_key(f"{seed}/{stream}", 16)))


def piece_seed(seed: int, piece: int) -> int:
    """The seed of piece 0, 1, ... of a batch: that of piece 0 is `seed` itself, others are small numbers."""
    return seed if piece == 0 else _key(f"{seed}/piece {piece}", 4)


def standard_noise(seeds: Sequence[int], shape: tuple[int, ...], distribution: str) -> NDArray[np.float32]:
    """Noise for the events of pieces, (N, *shape), row i from `seeds[i]`; distribution: "gumbel" or "logistic", both standard.

    In single precision, in which it is the same whatever the precision of what it is added to.
    """
    noise = np.empty((len(seeds), *shape), np.float32)
    for row, seed in zip(noise, seeds, strict=True):
        uniform = generator(seed, "events").random(shape)
        np.maximum(uniform, _SMALLEST, out=uniform)
        odds = -np.log(uniform) if distribution == "gumbel" else uniform / (1 - uniform)
        np.log(odds, out=odds)
        row[...] = -odds if distribution == "gumbel" else odds
    return noise


def _key(text: str, num_bytes: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:num_bytes], "big")
