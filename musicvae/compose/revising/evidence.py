"""How likely a network finds a whole passage, form included.

The lower bound of log p(x) at the mean of q(z | x): log p(x | mu) + log p(mu) - log q(mu | x), the prior being the learned
one, which knows how bars return. The entropy of q is taken as E[-log q], which is half a nat a number less
than the density at the mean; ranking passages, that constant is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine, Floats
from musicvae.music.vocabulary import Tokens

__all__ = ["evidence"]

_BATCH = 64


def evidence(engine: Engine, tokens: Tokens, kind: int) -> NDArray[np.float64]:
    """Nats (N,) of passages (N, B, S), comparable among passages of as many bars; equal rows are computed once."""
    distinct, place = np.unique(tokens.reshape(len(tokens), -1), axis=0, return_inverse=True)
    rows = distinct.reshape(len(distinct), *tokens.shape[1:])
    parts = [_batch(engine, rows[start : start + _BATCH], kind) for start in range(0, len(rows), _BATCH)]
    return np.concatenate(parts)[place.reshape(-1)]


def _batch(engine: Engine, tokens: Tokens, kind: int) -> Floats:
    mu, sigma = engine.encode(tokens, kind)
    used = engine.config.z_used(tokens.shape[1])
    heard = engine.log_probs(tokens, mu, kind).sum(axis=(1, 2))
    meant = engine.prior_log_probs(mu, tokens, kind=kind).sum(axis=1)
    return np.asarray(heard + meant + np.log(sigma[:, :used]).sum(axis=1))
