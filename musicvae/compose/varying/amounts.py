"""Shares at the door: how much to vary, and how much of each input to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

__all__ = ["MAX_AMOUNTS", "check_amounts", "check_weights"]

MAX_AMOUNTS = 1_000


def check_amounts(amount: object) -> tuple[float, ...]:
    """One amount, or several, each 0 to 1; ValueError otherwise."""
    given = tuple(amount) if isinstance(amount, Sequence) and not isinstance(amount, str) else (amount,)
    if not 1 <= len(given) <= MAX_AMOUNTS:
        raise ValueError(f"1 to {MAX_AMOUNTS} amounts can be asked for, got {len(given)}")
    for value in given:
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
            hint = "the share of notes that become others; was a percentage meant?"
            raise ValueError(f"amount must be a number from 0 (the very same) to 1, got {value!r}: it is {hint}")
    return tuple(float(value) for value in given if isinstance(value, Real))


def check_weights(weights: Sequence[float], inputs: int) -> tuple[float, ...]:
    """Weights of as many inputs, scaled to a sum of 1; ValueError for another number, negative ones, or none above 0."""
    if len(weights) != inputs:
        raise ValueError(f"{inputs} inputs take as many weights, got {len(weights)}: one for each, in their order")
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
            raise ValueError(f"a weight must be a number from 0 up, got {weight!r}")
    total = float(sum(weights))
    if not total:
        raise ValueError("at least one weight must be above 0")
    return tuple(float(weight) / total for weight in weights)
