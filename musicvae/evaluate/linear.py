"""The linear-Gaussian code: the simple rival that every network must beat at the same bits.

Principal components of one-hot tokens, coded by reverse water-filling: with component variances
lambda_k and a distortion D, component k is worth 1/2 log2(lambda_k / D) bits where lambda_k > D and
nothing elsewhere, and a value y_k comes back as (1 - D/lambda_k) y_k + sqrt(D (1 - D/lambda_k)) eps.
It is a linear VAE at a chosen KL to N(0, I) (Cover & Thomas, "Elements of Information Theory",
section 10.3.3).

Conventions: tokens are (W, B, S) uint8 of one kind of meter; a *column* is one (position, token)
that occurs in training; C columns, K components. Rates are bits a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, VOCABULARY_SIZE, Tokens

__all__ = ["DECISIONS", "Decision", "LinearCode", "WaterFilling", "fit_linear_code"]

Floats = NDArray[np.float64]
Decision = Literal["argmax", "two-stage"]
DECISIONS: tuple[Decision, ...] = ("argmax", "two-stage")
"""How scores become a token: the highest of all, or first {hold, off, any onset} and then the pitch."""

_OVERSAMPLING = 64  # extra directions iterated on, so that the last wanted ones converge too
_BATCH_WINDOWS = 256


@dataclass(frozen=True, kw_only=True)
class WaterFilling:
    """Principal components and what a given rate makes of them, whatever the columns are.

    mean: (C,). basis: (C, K), orthonormal columns. variances: (K,), descending, of the training windows.
    total_variance: of all columns, so that the explained share is known.
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    variances: Floats
    total_variance: float

    def distortion(self, bits: float) -> float:
        """The distortion D at which training windows cost `bits` on average.

        ValueError where the kept components cannot carry that many bits, or bits <= 0.
        """
        unit = 0.5 * np.log2(np.maximum(self.variances, 1e-30))
        # With the k largest components on: bits = sum_k unit - k/2 log2 D.
        counts = np.arange(1, len(unit) + 1)
        levels = 2.0 ** (2 * (np.cumsum(unit) - bits) / counts)
        following = np.append(self.variances[1:], 0.0)
        valid = np.flatnonzero((levels < self.variances) & (levels >= following))
        if bits <= 0 or not len(valid) or (valid[0] == len(unit) - 1 and self._cut):
            raise ValueError(f"{bits:g} bits cannot be carried by {len(unit)} components; allowed are 0 < bits < {self.max_bits:.0f}")
        return float(levels[valid[0]])

    @property
    def max_bits(self) -> float:
        """Rate at which the next component, which was not kept, would be needed; infinite if none was left out."""
        if not self._cut:
            return float("inf")
        return float(0.5 * np.log2(self.variances / self.variances[-1]).sum())

    @property
    def _cut(self) -> bool:
        return bool(self.variances.sum() < self.total_variance * (1 - 1e-6))

    @property
    def _least_distortion(self) -> float:
        return float(self.variances[-1] * (1 if self._cut else 1e-6))

    def kl_bits(self, y: Floats, distortion: float) -> Floats:
        """Analytic KL to N(0, I), in bits, of each window's code: y (W, K) -> (W,).

        The code of a component is N((1 - D/lambda) y, D (1 - D/lambda)) under the prior
        N(0, lambda - D); its mean over training windows is the rate 1/2 log2(lambda / D).
        """
        on = self.variances > distortion
        variances = self.variances[on]
        share = distortion / variances
        nats = 0.5 * (share + y[:, on] ** 2 * (1 - share) / variances - 1 - np.log(share))
        return np.asarray(nats.sum(axis=1) / np.log(2), np.float64)

    def reaches(self, y: Floats, bits: float) -> bool:
        """Whether `matched_distortion` can be asked for these bits of y (W, K)."""
        return bool(len(y) and 0 < bits <= self.kl_bits(y, self._least_distortion).mean())

    def matched_distortion(self, y: Floats, bits: float) -> float:
        """The distortion at which *these* windows, y (W, K), cost `bits` on average.

        Held-out windows cost a little more or less than training windows at one distortion; codes
        are compared at equal measured bits. Nothing else is adapted. ValueError as in `distortion`.
        """
        low, high = self._least_distortion, float(self.variances[0] * (1 - 1e-9))
        if not 0 < bits <= (most := float(self.kl_bits(y, low).mean())):
            raise ValueError(f"{bits:g} bits cannot be carried by {len(self.variances)} components; allowed are 0 < bits <= {most:.0f}")
        for _ in range(60):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if self.kl_bits(y, middle).mean() > bits else (low, middle)
        return float(np.sqrt(low * high))

    def coded(self, y: Floats, distortion: float, noise: Floats | None = None) -> Floats:
        """What comes back of y (W, K) at this distortion; noise: (W, K) standard normal for a draw of the posterior, None for its mean."""
        share = np.minimum(distortion / np.maximum(self.variances, 1e-30), 1.0)
        return np.asarray((1 - share) * y + (0.0 if noise is None else np.sqrt(distortion * (1 - share)) * noise), np.float64)


