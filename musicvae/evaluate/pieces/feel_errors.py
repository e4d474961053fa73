"""Recordings of grooves, cut without gaps, and how far other feels of their hits are from how they were played.

Conventions: W windows of B bars; velocity (W, B, 16, 9) as played, 1 to 127; timing, the onset minus the grid in sixteenths, late
positive; both count where there is a hit. Errors in time are milliseconds at the recording's tempo, every hit counting the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.metrics import Estimate, bootstrap
from musicvae.evaluate.pieces.windows import PieceWindows

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus

__all__ = ["Errors", "FeelFit", "errors_of", "fit_feel", "joined", "recordings"]

Floats = NDArray[np.float64]
_FOUR_FOUR, _STEPS, _CLASSES = 0, 16, 9
_STEPS_AROUND, _BARS_AROUND, _TEMPO_POWERS = 16, 8, 3
_SPAN = 2 * _STEPS_AROUND + 1
_RIDGE = 30.0
_LOUDEST, _HALF = 127, 0.5


def recordings(
    corpus: Corpus, split: str, *, bars: int, whole: bool = False, limit: int | None = None, seed: int = 0
) -> list[PieceWindows]:
    """Every bar of the 4/4 lines of a split once, in windows of `bars`, a line's last being as short as it comes out.

    whole: only windows of full length. limit: at most so many windows, drawn evenly at random. Windows of one length stand together,
    the longest first; a column "tempo" (W, B) is among theirs.
    """
    lengths = [(line, int(corpus.num_bars[line])) for line in corpus.select(split, kind=_FOUR_FOUR).tolist()]
    cuts = [(line, first, min(bars, end - first)) for line, end in lengths for first in range(0, end, bars)]
    found = np.array(cuts, np.int64).reshape(-1, 3)
    if whole:
        found = found[found[:, 2] == bars]
    if limit is not None and len(found) > limit:
        found = found[np.sort(np.random.default_rng([seed, bars]).permutation(len(found))[:limit])]
    parts = []
    for length in sorted(set(found[:, 2].tolist()), reverse=True):
        rows = found[found[:, 2] == length]
        line = rows[:, 0]
        tempo = np.asarray(corpus.tempo_qpm, np.float64)[line]
        columns = {name: corpus.rows(rows, name) for name in ("bars", "offsets")} | {"tempo": np.repeat(tempo[:, None], length, axis=1)}
        parts.append(PieceWindows(columns, np.asarray(corpus.tune, np.int64)[line], np.asarray(corpus.label, np.int64)[line], tempo))
    return parts


@dataclass(frozen=True, eq=False)
class Errors:
    """Of each window: hits and sums over them of absolute errors in milliseconds and in velocity, (W, 3); tune and label, (W,)."""

    sums: Floats
    tunes: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def hits(self) -> int:
        """Hits in all."""
        return int(self.sums[:, 0].sum())

    @property
    def timing_ms(self) -> Estimate:
        """Mean absolute error of a hit's onset."""
        return bootstrap(self.sums, self.tunes, lambda s: s[:, 1] / s[:, 0])

    @property
    def velocity(self) -> Estimate:
        """Mean absolute error of a hit's velocity, out of 127."""
        return bootstrap(self.sums, self.tunes, lambda s: s[:, 2] / s[:, 0])

    def gain_ms(self, other: Errors) -> Estimate:
        """How much nearer in time these are than others of the same windows."""
        columns = np.stack([self.sums[:, 0], other.sums[:, 1] - self.sums[:, 1]], axis=1)
        return bootstrap(columns, self.tunes, lambda s: s[:, 1] / s[:, 0])

    def of(self, chosen: NDArray[np.bool_]) -> Errors:
        """Those of some windows, (W,)."""
        return Errors(self.sums[chosen], self.tunes[chosen], self.labels[chosen])


def errors_of(windows: PieceWindows, velocity: NDArray[np.generic], timing: NDArray[np.generic]) -> Errors:
    """How far a velocity and a timing of every hit, (W, B, 16, 9), are from those of the windows."""
    played, late = windows.columns["bars"].astype(np.float64), windows.columns["offsets"].astype(np.float64)
    hit = played > 0
    ms = (60_000 / 4 / windows.tempo_qpm)[:, None, None, None]
    apart = (np.abs(timing.astype(np.float64) - late) * ms * hit, np.abs(velocity.astype(np.float64) - played) * hit)
    sums = np.stack([part.sum(axis=(1, 2, 3)) for part in (hit.astype(np.float64), *apart)], axis=1)
    return Errors(sums, windows.tunes, windows.labels)


def joined(parts: Sequence[Errors]) -> Errors:
    """The errors of several sets of windows as of one."""
    return Errors(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("sums", "tunes", "labels")))


