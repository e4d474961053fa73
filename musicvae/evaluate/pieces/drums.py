"""How well beats come back from their codes, at what rate, beside rest, the commonest bar and the linear code of hits.

Conventions: bits are the mean analytic KL to N(0, I) of the windows that a figure is about. Decoding is *free-running*: the decoder is
fed what it wrote itself. A step is right when all nine classes are; hit F1 counts exact class and step, micro-averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import Posterior, piece_seeds
from musicvae.evaluate.metrics import Agreement, Estimate, bootstrap, f1_score, mean_estimate, pooled_f1, pooled_step_accuracy
from musicvae.evaluate.pieces.hit_code import HitCode, best_guesses, commonest_bar, fit_hit_code
from musicvae.evaluate.pieces.hits import Flags, hit_agreement
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows
from musicvae.evaluate.reconstruction import ACTIVE_NATS, ACTIVE_VARIANCE
from musicvae.evaluate.table import Section
from musicvae.music.drum_maps import drum_map

__all__ = ["LENGTHS", "BeatRow", "ClassF1Row", "HitGainRow", "activity_row", "beat_row", "class_f1", "sections"]

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
class ClassF1Row:
    """Hit F1 of each class of drums, greedy."""

    bars: int
    code: str
    bits: float
    f1: Mapping[str, float]


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
    """Reconstruction, the gain over the linear code, F1 by class, refined codes and active dimensions, each over all lengths."""
    found = _Found()
    for bars in job.lengths(LENGTHS):
        windows = job.windows(bars=bars)
        if not len(windows):
            continue
        codec = job.codec(f"reconstruction of {bars} bars")
        truth, train = (codec.hits(part.columns) for part in (windows, job.windows("train", bars=bars, hop=1)))
        posterior = codec.encode(windows)
        found.rows += _simple_rows(windows, truth, train)
        job.tell(f"linear code of {bars} bars")
        _measure(found, codec, posterior, _Rival.fitted(windows, truth, train, job.effort.components, job.seed), job.seed)
        found.refined += _refined_rows(codec, posterior, job)
        found.active.append(activity_row(posterior, bars, job))
    yield Section("reconstruction", "Reconstruction", _RECONSTRUCTION, found.rows)
    yield Section("gain", "Above the linear code at the same bits", _GAIN, found.gains)
    yield Section("class_f1", "Hit F1 by class", _CLASSES, found.classes)
    yield Section("refined", "Reconstruction with encode-time refinement", _REFINED, found.refined)
    yield Section("activity", "Active latent dimensions", _ACTIVITY, found.active)


def class_f1(truth: Flags, guess: Flags, names: Sequence[str]) -> dict[str, float]:
    """Hit F1 of each class of drums by its name, micro-averaged; NaN for a class that neither has."""
    common, true, guessed = (part.sum(axis=(0, 1, 2)) for part in (truth & guess, truth, guess))
    f1 = np.where(true + guessed > 0, f1_score(common, true, guessed), np.nan)
    return dict(zip(names, f1.tolist(), strict=True))


def beat_row(windows: PieceWindows, counts: Agreement, code: str, decoding: str, bits: float) -> BeatRow:
    """The row of these counts, with intervals over tunes."""
    accuracy, f1 = pooled_step_accuracy(counts, windows.tunes), pooled_f1(counts, windows.tunes)
    return BeatRow(windows.bars, code, decoding, bits, accuracy, f1, mean_estimate(counts.window_f1, windows.tunes))


def activity_row(posterior: Posterior[PieceWindows], bars: int, job: Job) -> BeatActivityRow:
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


@dataclass(frozen=True, eq=False)
class _Rival:
    """The linear code on the test windows: its component values y (W, K), and noise for a draw of each."""

    linear: HitCode
    windows: PieceWindows
    truth: Flags
    y: Floats
    noise: Floats

    @classmethod
    def fitted(cls, windows: PieceWindows, truth: Flags, train: Flags, components: int | None, seed: int) -> _Rival | None:
        """Fitted on training hits; None for fewer than two windows of them."""
        if len(train) < 2:
            return None
        linear = fit_hit_code(train, components=components)
        y = linear.project(truth)
        return cls(linear, windows, truth, y, np.random.default_rng([seed, windows.bars, 1]).standard_normal(y.shape))

    def rows(self, bits: float, *, is_drawn: bool) -> tuple[list[BeatRow], dict[str, Flags]]:
        """At these bits a row for each threshold that is best by one of the figures, and the hits by figure; none out of reach."""
        if not self.linear.reaches(self.y, bits):
            return [], {}
        distortion = self.linear.matched_distortion(self.y, bits)
        scores = self.linear.scores(self.y, distortion, noise=self.noise if is_drawn else None)
        best = best_guesses(self.truth, scores)
        name = f"linear code, z {'drawn' if is_drawn else 'at the mean'}"
        chosen = {threshold: counts for threshold, counts in best.values()}
        rows = [beat_row(self.windows, counts, name, f"above {threshold:.2f}", bits) for threshold, counts in chosen.items()]
        return rows, {figure: scores > threshold for figure, (threshold, _) in best.items()}


@dataclass
class _Found:
    """What fills as the lengths are gone through."""

    rows: list[BeatRow] = field(default_factory=list)
    gains: list[HitGainRow] = field(default_factory=list)
    classes: list[ClassF1Row] = field(default_factory=list)
    refined: list[BeatRow] = field(default_factory=list)
    active: list[BeatActivityRow] = field(default_factory=list)


def _measure(found: _Found, codec: PieceCodec, posterior: Posterior[PieceWindows], rival: _Rival | None, seed: int) -> None:
    """The model's rows of one length, and the linear code's at the same and at round rates."""
    windows, truth, bits = posterior.windows, codec.hits(posterior.windows.columns), posterior.bits
    names = drum_map(codec.engine.drum_map).names
    rng, seeds = np.random.default_rng([seed, windows.bars]), piece_seeds(seed, len(windows))
    for code, z in ((_MEAN, posterior.mu), (_DRAWN, posterior.sample(rng))):
        greedy = codec.hits(codec.decode(z, bars=windows.bars))
        drawn = codec.hits(codec.decode(z, bars=windows.bars, temperature=1.0, seeds=seeds))
        for hits, decoding in ((greedy, "greedy"), (drawn, "temperature 1")):
            found.rows.append(beat_row(windows, hit_agreement(truth, hits), code, decoding, bits))
        found.classes.append(ClassF1Row(windows.bars, code, bits, class_f1(truth, greedy, names)))
        rows, best = rival.rows(bits, is_drawn=code == _DRAWN) if rival else ([], {})
        found.rows += rows
        if best:
            found.classes.append(ClassF1Row(windows.bars, rows[0].code, bits, class_f1(truth, best["hit F1"], names)))
            found.gains.append(_gain(windows, code, bits, *(hit_agreement(truth, x) for x in (greedy, *best.values()))))
    for rate in _RATES.get(windows.bars, ()) if rival else ():
        for is_drawn in (False, True):
            found.rows += rival.rows(rate, is_drawn=is_drawn)[0] if rival else []


def _gain(windows: PieceWindows, code: str, bits: float, model: Agreement, by_f1: Agreement, by_steps: Agreement) -> HitGainRow:
    """The model's counts beside those of the linear code at its best thresholds for F1 and for step accuracy."""
    steps = np.stack([model.equal_steps - by_steps.equal_steps, model.steps], axis=1).astype(np.float64)
    hits = [c for counts in (model, by_f1) for c in (counts.common_onsets, counts.true_onsets, counts.guessed_onsets)]

    def f1_gain(sums: Floats) -> Floats:
        return f1_score(sums[:, 0], sums[:, 1], sums[:, 2]) - f1_score(sums[:, 3], sums[:, 4], sums[:, 5])

    return HitGainRow(
        windows.bars, code, bits, model.step_accuracy, by_steps.step_accuracy,
        bootstrap(steps, windows.tunes, lambda sums: sums[:, 0] / sums[:, 1]),
        model.f1, by_f1.f1, bootstrap(np.stack(hits, axis=1).astype(np.float64), windows.tunes, f1_gain),
    )  # fmt: skip


def _refined_rows(codec: PieceCodec, posterior: Posterior[PieceWindows], job: Job) -> Sequence[BeatRow]:
    if not job.effort.refine_steps:
        return []
    chosen = np.sort(np.random.default_rng([job.seed, 1]).permutation(len(posterior.windows))[: job.effort.refine_windows])
    windows = posterior.windows.take(chosen)
    part = Posterior(windows, posterior.mu[chosen], posterior.sigma[chosen])
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
_CLASSES = "Of the greedy decodings above, and of the linear code at the same bits with its best threshold for all classes together."
_REFINED = (
    "Gradient steps on z at encode time; the same windows with 0 steps beside them. KL bits: of the posterior moved to the refined mean, "
    "its spread kept."
)
_ACTIVITY = (
    "Active: variance of mu over test windows above 0.01 and mean KL above 0.05 nat. Bits of the block of z that stands for the whole "
    "piece, and of each bar's."
)
