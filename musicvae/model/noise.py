"""Randomness as an argument: counter-based generators keyed by seed and purpose.

Every piece has one seed. The noise for its z and for its events come from separate streams of
numpy's Philox generator, so that they can be drawn by any engine, in any order and batch.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["MAX_SEED", "generator", "piece_seed"]

MAX_SEED = 2**63 - 1


def generator(seed: int, stream: str) -> np.random.Generator:
    """The generator of one piece for one purpose; ValueError for a seed outside 0..2**63 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed {seed} is outside 0..{MAX_SEED}")
    return np.random.Generator(np.random.Philox(key=_key(f"{seed}/{stream}", 16)))


def piece_seed(seed: int, piece: int) -> int:
    """The seed of piece 0, 1, ... of a batch: that of piece 0 is `seed` itself, others are small numbers."""
    return seed if piece == 0 else _key(f"{seed}/piece {piece}", 4)


def _key(text: str, num_bytes: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:num_bytes], "big")