@dataclass(frozen=True, kw_only=True)
class LinearCode(WaterFilling):
    """A fitted linear code of windows of one shape; columns: (B*S, 90) column of each position and token, -1 where training has none."""

    num_bars: int
    num_steps: int
    columns: NDArray[np.int64]

    def project(self, tokens: Tokens) -> Floats:
        """Component values y (W, K) of tokens (W, B, S); tokens unseen at their place count as nothing."""
        flat = self._flat(tokens)
        rows = np.concatenate([self.basis, np.zeros((1, self.basis.shape[1]), np.float32)])  # row -1: unseen
        y = np.zeros((len(flat), self.basis.shape[1]), np.float32)
        for position in range(flat.shape[1]):
            y += rows[self.columns[position, flat[:, position]]]
        return y.astype(np.float64) - self.mean.astype(np.float64) @ self.basis

    def carries(self, tokens: Tokens, bits: float) -> bool:
        """Whether `matched_distortion` can reach these bits on windows (W, B, S)."""
        return self.reaches(self.project(tokens), bits)

    def decode(self, y: Floats, distortion: float, *, decision: Decision, noise: Floats | None = None) -> Tokens:
        """Tokens (W, B, S) after coding y (W, K) at this distortion.

        noise: (W, K) standard normal for a draw from the code's posterior, None for its mean. A distortion of 0
        codes without loss (the plain PCA reconstruction).
        """
        if decision not in DECISIONS:
            raise ValueError(f"unknown decision {decision!r}; allowed are {', '.join(DECISIONS)}")
        z = self.coded(y, distortion, noise)
        used = np.flatnonzero(self.variances > distortion)
        basis = np.ascontiguousarray(self.basis[:, used].T)
        places = np.nonzero(self.columns >= 0)
        order = self.columns[places]
        parts = [np.zeros((0, len(self.columns)), np.uint8)]
        for start in range(0, len(z), _BATCH_WINDOWS):
            found = z[start : start + _BATCH_WINDOWS, used].astype(np.float32) @ basis + self.mean
            scores = np.full((len(found), *self.columns.shape), -np.inf, np.float32)
            scores[:, places[0], places[1]] = found[:, order]
            parts.append(_decide(scores, decision))
        return np.concatenate(parts).reshape(-1, self.num_bars, self.num_steps)

    def _flat(self, tokens: Tokens) -> Tokens:
        if tokens.shape[1:] != (self.num_bars, self.num_steps):
            shape = (self.num_bars, self.num_steps)
            raise ValueError(f"this code is of windows {shape} (bars, steps), got {tokens.shape[1:]}: other meter?")
        return tokens.reshape(len(tokens), -1)


