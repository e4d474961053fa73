"""Holes filled by a reader of damaged music.

The bars of a hole are drawn one after another, in random orders, each given all that is known and those drawn before it, in several
chains at once; then each is drawn anew given all others (Gibbs sampling: Geman & Geman, 1984). So the chains are joint draws of the
hole. The answer at temperature 0 is the one of the bars drawn, and of those heard elsewhere, that is expected to have most in common with
a draw (minimum Bayes risk: Kumar & Byrne, 2004), bar by bar; else it is the first chain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.reading import ANY, Reader
from musicvae.compose.seeds import derived_seed
from musicvae.music.vocabulary import Tokens

__all__ = ["chains"]


def chains(
    reader: Reader, tokens: Tokens, free: NDArray[np.bool_], kind: int, *, count: int, rounds: int, seed: int, temperature: float = 1.0,
    bias: Floats | None = None,
) -> Tokens:  # fmt: skip
    """Windows (count, B, S) with the free steps drawn jointly; rounds: how often each bar is drawn anew after the first time."""
    now, open_ = np.repeat(tokens[None], count, axis=0), np.repeat((free * ANY).astype(np.uint8)[None], count, axis=0)
    hole = np.flatnonzero(free.any(axis=1))
    rows = np.arange(count)
    for turn in range(1 + rounds):
        orders = np.stack([np.random.default_rng(derived_seed(seed, f"order {turn} {row}")).permutation(hole) for row in rows.tolist()])
        for place in range(len(hole)):
            bars = orders[:, place]
            open_[rows, bars] = free[bars] * ANY
            seeds = [derived_seed(seed, f"bar {turn} {place} {row}") for row in rows.tolist()]
            leaning = None if bias is None else bias[bars]
            now[rows, bars] = reader.draw(now, open_, kind, bars=bars, temperature=temperature, seeds=seeds, bias=leaning)
            open_[rows, bars] = 0
    return now
