"""Whether a style vector makes beats of its style: how many of 100 drawn beats a judge of real beats names as the style asked for.

z is drawn from the model's prior and moved by the vector at strength 1, then decoded at temperature 1, as `generate` does. Beside it:
the same z unmoved, the same z moved by random directions of the same length (a new one for each beat), and real held-out beats of the
style. For a network that is told the hits, those of held-out beats of all styles are played, z begins at 0 (the usual feel), and the
judge hears the feel alone. The judge (`evaluate.pieces.judging`) is fitted on all beats but the test split's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.metrics import Estimate, mean_estimate
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.judging import Judge, JudgeRow, fit_judge, judge_rows
from musicvae.evaluate.pieces.restyled import RestyledRow, restyled_rows
from musicvae.evaluate.pieces.windows import PieceCodec, PieceWindows, select_pieces, told_of
from musicvae.evaluate.table import Section

if TYPE_CHECKING:
    from musicvae.compose.styles import StyleVector

__all__ = ["STYLE_BARS", "StyleNamedRow", "random_like", "scaled", "sections"]

Floats = NDArray[np.float64]
STYLE_BARS = 4


@dataclass(frozen=True)
class StyleNamedRow:
    """Of 100 beats drawn for a style, how many the judge names as that style; intervals over the beats.

    twice: at strength 2. held_out: of real held-out beats of the style, NaN without any.
    """

    style: str
    beats: int
    named: Estimate
    twice: Estimate
    without_style: float
    random_direction: Estimate
    chance: float
    held_out: float


def sections(job: Job) -> Iterator[Section]:
    """The judge on real beats, and the styles that ship with the model; empty tables where fewer than two can be judged."""
    vectors = [vector for vector in job.styles if vector.attribute is None and vector.name in job.corpus.labels]
    bars = job.engine.bars if job.engine.fixed_window else min(STYLE_BARS, job.engine.bars)
    known = _windows(job, ("train", "validation"), bars)
    counts = {vector.name: int((known.labels == job.corpus.labels.index(vector.name)).sum()) for vector in vectors}
    vectors = [vector for vector in vectors if counts[vector.name]]
    found: tuple[list[StyleNamedRow], list[JudgeRow], list[RestyledRow]] = ([], [], [])
    if len(vectors) > 1:
        job.tell("judge of styles")
        found = _measured(job, vectors, known, bars)
    yield Section("styles", "Style vectors", _STYLES, found[0])
    yield Section("judge", "The judge of styles", _JUDGE, found[1])
    if not job.engine.guide:
        yield Section("restyled", "Given beats in other styles", _RESTYLED, found[2])


def _measured(
    job: Job, vectors: list[StyleVector], known: PieceWindows, bars: int
) -> tuple[list[StyleNamedRow], list[JudgeRow], list[RestyledRow]]:
    names = [vector.name for vector in vectors]
    own, classes = _labelled(known, job, names)
    judge = fit_judge(own.columns, classes, names, by_feel=job.engine.guide == "hits")
    test, asked = _labelled(_windows(job, ("test",), bars), job, names)
    judged = judge_rows(judge, test.columns, asked, test.tunes, np.bincount(classes, minlength=len(names)))
    beats = _Beats.of(job, test, bars)
    plain = beats.named(judge, np.zeros_like(beats.z))
    rows = []
    for index, vector in enumerate(vectors):
        job.tell(f"style {vector.name}")
        rows.append(_row(beats, judge, vector, index, plain, judged[index].named_right.value))
    return [*rows, _mean_row(rows)], judged, restyled_rows(job, judge, vectors, bars)


@dataclass(frozen=True, eq=False)
class _Beats:
    """What is moved: z (N, Z), the seeds of decoding, and what the network is told."""

    codec: PieceCodec
    z: Floats
    bars: int
    seeds: list[int]
    told: Mapping[str, NDArray[Any]] | None
    seed: int

    @classmethod
    def of(cls, job: Job, test: PieceWindows, bars: int) -> _Beats:
        codec, count = job.codec("styles"), job.effort.style_pieces
        seeds = piece_seeds(job.seed, count)
        if not job.engine.guide:
            return cls(codec, codec.sample_prior(seeds, bars=bars), bars, seeds, None, job.seed)
        rows = np.random.default_rng([job.seed, 2]).choice(len(test), count, replace=len(test) < count)
        told = told_of(job.engine, test.take(rows).columns)
        z = np.zeros((count, job.engine.config.z_size)) if job.engine.guide == "hits" else codec.sample_prior(seeds, bars=bars, told=told)
        return cls(codec, z, bars, seeds, told, job.seed)

    def named(self, judge: Judge, moves: Floats) -> NDArray[np.int64]:
        """What the judge names the beats of the moved z."""
        return judge(self.codec.decode(self.z + moves, bars=self.bars, temperature=1.0, seeds=self.seeds, told=self.told))


def scaled(vector: StyleVector, strength: float, used: int) -> Floats:
    """What a strength of the vector adds to z, (Z,), of which `used` numbers count."""
    move = np.zeros(len(vector.direction))
    move[:used] = strength * (vector.scale if strength >= 0 else vector.scale_down) * vector.direction[:used]
    return move


def random_like(moves: Floats, rng: np.random.Generator) -> Floats:
    """Random directions (N, Z) as long as these moves (N, Z), in the same numbers of z; a new one for each row."""
    drawn = rng.standard_normal(moves.shape) * (moves != 0)
    lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.asarray(drawn * np.linalg.norm(moves, axis=1, keepdims=True) / np.where(lengths > 0, lengths, 1), np.float64)


def _row(beats: _Beats, judge: Judge, vector: StyleVector, index: int, plain: NDArray[np.int64], held_out: float) -> StyleNamedRow:
    used = beats.codec.engine.z_used(beats.bars)
    once, twice = (np.broadcast_to(scaled(vector, strength, used), beats.z.shape) for strength in (1.0, 2.0))
    moves = {"once": once, "twice": twice, "random": random_like(once, np.random.default_rng([beats.seed, *vector.name.encode()]))}
    pieces = np.arange(len(beats.z))
    named = {name: mean_estimate(beats.named(judge, move) == index, pieces) for name, move in moves.items()}
    return StyleNamedRow(
        vector.name, len(pieces), _hundredfold(named["once"]), _hundredfold(named["twice"]), 100 * float((plain == index).mean()),
        _hundredfold(named["random"]), 100 / len(judge.styles), 100 * held_out,
    )  # fmt: skip


def _mean_row(rows: list[StyleNamedRow]) -> StyleNamedRow:
    """The mean over styles, with intervals over styles."""
    styles = np.arange(len(rows))

    def mean(name: str) -> Estimate:
        return mean_estimate([getattr(row, name).value for row in rows], styles)

    known = [row.held_out for row in rows if not np.isnan(row.held_out)]
    return StyleNamedRow(
        "mean of all", sum(row.beats for row in rows), mean("named"), mean("twice"), float(np.mean([row.without_style for row in rows])),
        mean("random_direction"), rows[0].chance, float(np.mean(known)) if known else float("nan"),
    )  # fmt: skip


def _hundredfold(share: Estimate) -> Estimate:
    return Estimate(100 * share.value, 100 * share.low, 100 * share.high, share.num_windows, share.num_tunes)


def _windows(job: Job, splits: tuple[str, ...], bars: int) -> PieceWindows:
    parts = [select_pieces(job.corpus, split, bars=bars, hop=max(1, bars // 2), seed=job.seed) for split in splits]
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    joined = [np.concatenate(arrays) for arrays in zip(*((part.tunes, part.labels) for part in parts), strict=True)]
    return PieceWindows(columns, joined[0], joined[1], np.concatenate([part.tempo_qpm for part in parts]))


def _labelled(windows: PieceWindows, job: Job, names: list[str]) -> tuple[PieceWindows, NDArray[np.int64]]:
    """The windows of these styles, and the index of each into their names."""
    place = {job.corpus.labels.index(name): index for index, name in enumerate(names)}
    rows = np.flatnonzero(np.isin(windows.labels, list(place)))
    return windows.take(rows), np.array([place[int(label)] for label in windows.labels[rows]], np.int64)


_STYLES = (
    f"Beats of {STYLE_BARS} bars (or the network's own number) drawn from the prior, moved by a style vector and decoded at temperature 1: "
    "how many of 100 a judge names as the style asked for, at strength 1 and at strength 2 (twice); of the same z without a style; with a "
    "random direction of the same length; by chance; and of real held-out beats of that style. Intervals are over beats, in the last row "
    "over styles."
)
_RESTYLED = (
    "One window of each held-out recording of other styles, changed as `musicvae style apply` does: how many of 100 the judge names as the "
    "style asked for, before, at strength 1 and at strength 2 (twice), and the F1 of their hits with those of the beat given (kept). "
    "Intervals are over recordings, in the last row over styles."
)
_JUDGE = (
    "Multinomial logistic regression of simple statistics of a beat (hits by class and step, hits a bar, off-beats, different bars; for "
    "feels the velocities and timings by class and step), fitted on real beats outside the test split, every style weighing alike; here "
    "how often it is right on real test beats. Styles were recorded in few sessions, so that part of what it knows is who played."
)
