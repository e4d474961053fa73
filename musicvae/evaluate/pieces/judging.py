"""A judge of styles that knows nothing of z: multinomial logistic regression of simple statistics of a beat, fitted on real beats.

Every style weighs alike in the fit, whatever the number of its recordings, so that chance is one in as many as there are styles.
Conventions: columns (W, B, 16, ...); F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicvae.evaluate.metrics import Estimate, bootstrap
from musicvae.evaluate.pieces.classifiers import LinearClassifier, fit_softmax
from musicvae.evaluate.pieces.hits import different_rows, struck

__all__ = ["Judge", "JudgeRow", "beat_features", "feel_features", "fit_judge", "judge_rows"]

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
_PER_BEAT = 4


def beat_features(columns: Columns) -> Floats:
    """Features (W, F) of the hits: the share of bars with a hit by step and class, hits a bar by class, and four of the whole.

    Those are hits a bar, the share of steps with a hit, that of hits off the quarter notes, and that of different bars.
    """
    hits = struck(columns)
    places = hits.mean(axis=1)
    by_class = hits.sum(axis=2).mean(axis=1)
    total = hits.sum(axis=(1, 2, 3))
    off = hits[:, :, np.arange(hits.shape[2]) % _PER_BEAT > 0].sum(axis=(1, 2, 3))
    whole = [total / hits.shape[1], hits.any(axis=3).mean(axis=(1, 2)), off / np.maximum(total, 1), different_rows(hits)]
    return np.concatenate([places.reshape(len(hits), -1), by_class, np.stack(whole, axis=1)], axis=1).astype(np.float64)


def feel_features(columns: Columns) -> Floats:
    """Features (W, F) of how hits are played: mean velocity and timing by step and by class, and the spread of both.

    Places that are not played count as the mean of the window, so that the hits themselves tell as little as can be.
    """
    played = columns["bars"] > 0
    parts = []
    for values in (columns["bars"].astype(np.float64) / 127, columns["offsets"].astype(np.float64)):
        whole = _mean(values, played, (1, 2, 3))
        away = np.where(played, values - whole[:, None, None, None], 0)
        parts += [whole[:, None], np.sqrt(_mean(away**2, played, (1, 2, 3)))[:, None]]
        parts += [_mean(away, played, (1, 3)), _mean(away, played, (1, 2))]
    return np.concatenate(parts, axis=1)


def _mean(values: Floats, where: NDArray[np.bool_], axes: tuple[int, ...]) -> Floats:
    """Mean over axes of the values where they count; 0 where none does."""
    return np.asarray(np.where(where, values, 0).sum(axis=axes) / np.maximum(where.sum(axis=axes), 1), np.float64)


@dataclass(frozen=True, eq=False)
class Judge:
    """Names one of its styles for each beat, by its hits or, `by_feel`, by how they are played."""

    styles: tuple[str, ...]
    classifier: LinearClassifier
    by_feel: bool = False

    def __call__(self, columns: Columns) -> NDArray[np.int64]:
        """Index (W,) into `styles` for each window."""
        return self.classifier.named((feel_features if self.by_feel else beat_features)(columns))


@dataclass(frozen=True)
class JudgeRow:
    """How often the judge is right on real held-out beats; recall: of one style, or of all of them alike, over recordings."""

    style: str
    training_windows: int
    held_out_windows: int
    held_out_recordings: int
    named_right: Estimate


def fit_judge(columns: Columns, classes: ArrayLike, styles: Sequence[str], *, by_feel: bool = False) -> Judge:
    """Fit on training windows, classes (W,) being indices into styles; ValueError where a style has none, or there is only one."""
    classes = np.asarray(classes, np.int64)
    counts = np.maximum(np.bincount(classes, minlength=len(styles)), 1)
    features = (feel_features if by_feel else beat_features)(columns)
    return Judge(tuple(styles), fit_softmax(features, classes, len(styles), weights=1 / counts[classes]), by_feel)


def judge_rows(judge: Judge, columns: Columns, classes: ArrayLike, tunes: ArrayLike, training: ArrayLike) -> list[JudgeRow]:
    """A row for each style and, last, for all windows as they come; training: windows (K,) that each style was learnt from."""
    classes, tunes, training = (np.asarray(x, np.int64) for x in (classes, tunes, training))
    right = (judge(columns) == classes).astype(np.float64)

    def row(name: str, chosen: NDArray[np.bool_], trained: int) -> JudgeRow:
        sums = np.stack([right[chosen], np.ones(int(chosen.sum()))], axis=1)
        estimate = bootstrap(sums, tunes[chosen], lambda s: s[:, 0] / s[:, 1])
        return JudgeRow(name, trained, int(chosen.sum()), len(np.unique(tunes[chosen])), estimate)

    rows = [row(name, classes == index, int(training[index])) for index, name in enumerate(judge.styles)]
    return [*rows, row("all", np.ones(len(classes), bool), int(training.sum()))]
