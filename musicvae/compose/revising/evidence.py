"""How likely a network finds a passage, form included, by bars.

The lower bound of log p(x) at the mean mu of q(z | x): log p(x | mu) + log p(mu) + the entropy of q, the prior being the learned one,
which knows how bars return. Of the entropy only what differs among passages is counted, the sum of log sigma.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicvae.compose.engine import Engine, Floats
from musicvae.music.vocabulary import Tokens

__all__ = ["Parts", "parts_of"]

_BATCH = 64


@dataclass(frozen=True)
class Parts:
    """Nats (N,) of windows that differ in one bar: own, of that bar given those before it; others, of all other bars.

    With a fixed window all is the bar's own. Of the other bars, how well the network hears them is left out: that hardly differs.
    """

    own: Floats
    others: Floats


def parts_of(engine: Engine, tokens: Tokens, kind: int, bar: int) -> Parts:
    """The parts of windows (N, B, S) that differ in one bar; equal ones are computed once."""
    distinct, place = np.unique(tokens.reshape(len(tokens), -1), axis=0, return_inverse=True)
    rows = distinct.reshape(len(distinct), *tokens.shape[1:])
    found = [_parts(engine, rows[start : start + _BATCH], kind, bar) for start in range(0, len(rows), _BATCH)]
    place = place.reshape(-1)
    return Parts(np.concatenate([part.own for part in found])[place], np.concatenate([part.others for part in found])[place])


def _parts(engine: Engine, tokens: Tokens, kind: int, bar: int) -> Parts:
    mu, sigma = engine.encode(tokens, kind)
    if engine.config.fixed_window:
        heard = engine.log_probs(tokens, mu, kind).sum(axis=(1, 2))
        whole = heard + engine.prior_log_probs(mu, tokens, kind=kind).sum(axis=1) + np.log(sigma).sum(axis=1)
        return Parts(whole, np.zeros(len(tokens)))
    used = engine.config.z_used(tokens.shape[1])
    spread = np.log(sigma[:, :used]).sum(axis=1)
    heard = engine.bar_log_probs(tokens, mu, kind, bar=np.full(len(tokens), bar)).sum(axis=1)
    prior = engine.prior_log_probs(mu, tokens, kind=kind)
    block = slice(engine.config.z_used(bar) if bar else engine.config.z_used(1) - _bar_width(engine), engine.config.z_used(bar + 1))
    own_spread = np.log(sigma[:, block]).sum(axis=1)
    own = heard + prior[:, 1 + bar] + own_spread
    return Parts(own, prior.sum(axis=1) + spread - prior[:, 1 + bar] - own_spread)


def _bar_width(engine: Engine) -> int:
    return engine.config.z_used(2) - engine.config.z_used(1) if engine.config.max_bars > 1 else 0
