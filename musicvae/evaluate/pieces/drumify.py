"""How much of a beat comes back from its taps alone: hit F1 of what the model makes of them, beside simple rules.

Conventions: a tap is a step with any hit. Step accuracy and hit F1 as in `evaluate.pieces.drums`. The model is told taps and their
timing; z is not told anything of the beat but where a row says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.grooving.expecting import ExpectingEngine, best_threshold, hit_chances, likely_hits
from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.metrics import Agreement, Estimate, bootstrap, pooled_f1, pooled_step_accuracy
from musicvae.evaluate.pieces.classifiers import LinearClassifier, fit_flags
from musicvae.evaluate.pieces.drums import activity_row
from musicvae.evaluate.pieces.hits import Flags, hit_agreement
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.windows import PieceWindows, told_of
from musicvae.evaluate.table import Section

__all__ = ["LENGTHS", "TapRow", "sections", "tap_features"]

LENGTHS = (2, 4, 16)
_AROUND = 16  # steps before and after a tap that the linear rival hears
_MOST_TAPS = 60_000  # that it is fitted on
_EVEN = 0.5
_REGRESSION = "logistic regression on taps"


@dataclass(frozen=True)
class TapRow:
    """One way of turning taps into a beat; bits: what is told beside the taps. taps_kept: share of steps with hits just where taps are."""

    bars: int
    way: str
    decoding: str
    bits: float
    hit_f1: Estimate
    step_accuracy: Estimate
    taps_kept: Estimate


def sections(job: Job) -> Iterator[Section]:
    """Beats from taps, and how z is used, over all lengths."""
    rows: list[TapRow] = []
    active = []
    for bars in job.lengths(LENGTHS):
        windows = job.windows(bars=bars)
        if not len(windows):
            continue
        codec = job.codec(f"beats of {bars} bars from taps")
        truth = codec.hits(windows.columns)
        job.tell(f"linear regression on taps of {bars} bars")
        rival = _Rival.fitted(codec.hits(job.windows("train", bars=bars, hop=1).columns), job.seed)
        rows += _simple_rows(windows, truth, rival)
        held = codec.hits(job.windows("validation", bars=bars).columns)
        if len(held):
            threshold = best_threshold(held, rival.chances(held))[0]
            found = likely_hits(rival.chances(truth), threshold)
            rows.append(_row(windows, truth, found, _REGRESSION, f"above {threshold:g}", 0.0))
        posterior = codec.encode(windows)
        seeds = piece_seeds(job.seed, len(windows))
        told = told_of(job.engine, windows.columns)
        mode = codec.sample_prior(seeds, bars=bars, temperature=0.0, told=told)
        drawn = codec.sample_prior(seeds, bars=bars, told=told)
        if isinstance(job.engine, ExpectingEngine):
            likely = hit_chances(job.engine, np.zeros_like(mode), bars, told or {})
            threshold = job.engine.hit_threshold
            rows.append(_row(windows, truth, likely_hits(likely, threshold), "model, expected hits", f"above {threshold:g}", 0.0))
            rows.append(_row(windows, truth, likely_hits(likely, _EVEN), "model, expected hits", f"above {_EVEN:g}", 0.0))
        ways = [
            ("model, z = 0", np.zeros_like(mode), 0.0, 0.0), ("model, likeliest z", mode, 0.0, 0.0),
            ("model, z drawn from the prior", drawn, 0.0, 0.0), ("model, z drawn from the prior", drawn, 1.0, 0.0),
            ("model, z of the beat itself", posterior.mu, 0.0, posterior.bits),
        ]  # fmt: skip
        for way, z, temperature, bits in ways:
            found = codec.hits(codec.decode(z, bars=bars, temperature=temperature, seeds=seeds if temperature else None, told=told))
            rows.append(_row(windows, truth, found, way, "greedy" if not temperature else f"temperature {temperature:g}", bits))
        active.append(activity_row(posterior, bars, job))
    yield Section("drumify", "Beats from taps", _DRUMIFY, rows)
    yield Section("activity", "Active latent dimensions", _ACTIVITY, active)


def tap_features(taps: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What surrounds each tap: features (T, F) and where it is, (T,) into the flattened taps (W, B, 16).

    Taps up to 16 steps before and after, and the place in the bar, by itself and with the neighbours on either side.
    """
    flat = taps.reshape(len(taps), -1).astype(np.float64)
    wide = np.pad(flat, ((0, 0), (_AROUND, _AROUND)))
    window, step = np.nonzero(flat)
    around = wide[window[:, None], step[:, None] + np.arange(2 * _AROUND + 1)]
    place = np.eye(16)[step % 16]
    beside = [place * around[:, [_AROUND + side]] for side in (-1, 1)]
    return np.concatenate([np.delete(around, _AROUND, axis=1), place, *beside], axis=1), window * flat.shape[1] + step


