"""What two sets of tokens have in common, and how sure a figure is.

Conventions: `truth` and `guess` are (W, B, S) uint8 tokens of W windows; an onset is a (window,
bar, step, pitch), so a note counts only at its exact pitch and step. Micro-averages sum the counts
of all windows before dividing. Intervals are percentile bootstraps over *tunes*: windows of one
tune are not independent, so whole tunes are drawn again with replacement. Undefined figures are
NaN, never 0; each function says when that is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["Agreement", "Estimate", "agreement", "bootstrap", "f1_score", "mean_estimate", "pooled_f1", "pooled_step_accuracy", "spearman"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval over tunes, and from how many windows and tunes it comes."""

    value: float
    low: float
    high: float
    num_windows: int
    num_tunes: int


@dataclass(frozen=True)
class Agreement:
    """Counts by window, each (W,): steps that agree, all steps, onsets in both, in truth, in guess."""

    equal_steps: NDArray[np.int64]
    steps: NDArray[np.int64]
    common_onsets: NDArray[np.int64]
    true_onsets: NDArray[np.int64]
    guessed_onsets: NDArray[np.int64]

    @property
    def step_accuracy(self) -> float:
        """Share of steps with the very same token; NaN without steps."""
        return _ratio(self.equal_steps.sum(), self.steps.sum())

    @property
    def precision(self) -> float:
        """Share of guessed onsets that are true; NaN where none was guessed."""
        return _ratio(self.common_onsets.sum(), self.guessed_onsets.sum())

    @property
    def recall(self) -> float:
        """Share of true onsets that were guessed; NaN where there are none."""
        return _ratio(self.common_onsets.sum(), self.true_onsets.sum())

    @property
    def f1(self) -> float:
        """Micro-averaged onset F1; 1 where neither side has an onset."""
        return float(f1_score(self.common_onsets.sum(), self.true_onsets.sum(), self.guessed_onsets.sum()))

    @property
    def window_f1(self) -> Floats:
        """Onset F1 of each window, (W,); 1 where neither side has an onset, 0 where only one has."""
        return f1_score(self.common_onsets, self.true_onsets, self.guessed_onsets)


def agreement(truth: Tokens, guess: Tokens) -> Agreement:
    """Compare guessed tokens with the true ones, both (W, B, S); ValueError if the shapes differ."""
    if truth.shape != guess.shape or truth.ndim != 3:
        raise ValueError(f"truth {truth.shape} and guess {guess.shape} must have one shape (windows, bars, steps): other meter or bars?")
    equal = truth == guess
    true_onset, guessed_onset = truth >= FIRST_PITCH_TOKEN, guess >= FIRST_PITCH_TOKEN

    def per_window(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.asarray(mask.sum(axis=(1, 2)), np.int64)

    steps = np.full(len(truth), truth.shape[1] * truth.shape[2], np.int64)
    return Agreement(per_window(equal), steps, per_window(equal & true_onset), per_window(true_onset), per_window(guessed_onset))


def f1_score(common: ArrayLike, true: ArrayLike, guessed: ArrayLike) -> Floats:
    """Harmonic mean of precision and recall, 2 common / (true + guessed); 1 where both are empty."""
    common, total = np.asarray(common, np.float64), np.asarray(true, np.float64) + np.asarray(guessed, np.float64)
    return np.where(total > 0, 2 * common / np.maximum(total, 1), 1.0)


def bootstrap(
    sums: Floats,
    tunes: ArrayLike,
    statistic: Callable[[Floats], Floats],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Estimate a statistic of column sums with a 95 % percentile interval over tunes.

    sums: (W, K), one row of addable counts a window. tunes: (W,) any labels; windows with one label
    are drawn together. statistic: (R, K) sums -> (R,). Deterministic for a seed. Without windows
    everything is NaN; with a single tune the interval is NaN, since nothing can be said.
    Efron & Tibshirani (1993), chapter 13, with tunes as clusters.
    """
    sums = np.asarray(sums, np.float64)
    names, group = np.unique(np.asarray(tunes), return_inverse=True)
    if len(group) != len(sums):
        raise ValueError(f"{len(sums)} windows but {len(group)} tune labels")
    if not len(sums):
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    by_tune = np.zeros((len(names), sums.shape[1]))
    np.add.at(by_tune, group.reshape(-1), sums)
    value = float(statistic(by_tune.sum(axis=0, keepdims=True))[0])
    if len(names) < 2:
        return Estimate(value, np.nan, np.nan, len(sums), len(names))
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples).astype(np.float64)
    found = statistic(draws @ by_tune)
    low, high = (np.nan, np.nan) if np.isnan(found).all() else np.nanpercentile(found, [2.5, 97.5])
    return Estimate(value, float(low), float(high), len(sums), len(names))


def mean_estimate(values: ArrayLike, tunes: ArrayLike, *, seed: int = 0) -> Estimate:
    """Mean over windows of `values` (W,) with its interval over tunes; NaN values are left out."""
    values, tunes = np.asarray(values, np.float64), np.asarray(tunes)
    known = ~np.isnan(values)
    columns = np.stack([values[known], np.ones(int(known.sum()))], axis=1)
    return bootstrap(columns, tunes[known], lambda sums: sums[:, 0] / sums[:, 1], seed=seed)


def pooled_f1(counts: Agreement, tunes: ArrayLike, *, seed: int = 0) -> Estimate:
    """Micro-averaged onset F1 with its interval over tunes (W,)."""
    columns = np.stack([counts.common_onsets, counts.true_onsets, counts.guessed_onsets], axis=1).astype(np.float64)
    return bootstrap(columns, tunes, lambda sums: f1_score(sums[:, 0], sums[:, 1], sums[:, 2]), seed=seed)


def pooled_step_accuracy(counts: Agreement, tunes: ArrayLike, *, seed: int = 0) -> Estimate:
    """Share of equal steps with its interval over tunes (W,)."""
    columns = np.stack([counts.equal_steps, counts.steps], axis=1).astype(np.float64)
    return bootstrap(columns, tunes, lambda sums: sums[:, 0] / sums[:, 1], seed=seed)


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN below 2 points or if one side is constant."""
    x, y = np.asarray(x, np.float64).reshape(-1), np.asarray(y, np.float64).reshape(-1)
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} values beside {len(y)}; ranks are compared pair by pair")
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    a, b = _ranks(x), _ranks(y)
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse.reshape(-1)], np.float64)


def _ratio(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else float("nan")
