"""What drawn beats are like beside held-out ones, in ten statistics, and how much of them is copied.

Conventions: hits (N, B, 16, C) of N beats of B bars. A *passage* is two consecutive bars; it counts when at least four steps of it are
hit. Drawn beats are independent of one another, windows of one recording are not: `tunes` (N,) says which belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.metrics import Estimate, bootstrap, mean_estimate
from musicvae.evaluate.pieces.hits import Flags, bar_lags, different_rows, hit_bits
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.table import Section
from musicvae.music.drum_maps import drum_map

__all__ = ["BeatSampleRow", "ClassRow", "beat_sample_row", "passages_of", "sections"]

Floats = NDArray[np.float64]
Passages = Mapping[bytes, frozenset[int]]
SAMPLE_BARS = 16
MAX_LAG = 15
PASSAGE_BARS = 2
PASSAGE_STEPS = 4
_SNARE = 1
_PER_BEAT = 4


@dataclass(frozen=True)
class BeatSampleRow:
    """Ten figures of a set of beats.

    backbeat: share of the second and fourth quarters with a snare. changed_steps: share of steps that differ from the bar before.
    class_distance, lag_distance: total variation to held-out beats of the hits by class and of the lags. copied: share of the passages
    that count which (other) training beats have hit for hit.
    """

    source: str
    beats: int
    hits_a_bar: Estimate
    steps_hit: Estimate
    hits_at_a_step: Estimate
    off_the_beat: Estimate
    backbeat: Estimate
    different_bars: Estimate
    changed_steps: Estimate
    class_distance: float
    lag_distance: float
    copied: Estimate


@dataclass(frozen=True)
class ClassRow:
    """Hits a bar of each class of drums."""

    source: str
    hits_a_bar: Mapping[str, float]


@dataclass(frozen=True)
class BeatLagRow:
    """Shares of bars by how many bars ago they were last heard: entry 0 never (within the beat), then 1 to 15."""

    source: str
    shares: tuple[float, ...]


def sections(job: Job) -> Iterator[Section]:
    """Ten statistics, hits by class and repeat lags of held-out, training and drawn beats."""
    bars = job.lengths((SAMPLE_BARS,) if job.engine.bars >= SAMPLE_BARS else (job.engine.bars,))[0]
    codec = job.codec("samples")
    held, train = job.windows(bars=bars), job.windows("train", bars=bars, limit=max(job.effort.samples, 1))
    sets: dict[str, tuple[Flags, Sequence[int]]] = {
        "held-out beats": (codec.hits(held.columns), held.tunes.tolist()),
        "training beats": (codec.hits(train.columns), train.tunes.tolist()),
    }
    for source, hits in _drawn(job, bars):
        sets[source] = (hits, range(len(hits)))
    every = job.windows("train", bars=PASSAGE_BARS, hop=1, limit=1 << 40)
    passages = passages_of(codec.hits(every.columns), every.tunes)
    real, real_lags = sets["held-out beats"][0], _lag_shares(sets["held-out beats"][0])
    names = drum_map(job.engine.drum_map).names
    rows, classes, lags = [], [], []
    for source, (hits, tunes) in sets.items():
        rows.append(beat_sample_row(source, hits, tunes, passages, real, real_lags, in_training=source == "training beats"))
        classes.append(ClassRow(source, dict(zip(names, hits.sum(axis=2).mean(axis=(0, 1)).tolist(), strict=True))))
        lags.append(BeatLagRow(source, tuple(_lag_shares(hits).tolist())))
    yield Section("samples", "Drawn beats", _SAMPLES, rows)
    yield Section("classes", "Hits a bar by class", "Of the same beats.", classes)
    yield Section("lags", "Repeat lags", _LAGS, lags)


def _drawn(job: Job, bars: int) -> Iterator[tuple[str, Flags]]:
    """Beats at temperature 1 from the model's prior and, where that is a learned one, from N(0, I)."""
    seeds = piece_seeds(job.seed, job.effort.samples)
    codec = job.codec("drawn beats")
    z = {"generated": codec.sample_prior(seeds, bars=bars)}
    if not job.engine.fixed_window:
        z["from N(0, I)"] = codec.standard(len(seeds), bars=bars, rng=np.random.default_rng([job.seed, 3]))
    for source, codes in z.items():
        yield source, codec.hits(codec.decode(codes, bars=bars, temperature=1.0, seeds=seeds))


