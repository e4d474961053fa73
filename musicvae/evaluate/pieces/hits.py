"""Hits of drums as flags, and what two sets of them have in common.

Conventions: hits are bool (W, B, 16, C) of W windows, B bars and C classes of drums. A *step* is right when all its classes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.metrics import Agreement

__all__ = ["CLASSES", "Flags", "bar_lags", "different_rows", "hit_agreement", "hit_bits", "struck"]

Flags = NDArray[np.bool_]
CLASSES = 9


def struck(columns: Mapping[str, NDArray[Any]], classes: int = CLASSES) -> Flags:
    """The hits (W, B, 16, classes) in columns of drums, of a groove (wherever a velocity is) or of a trio (its drums)."""
    hits = columns.get("drums", columns["bars"])
    if hits.dtype == np.uint64:
        return np.asarray((hits[..., None] >> np.arange(classes, dtype=np.uint64)) & np.uint64(1), bool)
    return np.asarray(hits > 0)


def hit_bits(hits: Flags) -> NDArray[np.uint64]:
    """Hits (..., C) as a bit for each class, (...), as columns of drums have them."""
    weights = np.uint64(1) << np.arange(hits.shape[-1], dtype=np.uint64)
    return np.asarray((hits * weights).sum(axis=-1, dtype=np.uint64))


def hit_agreement(truth: Flags, guess: Flags) -> Agreement:
    """Compare guessed hits with the true ones, both (W, B, 16, C); ValueError if the shapes differ.

    A hit counts as found at its exact class and step, a step as equal where all classes agree (the measure of MusicVAE's drums,
    Roberts et al. 2018).
    """
    if truth.shape != guess.shape or truth.ndim != 4:
        raise ValueError(
            f"truth {truth.shape} and guess {guess.shape} must have one shape (windows, bars, steps, classes): other bars or drum map?"
        )
    every = (1, 2, 3)
    equal = np.asarray((truth == guess).all(axis=3).sum(axis=(1, 2)), np.int64)
    steps = np.full(len(truth), truth.shape[1] * truth.shape[2], np.int64)
    common, true, guessed = (np.asarray(part.sum(axis=every), np.int64) for part in (truth & guess, truth, guess))
    return Agreement(equal, steps, common, true, guessed)


def bar_lags(hits: Flags, most: int) -> NDArray[np.int64]:
    """How many bars ago each bar was last heard in its window, counted over windows (W, B, 16, C) into (most + 1,).

    Entry k >= 1 counts the bars whose most recent equal is k bars before, entry 0 those with none among the `most` bars before.
    """
    counts = np.zeros(most + 1, np.int64)
    for window in hit_bits(hits):
        last: dict[bytes, int] = {}
        for index, bar in enumerate(window):
            lag = index - last.get(bar.tobytes(), index)
            counts[lag if lag <= most else 0] += 1
            last[bar.tobytes()] = index
    return counts


def different_rows(hits: Flags) -> NDArray[np.float64]:
    """Different bars over bars of each window, (W,)."""
    return np.array([len({bar.tobytes() for bar in window}) / max(len(window), 1) for window in hit_bits(hits)], np.float64)
