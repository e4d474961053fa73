"""How well beats come back from their codes, at what rate, beside rest, the commonest bar and the linear code of hits.

Conventions: bits are the mean analytic KL to N(0, I) of the windows that a figure is about. Decoding is *free-running*: the decoder is
fed what it wrote itself. A step is right when all nine classes are; hit F1 counts exact class and step, micro-averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.metrics import Agreement, Estimate, bootstrap, f1_score, mean_estimate, pooled_f1, pooled_step_accuracy
from musicvae.evaluate.pieces.hit_code import HitCode, best_guesses, commonest_bar, fit_hit_code
from musicvae.evaluate.pieces.hits import Flags, hit_agreement
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.windows import PieceCodec, PiecePosterior, PieceWindows
from musicvae.evaluate.reconstruction import ACTIVE_NATS, ACTIVE_VARIANCE
from musicvae.evaluate.table import Section

__all__ = ["LENGTHS", "BeatRow", "HitGainRow", "activity_row", "beat_row", "sections"]

Floats = NDArray[np.float64]
LENGTHS = (2, 4, 16)
"""Bars of the windows that are measured, where the network takes them."""
_RATES = {2: (48.0, 64.0, 96.0, 128.0), 4: (96.0, 128.0, 192.0, 256.0), 16: (128.0, 256.0, 512.0)}
"""Bits at which the linear code is listed besides the model's own, by bars."""
_MEAN, _DRAWN = "model, z at the mean", "model, z drawn"


@dataclass(frozen=True)
class BeatRow:
    """One code of the test windows of one length, decoded one way."""

    bars: int
    code: str
    decoding: str
    bits: float
    step_accuracy: Estimate
    hit_f1: Estimate
    hit_f1_by_window: Estimate


@dataclass(frozen=True)
class HitGainRow:
    """Figures of the model (greedy) minus those of the linear code at the same measured bits, each at its own best threshold."""

    bars: int
    code: str
    bits: float
    model_step_accuracy: float
    linear_step_accuracy: float
    step_accuracy_gain: Estimate
    model_f1: float
    linear_f1: float
    f1_gain: Estimate


@dataclass(frozen=True)
class BeatActivityRow:
    """Active latent dimensions of windows of one length: variance of mu > 0.01 and mean KL > 0.05 nat."""

    bars: int
    bits: float
    dimensions: int
    active: int
    active_share: float
    bits_of_the_piece: float
    bits_a_bar: float


def sections(job: Job) -> Iterator[Section]:
    """Reconstruction, the gain over the linear code, refined codes and active dimensions, each over all lengths."""
    rows: list[BeatRow] = []
    gains: list[HitGainRow] = []
    refined: list[BeatRow] = []
    active: list[BeatActivityRow] = []
    for bars in job.lengths(LENGTHS):
        windows = job.windows(bars=bars)
        if not len(windows):
            continue
        train = job.windows("train", bars=bars, hop=1)
        codec = job.codec(f"reconstruction of {bars} bars")
        posterior = codec.encode(windows)
        truth = codec.hits(windows.columns)
        known = codec.hits(train.columns)
        rows += _simple_rows(windows, truth, known)
        job.tell(f"linear code of {bars} bars")
        linear = fit_hit_code(known, components=job.effort.components) if len(train) > 1 else None
        found = _model_rows(codec, posterior, truth, linear, job.seed)
        rows += found[0]
        gains += found[1]
        refined += _refined_rows(codec, posterior, job)
        active.append(activity_row(posterior, bars, job))
    yield Section("reconstruction", "Reconstruction", _RECONSTRUCTION, rows)
    yield Section("gain", "Above the linear code at the same bits", _GAIN, gains)
    yield Section("refined", "Reconstruction with encode-time refinement", _REFINED, refined)
    yield Section("activity", "Active latent dimensions", _ACTIVITY, active)


def beat_row(windows: PieceWindows, counts: Agreement, code: str, decoding: str, bits: float) -> BeatRow:
    """The row of these counts, with intervals over tunes."""
    accuracy, f1 = pooled_step_accuracy(counts, windows.tunes), pooled_f1(counts, windows.tunes)
    return BeatRow(windows.bars, code, decoding, bits, accuracy, f1, mean_estimate(counts.window_f1, windows.tunes))


def activity_row(posterior: PiecePosterior, bars: int, job: Job) -> BeatActivityRow:
    """Active dimensions among those that windows of this length use."""
    used = job.engine.z_used(bars)
    nats, variance = posterior.kl_nats[:, :used].mean(axis=0), posterior.mu[:, :used].var(axis=0)
    active = int(((variance > ACTIVE_VARIANCE) & (nats > ACTIVE_NATS)).sum())
    # The block of the piece is what is there whatever the number of bars.
    own = used if job.engine.fixed_window or bars < 2 else 2 * job.engine.z_used(1) - job.engine.z_used(2)
    bits = nats / np.log(2)
    return BeatActivityRow(bars, float(bits.sum()), used, active, active / used, float(bits[:own].sum()), float(bits[own:].sum() / bars))


def _simple_rows(windows: PieceWindows, truth: Flags, train: Flags) -> list[BeatRow]:
    guesses = {"always rest": np.zeros_like(truth), "commonest bar": np.broadcast_to(commonest_bar(train), truth.shape)}
    return [beat_row(windows, hit_agreement(truth, guess), name, "-", 0.0) for name, guess in guesses.items()]


