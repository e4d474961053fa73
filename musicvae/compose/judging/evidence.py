"""How likely a network finds whole stretches of music, and what their bars have to do with each other.

The likelihood is taken at one z, the mean of q(z | x): log p(x | z) + log p(z) - log q(z | x), which is exact where q is the posterior
(Chib 1995, eq. 2) and needs no chance. p(z) is the learned prior, which knows how bars return.

Conventions: tokens (N, B, S) of one kind of meter in the coordinates of the engine; bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicvae.compose.engine import Engine, Floats
from musicvae.music.vocabulary import Tokens, canonical_tokens

__all__ = ["SPAN", "Evidence", "bits_of", "shared_bits"]

SPAN = 2
"""Bars of a passage that is held against the rest of its window."""
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Evidence:
    """Bits of windows: tune (N,), what their idea costs, and bars (N, B), what each bar costs beside it."""

    tune: Floats
    bars: Floats

    @property
    def total(self) -> Floats:
        """Bits of each window, (N,)."""
        return np.asarray(self.tune + self.bars.sum(axis=1))


def bits_of(engine: Engine, tokens: Tokens, kind: int) -> Evidence:
    """Minus the binary logarithm of the likelihood of windows; with a fixed window, z counts with the tune."""
    parts = [_batch(engine, tokens[start : start + _BATCH], kind) for start in range(0, len(tokens), _BATCH)]
    return Evidence(np.concatenate([part.tune for part in parts]), np.concatenate([part.bars for part in parts]))


def shared_bits(engine: Engine, tokens: Tokens, kind: int, *, span: int = SPAN) -> Floats:
    """For each passage of `span` bars of a window (B, S) the bits a bar that it and the rest tell of each other, (B - span + 1,).

    Pointwise mutual information: how many bits less the whole costs than the passage alone and the rest without it. Little, or less
    than nothing, where a passage does not belong. Empty where the rest would be shorter than the passage, and for
    engines with a fixed window, to which all lengths are one.
    """
    bars = len(tokens)
    if engine.config.fixed_window or bars < 2 * span:
        return np.zeros(0)
    starts = range(bars - span + 1)
    alone = np.stack([canonical_tokens(tokens[start : start + span]) for start in starts])
    rest = np.stack([canonical_tokens(np.concatenate([tokens[:start], tokens[start + span :]])) for start in starts])
    whole = bits_of(engine, tokens[None], kind).total[0]
    return np.asarray((bits_of(engine, alone, kind).total + bits_of(engine, rest, kind).total - whole) / span)


def _batch(engine: Engine, tokens: Tokens, kind: int) -> Evidence:
    rows, bars = tokens.shape[:2]
    mu, sigma = engine.encode(tokens, kind)
    heard = engine.log_probs(tokens, mu, kind).sum(axis=2)
    meant = engine.prior_log_probs(mu, tokens, kind=kind)
    certain = np.log(sigma) + np.log(2 * np.pi) / 2  # of each number of z, minus the logarithm of q at its mean
    used = engine.config.z_used(bars)
    if engine.config.fixed_window:
        tune, of_bar = certain[:, :used].sum(axis=1), np.zeros((rows, bars))
    else:
        first = engine.config.z_used(1) * 2 - engine.config.z_used(2) if engine.config.max_bars > 1 else used
        tune, of_bar = certain[:, :first].sum(axis=1), certain[:, first:used].reshape(rows, bars, -1).sum(axis=2)
    nats = heard + meant[:, 1:] + of_bar
    return Evidence(-(meant[:, 0] + tune) / np.log(2), -nats / np.log(2))
