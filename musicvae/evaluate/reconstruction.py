"""How well held-out windows come back from their codes, at what rate, beside the linear code.

Conventions: bits are the mean analytic KL to N(0, I) of the windows that the figure is about.
*Free-running* feeds the decoder its own tokens, *teacher-forced* the true ones. Rows of refined
codes (gradient steps on z at encode time) stand apart; their bits are the KL of the posterior moved to
the refined mean, its spread kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import Codec, Posterior, Windows, piece_seeds
from musicvae.evaluate.linear import DECISIONS, LinearCode
from musicvae.evaluate.metrics import Agreement, Estimate, agreement, bootstrap, f1_score, mean_estimate, pooled_f1, pooled_step_accuracy
from musicvae.music.vocabulary import Tokens

__all__ = ["ActivityRow", "CodeRow", "DimensionList", "GainRow", "GapRow", "Reconstruction", "activity", "linear_row", "reconstruct"]

Floats = NDArray[np.float64]

ACTIVE_VARIANCE = 0.01
ACTIVE_NATS = 0.05
_MEAN, _DRAWN = "model, z at the mean", "model, z drawn"


@dataclass(frozen=True)
class CodeRow:
    """One code of one meter's test windows, decoded one way."""

    meter: str
    code: str
    decoding: str
    bits: float
    step_accuracy: Estimate
    onset_f1: Estimate
    onset_f1_by_window: Estimate


@dataclass(frozen=True)
class GapRow:
    """Teacher-forced minus free-running step accuracy, both greedy from the same z."""

    meter: str
    code: str
    bits: float
    teacher_forced: Estimate
    free_running: Estimate
    gap: Estimate


@dataclass(frozen=True)
class GainRow:
    """Onset F1 (greedy) of the model minus that of the linear code at the same measured bits.

    error_removed: the gain over what the linear code leaves, (model - linear) / (1 - linear).
    """

    meter: str
    code: str
    bits: float
    model_f1: float
    linear_f1: float
    gain: Estimate
    error_removed: float


@dataclass(frozen=True)
class ActivityRow:
    """Active latent dimensions: variance of mu over windows > 0.01 and mean KL > 0.05 nat."""

    meter: str
    bits: float
    dimensions: int
    active: int
    active_share: float
    smallest_nats: float
    largest_nats: float


@dataclass(frozen=True)
class DimensionList:
    """Mean KL in nats and variance of mu of every latent dimension, both (Z,), over `num_windows` windows."""

    meter: str
    num_windows: int
    nats: tuple[float, ...]
    mu_variance: tuple[float, ...]


@dataclass(frozen=True)
class Reconstruction:
    """Everything measured on one meter's windows; the refined rows stand apart."""

    rows: tuple[CodeRow, ...]
    refined: tuple[CodeRow, ...]
    gaps: tuple[GapRow, ...]
    gains: tuple[GainRow, ...]


def reconstruct(
    codec: Codec,
    posterior: Posterior[Windows],
    linear: LinearCode | None,
    *,
    rates: Sequence[float] = (64, 128, 256),
    refine_steps: Sequence[int] = (),
    refine_windows: int = 256,
    seed: int = 0,
) -> Reconstruction:
    """Measure the model, always-hold and the linear code (None: leave it out) on encoded test windows.

    rates: bits at which the linear code is listed besides the model's own; rates that its components
    cannot carry are left out, the model's own included. refine_steps: one row
    each, on the first `refine_windows` windows drawn at random, beside the unrefined figure of the same windows.
    """
    windows = posterior.windows
    rng = np.random.default_rng([seed, windows.kind])
    noises = {_MEAN: None, _DRAWN: None if linear is None else rng.standard_normal((len(windows), len(linear.variances)))}
    hold = np.zeros_like(windows.tokens)
    rows = [_row(windows, hold, "always hold", "-", 0.0)]
    gaps, gains = [], []
    for code, z in ((_MEAN, posterior.mu), (_DRAWN, posterior.sample(rng))):
        greedy = codec.decode(z, kind=windows.kind, bars=windows.bars)
        drawn = codec.decode(z, kind=windows.kind, bars=windows.bars, temperature=1.0, seeds=piece_seeds(seed, len(windows)))
        rows += [_row(windows, greedy, code, "greedy", posterior.bits), _row(windows, drawn, code, "temperature 1", posterior.bits)]
        gaps.append(_gap(windows, codec.teacher_forced(z, windows), greedy, code, posterior.bits))
        if linear is not None and linear.carries(windows.tokens, posterior.bits):
            row, counts = linear_row(linear, windows, posterior.bits, noise=noises[code])
            rows.append(row)
            gains.append(_gain(windows, agreement(windows.tokens, greedy), counts, code, posterior.bits))
    for bits in rates:
        if linear is not None and linear.carries(windows.tokens, bits):
            rows += [linear_row(linear, windows, bits, noise=noise)[0] for noise in noises.values()]
    refined = _refined_rows(codec, posterior, refine_steps, refine_windows, rng)
    return Reconstruction(tuple(rows), tuple(refined), tuple(gaps), tuple(gains))


