"""How strong a style of a group has to be: until new pieces, and given ones, are recognised as the group's.

The mean difference of a group is where its pieces lie beside all others, but new pieces that are moved there keep the spread of all
styles. So strength 1 is made as many differences as it takes for drawn pieces to be named as the group's about as often as its own
real pieces are, and every second time at least; at most three. The judge is the network's own ear: drawn pieces are encoded again, and
a linear discriminant of mu (Fisher 1936; all groups alike, one covariance, shrunk towards its diagonal) names the group. What real
pieces reach is found with discriminants of other files. Nothing of the judge that styles are evaluated with is used.

A given beat has a style of its own to be led away from, which takes longer moves than a drawn one does. For beats that the network is
told nothing of, strength 1 is therefore also enough for given beats of others to be named as the group's two times in three, as long as
so much is left of them as `LEAST_KEPT` says.

Conventions: R passages of `BARS` bars; D numbers of z that so many bars have; G groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.coding import decode_windows, encode_windows
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.passages import Passages, decoded
from musicvae.compose.pieces.styling import carried_over
from musicvae.compose.pieces.windows import Reading
from musicvae.compose.styles import StyleVector
from musicvae.model.noise import piece_seed

__all__ = ["BARS", "LEAST_KEPT", "SCALES", "Discriminant", "kept_hits", "recognised"]

BARS = 4
SCALES = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0)
LEAST_KEPT = 0.6
"""F1 of the hits of given beats with their own, which no longer move may fall below to be recognised more often."""
_DRAWN = 100
_GIVEN = 64
_FIRST_SEED = 7_000  # other pieces than those that anything else is measured on
_SHRINKAGE = 0.3
_ENOUGH = 0.5  # of drawn pieces, where real ones are recognised more rarely
_ENOUGH_GIVEN = 2 / 3  # more, since the ear that hears them also made the move: a judge of hits alone hears about half

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Discriminant:
    """Names one of G groups: weights (G, D) and offsets (G,) of a score that is largest for the group named."""

    weights: Floats
    offsets: Floats

    @classmethod
    def fitted(cls, mu: Floats, groups: Ints, count: int) -> Discriminant:
        """By mu (R, D) of passages of known groups, 0 to `count` - 1; a group without any is never named."""
        met = [np.flatnonzero(groups == group) for group in range(count)]
        means = np.stack([mu[rows].mean(axis=0) if len(rows) else np.zeros(mu.shape[1]) for rows in met])
        within = mu - means[groups]
        covariance = within.T @ within / max(1, len(mu) - count)
        own = np.diag(np.diag(covariance))
        shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * own + 1e-12 * np.eye(len(covariance))
        weights = np.linalg.solve(shrunk, means.T).T
        offsets = np.where([len(rows) > 0 for rows in met], -0.5 * np.sum(weights * means, axis=1), -np.inf)
        return cls(weights, offsets)

    def __call__(self, mu: Floats) -> Ints:
        """The group of each row of mu (R, D)."""
        return np.asarray((mu @ self.weights.T + self.offsets).argmax(axis=1), np.int64)


def recognised(engine: PieceEngine, vectors: Sequence[StyleVector], passages: Passages, groups: Ints, tunes: Ints) -> list[StyleVector]:
    """The vectors of the groups, in their order, with such a scale that new pieces are recognised as real ones are.

    passages: of any lengths, those of `BARS` bars (or a fixed window's own) count; groups: of each, an index into vectors, or -1; tunes: of
    each, so that no file judges itself. What was found is in each vector's report, under "recognised". Vectors stay as they are
    where there are no two of them, or no passages.
    """
    bars = engine.bars if engine.fixed_window else min(BARS, engine.bars)
    rows = np.flatnonzero(np.array(passages.bars) == bars)
    known = rows[groups[rows] >= 0]
    if len(vectors) < 2 or not len(known):
        return list(vectors)
    used = engine.z_used(bars)
    mu, own = passages.mu[known, :used], groups[known]
    real = _real_shares(mu, own, tunes[known], len(vectors))
    judge = Discriminant.fitted(mu, own, len(vectors))
    drawn = _Drawn.of(engine, bars, [passages.guides[row] for row in rows.tolist()])
    found = [_scaled(vector, drawn, judge, group, float(real[group])) for group, vector in enumerate(vectors)]
    if engine.material != "drums" or engine.guide or engine.fills_in:
        return found
    given = [_Given.of(engine, passages.take(rows[groups[rows] != group].tolist())) for group in range(len(vectors))]
    return [_audible(vector, beats, judge, group) for group, (vector, beats) in enumerate(zip(found, given, strict=True))]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """New pieces before they are moved: their z (N, Z), seeds, and what the network is told."""

    engine: PieceEngine
    bars: int
    z: Floats
    seeds: list[int]
    guides: list[Columns]

    @classmethod
    def of(cls, engine: PieceEngine, bars: int, guides: Sequence[Columns]) -> _Drawn:
        seeds = [piece_seed(_FIRST_SEED, number) for number in range(_DRAWN)]
        # Those of all groups in turn, from the first passage to the last.
        told = [guides[number * len(guides) // _DRAWN] for number in range(_DRAWN)]
        known = {name: np.stack([guide[name] for guide in told]) for name in told[0]}
        # The usual feel, for a network that plays given hits: what differs is then the style alone.
        temperature = 0.0 if engine.guide == "hits" else 1.0
        z = engine.sample_prior(seeds, bars=bars, temperature=temperature, told=known or None)
        return cls(engine, bars, z, seeds, told)

    def heard(self, move: Floats) -> Floats:
        """The mu (N, D) that the network hears in the pieces, moved by (Z,)."""
        used = self.engine.z_used(self.bars)
        z = self.z.copy()
        z[:, :used] += move[:used]
        windows = [Reading(0, 0, self.bars, self.bars)] * len(z)
        played = decode_windows(self.engine, z, windows, self.guides, temperature=1.0, seeds=self.seeds)
        extra = [{name: rows for name, rows in guide.items() if name != "hits"} for guide in self.guides]
        return encode_windows(self.engine, [{**columns, **more} for columns, more in zip(played, extra, strict=True)])[0][:, :used]


@dataclass(frozen=True, eq=False)
class _Given:
    """Beats that are there already, with what the network plays of them unmoved."""

    engine: PieceEngine
    beats: Passages
    before: list[Columns]

    @classmethod
    def of(cls, engine: PieceEngine, others: Passages) -> _Given:
        beats = others.some(_GIVEN)
        return cls(engine, beats, decoded(engine, beats, np.zeros(engine.config.z_size)))

    def heard(self, move: Floats) -> tuple[Floats, float]:
        """The mu (N, D) that the network hears in the beats, changed as `compose.pieces.styling` does, and the mean F1 of their hits."""
        rows = zip(self.beats.windows, self.before, decoded(self.engine, self.beats, move), strict=True)
        changed = [carried_over(own, before, after, "drums") for own, before, after in rows]
        kept = [kept_hits(own, new) for own, new in zip(self.beats.windows, changed, strict=True)]
        return encode_windows(self.engine, changed)[0][:, : self.engine.z_used(self.beats.bars[0])], float(np.mean(kept))


def kept_hits(own: Columns, new: Columns) -> float:
    """F1 of the hits of two beats of one length, columns "bars" (B, 16) of bits; 1 where neither has any."""
    a, b = (np.unpackbits(np.ascontiguousarray(columns["bars"]).view(np.uint8)) for columns in (own, new))
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def _audible(vector: StyleVector, given: _Given, judge: Discriminant, group: int) -> StyleVector:
    """The vector, longer where given beats need it, and as it is where there are none."""
    if not len(given.beats):
        return vector
    best, found = vector.scale, (0.0, 1.0)
    for scale in (vector.scale, *(scale for scale in SCALES if scale > vector.scale)):
        mu, kept = given.heard(scale * vector.direction)
        if scale > vector.scale and kept < LEAST_KEPT:
            break
        best, found = scale, (float((judge(mu) == group).mean()), kept)
        if found[0] >= _ENOUGH_GIVEN:
            break
    words = {**vector.report["recognised"], "differences": best, "given": round(found[0], 3), "given_kept": round(found[1], 3)}
    return replace(vector, scale=best, scale_down=best, report={**vector.report, "recognised": words})


def _scaled(vector: StyleVector, drawn: _Drawn, judge: Discriminant, group: int, real: float) -> StyleVector:
    shares: dict[float, float] = {}
    for scale in SCALES:
        shares[scale] = float((judge(drawn.heard(scale * vector.direction)) == group).mean())
        if shares[scale] >= max(real, _ENOUGH):
            break
    best = max(shares, key=lambda scale: (shares[scale], -scale))
    found = {"real": round(real, 3), "drawn": round(shares[best], 3), "drawn_at_one_difference": round(shares[1.0], 3), "differences": best}
    return replace(vector, scale=best, scale_down=best, report={**vector.report, "recognised": found})


def _real_shares(mu: Floats, groups: Ints, tunes: Ints, count: int) -> Floats:
    """How often passages of each group are named as such by discriminants of the other half of the files, (G,)."""
    numbers = np.unique(tunes, return_inverse=True)[1]
    right = np.zeros(len(mu), bool)
    for half in (0, 1):
        inside = numbers % 2 == half
        if inside.any() and not inside.all():
            right[inside] = Discriminant.fitted(mu[~inside], groups[~inside], count)(mu[inside]) == groups[inside]
    return np.array([right[groups == group].mean() if (groups == group).any() else 0.0 for group in range(count)])
