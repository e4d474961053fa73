"""Hits of drums as flags, and what two sets of them have in common.

Conventions: hits are bool (W, B, 16, C) of W windows, B bars and C classes of drums. A *step* is right when all its classes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.metrics import Agreement

__all__ = ["CLASSES", "Flags", "different_rows", "hit_agreement", "struck"]

Flags = NDArray[np.bool_]
CLASSES = 9


def struck(columns: Mapping[str, NDArray[Any]], classes: int = CLASSES) -> Flags:
    """The hits (W, B, 16, classes) in columns of drums, of a groove (wherever a velocity is) or of a trio (its drums)."""
    hits = columns.get("drums", columns["bars"])
    if hits.dtype == np.uint64:
        return np.asarray((hits[..., None] >> np.arange(classes, dtype=np.uint64)) & np.uint64(1), bool)
    return np.asarray(hits > 0)


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


def different_rows(hits: Flags) -> NDArray[np.float64]:
    """Share of the bars of each window that no earlier bar of it equals, (W,)."""
    return np.array([len({bar.tobytes() for bar in window}) / max(len(window), 1) for window in hits], np.float64)
