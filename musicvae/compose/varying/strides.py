"""How far along ways of one's own making one has to go to be a given distance away.

Conventions: a way is a function of its place t in [0, 1]; its distance from the start need not grow steadily with t. Amounts
are distances that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from musicvae.compose.engine import Floats

__all__ = ["Measured", "places_for"]

Measured = Callable[[Sequence[tuple[int, float]]], Sequence[float]]
"""(way, place) pairs -> the distance of each from the start of its way."""

_FIRST = 8
_ROUNDS = 3
_CLOSER = 3


def places_for(measured: Measured, ways: int, amounts: Sequence[float]) -> Floats:
    """The place on each way whose distance comes nearest to each amount, (ways, amounts); of equally near ones the first.

    A grid of `_FIRST` places is measured first, then `_ROUNDS` times `_CLOSER` places on the stretch in which the amount is
    first passed, for all ways and amounts at once. Amount 0 is place 0.
    """
    tried: list[dict[float, float]] = [{0.0: 0.0} for _ in range(ways)]

    def measure(asked: Sequence[tuple[int, float]]) -> None:
        fresh = list(dict.fromkeys((way, place) for way, place in asked if place not in tried[way]))
        for (way, place), distance in zip(fresh, measured(fresh) if fresh else (), strict=True):
            tried[way][place] = distance

    grid = (np.arange(1, _FIRST + 1) / _FIRST).tolist()
    measure([(way, place) for way in range(ways) for place in grid])
    for _ in range(_ROUNDS):
        measure([(way, place) for way in range(ways) for amount in amounts if amount for place in _between(tried[way], amount)])
    return np.array([[_nearest(tried[way], amount) for amount in amounts] for way in range(ways)], np.float64).reshape(ways, len(amounts))


def _between(found: dict[float, float], amount: float) -> list[float]:
    """Places inside the first stretch whose ends lie on both sides of the amount; none where no stretch does, or it is met."""
    places = sorted(found)
    for low, high in zip(places, places[1:], strict=False):
        if found[low] <= amount <= found[high]:
            if amount in (found[low], found[high]):
                return []
            return np.linspace(low, high, _CLOSER + 2)[1:-1].tolist()
    return []


def _nearest(found: dict[float, float], amount: float) -> float:
    """The first place of those whose distance is nearest to the amount; place 0 for amount 0 only."""
    if not amount:
        return 0.0
    return min((place for place in found if place), key=lambda place: (abs(found[place] - amount), place))
