"""Rivals of a drum model that need no network: rest, the commonest bar, and the linear-Gaussian code of hits at given bits.

The linear code is that of `evaluate.linear` with a column for each step and class; a hit is where what comes back exceeds a
threshold.
Conventions: hits are bool (W, B, 16, C). Rates are bits a window.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.linear import WaterFilling
from musicvae.evaluate.metrics import Agreement
from musicvae.evaluate.pieces.hits import Flags, hit_agreement

__all__ = ["THRESHOLDS", "HitCode", "best_guesses", "commonest_bar", "fit_hit_code"]

Floats = NDArray[np.float64]
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(5, 14))
"""Where a hit may begin, 0.25 to 0.65."""


@dataclass(frozen=True, kw_only=True)
class HitCode(WaterFilling):
    """A fitted linear code of hits of one shape (B, 16, C)."""

    shape: tuple[int, ...]

    def project(self, hits: Flags) -> Floats:
        """Component values y (W, K) of hits (W, B, 16, C); ValueError for windows of another shape."""
        if hits.shape[1:] != self.shape:
            raise ValueError(f"this code is of windows {self.shape} (bars, steps, classes), got {hits.shape[1:]}: other bars or drum map?")
        flat = hits.reshape(len(hits), -1).astype(np.float32)
        return np.asarray((flat - self.mean) @ self.basis, np.float64)

    def scores(self, y: Floats, distortion: float, *, noise: Floats | None = None) -> NDArray[np.float32]:
        """How much of a hit comes back everywhere, (W, B, 16, C), 0 to 1 give or take, after coding y (W, K).

        noise: (W, K) standard normal for a draw from the code's posterior, None for its mean.
        """
        used = np.flatnonzero(self.variances > distortion)
        found = self.coded(y, distortion, noise)[:, used].astype(np.float32) @ self.basis[:, used].T + self.mean
        return np.asarray(found, np.float32).reshape(len(y), *self.shape)


def fit_hit_code(hits: Flags, *, components: int | None = None) -> HitCode:
    """Fit the code on training windows (W, B, 16, C), of at most so many components; ValueError for fewer than 2 windows."""
    if hits.ndim != 4 or len(hits) < 2:
        raise ValueError(f"a linear code needs at least 2 windows of shape (windows, bars, steps, classes), got {hits.shape}")
    flat = hits.reshape(len(hits), -1).astype(np.float32)
    mean = flat.mean(axis=0)
    flat -= mean
    covariance = (flat.T @ flat).astype(np.float64) / len(flat)
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:components]
    order = order[values[order] > 1e-6 * max(float(values.max()), 1e-30)]
    return HitCode(
        mean=mean, basis=np.ascontiguousarray(vectors[:, order]).astype(np.float32), variances=values[order],
        total_variance=float(np.trace(covariance)), shape=hits.shape[1:],
    )  # fmt: skip


def best_guesses(truth: Flags, scores: NDArray[np.floating]) -> dict[str, tuple[float, Agreement]]:
    """The threshold of `THRESHOLDS` with the highest hit F1 and that with the highest step accuracy, each with its agreement.

    Chosen on the windows themselves, which can only flatter what the scores are from.
    """
    tried = {threshold: hit_agreement(truth, scores > threshold) for threshold in THRESHOLDS}
    by_f1 = max(tried, key=lambda threshold: tried[threshold].f1)
    by_steps = max(tried, key=lambda threshold: tried[threshold].step_accuracy)
    return {"hit F1": (by_f1, tried[by_f1]), "step accuracy": (by_steps, tried[by_steps])}


def commonest_bar(hits: Flags) -> Flags:
    """The bar (16, C) that the windows (W, B, 16, C) hold most often, empty ones left aside; the first met of equally common ones."""
    bars = hits.reshape(-1, *hits.shape[2:])
    counts = Counter(bar.tobytes() for bar in bars if bar.any())
    if not counts:
        return np.zeros(hits.shape[2:], bool)
    return np.frombuffer(counts.most_common(1)[0][0], bool).reshape(hits.shape[2:])
