"""Groups that grow out of pairs: forests, in which likeness is passed on, and stars, in which it is not.

Conventions: members are numbered from 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forest", "packed", "stars"]

Ints = NDArray[np.int64]

_LOW = np.uint64(32)


class Forest:
    """Groups of N members that join; the smallest number in each is its root."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def join(self, one: int, others: Ints) -> None:
        """Make one group of these members' groups."""
        for other in others.tolist():
            a, b = self._root(one), self._root(other)
            self._parent[max(a, b)] = min(a, b)

    def roots(self) -> Ints:
        """The root of each member's group, (N,)."""
        while not np.array_equal(above := self._parent[self._parent], self._parent):
            self._parent = above
        return self._parent.copy()

    def _root(self, member: int) -> int:
        while (above := int(self._parent[member])) != member:
            self._parent[member] = self._parent[above]
            member = above
        return member


def packed(one: Ints, other: Ints) -> NDArray[np.uint64]:
    """Pairs of numbers below 2**32 as one number each, the smaller first."""
    return np.minimum(one, other).astype(np.uint64) << _LOW | np.maximum(one, other).astype(np.uint64)


def stars(pairs: NDArray[np.uint64], count: int) -> Ints:
    """The centre of each of `count` members, given all pairs (`packed`) of like ones, (count,).

    Members are gone through in order: one that is like an earlier centre belongs to the first such, else it
    becomes a centre. So each member is like its centre itself, and no two centres are alike.
    """
    centre = np.arange(count)
    pairs = np.unique((pairs << _LOW) | (pairs >> _LOW))  # by their larger member
    settled = -1
    for later, earlier in zip((pairs >> _LOW).tolist(), (pairs & np.uint64(2**32 - 1)).tolist(), strict=True):
        if later != settled and centre[earlier] == earlier:
            centre[later] = earlier
            settled = later
    return centre