def _simple_rows(windows: PieceWindows, truth: Flags, rival: _Rival) -> list[TapRow]:
    taps = _taps(truth)
    rows = []
    usual = rival.usual
    rows.append(_row(windows, truth, taps[..., None] & usual, "all taps on the most usual class", "-", 0.0))
    places = taps[..., None] & (rival.by_place | (usual & ~rival.by_place.any(axis=1, keepdims=True)))
    rows.append(_row(windows, truth, places, "usual classes at each step of the bar", "-", 0.0))
    rows.append(_row(windows, truth, likely_hits(rival.chances(truth), _EVEN), _REGRESSION, "greedy", 0.0))
    return rows


@dataclass(frozen=True, eq=False)
class _Rival:
    """What was fitted on training hits: the most usual class (C,), usual classes at each step of the bar (16, C), and the regression."""

    usual: NDArray[np.bool_]
    by_place: NDArray[np.bool_]
    classifier: LinearClassifier

    @classmethod
    def fitted(cls, train: Flags, seed: int) -> _Rival:
        """Of training hits (W, B, 16, C)."""
        usual = np.zeros(train.shape[3], bool)
        usual[int(train.sum(axis=(0, 1, 2)).argmax())] = True
        by_place = train.sum(axis=(0, 1)) > 0.5 * train.any(axis=3).sum(axis=(0, 1))[:, None]
        features, where = tap_features(_taps(train))
        chosen = np.sort(np.random.default_rng(seed).permutation(len(where))[:_MOST_TAPS])
        return cls(usual, by_place, fit_flags(features[chosen], train.reshape(-1, train.shape[3])[where[chosen]]))

    def chances(self, hits: Flags) -> NDArray[np.float64]:
        """How likely each hit is by the taps of these (W, B, 16, C); 0 where nothing is tapped."""
        taps = _taps(hits)
        features, where = tap_features(taps)
        flat = np.zeros((taps.size, hits.shape[3]))
        flat[where] = 0.5 * (1 + np.tanh(self.classifier(features) / 2))
        return flat.reshape(hits.shape)


def _taps(hits: Flags) -> NDArray[np.bool_]:
    return np.asarray(hits.any(axis=3), bool)


def _row(windows: PieceWindows, truth: Flags, found: Flags, way: str, decoding: str, bits: float) -> TapRow:
    counts: Agreement = hit_agreement(truth, found)
    kept = (truth.any(axis=3) == found.any(axis=3)).sum(axis=(1, 2))
    sums = np.stack([kept, counts.steps], axis=1).astype(np.float64)
    estimate = bootstrap(sums, windows.tunes, lambda s: s[:, 0] / s[:, 1])
    return TapRow(
        windows.bars, way, decoding, bits, pooled_f1(counts, windows.tunes), pooled_step_accuracy(counts, windows.tunes), estimate
    )


_DRUMIFY = (
    "Held-out beats made again from their taps (the steps with any hit, and the loudest hit's timing). The model: its expected hits, each "
    "one by its chance over drawn beats, where that is above the threshold that its header has from validation beats, or above one half; "
    "then step after step from z = 0, which stands for the expected beat, from the prior's likeliest z, from z drawn, and from z of the "
    "beat itself, told its KL bits beside the taps. Rivals: every tap on the class that training beats hit most; on the classes that "
    "most taps at that step of the bar have; and a logistic regression for each class on the taps around and the place in the bar, "
    "fitted on training beats: greedy (what is likelier than not, or the likeliest class) and above a threshold that validation beats "
    "chose by the model's rule (the highest whose hit F1 is within 0.01 of the best). Taps kept: steps with hits just where taps are."
)
_ACTIVITY = "Active: variance of mu over test windows above 0.01 and mean KL above 0.05 nat."