def _model_rows(
    codec: PieceCodec, posterior: PiecePosterior, truth: Flags, linear: HitCode | None, seed: int
) -> tuple[list[BeatRow], list[HitGainRow]]:
    windows = posterior.windows
    rng = np.random.default_rng([seed, windows.bars])
    y = None if linear is None else linear.project(truth)
    noises = {_MEAN: None, _DRAWN: None if y is None else rng.standard_normal(y.shape)}
    rows, gains = [], []
    for code, z in ((_MEAN, posterior.mu), (_DRAWN, posterior.sample(rng))):
        greedy = hit_agreement(truth, codec.hits(codec.decode(z, bars=windows.bars)))
        seeds = piece_seeds(seed, len(windows))
        drawn = hit_agreement(truth, codec.hits(codec.decode(z, bars=windows.bars, temperature=1.0, seeds=seeds)))
        rows += [beat_row(windows, greedy, code, "greedy", posterior.bits), beat_row(windows, drawn, code, "temperature 1", posterior.bits)]
        if linear is not None and y is not None and _carries(linear, y, posterior.bits):
            found, best = _linear_rows(linear, windows, truth, y, posterior.bits, noises[code])
            rows += found
            gains.append(_gain(windows, code, posterior.bits, greedy, best))
    for bits in _RATES.get(windows.bars, ()):
        for noise in noises.values():
            if linear is not None and y is not None and _carries(linear, y, bits):
                rows += _linear_rows(linear, windows, truth, y, bits, noise)[0]
    return rows, gains


def _carries(linear: HitCode, y: Floats, bits: float) -> bool:
    try:
        linear.matched_distortion(y, bits)
    except ValueError:
        return False
    return True


def _linear_rows(
    linear: HitCode, windows: PieceWindows, truth: Flags, y: Floats, bits: float, noise: Floats | None
) -> tuple[list[BeatRow], dict[str, Agreement]]:
    """The linear code at these bits, a row for each threshold that is best by one of the two figures."""
    distortion = linear.matched_distortion(y, bits)
    best = best_guesses(truth, linear.scores(y, distortion, noise=noise))
    name = f"linear code, z {'at the mean' if noise is None else 'drawn'}"
    chosen = {threshold: counts for threshold, counts in best.values()}
    rows = [beat_row(windows, counts, name, f"above {threshold:.2f}", bits) for threshold, counts in chosen.items()]
    return rows, {figure: counts for figure, (_, counts) in best.items()}


def _gain(windows: PieceWindows, code: str, bits: float, model: Agreement, best: dict[str, Agreement]) -> HitGainRow:
    by_f1, by_steps = best["hit F1"], best["step accuracy"]
    steps = np.stack([model.equal_steps - by_steps.equal_steps, model.steps], axis=1).astype(np.float64)
    hits = [c for counts in (model, by_f1) for c in (counts.common_onsets, counts.true_onsets, counts.guessed_onsets)]

    def f1_gain(sums: Floats) -> Floats:
        return f1_score(sums[:, 0], sums[:, 1], sums[:, 2]) - f1_score(sums[:, 3], sums[:, 4], sums[:, 5])

    return HitGainRow(
        windows.bars, code, bits, model.step_accuracy, by_steps.step_accuracy,
        bootstrap(steps, windows.tunes, lambda sums: sums[:, 0] / sums[:, 1]),
        model.f1, by_f1.f1, bootstrap(np.stack(hits, axis=1).astype(np.float64), windows.tunes, f1_gain),
    )  # fmt: skip


def _refined_rows(codec: PieceCodec, posterior: PiecePosterior, job: Job) -> Sequence[BeatRow]:
    if not job.effort.refine_steps:
        return []
    chosen = np.sort(np.random.default_rng([job.seed, 1]).permutation(len(posterior.windows))[: job.effort.refine_windows])
    windows = posterior.windows.take(chosen)
    part = PiecePosterior(windows, posterior.mu[chosen], posterior.sigma[chosen])
    rows = []
    for steps in (0, job.effort.refine_steps):
        z = codec.refine(part.mu, windows, steps=steps) if steps else part.mu
        counts = hit_agreement(codec.hits(windows.columns), codec.hits(codec.decode(z, bars=windows.bars)))
        rows.append(beat_row(windows, counts, f"model, z refined {steps} steps", "greedy", part.moved(z).bits))
    return rows


_RECONSTRUCTION = (
    "Held-out windows encoded and decoded free-running, from the posterior's mean or one draw from it. A step is right when all nine "
    "classes are; hit F1 counts exact class and step, micro-averaged over windows. KL bits: mean analytic KL to N(0, I) of a window. The "
    "linear code (principal components of hits with reverse water-filling, fitted on training windows) stands at the model's own bits and "
    "at some round numbers, with those of its thresholds that suit each figure best on the very windows. The commonest bar is that of "
    "training beats."
)
_GAIN = (
    "The model, greedy, minus the linear code at equal measured bits on the same test windows, each figure at the linear code's best "
    "threshold for it."
)
_REFINED = (
    "Gradient steps on z at encode time; the same windows with 0 steps beside them. KL bits: of the posterior moved to the refined mean, "
    "its spread kept."
)
_ACTIVITY = (
    "Active: variance of mu over test windows above 0.01 and mean KL above 0.05 nat. Bits of the block of z that stands for the whole "
    "piece, and of each bar's."
)
