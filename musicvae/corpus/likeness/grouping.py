"""Groups that grow out of pairs: forests, in which likeness is passed on, and stars, in which it is not.

Conventions: members are numbered from 0; pairs are two arrays of numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forest", "stars"]

Ints = NDArray[np.int64]
_PAIRS_AT_ONCE = 1 << 18


class Forest:
    """Groups of N members that join; the smallest number in each is its root."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def join(self, one: Ints, other: Ints) -> None:
        """Make one group of the groups of each pair."""
        if not len(one):
            return
        roots = self.roots()
        apart = roots[one] != roots[other]
        for a, b in zip(roots[one[apart]].tolist(), roots[other[apart]].tolist(), strict=True):
            high, low = self._root(a), self._root(b)
            self._parent[max(high, low)] = min(high, low)

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


def stars(pairs: Iterable[tuple[Ints, Ints]], count: int) -> Ints:
    """The centre of each of `count` members, (count,), given all pairs (later, earlier) of like ones, in ascending order.

    Members are gone through in order: one that is like an earlier centre belongs to the first such, else it
    becomes a centre. So each member is like its centre itself, and no two centres are alike. Pairs come in blocks.
    """
    centre = np.arange(count)
    settled = -1
    for later, earlier in pairs:
        for start in range(0, len(later), _PAIRS_AT_ONCE):
            block = slice(start, start + _PAIRS_AT_ONCE)
            for member, other in zip(later[block].tolist(), earlier[block].tolist(), strict=True):
                if member != settled and centre[other] == other:
                    centre[member] = other
                    settled = member
    return centre
