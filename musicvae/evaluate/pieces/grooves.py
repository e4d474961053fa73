"""How near the model's feel of given hits comes to how they were played, beside no feel at all and a linear regression.

Whole recordings of the test split are given to the model as hits and tempo, in windows as long as it takes. What is fitted is fitted on
the training split. Published with the data: 22.6 ms quantised, 19.8 linear regression, 18.8 the best network (Gillick et al. 2019,
"Learning to Groove with Inverse Sequence Transformations", on two-bar windows of its own test split).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import Posterior, piece_seeds
from musicvae.evaluate.metrics import Estimate
from musicvae.evaluate.pieces.drums import activity_row
from musicvae.evaluate.pieces.feel_errors import Errors, FeelFit, errors_of, fit_feel, joined, recordings
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows, told_of
from musicvae.evaluate.table import Section

__all__ = ["FeelRow", "StyleRow", "sections"]

_QUANTISED, _REGRESSION, _HUMANISED = "quantised, the usual velocity", "linear regression", "humanised, z = 0"
_OWN = "z of the performance itself"
_SHORT = 2
_ALL = "all"


@dataclass(frozen=True)
class FeelRow:
    """One way to play the hits of the test recordings, read in windows of at most `bars`.

    bits: KL of a full window. temperature: of the hits' own jitter. timing_ms, velocity_error: mean absolute errors, velocity out of 127.
    """

    bars: int
    way: str
    temperature: float
    bits: float
    timing_ms: Estimate
    velocity_error: Estimate


@dataclass(frozen=True)
class StyleRow:
    """The same of one style's recordings; gain_ms: over the better of quantised and regression."""

    style: str
    recordings: int
    hits: int
    quantised_ms: Estimate
    regression_ms: Estimate
    humanised_ms: Estimate
    gain_ms: Estimate
    regression_velocity_error: Estimate
    humanised_velocity_error: Estimate


def sections(job: Job) -> Iterator[Section]:
    """Errors in timing and velocity of all ways, those of each style, and how z is used."""
    rows: list[FeelRow] = []
    styles: list[StyleRow] = []
    active = []
    for bars in dict.fromkeys((job.engine.bars, *job.lengths((_SHORT,)))):
        parts = recordings(job.corpus, "test", bars=bars, whole=job.engine.fixed_window, limit=job.effort.windows, seed=job.seed)
        if not parts:
            continue
        job.tell(f"linear regression of {bars} bars")
        known = recordings(job.corpus, "train", bars=bars, limit=job.effort.train_windows, seed=job.seed)
        found, posterior = _ways(job, parts, fit_feel(known))
        full = posterior.bits
        rows += [
            FeelRow(bars, way, temperature, full if _OWN in way else 0.0, errors.timing_ms, errors.velocity)
            for (way, temperature), errors in found.items()
        ]
        styles = styles or _by_style(found, job.corpus.labels)
        active.append(activity_row(posterior, posterior.windows.bars, job))
    yield Section("groove", "Feel of given hits", _GROOVE, rows)
    yield Section("groove styles", "Feel of given hits by style", _STYLES, styles)
    yield Section("activity", "Active latent dimensions", _ACTIVITY, active)


def _ways(job: Job, parts: Sequence[PieceWindows], fit: FeelFit) -> tuple[dict[tuple[str, float], Errors], Posterior[PieceWindows]]:
    """Errors of every way to play all windows, and the codes of the longest ones."""
    codec = job.codec(f"feel of {parts[0].bars} bars")
    found: dict[tuple[str, float], list[Errors]] = {}
    posteriors = []
    for windows in parts:
        posteriors.append(codec.encode(windows))
        for way, (velocity, timing) in _played(job, codec, windows, posteriors[-1], fit):
            found.setdefault(way, []).append(errors_of(windows, velocity, timing))
    return {way: joined(errors) for way, errors in found.items()}, posteriors[0]


def _played(
    job: Job, codec: PieceCodec, windows: PieceWindows, posterior: Posterior[PieceWindows], fit: FeelFit
) -> Iterator[tuple[tuple[str, float], tuple[NDArray[Any], NDArray[Any]]]]:
    """Velocity and timing (W, B, 16, 9) of each way and temperature."""
    flat = np.zeros(windows.columns["bars"].shape)
    yield (_QUANTISED, 0.0), (flat + fit.median_velocity, flat)
    yield (_REGRESSION, 0.0), fit(windows)
    told = told_of(job.engine, windows.columns)
    seeds = piece_seeds(job.seed, len(windows))
    neutral = np.zeros((len(windows), job.engine.config.z_size))
    drawn = codec.sample_prior(seeds, bars=windows.bars, told=told)
    ways = [(_HUMANISED, neutral, 0.0), (_HUMANISED, neutral, 1.0), ("humanised, z drawn", drawn, 0.0), ("humanised, z drawn", drawn, 1.0)]
    for way, z, temperature in [*ways, (_OWN, posterior.mu, 0.0)]:
        columns = codec.decode(z, bars=windows.bars, temperature=temperature, seeds=seeds if temperature else None, told=told)
        yield (way, temperature), (columns["bars"], columns["offsets"])


def _by_style(found: Mapping[tuple[str, float], Errors], labels: Sequence[str]) -> list[StyleRow]:
    """A row for each style, those of most hits first, and one for all."""
    ways = tuple(found[way, 0.0] for way in (_QUANTISED, _REGRESSION, _HUMANISED))
    of_label = [(label, ways[0].labels == i) for i, label in enumerate(labels)]
    rows = [_style_row(label, tuple(way.of(chosen) for way in ways)) for label, chosen in of_label if chosen.any()]
    return [*sorted(rows, key=lambda row: (-row.hits, row.style)), _style_row(_ALL, ways)]


def _style_row(style: str, ways: tuple[Errors, ...]) -> StyleRow:
    quantised, regression, humanised = ways
    rival = min((quantised, regression), key=lambda way: way.timing_ms.value)
    return StyleRow(
        style, len(np.unique(quantised.tunes)), quantised.hits, quantised.timing_ms, regression.timing_ms, humanised.timing_ms,
        humanised.gain_ms(rival), regression.velocity, humanised.velocity,
    )  # fmt: skip


_GROOVE = (
    "Whole test recordings in 4/4, cut into windows, played again from their hits and tempo alone: mean absolute errors over all hits, in "
    "milliseconds at the recording's tempo and in velocity out of 127. Quantised: all on the grid, all with the median velocity of "
    "training. Linear regression: of each class on the hits 16 steps around, how usual each hit is in the 8 bars around, the place in the "
    "bar and the tempo, fitted on training recordings by least squares. Humanised with z = 0, the performance to be expected, with z "
    "drawn, and with the jitter of single hits (temperature 1): drawn feels are not meant to meet this recording. z of the performance "
    "itself is told its KL bits. Published with the data, on two-bar windows of a test split that is not used here: quantised 22.6 ms, "
    "linear regression 19.8, best network 18.8."
)
_STYLES = (
    "The same of the longest windows by style of the recordings: z = 0 beside quantised and the regression. Gain: milliseconds that z = 0 "
    "is nearer than the better of these two, with its interval over recordings; with a handful of them an interval says little."
)
_ACTIVITY = "Active: variance of mu over test windows above 0.01 and mean KL above 0.05 nat."
