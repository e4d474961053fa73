"""How rare a value is among others, told beyond the largest of them.

The chance of a value is the share of the others that are at least as large, (1 + how many) / (1 + all) (Phipson & Smyth 2010). What only
a tenth of them exceed is taken to thin out exponentially, by the mean excess (Pickands 1975 with shape 0), so that chances smaller
than one of them can be told.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["chance_of", "limit_of", "smallest_of"]

Floats = NDArray[np.float64]
_TAIL, _LEAST = 0.1, 1e-6


def chance_of(value: float, others: Floats) -> float:
    """The share of others (V,) that are at least as large, above 0; NaN for a value that is none."""
    if np.isnan(value):
        return float("nan")
    share, start, excess = _tail(others)
    if value > start:
        return max(_LEAST, share * float(np.exp(-(value - start) / excess)))
    return float((1 + (others >= value).sum()) / (1 + len(others)))


def limit_of(chance: float, others: Floats) -> float:
    """A value whose `chance_of` is this, or the least of the others whose chance is not greater."""
    share, start, excess = _tail(others)
    if chance < share:
        return start + excess * float(np.log(share / chance))
    above = np.append(np.sort(others[others <= start]), start)
    return next(float(value) for value in above if chance_of(value, others) <= max(chance, share))


def smallest_of(chances: Iterable[float]) -> float:
    """The chance that any of several is as small as the smallest, at most 1 (Bonferroni); those that are NaN do not count, NaN for none."""
    known = [chance for chance in chances if not np.isnan(chance)]
    return min(1.0, len(known) * min(known)) if known else float("nan")


def _tail(others: Floats) -> tuple[float, float, float]:
    """Where the tail of values begins: the chance and the value there, and the mean excess beyond."""
    if not len(others):
        return 1.0, float("inf"), 1.0
    start = float(np.quantile(others, 1 - _TAIL))
    beyond = others[others > start]
    excess = float((beyond - start).mean()) if len(beyond) else 0.0
    return float((1 + (others >= start).sum()) / (1 + len(others))), start, max(excess, 1e-9)