def passages_of(hits: Flags, tunes: NDArray[np.int64]) -> dict[bytes, frozenset[int]]:
    """Whose each passage of training beats (W, 2, 16, C) is."""
    found: dict[bytes, set[int]] = {}
    for window, tune in zip(hit_bits(hits), tunes.tolist(), strict=True):
        found.setdefault(window.tobytes(), set()).add(tune)
    return {key: frozenset(owners) for key, owners in found.items()}


def beat_sample_row(
    source: str, hits: Flags, tunes: Sequence[int], passages: Passages, real: Flags, real_lags: Floats, *, in_training: bool = False
) -> BeatSampleRow:
    """All figures of a set of beats; in_training: they are training beats, and `copied` asks whether another recording has the passage."""
    struck, steps = hits.any(axis=3), np.arange(hits.shape[2])
    total = hits.sum(axis=(1, 2, 3)).astype(np.float64)
    off = hits[:, :, steps % _PER_BEAT > 0].sum(axis=(1, 2, 3))
    backbeats = hits[:, :, _PER_BEAT :: 2 * _PER_BEAT, _SNARE].mean(axis=(1, 2))
    changed = (hits[:, 1:] != hits[:, :-1]).any(axis=3)
    found = _copies(hits, tunes if in_training else None, passages)
    return BeatSampleRow(
        source=source,
        beats=len(hits),
        hits_a_bar=mean_estimate(total / hits.shape[1], tunes),
        steps_hit=mean_estimate(struck.mean(axis=(1, 2)), tunes),
        hits_at_a_step=_ratio(total, struck.sum(axis=(1, 2)), tunes),
        off_the_beat=_ratio(off, total, tunes),
        backbeat=mean_estimate(backbeats, tunes),
        different_bars=mean_estimate(different_rows(hits), tunes),
        changed_steps=_ratio(changed.sum(axis=(1, 2)), np.full(len(hits), changed[0].size if len(hits) else 0), tunes),
        class_distance=_distance(hits.sum(axis=(0, 1, 2)), real.sum(axis=(0, 1, 2))),
        lag_distance=_distance(_lag_shares(hits), real_lags),
        copied=_ratio(found[:, 0], found[:, 1], tunes),
    )


def _copies(hits: Flags, tunes: Sequence[int] | None, passages: Passages) -> Floats:
    """By beat, (N, 2): passages that training beats have, and all that count."""
    counts = np.zeros((len(hits), 2))
    counted = hits.any(axis=3).sum(axis=2)
    for number, bits in enumerate(hit_bits(hits)):
        own = frozenset() if tunes is None else frozenset({int(tunes[number])})
        for start in range(len(bits) - PASSAGE_BARS + 1):
            if counted[number, start : start + PASSAGE_BARS].sum() >= PASSAGE_STEPS:
                owners = passages.get(bits[start : start + PASSAGE_BARS].tobytes(), frozenset())
                counts[number] += (bool(owners - own), 1)
    return counts


def _lag_shares(hits: Flags) -> Floats:
    counts = bar_lags(hits, MAX_LAG)
    return np.asarray(counts / max(int(counts.sum()), 1), np.float64)


def _distance(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    """Total variation between two histograms, in [0, 1]."""
    first, second = (np.asarray(x, np.float64) / max(float(np.sum(x)), 1e-30) for x in (a, b))
    return float(0.5 * np.abs(first - second).sum())


def _ratio(part: NDArray[np.generic], whole: NDArray[np.generic], tunes: Sequence[int]) -> Estimate:
    """Sum of parts over sum of wholes; NaN where nothing counts."""
    columns = np.stack([np.asarray(part, np.float64), np.asarray(whole, np.float64)], axis=1)
    return bootstrap(columns, tunes, lambda sums: np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1), np.nan))


_SAMPLES = (
    "Beats drawn at temperature 1 beside windows of held-out and of training beats. Steps hit: share of sixteenths with a hit; hits at a "
    "step: of those; off the beat: share of hits not on a quarter; backbeat: share of second and fourth quarters with a snare; changed "
    "steps: share that differs from the bar before; class and lag distance: total variation to held-out beats. Copied: share of 2-bar "
    "passages with at least 4 steps hit that training beats have hit for hit; for training beats other recordings are meant."
)
_LAGS = "Share of bars by the distance to their last equal: none within the beat, 1 bar, 2 bars, ... 15 bars."
