"""Blocks of z as whole numbers of steps, coded with the learned prior.

Conventions: q is z divided by `step`, rounded; activations as in `model.integer.layers`. Every number of a block is coded in the light of
those before it, which say which of the prior's Gaussians the block is from. Only operations that IEEE 754 rounds in one way are used, and
sums of whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicvae.compose.compressing.coder import BitCoder
from musicvae.compose.compressing.odds import ONE
from musicvae.model.integer.dreams import deviations
from musicvae.model.integer.layers import Integers
from musicvae.model.integer.prior import Mixture
from musicvae.model.integer.tables import STEPS, falling_exp

__all__ = ["REACH", "code_block"]

_WIDTH = 7
REACH = 1 << _WIDTH - 1
"""q lies from -`REACH` to `REACH` - 1."""
_SHARE_BITS = 20


def code_block(coder: BitCoder, block: Sequence[int] | None, mixture: Mixture, size: int, step: int) -> list[int]:
    """The first `size` numbers of a block; step: in activations; mixture: of one row."""
    places = np.arange(-REACH, REACH, dtype=np.float64) * step
    deviation = np.sqrt(deviations(mixture.log_sigma[0]) ** 2 + step * step / 12)
    weight, found = mixture.weight[0], list[int]()
    for number in range(size):
        mean, spread = mixture.mean[0, :, number, None], deviation[:, number, None]
        distance = (places - mean) / spread
        density = falling_exp(np.floor(np.minimum(distance * distance, 64.0) * (STEPS / 2) + 0.5)) / spread
        weight = np.floor(weight * (2.0**_SHARE_BITS / weight.max()))
        chances = np.floor(weight[:, None] * density * 2.0**-8).sum(0)
        place = _code_place(coder, None if block is None else int(block[number]) + REACH, chances + 1 + np.floor(chances.sum() * 2.0**-16))
        weight = weight * density[:, place] + 2.0**-20
        found.append(place - REACH)
    return found


def _code_place(coder: BitCoder, place: int | None, chances: Integers) -> int:
    """A place in a table of whole numbers, by halving it."""
    sums = [0, *(int(value) for value in np.cumsum(chances))]
    low, high = 0, len(chances)
    while high - low > 1:
        middle = low + high >> 1
        chance = (sums[high] - sums[middle] << 16) // (sums[high] - sums[low])
        bit = coder.code(None if place is None else int(place >= middle), max(1, min(ONE - 1, chance)))
        low, high = (middle, high) if bit else (low, middle)
    return low
