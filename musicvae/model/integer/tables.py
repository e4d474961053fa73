"""Tables of the exponential function and its kin, computed in integers of any length: no mathematical library has a say in them.

Conventions: inputs are whole numbers in units of 1/`STEPS`, outputs in units of 2**-`FINE` (logistic, tanh, gelu) or 2**-`EXP_BITS` (exp).
Accurate to one unit.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXP_BITS", "FINE", "STEPS", "falling_exp", "gelu", "logistic", "tanh"]

Integers = NDArray[np.float64]
"""Whole numbers below 2**53 in double precision, where sums and products of them are exact in any order."""

STEPS_BITS = 10
STEPS = 1 << STEPS_BITS
FINE = 12
EXP_BITS = 24
_LONG = 96  # bits of the numbers that tables are computed in
_REACH = 12 * STEPS
_EXP_REACH = 18 * STEPS


def exp_of(numerator: int, denominator: int) -> int:
    """exp(-numerator / denominator) for a small quotient, in units of 2**-96, by its series."""
    term = total = 1 << _LONG
    count = 1
    while term:
        term = term * numerator // (denominator * count)
        total += -term if count & 1 else term
        count += 1
    return total


@cache
def _falling(length: int) -> tuple[int, ...]:
    """exp(-x) at x = 0, 1/STEPS, ..., in units of 2**-96."""
    step, values = exp_of(1, STEPS), [1 << _LONG]
    for _ in range(length):
        values.append(values[-1] * step >> _LONG)
    return tuple(values)


def _array(values: list[int]) -> Integers:
    array = np.array(values, np.float64)
    array.flags.writeable = False
    return array


@cache
def _exp_table() -> Integers:
    return _array([(value >> _LONG - EXP_BITS - 1) + 1 >> 1 for value in _falling(_EXP_REACH)])


@cache
def _logistic_table() -> Integers:
    half = [((1 << _LONG + FINE + 1) // ((1 << _LONG) + value) + 1) >> 1 for value in _falling(_REACH)]  # of x >= 0
    return _array([(1 << FINE) - value for value in half[:0:-1]] + half)


@cache
def _gelu_table() -> Integers:
    """The values x Phi(x), with the normal distribution added up by trapezia between the steps."""
    ratio, falls = exp_of(1, 2 * STEPS * STEPS), exp_of(1, STEPS * STEPS)
    density, values = 1 << _LONG, [1 << _LONG]
    for _ in range(_REACH):
        density = density * ratio >> _LONG
        ratio = ratio * falls >> _LONG
        values.append(density)
    area, areas = 0, [0]
    for left, right in zip(values, values[1:], strict=False):
        area += left + right
        areas.append(area)
    whole = 2 * areas[-1]
    below = [(areas[-1] + part, whole) for part in areas]
    up = [(((x * up << FINE + 1) // (down * STEPS)) + 1) >> 1 for x, (up, down) in enumerate(below)]
    # x Phi(x) - x = x (Phi(x) - 1) = -x Phi(-x)
    down_side = [value - (x << FINE - STEPS_BITS) for x, value in enumerate(up)]
    return _array(down_side[:0:-1] + up)


def falling_exp(x: Integers) -> Integers:
    """exp(-x) of x >= 0; below 2**-24 it is 0."""
    return _exp_table()[np.minimum(x, _EXP_REACH).astype(np.int64)]


def logistic(x: Integers) -> Integers:
    """1 / (1 + exp(-x))."""
    return _logistic_table()[(np.clip(x, -_REACH, _REACH) + _REACH).astype(np.int64)]


def tanh(x: Integers) -> Integers:
    """The hyperbolic tangent, 2 logistic(2 x) - 1."""
    return 2 * logistic(2 * x) - (1 << FINE)


def gelu(x: Integers) -> Integers:
    """The values x Phi(x), Phi the normal distribution; x itself or 0 beyond 12."""
    inside = _gelu_table()[(np.clip(x, -_REACH, _REACH) + _REACH).astype(np.int64)]
    return np.where(x > _REACH, x * (1 << FINE - STEPS_BITS), inside)
