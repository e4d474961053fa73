"""Melodies that a network draws in whole numbers: the same ones wherever it is asked for them.

They serve as examples of what the network expects. Chance comes from Python's own generator, whose bits are promised to stay the same;
a normal number is the sum of twelve uniform ones. No bar returns on purpose (lag 0 of the prior), since what is fresh is to be shown.
"""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from musicvae.model.integer.layers import FINE, Integers, clipped, soft_weights
from musicvae.model.integer.network import IntegerNetwork
from musicvae.model.integer.prior import Mixture
from musicvae.model.integer.tables import EXP_BITS, STEPS, falling_exp
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["deviations", "dream"]

_E_SQUARED = 7.38905609893065
_UNIFORM_BITS = 16


class _Chance:
    """Random whole numbers, many at once."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def uniform(self, *shape: int) -> Integers:
        """Numbers 0..65535."""
        count = int(np.prod(shape))
        drawn = self._random.getrandbits(_UNIFORM_BITS * count).to_bytes(count * _UNIFORM_BITS // 8, "little")
        return np.frombuffer(drawn, "<u2").astype(np.float64).reshape(shape)

    def normal(self, *shape: int) -> Integers:
        """Standard normal numbers in units of 2**-16."""
        total: Integers = self.uniform(12, *shape).sum(0) - 6 * ((1 << _UNIFORM_BITS) - 1)
        return total

    def choice(self, weights: Integers) -> NDArray[np.int64]:
        """A place (...) in each row of weights (..., K), likely as they say."""
        sums = np.cumsum(weights, -1)
        drawn = np.floor(self.uniform(*weights.shape[:-1]) * sums[..., -1] * 2.0**-_UNIFORM_BITS)
        places: NDArray[np.int64] = (sums <= drawn[..., None]).sum(-1)
        return places


def deviations(log_sigma: Integers) -> Integers:
    """The exponential of activations between -5 and 2, in activations (with a fraction)."""
    down = falling_exp(np.floor((2 * 2.0**FINE - log_sigma) * (STEPS * 2.0**-FINE) + 0.5)) * 2.0**-EXP_BITS
    return down * (_E_SQUARED * 2.0**FINE)


def dream(network: IntegerNetwork, kind: int, pieces: int, *, seed: int = 0) -> Tokens:
    """Tokens (pieces, max_bars, S) of melodies of a kind of meter."""
    config, chance = network.config, _Chance(seed)
    bars, steps = config.max_bars, Meter.parse(KINDS[kind]).steps_per_model_bar
    prior = network.prior.begin(bars, kind, pieces=pieces)
    conducted = network.conductor.begin(bars, kind, pieces=pieces)
    tune, embeddings = np.zeros((pieces, 0)), list[Integers]()
    for number in range(bars + 1):
        prior.listen()
        block = _drawn(prior.mixture(0), config.z_bar if number else config.z_global, chance)
        prior.add(block, 0)
        if number == 0:
            tune = block[:, : config.z_global]
        else:
            embeddings.append(conducted.add(np.concatenate([tune, block[:, : config.z_bar]], -1)))
    started = network.decoder.begin(np.stack(embeddings, 1).reshape(pieces * bars, -1), kind)
    found: list[NDArray[np.int64]] = []
    for _ in range(steps):
        scores = started.scores(found[-1] if found else None)
        decision = chance.choice(soft_weights(scores[:, : FIRST_PITCH_TOKEN + 1]))
        pitch = chance.choice(soft_weights(scores[:, FIRST_PITCH_TOKEN + 1 :]))
        found.append(np.where(decision == FIRST_PITCH_TOKEN, FIRST_PITCH_TOKEN + pitch, decision))
    return np.stack(found, 1).reshape(pieces, bars, steps).astype(np.uint8)


def _drawn(mixture: Mixture, size: int, chance: _Chance) -> Integers:
    """A block (N, width) of each mixture, zeros after the first `size` numbers."""
    rows = np.arange(len(mixture.weight))
    chosen = chance.choice(mixture.weight)
    mean, deviation = mixture.mean[rows, chosen], deviations(mixture.log_sigma[rows, chosen])
    block = clipped(np.floor(mean + deviation * chance.normal(*mean.shape) * 2.0**-_UNIFORM_BITS + 0.5))
    block[:, size:] = 0
    return block
