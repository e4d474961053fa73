"""A judge of dance types that knows nothing of z: a linear discriminant of simple features of the notes.

Whether a style vector makes tunes more of a jig cannot be asked of the space it moves in. The judge
is fitted on training tunes, one label against all other tunes of the same kind of meter (Fisher 1936,
with shrinkage), and looks at rhythm, intervals, register and repetition only.

Conventions: tokens (W, B, S) of one kind of meter; F features; scores are unbounded, higher meaning
more like the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicvae.music.attributes import different_bars
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, NOTE_OFF, Tokens

__all__ = ["Judge", "area_under_curve", "fit_judge", "note_features"]

Floats = NDArray[np.float64]

_INTERVAL_EDGES = (-7.5, -4.5, -2.5, -0.5, 0.5, 2.5, 4.5, 7.5)
_DURATION_EDGES = (1.5, 2.5, 3.5, 4.5, 6.5, 8.5)


def note_features(tokens: Tokens) -> Floats:
    """Features (W, F) of each window; all 0 but the rests and the repetition for a window without notes.

    Share of bars with an onset at each step (S), with a note-off at each step (S), shares of intervals by size and direction (9),
    shares of times from onset to onset by length (7), mean and spread of the pitch, different bars.
    """
    count, bars = tokens.shape[:2]
    onsets = tokens >= FIRST_PITCH_TOKEN
    melodic = np.zeros((count, len(_INTERVAL_EDGES) + 1 + len(_DURATION_EDGES) + 1 + 3))
    for row, piece in zip(melodic, tokens, strict=True):
        flat = piece.reshape(-1)
        steps = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
        pitches = flat[steps].astype(np.float64)
        intervals = _shares(np.diff(pitches), _INTERVAL_EDGES)
        waits = _shares(np.diff(steps), _DURATION_EDGES)
        register = (pitches.mean() / 12, pitches.std() / 12) if len(pitches) else (0.0, 0.0)
        row[:] = (*intervals, *waits, *register, different_bars(piece) if bars else 1.0)
    return np.concatenate([onsets.mean(axis=1), (tokens == NOTE_OFF).mean(axis=1), melodic], axis=1)


@dataclass(frozen=True)
class Judge:
    """score = features @ weights + offset; 0 lies midway between the label's mean and that of the others."""

    weights: Floats
    offset: float

    def __call__(self, tokens: Tokens) -> Floats:
        """Scores (W,) of windows."""
        return np.asarray(note_features(tokens) @ self.weights + self.offset, np.float64)


def fit_judge(tokens: Tokens, is_label: ArrayLike, *, shrinkage: float = 0.1) -> Judge:
    """Fit on training windows (W, B, S), `is_label` (W,) telling which have the label.

    shrinkage: share of the diagonal in the pooled covariance, in (0, 1]. ValueError without at least two of each.
    """
    is_label = np.asarray(is_label, bool)
    if min(is_label.sum(), (~is_label).sum()) < 2:
        raise ValueError(
            f"a judge needs at least 2 windows of each side, got {is_label.sum()} with the label and {(~is_label).sum()} without"
        )
    features = note_features(tokens)
    own, other = features[is_label], features[~is_label]
    covariance = (np.cov(own.T) + np.cov(other.T)) / 2
    diagonal = np.diag(np.diag(covariance))
    # Features that never vary would make the covariance singular.
    floor = 1e-6 * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    pooled = (1 - shrinkage) * covariance + shrinkage * diagonal + floor * np.eye(len(covariance))
    weights = np.linalg.solve(pooled, own.mean(axis=0) - other.mean(axis=0))
    return Judge(weights, float(-(own.mean(axis=0) + other.mean(axis=0)) @ weights / 2))


def area_under_curve(scores: ArrayLike, is_label: ArrayLike) -> float:
    """Chance that a window with the label scores higher than one without, ties counting half; NaN if one side is empty.

    The area under the ROC curve, by ranks (Mann & Whitney 1947).
    """
    scores, is_label = np.asarray(scores, np.float64), np.asarray(is_label, bool)
    own, other = scores[is_label], np.sort(scores[~is_label])
    if not len(own) or not len(other):
        return float("nan")
    below, up_to = np.searchsorted(other, own, "left"), np.searchsorted(other, own, "right")
    return float((below + up_to).mean() / (2 * len(other)))


def _shares(values: NDArray[np.generic], edges: tuple[float, ...]) -> Floats:
    """Share of values in each of the len(edges) + 1 ranges; zeros without values."""
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return np.asarray(counts / max(len(values), 1), np.float64)
