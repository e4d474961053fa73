"""How far along ways of one's own making one has to go to be a given distance away.

Conventions: a way is a function of its place t in [0, 1]; its distance from the start need not grow steadily with t. Amounts
are distances that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.model.noise import piece_seed

__all__ = ["Measured", "Way", "distinct_ways", "few_notices", "places_for", "reach_notices"]

Measured = Callable[[Sequence[tuple[int, float]]], Sequence[float]]
"""(way, place) pairs -> the distance of each from the start of its way."""

_FIRST = 8
_ROUNDS = 3
_CLOSER = 3
# Ways that are tried for each one that is asked for, so that no two are the same.
_TRIES = 4
_SHORT = 0.1  # so much nearer than asked for is told

Music = TypeVar("Music")


@dataclass(frozen=True)
class Way(Generic[Music]):
    """What a seed comes to: at each amount the music and its distance."""

    seed: int
    steps: tuple[tuple[Music, float], ...]

    def same(self, other: Way[Music]) -> bool:
        """Whether all steps are the same music."""
        return all(_bytes(mine) == _bytes(theirs) for (mine, _), (theirs, _) in zip(self.steps, other.steps, strict=True))


def distinct_ways(made: Callable[[Sequence[int]], Sequence[Way[Music]]], n: int, seed: int, differ: bool) -> tuple[list[Way[Music]], int]:
    """`n` ways that differ from each other, and how many of them still do not; differ: False where they need not.

    made: seeds -> their ways. The seeds are ``piece_seed(seed, k)`` for k = 0, 1, ...; of those whose way was met before
    the next is taken instead, until `_TRIES` times as many were tried.
    """
    ways = list(made([piece_seed(seed, k) for k in range(n)]))
    if not differ:
        return ways, 0
    kept: list[Way[Music]] = []
    spare: list[Way[Music]] = []
    tried = n
    while True:
        for way in ways:
            (spare if any(way.same(other) for other in kept) else kept).append(way)
        missing = n - len(kept)
        if missing <= 0 or tried >= _TRIES * n:
            return [*kept, *spare][:n], max(0, missing)
        ways = list(made([piece_seed(seed, k) for k in range(tried, tried + missing)]))
        tried += missing


def few_notices(repeated: int) -> tuple[str, ...]:
    """A word on variations that are the same as others."""
    return (f"at so small an amount {repeated} of the variations are the same as others",) if repeated else ()


def reach_notices(amounts: Sequence[float], distances: Sequence[float]) -> tuple[str, ...]:
    """A word on variations that are much nearer than asked for."""
    short = [distance for amount, distance in zip(amounts, distances, strict=True) if distance < amount - _SHORT]
    if not short:
        return ()
    return (f"{len(short)} of the variations could not go as far as asked (to {min(short):.0%} at least): new ideas share that many notes",)


def _bytes(music: Any) -> Any:
    """What is compared: the bytes of arrays, one or several by name."""
    if isinstance(music, Mapping):
        return {name: column.tobytes() for name, column in music.items()}
    return music.tobytes()


def places_for(measured: Measured, ways: int, amounts: Sequence[float]) -> Floats:
    """The place on each way whose distance comes nearest to each amount, (ways, amounts); of equally near ones the first.

    A grid of `_FIRST` places is measured first, then `_ROUNDS` times `_CLOSER` places on the stretch in which the amount is
    first passed, for all ways and amounts at once. What is found for one depends on no other. Amount 0 is place 0.
    """
    known: list[dict[float, float]] = [{0.0: 0.0} for _ in range(ways)]

    def measure(asked: Sequence[tuple[int, float]]) -> None:
        fresh = list(dict.fromkeys((way, place) for way, place in asked if place not in known[way]))
        for (way, place), distance in zip(fresh, measured(fresh) if fresh else (), strict=True):
            known[way][place] = distance

    grid = [float(place) for place in np.arange(1, _FIRST + 1) / _FIRST]
    measure([(way, place) for way in range(ways) for place in grid])
    tried = {(way, amount): [0.0, *grid] for way in range(ways) for amount in amounts if amount}
    for _ in range(_ROUNDS):
        closer = {(way, amount): _between(places, known[way], amount) for (way, amount), places in tried.items()}
        measure([(way, place) for (way, _), places in closer.items() for place in places])
        tried = {key: sorted({*places, *closer[key]}) for key, places in tried.items()}
    return np.array(
        [[_nearest(tried[way, amount], known[way], amount) if amount else 0.0 for amount in amounts] for way in range(ways)], np.float64
    ).reshape(ways, len(amounts))


def _between(places: Sequence[float], found: Mapping[float, float], amount: float) -> list[float]:
    """Places inside the first stretch whose ends lie on both sides of the amount; none where no stretch does, or it is met."""
    for low, high in zip(places, places[1:], strict=False):
        if found[low] <= amount <= found[high]:
            if amount in (found[low], found[high]):
                return []
            return [float(place) for place in np.linspace(low, high, _CLOSER + 2)[1:-1]]
    return []


def _nearest(places: Sequence[float], found: Mapping[float, float], amount: float) -> float:
    """The first place above 0 whose distance is nearest to the amount."""
    return min((place for place in places if place), key=lambda place: (abs(found[place] - amount), place))
