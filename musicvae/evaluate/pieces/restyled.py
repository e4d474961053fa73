"""What a style does to beats that are there already: how many of 100 a judge then names as that style, and how much is left of them.

One window of every held-out recording that is not of the style is changed as `musicvae style apply` does (`compose.pieces.styling`),
greedily, at strengths 1 and 2. The judge is the one of `evaluate.pieces.styles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.recognition import kept_hits
from musicvae.compose.pieces.styling import carried_over
from musicvae.evaluate.metrics import Estimate, mean_estimate
from musicvae.evaluate.pieces.job import Job
from musicvae.evaluate.pieces.judging import Judge
from musicvae.evaluate.pieces.windows import select_pieces

if TYPE_CHECKING:
    from musicvae.compose.styles import StyleVector

__all__ = ["RestyledRow", "restyled_rows"]

Hits: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class RestyledRow:
    """Of 100 given beats of other styles, how many are named as this one: before, at strength 1 and at 2 (twice).

    beats: of so many recordings. kept: mean F1 of their hits with those of the beat that was given.
    """

    style: str
    beats: int
    before: float
    named: Estimate
    kept: float
    twice: Estimate
    kept_twice: float


def restyled_rows(job: Job, judge: Judge, vectors: Sequence[StyleVector], bars: int) -> list[RestyledRow]:
    """A row for each vector, in the judge's order, and the mean of all; none for networks that are told something, or without windows."""
    given = select_pieces(job.corpus, "test", bars=bars, one_per_tune=True, limit=job.effort.style_pieces, seed=job.seed)
    if job.engine.guide or not len(given):
        return []
    codec = job.codec("given beats")
    own = codec.own(given.columns)["bars"]
    mu, used = codec.encode(given).mu, job.engine.z_used(bars)
    at_rest = codec.decode(mu, bars=bars)["bars"]
    unmoved = judge({"bars": own})
    rows = []
    for index, vector in enumerate(vectors):
        job.tell(f"given beats as {vector.name}")
        others = np.flatnonzero(given.labels != job.corpus.labels.index(vector.name))
        if not len(others):
            continue
        move = np.where(np.arange(mu.shape[1]) < used, vector.scale * vector.direction, 0)
        found: list[tuple[Estimate, float]] = []
        for strength in (1.0, 2.0):
            moved = codec.decode(mu[others] + strength * move, bars=bars)["bars"]
            changed = _changed(own[others], at_rest[others], moved)
            kept = [kept_hits({"bars": a}, {"bars": b}) for a, b in zip(own[others], changed, strict=True)]
            named = mean_estimate(100.0 * (judge({"bars": changed}) == index), given.tunes[others])
            found.append((named, float(np.mean(kept))))
        before = 100 * float((unmoved[others] == index).mean())
        rows.append(RestyledRow(vector.name, len(others), before, *found[0], *found[1]))
    return [*rows, _mean_row(rows)] if rows else []


def _changed(own: Hits, before: Hits, after: Hits) -> Hits:
    """Beats (W, B, 16) with what differs between the other two."""
    rows = zip(own, before, after, strict=True)
    return np.stack([carried_over({"bars": a}, {"bars": b}, {"bars": c}, "drums")["bars"] for a, b, c in rows])


def _mean_row(rows: Sequence[RestyledRow]) -> RestyledRow:
    """The mean over styles, with intervals over styles."""
    styles = np.arange(len(rows))
    named, twice = (mean_estimate([getattr(row, name).value for row in rows], styles) for name in ("named", "twice"))
    before, kept, kept_twice = (float(np.mean([getattr(row, name) for row in rows])) for name in ("before", "kept", "kept_twice"))
    return RestyledRow("mean of all", sum(row.beats for row in rows), before, named, kept, twice, kept_twice)
