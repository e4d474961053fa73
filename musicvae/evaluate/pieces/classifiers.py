"""Linear classifiers that are quick to fit: multinomial logistic regression, and one logistic regression for each of several flags.

Features are centred and scaled by their spread in training; weights have an L2 penalty. Both losses are convex and are descended with
Nesterov's accelerated gradient at the step that their curvature allows, restarted where it turns back (O'Donoghue & Candes 2015), so
that the result is that of the data alone.
Conventions: N examples, F features, K classes or flags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LinearClassifier", "fit_flags", "fit_softmax"]

Floats = NDArray[np.float64]
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """score = (features - mean) / spread @ weights + offset; mean, spread (F,), weights (F, K), offset (K,)."""

    mean: Floats
    spread: Floats
    weights: Floats
    offset: Floats

    def __call__(self, features: ArrayLike) -> Floats:
        """Scores (N, K) of features (N, F): log-odds of flags, or of classes up to a number for all of them."""
        return np.asarray((np.asarray(features, np.float64) - self.mean) / self.spread @ self.weights + self.offset, np.float64)

    def named(self, features: ArrayLike) -> NDArray[np.int64]:
        """The class (N,) that each example is most likely of."""
        return np.asarray(self(features).argmax(axis=1), np.int64)


def fit_softmax(
    features: ArrayLike, classes: ArrayLike, num_classes: int, *, weights: ArrayLike | None = None, penalty: float = 0.01, steps: int = 400
) -> LinearClassifier:
    """Fit class probabilities on features (N, F) and classes (N,), 0 to num_classes - 1; weights (N,) of the examples, default all alike.

    penalty: half the factor of the squared weights beside the mean loss. ValueError for fewer than two classes, or a class without
    examples.
    """
    classes = np.asarray(classes, np.int64)
    counts = np.bincount(classes, minlength=num_classes)
    if num_classes < 2 or len(counts) > num_classes or not counts.all():
        raise ValueError(f"a classifier needs examples of each of at least two classes, got {counts.tolist()} of {num_classes}")
    wanted = np.eye(num_classes)[classes]

    def errors(scores: Floats) -> Floats:
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True) - wanted, np.float64)

    return _fit(np.asarray(features, np.float64), num_classes, errors, 0.5, weights, penalty, steps)


def fit_flags(features: ArrayLike, flags: ArrayLike, *, penalty: float = 1e-4, steps: int = 200) -> LinearClassifier:
    """Fit the probability of each flag on features (N, F) and flags (N, K), each by itself; ValueError without examples."""
    wanted = np.asarray(flags, np.float64)
    if not len(wanted):
        raise ValueError("a classifier needs examples, got none")

    def errors(scores: Floats) -> Floats:
        return np.asarray(0.5 * (1 + np.tanh(scores / 2)) - wanted, np.float64)

    return _fit(np.asarray(features, np.float64), wanted.shape[1], errors, 0.25, None, penalty, steps)


def _fit(
    features: Floats,
    outputs: int,
    errors: Callable[[Floats], Floats],
    curvature: float,
    weights: ArrayLike | None,
    penalty: float,
    steps: int,
) -> LinearClassifier:
    share = np.ones(len(features)) if weights is None else np.asarray(weights, np.float64)
    share = (share / share.sum())[:, None]
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > _LEAST_SPREAD, spread, 1.0)
    x = np.concatenate([(features - mean) / spread, np.ones((len(features), 1))], axis=1)
    held = np.full((x.shape[1], 1), penalty)
    held[-1] = 0  # the offset goes where it likes
    rate = 1 / (curvature * float(np.linalg.eigvalsh((x * share).T @ x)[-1]) + penalty)
    at = ahead = np.zeros((x.shape[1], outputs))
    momentum = 1.0
    for _ in range(steps):
        slope = x.T @ (share * errors(x @ ahead)) + held * ahead
        after = ahead - rate * slope
        if float((slope * (after - at)).sum()) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = after + (momentum - 1) / following * (after - at)
        at, momentum = after, following
    return LinearClassifier(mean, spread, at[:-1], at[-1])