def linear_row(code: LinearCode, windows: Windows, bits: float, *, noise: Floats | None) -> tuple[CodeRow, Agreement]:
    """The linear code at these measured bits, with whichever token decision gives the higher onset F1.

    The choice is made on the windows themselves, which can only flatter this baseline. noise (W, K):
    for a draw from its posterior; None for the mean. Where the code cannot carry the bits, ValueError.
    """
    y = code.project(windows.tokens)
    distortion = code.matched_distortion(y, bits)
    guesses = {decision: code.decode(y, distortion, decision=decision, noise=noise) for decision in DECISIONS}
    counts = {decision: agreement(windows.tokens, guess) for decision, guess in guesses.items()}
    best = max(DECISIONS, key=lambda decision: counts[decision].f1)
    name = "linear code, z at the mean" if noise is None else "linear code, z drawn"
    return _row(windows, guesses[best], name, f"greedy, {best}", float(code.kl_bits(y, distortion).mean())), counts[best]


def activity(posteriors: Sequence[Posterior[Windows]]) -> tuple[tuple[ActivityRow, ...], tuple[DimensionList, ...]]:
    """Active dimensions of each meter and, first, of all windows together (meters weighted alike).

    Every meter gets the same weight, so that the figure does not depend on how many windows each has.
    """
    parts = [p for p in posteriors if len(p.windows)]
    if not parts:
        return (), ()
    nats = [p.kl_nats.mean(axis=0) for p in parts]
    means = [p.mu.mean(axis=0) for p in parts]
    variances = [p.mu.var(axis=0) for p in parts]
    # Law of total variance over equally weighted meters.
    pooled = np.mean(variances, axis=0) + np.var(means, axis=0)
    table = [("all", sum(len(p.windows) for p in parts), np.mean(nats, axis=0), pooled)]
    table += [(p.windows.meter, len(p.windows), n, v) for p, n, v in zip(parts, nats, variances, strict=True)]
    rows, lists = [], []
    for meter, count, kl, variance in table:
        active = int(((variance > ACTIVE_VARIANCE) & (kl > ACTIVE_NATS)).sum())
        bits = float(kl.sum() / np.log(2))
        rows.append(ActivityRow(meter, bits, len(kl), active, active / len(kl), float(kl.min()), float(kl.max())))
        lists.append(DimensionList(meter, count, tuple(map(float, kl)), tuple(map(float, variance))))
    return tuple(rows), tuple(lists)


def _refined_rows(
    codec: Codec, posterior: Posterior[Windows], refine_steps: Sequence[int], limit: int, rng: np.random.Generator
) -> list[CodeRow]:
    if not refine_steps or not len(posterior.windows):
        return []
    chosen = np.sort(rng.permutation(len(posterior.windows))[:limit])
    windows = posterior.windows.take(chosen)
    part = Posterior(windows, posterior.mu[chosen], posterior.sigma[chosen])
    rows = []
    for steps in (0, *refine_steps):
        z = codec.refine(part.mu, windows, steps=steps) if steps else part.mu
        greedy = codec.decode(z, kind=windows.kind, bars=windows.bars)
        rows.append(_row(windows, greedy, f"model, z refined {steps} steps", "greedy", part.moved(z).bits))
    return rows


def _row(windows: Windows, guess: Tokens, code: str, decoding: str, bits: float) -> CodeRow:
    counts = agreement(windows.tokens, guess)
    accuracy, f1 = pooled_step_accuracy(counts, windows.tunes), pooled_f1(counts, windows.tunes)
    return CodeRow(windows.meter, code, decoding, bits, accuracy, f1, mean_estimate(counts.window_f1, windows.tunes))


def _gap(windows: Windows, forced: Tokens, free: Tokens, code: str, bits: float) -> GapRow:
    with_teacher, alone = agreement(windows.tokens, forced), agreement(windows.tokens, free)
    columns = np.stack([with_teacher.equal_steps - alone.equal_steps, alone.steps], axis=1).astype(np.float64)
    gap = bootstrap(columns, windows.tunes, lambda sums: sums[:, 0] / sums[:, 1])
    return GapRow(
        windows.meter, code, bits, pooled_step_accuracy(with_teacher, windows.tunes), pooled_step_accuracy(alone, windows.tunes), gap
    )


def _gain(windows: Windows, model: Agreement, linear: Agreement, code: str, bits: float) -> GainRow:
    columns = [c for counts in (model, linear) for c in (counts.common_onsets, counts.true_onsets, counts.guessed_onsets)]
    gain = bootstrap(
        np.stack(columns, axis=1).astype(np.float64),
        windows.tunes,
        lambda sums: f1_score(sums[:, 0], sums[:, 1], sums[:, 2]) - f1_score(sums[:, 3], sums[:, 4], sums[:, 5]),
    )
    left = 1 - linear.f1
    return GainRow(windows.meter, code, bits, model.f1, linear.f1, gain, gain.value / left if left else float("nan"))