def _decide(scores: NDArray[np.float32], decision: Decision) -> Tokens:
    """Scores (W, P, 90), -inf where a token never occurs -> tokens (W, P)."""
    if decision == "argmax":
        return np.asarray(scores.argmax(axis=2), np.uint8)
    onsets = scores[:, :, FIRST_PITCH_TOKEN:]
    onset = np.where(np.isfinite(onsets), onsets, 0).sum(axis=2)
    onset[~np.isfinite(onsets).any(axis=2)] = -np.inf
    first = np.stack([scores[:, :, HOLD], scores[:, :, NOTE_OFF], onset], axis=2).argmax(axis=2)
    return np.asarray(np.where(first == 2, onsets.argmax(axis=2) + FIRST_PITCH_TOKEN, first), np.uint8)


def fit_linear_code(tokens: Tokens, *, components: int = 1024, min_count: int = 5, iterations: int = 10, seed: int = 0) -> LinearCode:
    """Fit the code on training windows, tokens (W, B, S) uint8 of one kind of meter.

    Columns that occur in fewer than `min_count` windows are left out: their variance is negligible
    and they double the work. The eigenvectors come from subspace iteration on the covariance, which
    is counted from pairs of positions without ever holding a one-hot matrix (Halko, Martinsson & Tropp, 2011,
    algorithm 4.4). At most as many components as columns are kept. ValueError for fewer than 2 windows.
    """
    if tokens.ndim != 3 or len(tokens) < 2:
        raise ValueError(f"a linear code needs at least 2 windows of shape (windows, bars, steps), got {tokens.shape}")
    flat = tokens.reshape(len(tokens), -1)
    counts = np.stack([np.bincount(column, minlength=VOCABULARY_SIZE) for column in flat.T])
    places = counts >= min(min_count, len(tokens))
    columns = np.full(counts.shape, -1, np.int64)
    columns[places] = np.arange(int(places.sum()))
    mean = counts[places] / len(flat)
    covariance = _covariance(flat, columns, mean)
    basis, variances = _leading_eigenvectors(covariance, min(components, len(mean)), iterations, np.random.default_rng(seed))
    return LinearCode(
        num_bars=tokens.shape[1], num_steps=tokens.shape[2], columns=columns, mean=mean.astype(np.float32), basis=basis,
        variances=variances, total_variance=float(np.trace(covariance, dtype=np.float64)),
    )  # fmt: skip


def _covariance(flat: Tokens, columns: NDArray[np.int64], mean: Floats) -> NDArray[np.float32]:
    """Covariance (C, C) of the one-hot columns of flat (W, P)."""
    widths = (columns >= 0).sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(widths)])
    # Rank of each token among its position's columns; those left out share one extra rank, cut off below.
    local = np.stack([np.where(c >= 0, c - s, w)[column] for c, s, w, column in zip(columns, starts[:-1], widths, flat.T, strict=True)])
    local = local.astype(np.int32)
    joint = np.empty((len(mean), len(mean)), np.float32)
    for p in range(len(local)):
        here = slice(starts[p], starts[p + 1])
        for q in range(p, len(local)):
            wide = int(widths[q]) + 1
            table = np.bincount(local[p] * np.int32(wide) + local[q], minlength=(int(widths[p]) + 1) * wide)
            block = table.reshape(-1, wide)[:-1, :-1] / flat.shape[0]
            there = slice(starts[q], starts[q + 1])
            block = block - np.outer(mean[here], mean[there])
            joint[here, there] = block
            joint[there, here] = block.T
    return joint


def _leading_eigenvectors(
    covariance: NDArray[np.float32], components: int, iterations: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Floats]:
    """The largest eigenvalues (K,), descending, and their eigenvectors (C, K)."""
    size = min(len(covariance), components + _OVERSAMPLING)
    q = rng.standard_normal((len(covariance), size), np.float32)
    for _ in range(iterations):
        q = np.linalg.qr(covariance @ np.linalg.qr(q)[0])[0]
    values, vectors = np.linalg.eigh(q.T @ (covariance @ q))
    order = np.argsort(values)[::-1][:components]
    order = order[values[order] > 1e-7 * max(float(values.max()), 0.0)]
    return np.ascontiguousarray(q @ vectors[:, order]).astype(np.float32), values[order].astype(np.float64)
