"""What a piece costs a model, in bits, and what it costs to ask for something.

Conventions: tokens are (N, B, S), in the model's coordinates. Bits are minus a lower bound of log2 p of a whole piece, its form included:
log p(x | z) + log p(z) - log q(z | x), the mean over some draws of z from q(z | x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.metrics import Estimate, bootstrap
from musicvae.music.vocabulary import Tokens, canonical_tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine

__all__ = ["bits_and_cost", "canonical_rows", "piece_bits", "ratio"]

Floats = NDArray[np.float64]
_DRAWS = 4


def piece_bits(engine: Engine, tokens: Tokens, kind: int) -> Floats:
    """Bits of whole pieces (N, B, S), means over draws of z."""
    mu, sigma = engine.encode(tokens, kind)
    used = engine.config.z_used(tokens.shape[1])
    total = np.zeros(len(tokens))
    for draw_number in range(_DRAWS):
        noise = np.zeros_like(mu)
        noise[:, :used] = np.random.default_rng([kind, draw_number]).standard_normal(used)
        z = mu + sigma * noise
        posterior = (-0.5 * noise**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi))[:, :used].sum(axis=1)
        total += engine.log_probs(tokens, z, kind).sum(axis=(1, 2)) + engine.prior_log_probs(z, tokens, kind=kind).sum(axis=1) - posterior
    bits: Floats = -total / (_DRAWS * np.log(2))
    return bits


def bits_and_cost(columns: Floats, tunes: NDArray[np.int64]) -> tuple[Estimate, Estimate]:
    """Bits per note, and the cost per note; columns (N, 4): bits, notes, bits and notes of the free piece."""
    bits, notes, free_bits, free_notes = columns.T
    cost = bootstrap(np.stack([bits - free_bits, free_notes], axis=1), tunes, ratio)
    return bootstrap(np.stack([bits, notes], axis=1), tunes, ratio), cost


def ratio(sums: Floats) -> Floats:
    """First column of sums (R, K) over the second; NaN over 0."""
    found: Floats = sums[:, 0] / np.where(sums[:, 1] == 0, np.nan, sums[:, 1])
    return found


def canonical_rows(tokens: Tokens) -> Tokens:
    """Rows of tokens (N, B, S), each written the one way there is (`music.vocabulary.canonical_tokens`)."""
    return np.stack([canonical_tokens(row) for row in tokens])
