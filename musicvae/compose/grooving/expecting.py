"""The beat that is to be expected of taps: the hits that are likely enough, whatever else is hit.

A drawn beat is one of many, and the likeliest way from hit to hit leaves out what each of many ways does a little differently. So where
no chance is wanted every hit is judged by its own chance, over all beats. To find as many of the right hits as can be without as many
wrong ones (hit F1), less than even chances suffice: a threshold, which is settled on beats of the validation split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import BarEngine, Columns

__all__ = ["THRESHOLDS", "ExpectingEngine", "best_threshold", "expected_hits", "hit_chances", "likely_hits", "settle_threshold"]

THRESHOLDS = tuple(round(0.025 * step, 3) for step in range(4, 25))
"""Where a hit may begin, 0.1 to 0.6."""
_AS_GOOD = 0.01
"""Of two thresholds whose hit F1 differs by no more, the higher is taken: it makes up fewer hits."""
_BATCH = 64


@runtime_checkable
class ExpectingEngine(BarEngine, Protocol):
    """A network for taps that tells how likely each hit is."""

    @property
    def hit_threshold(self) -> float:
        """The chance above which a hit is in the expected beat."""
        ...

    def hit_chances(self, z: Floats, *, bars: int, told: Columns) -> Floats:
        """How likely each hit is, (N, bars, 16, C), of z (N, Z) and what is told; 0 where nothing is tapped. The same at each call."""
        ...


def expected_hits(engine: ExpectingEngine, z: Floats, bars: int, told: Columns) -> NDArray[np.uint64]:
    """The beats (W, bars, 16) to be expected of z (W, Z) and taps, a bit for each class."""
    found = likely_hits(hit_chances(engine, z, bars, told), engine.hit_threshold)
    weights = np.uint64(1) << np.arange(found.shape[-1], dtype=np.uint64)
    return np.asarray((found * weights).sum(axis=-1, dtype=np.uint64))


def likely_hits(chances: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """The hits whose chance (..., C) is above the threshold, at each step with any chance at least the likeliest."""
    given = np.asarray(chances, np.float64)
    likeliest = np.arange(given.shape[-1]) == given.argmax(axis=-1)[..., None]
    return np.asarray((given > threshold) | (likeliest & (given > 0)), bool)


def best_threshold(truth: NDArray[np.bool_], chances: ArrayLike) -> tuple[float, Mapping[float, float]]:
    """The threshold of `THRESHOLDS` for hits of this truth, both (..., C), and the hit F1 of each.

    Of those within 0.01 of the best F1 the highest.
    """
    scores: dict[float, float] = {}
    for threshold in THRESHOLDS:
        found = likely_hits(chances, threshold)
        scores[threshold] = float(2 * (truth & found).sum() / max(int(truth.sum()) + int(found.sum()), 1))
    best = max(scores.values())
    return max(threshold for threshold, score in scores.items() if score >= best - _AS_GOOD), scores


def settle_threshold(engine: ExpectingEngine, truth: NDArray[np.bool_], told: Columns) -> tuple[float, Mapping[float, float]]:
    """The engine's threshold for real hits (W, B, 16, C) and what it is told of them, as `best_threshold`, with z = 0."""
    return best_threshold(truth, hit_chances(engine, np.zeros((len(truth), engine.config.z_size)), truth.shape[1], told))


def hit_chances(engine: ExpectingEngine, z: Floats, bars: int, told: Columns) -> Floats:
    """What `engine.hit_chances` gives for W windows, some at a time, which bounds the memory."""
    parts = []
    for first in range(0, len(z), _BATCH):
        some = {name: column[first : first + _BATCH] for name, column in told.items()}
        parts.append(engine.hit_chances(z[first : first + _BATCH], bars=bars, told=some))
    return np.concatenate(parts)
