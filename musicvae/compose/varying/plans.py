"""Where among several inputs the pieces of a path, a grid or a morph lie.

Conventions: M inputs; a *point* has two sets of M weights that sum to 1. Those `in_latent` say where it lies in the latent space,
those `in_order` what is evenly so by its place among the others; the second choose tempo, key and dress. Evenly: an `Evener`
(from, to, steps) says how far along the latent way from one input to another each of so many steps lies, ends included, so that
they sound evenly spaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ENDS", "MAX_INPUTS", "Evener", "Point", "check_inputs", "check_path", "grid_points", "mix_point", "morph_points", "nearest",
           "path_points"]  # fmt: skip

ENDS = ("exact", "decoded")
MAX_INPUTS = 100
MAX_MORPH_BARS = 10_000
_CURVE = 9  # steps that settle how a morph advances between two inputs

Evener = Callable[[int, int, int], Sequence[float]]
Weights = tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """A place among M inputs."""

    in_latent: Weights
    in_order: Weights


def nearest(weights: Sequence[float]) -> int:
    """The input that has most weight, of equals the last."""
    heaviest = max(weights)
    return max(i for i, weight in enumerate(weights) if heaviest - weight < 1e-9)


def check_inputs(count: int, exactly: int | None = None) -> int:
    """A number of inputs, 2 to 100 or exactly so many; ValueError otherwise."""
    if exactly is not None and count != exactly:
        raise ValueError(f"a grid has {exactly} inputs, one for each corner, got {count}: top left, top right, bottom left, bottom right")
    if not 2 <= count <= MAX_INPUTS:
        raise ValueError(f"2 to {MAX_INPUTS} inputs can be blended, got {count}")
    return count


def check_path(steps: int, inputs: int) -> int:
    """Steps of a path that comes by all inputs; ValueError where there are fewer than inputs."""
    if steps < inputs:
        raise ValueError(f"a path by {inputs} inputs has at least {inputs} steps, since it comes by each of them; got {steps}")
    return steps


def path_points(inputs: int, steps: int, even: Evener) -> list[Point]:
    """A path from the first input by all others to the last, which it comes by exactly; of uneven shares the first are longer."""
    gaps = [(steps - 1) // (inputs - 1) + (part < (steps - 1) % (inputs - 1)) for part in range(inputs - 1)]
    points = [_vertex(0, inputs)]
    for start, count in enumerate(gaps):
        alphas = even(start, start + 1, count + 1)
        points += [_on_edge(start, alphas[k], k / count, inputs) for k in range(1, count + 1)]
    return points


def grid_points(rows: int, columns: int, even: Evener) -> list[Point]:
    """A rectangle between inputs 0 (top left), 1 (top right), 2 (bottom left) and 3 (bottom right), row by row."""
    top, bottom = even(0, 1, columns), even(2, 3, columns)
    left, right = even(0, 2, rows), even(1, 3, rows)
    points = []
    for row in range(rows):
        for column in range(columns):
            down, across = row / (rows - 1), column / (columns - 1)
            u = (1 - down) * top[column] + down * bottom[column]
            v = (1 - across) * left[row] + across * right[row]
            points.append(Point(_corners(u, v), _corners(across, down)))
    return points


def mix_point(weights: Sequence[float]) -> Point:
    """The one point with these weights."""
    return Point(tuple(weights), tuple(weights))


def morph_points(inputs: int, bars: int, even: Evener) -> list[Point]:
    """A point for each bar of a piece that begins as the first input and ends as the last, coming by the others evenly."""
    if bars > MAX_MORPH_BARS:
        raise ValueError(f"a morph of {bars} bars is longer than {MAX_MORPH_BARS}: fewer steps, or shorter inputs")
    curves = [np.asarray(even(start, start + 1, _CURVE)) for start in range(inputs - 1)]
    points = []
    for bar in range(bars):
        place = bar * (inputs - 1) / (bars - 1) if bars > 1 else 0.0
        start = min(int(place), inputs - 2)
        share = place - start
        alpha = float(np.interp(share, np.linspace(0, 1, _CURVE), curves[start]))
        points.append(_on_edge(start, alpha, share, inputs))
    return points


def _vertex(index: int, inputs: int) -> Point:
    weights = tuple(float(i == index) for i in range(inputs))
    return Point(weights, weights)


def _on_edge(start: int, alpha: float, share: float, inputs: int) -> Point:
    """The point a share along the way from input `start` to the next, which lies `alpha` along it in the latent space."""

    def weights(part: float) -> Weights:
        return tuple(1 - part if i == start else part if i == start + 1 else 0.0 for i in range(inputs))

    return Point(weights(alpha), weights(share))


def _corners(u: float, v: float) -> Weights:
    return ((1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v)