@dataclass(frozen=True, eq=False)
class FeelFit:
    """A linear regression of timing in milliseconds and velocity on what the network hears besides z; median_velocity: that of all hits.

    A regression for each class: of weights (9, F, 2), on features less their means (9, F), to which offsets (9, 2) are added.
    """

    weights: Floats
    means: Floats
    offsets: Floats
    median_velocity: float

    def __call__(self, windows: PieceWindows) -> tuple[Floats, Floats]:
        """Velocity and timing (W, B, 16, 9), 0 where nothing is hit, within what they can be."""
        hits = windows.columns["bars"] > 0
        found = np.zeros((2, *hits.shape))
        ms = 60_000 / 4 / windows.tempo_qpm
        for name in range(_CLASSES):
            window, bar, step = np.nonzero(hits[..., name])
            if not len(window):
                continue
            about = _features(windows, window, bar, step) - self.means[name]
            late, loud = (about @ self.weights[name] + self.offsets[name]).T
            found[0, window, bar, step, name] = np.clip(loud, 1, _LOUDEST)
            found[1, window, bar, step, name] = np.clip(late / ms[window], -_HALF, _HALF)
        return found[0], found[1]


def fit_feel(parts: Sequence[PieceWindows]) -> FeelFit:
    """Fit on windows as `recordings` gives them; ValueError without hits. A class that is never hit gets the mean of the others.

    Least squares with a ridge of 30 on features that are mostly 0 or 1.
    """
    loud = [windows.columns["bars"][windows.columns["bars"] > 0] for windows in parts]
    if not sum(map(len, loud)):
        raise ValueError("a regression needs hits to learn from, got none")
    fits = [_fit_class(parts, name) for name in range(_CLASSES)]
    known = [fit for fit in fits if fit is not None]
    usual = np.mean([offset for _, _, offset in known], axis=0)
    none = np.zeros_like(known[0][0]), np.zeros_like(known[0][1]), usual
    weights, means, offsets = (np.stack(each) for each in zip(*(none if fit is None else fit for fit in fits), strict=True))
    return FeelFit(weights, means, offsets, float(np.median(np.concatenate(loud))))


def _fit_class(parts: Sequence[PieceWindows], name: int) -> tuple[Floats, Floats, Floats] | None:
    """Weights (F, 2), means (F,) and offsets (2,) of a class; None where it is never hit."""
    found = [_hits_of(windows, name) for windows in parts]
    features, wanted = (np.concatenate([pair[i] for pair in found]) for i in (0, 1))
    if not len(wanted):
        return None
    mean, offset = features.mean(axis=0), wanted.mean(axis=0)
    features -= mean
    held = features.T @ features + _RIDGE * np.eye(features.shape[1])
    return np.linalg.solve(held, features.T @ (wanted - offset)), mean, offset


def _hits_of(windows: PieceWindows, name: int) -> tuple[Floats, Floats]:
    """Features (T, F) of the hits of a class, and their timing in milliseconds and velocity (T, 2)."""
    where = np.nonzero(windows.columns["bars"][..., name])
    late = windows.columns["offsets"][*where, name].astype(np.float64) * (60_000 / 4 / windows.tempo_qpm)[where[0]]
    return _features(windows, *where), np.stack([late, windows.columns["bars"][*where, name].astype(np.float64)], axis=1)


def _features(windows: PieceWindows, window: NDArray[np.intp], bar: NDArray[np.intp], step: NDArray[np.intp]) -> Floats:
    """Hits up to 16 steps around, how usual each is in the 8 bars around, the place in the bar, powers of the tempo: (T, F)."""
    hits = (windows.columns["bars"] > 0).astype(np.float64)
    flat = hits.reshape(len(hits), -1, _CLASSES)
    wide = np.pad(flat, ((0, 0), (_STEPS_AROUND, _STEPS_AROUND), (0, 0)))
    around = wide[window[:, None], (bar * _STEPS + step)[:, None] + np.arange(_SPAN)].reshape(len(window), _SPAN * _CLASSES)
    before = np.pad(hits.reshape(*hits.shape[:2], -1).cumsum(axis=1), ((0, 0), (1, 0), (0, 0)))
    low, high = np.maximum(bar - _BARS_AROUND, 0), np.minimum(bar + _BARS_AROUND + 1, windows.bars)
    usual = (before[window, high] - before[window, low]) / (high - low)[:, None]
    tempo = np.log2(windows.tempo_qpm / 120)[window]
    powers = np.stack([tempo**power for power in range(1, _TEMPO_POWERS + 1)], axis=1)
    return np.concatenate([around, usual, np.eye(_STEPS)[step], powers], axis=1)
