"""Evenly spaced steps along a way whose points do not advance evenly."""

from __future__ import annotations

import numpy as np

from musicvae.compose.engine import Floats

__all__ = ["GRID", "even_alphas", "rising_choice"]

GRID = 4
"""Candidates for each gap between two pieces."""


def even_alphas(to_a: Floats, to_b: Floats, steps: int) -> tuple[float, ...]:
    """Alphas of `steps` points that advance evenly from A to B, strictly increasing, ends included.

    to_a, to_b: (GRID * (steps - 1) + 1,) distances of the points at even alphas to those at both ends. A point's place
    is its share of the distance, d(A, x) / (d(A, x) + d(x, B)); where there is none, its alpha.
    """
    grid = np.linspace(0, 1, len(to_a))
    whole = to_a + to_b
    share = np.where(whole > 0, to_a / np.maximum(whole, 1e-12), grid)
    return (0.0, *grid[rising_choice(share, grid, np.linspace(0, 1, steps)[1:-1])].tolist(), 1.0)


def rising_choice(share: Floats, grid: Floats, targets: Floats) -> list[int]:
    """Strictly rising indices whose shares have the least total distance from the targets, (targets,).

    Of equally good ones those nearest on the grid itself, so that a stretch where nothing changes
    is crossed evenly. Dynamic programming over (target, index).
    """
    inner = np.arange(1, len(share) - 1)
    cost = np.abs(share[inner] - targets[:, None]) + 1e-6 * np.abs(grid[inner] - targets[:, None])
    best, back = cost[0], []
    for row in cost[1:]:
        # The best way to any index before this one.
        lowest = np.minimum.accumulate(best)
        improves = np.concatenate([[True], best[1:] < lowest[:-1]])
        first = np.maximum.accumulate(np.where(improves, np.arange(len(best)), 0))
        back.append(np.concatenate([[0], first[:-1]]))
        best = row + np.concatenate([[np.inf], lowest[:-1]])
    chosen = [int(np.argmin(best))]
    for previous in reversed(back):
        chosen.append(int(previous[chosen[-1]]))
    return [int(inner[i]) for i in reversed(chosen)]
