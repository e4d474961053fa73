"""Holes filled by a reader of damaged music.

The bars of a hole are drawn one after another, in random orders, each given all that is known and those drawn before it, in several
chains at once; then each is drawn anew given all others (Gibbs sampling: Geman & Geman, 1984). So the chains are joint draws of the
hole. The answer at temperature 0 is put together beat by beat from the bars drawn: of each beat, the one that is expected to have most in
common with a draw (minimum Bayes risk: Kumar & Byrne, 2004). Else it is the first chain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.reading import Reader
from musicvae.compose.revising.hole import Hole
from musicvae.compose.seeds import derived_seed
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

__all__ = ["expected_right", "joint_draws", "redrawn"]

_CHAINS, _ROUNDS = 32, 1
_ONSET_WORTH = 0.4  # of a token, or sure holds would win over likely notes


def redrawn(reader: Reader, hole: Hole, seed: int, *, temperature: float = 0.0) -> Tokens:
    """The window (B, S) with its free steps filled; temperature: 0 for the answer expected to be right, else of the draw."""
    chains = _CHAINS if temperature == 0 else 1
    drawn = joint_draws(reader, hole, seed, chains=chains, temperature=temperature or 1.0)
    answer = expected_right(drawn, hole.free) if temperature == 0 else drawn[0]
    filled: Tokens = hole.put(answer[None])[0]
    return filled


def joint_draws(reader: Reader, hole: Hole, seed: int, *, chains: int = _CHAINS, rounds: int = _ROUNDS, temperature: float = 1.0) -> Tokens:
    """Windows (chains, B, S) with the free steps drawn; rounds: how often each bar is drawn anew after the first time."""
    now, unknown = np.repeat(hole.tokens[None], chains, axis=0), np.repeat(hole.gaps[None], chains, axis=0)
    rows = np.arange(chains)
    for turn in range(1 + rounds):
        orders = np.stack([
            np.random.default_rng(derived_seed(seed, f"order {turn} {row}")).permutation(hole.bars) for row in rows.tolist()
        ])  # fmt: skip
        for place, bars in enumerate(orders.T):
            unknown[rows, bars] = hole.gaps[bars]
            seeds = [derived_seed(seed, f"bar {turn} {place} {row}") for row in rows.tolist()]
            bias = None if hole.bias is None else hole.bias[bars]
            now[rows, bars] = reader.draw(now, unknown, hole.kind, bars=bars, temperature=temperature, seeds=seeds, bias=bias)
            unknown[rows, bars] = 0
    return now


def expected_right(drawn: Tokens, free: NDArray[np.bool_]) -> Tokens:
    """The window (B, S) whose beats are, each, the one of draws (N, B, S) with most in common with all of them; of equals the first.

    In common are equal tokens and, for `_ONSET_WORTH` of one, onsets at the same step.
    """
    answer: Tokens = drawn[0].copy()
    for bar in np.flatnonzero(free.any(axis=1)).tolist():
        rows, steps = drawn[:, bar], np.arange(drawn.shape[2])
        shares = np.zeros((len(steps), VOCABULARY_SIZE))
        np.add.at(shares, (steps, rows), 1 / len(rows))
        onset = shares[:, FIRST_PITCH_TOKEN:].sum(axis=1)
        worth = shares[steps, rows] + _ONSET_WORTH * ((rows >= FIRST_PITCH_TOKEN) * onset)
        for first in range(0, len(steps), STEPS_PER_BEAT):
            beat = slice(first, first + STEPS_PER_BEAT)
            answer[bar, beat] = rows[int(worth[:, beat].sum(axis=1).argmax()), beat]
    return answer
