"""The learned prior of z, as `model.prior` has it, in whole numbers: what block comes next.

Conventions: as `integer.layers`; blocks are (N, width) activations padded with zeros, K Gaussians in each mixture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicvae.model.config import ModelConfig
from musicvae.model.integer.layers import Gru, Integers, Linear, Mlp, Tensors, clipped, embedding, rounded, soft_weights
from musicvae.model.integer.tables import FINE

__all__ = ["IntegerPrior", "Mixture"]

_MIN_LOG_SIGMA, _MAX_LOG_SIGMA = -5 << FINE, 2 << FINE


@dataclass(frozen=True, eq=False)
class Mixture:
    """Of the next block. weight: (N, K), not summing to anything; mean, log_sigma: (N, K, width) activations."""

    weight: Integers
    mean: Integers
    log_sigma: Integers


class IntegerPrior:
    """What is known of a block before it is told."""

    def __init__(self, config: ModelConfig, tensors: Tensors) -> None:
        self.config = config
        self.width = max(config.z_global, config.z_bar)
        self.enter, self._mixtures = Linear(tensors, "prior.enter"), Mlp(tensors, "prior.mixtures")
        self._places, self._lengths = embedding(tensors, "prior.places"), embedding(tensors, "prior.lengths")
        self._lags = embedding(tensors, "prior.lags")
        self._layers = [Gru.of_torch(tensors, "prior.recurrence", layer) for layer in (0, 1)]

    def begin(self, bars: int, kind: int, *, pieces: int = 1) -> PriorBlocks:
        """Pieces of so many bars of a kind of meter, their blocks to come: first that of the tune, then one a bar."""
        return PriorBlocks(self, bars, kind, pieces)


class PriorBlocks:
    """The blocks of N pieces so far."""

    def __init__(self, prior: IntegerPrior, bars: int, kind: int, pieces: int) -> None:
        self._net, self._bars, self._kind = prior, bars, kind
        nothing = np.zeros((pieces, prior.config.prior_size))
        self._states = [nothing, nothing]
        self._entered = self._heard = self._place = nothing
        self._blocks: list[Integers] = []

    def listen(self) -> None:
        """Hear what came before the next block; once for each."""
        net, block = self._net, len(self._blocks)
        place = clipped(net._places[block + self._kind * (net.config.max_bars + 1)] + net._lengths[self._bars])
        self._place = np.broadcast_to(place, self._entered.shape)
        x = clipped(self._entered + self._place)
        for number, layer in enumerate(net._layers):
            x = self._states[number] = layer(x, self._states[number])
        self._heard = x

    def mixture(self, lag: int) -> Mixture:
        """Of the next blocks, if they return to the block `lag` bars before (0: to none)."""
        net, k, pieces = self._net, self._net.config.prior_mixtures, len(self._heard)
        named = self._blocks[-lag] if lag else np.zeros((pieces, net.width))
        returning = np.broadcast_to(net._lags[lag], self._heard.shape)
        out = net._mixtures(np.concatenate([self._heard, self._place, returning, net.enter(named)], -1))
        mean, share, log_sigma = np.split(out[:, k:].reshape(pieces, k, -1), 3, axis=-1)
        mean = clipped(mean + rounded(share * named[:, None], FINE))
        return Mixture(soft_weights(out[:, :k]), mean, np.clip(log_sigma, _MIN_LOG_SIGMA, _MAX_LOG_SIGMA))

    def add(self, block: Integers, lag: int) -> None:
        """The next blocks are these, (N, width)."""
        self._blocks.append(block)
        self._entered = clipped(self._net.enter(block) + self._net._lags[lag])
