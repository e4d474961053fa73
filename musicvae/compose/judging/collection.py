"""Which pieces of a collection are not of its kind: foreign styles, mislabelled files.

Every piece is judged by the others alone: how far its idea (the tune's part of z) is from a Gaussian of theirs, and what its notes cost an
n-gram of theirs. From both is taken what the same costs in the world, all music the model knows, so that what is dull or involved
cancels (a likelihood ratio, Ren et al. 2019). What the world does not know either would cancel too, so that the largest counts of
the sum of both ratios and of the two costs alone. This is done twice, the second time with the foreign ones of the first left out of what
others are judged by, as in the concentration step of Rousseeuw & Van Driessen (1999).

Conventions: P pieces of one kind of meter; G numbers of the tune's part of z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import encode_rows, place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.ngram import fit_ngram
from musicvae.compose.judging.yardstick import Yardstick
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["FEWEST_PIECES", "distances_from", "foreignness", "idea_distances", "idea_size", "ideas_of", "note_costs", "windows_of_piece"]

FEWEST_PIECES = 10
"""Pieces of one kind of meter that make a collection."""
_PARTS = 4
_SHRINKAGE, _WORLD_SHRINKAGE = 0.3, 0.1
_KEPT = 0.85  # share of a collection that the second pass goes by


def idea_size(engine: Engine) -> int:
    """G: how many numbers of z belong to the tune as a whole; all of them with a fixed window."""
    config = engine.config
    if config.fixed_window or config.max_bars < 2:
        return config.z_size
    return 2 * config.z_used(1) - config.z_used(2)


def windows_of_piece(engine: Engine, melody: Melody) -> list[Tokens]:
    """The windows of a melody in the engine's coordinates. ValueError for a meter that it does not know."""
    tokens = place(engine, melody)[0].tokens
    return cut_tokens(tokens, windows_of(engine, [tokens], melody.meter), apart=engine.config.fixed_window)


def foreignness(engine: Engine, pieces: Sequence[Sequence[Tokens]], kind: int, yardstick: Yardstick) -> Floats:
    """How far each piece (P,), given by its windows (bars, S), is from the others, in robust standard deviations above the median.

    ValueError for fewer than `FEWEST_PIECES`.
    """
    if len(pieces) < FEWEST_PIECES:
        raise ValueError(f"a collection is at least {FEWEST_PIECES} pieces of one kind of meter, got {len(pieces)}")
    notes = np.array([max(sum(int((part >= FIRST_PITCH_TOKEN).sum()) for part in own), 1) for own in pieces])
    known = np.array([-sum(float(yardstick.ngram.log_probs(part[None], kind).sum()) for part in own) for own in pieces]) / notes
    ideas, world = ideas_of(engine, pieces, kind), yardstick.ideas.get(kind)
    kept = np.ones(len(pieces), bool)
    for _ in range(2):
        cost, distance = note_costs(pieces, kind, kept), idea_distances(ideas, kept)
        ratio = _standard(cost - known)
        if world is not None:
            ratio = _standard(ratio + _standard(distance - distances_from(ideas, world)))
        found = np.max([ratio, _standard(cost), _standard(distance)], axis=0)
        kept = found <= np.quantile(found, _KEPT)
    return _standard(found)


def ideas_of(engine: Engine, pieces: Sequence[Sequence[Tokens]], kind: int) -> Floats:
    """The tune's part of z of each piece (P, G), the mean of its windows'."""
    mu, _ = encode_rows(engine, [part for own in pieces for part in own], Meter.parse(KINDS[kind]))
    ends = np.cumsum([len(own) for own in pieces])
    size = idea_size(engine)
    return np.stack([rows[:, :size].mean(axis=0) for rows in np.split(mu, ends[:-1])])


def idea_distances(ideas: Floats, kept: NDArray[np.bool_] | None = None) -> Floats:
    """Squared distances (P,) of ideas (P, G) from the Gaussian of the others among `kept` (P,), default all."""
    kept = np.ones(len(ideas), bool) if kept is None else kept
    found = np.zeros(len(ideas))
    for row, own in enumerate(ideas):
        others = ideas[kept & (np.arange(len(ideas)) != row)]
        found[row] = _distance(own, others.mean(axis=0), np.atleast_2d(np.cov(others.T)), _SHRINKAGE)
    return found


def distances_from(ideas: Floats, world: tuple[Floats, Floats]) -> Floats:
    """Squared distances (P,) of ideas (P, G) from the Gaussian of this mean and covariance."""
    return np.array([_distance(own, *world, _WORLD_SHRINKAGE) for own in ideas])


def _distance(point: Floats, mean: Floats, covariance: Floats, shrinkage: float) -> float:
    """The squared Mahalanobis distance, the covariance shrunk to its diagonal."""
    diagonal = np.diag(np.diag(covariance))
    floor = 1e-3 * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    shrunk = (1 - shrinkage) * covariance + shrinkage * diagonal + floor * np.eye(len(covariance))
    away = point - mean
    return float(away @ np.linalg.solve(shrunk, away))


def note_costs(pieces: Sequence[Sequence[Tokens]], kind: int, kept: NDArray[np.bool_] | None = None) -> Floats:
    """Nats a note (P,) that an n-gram of the others among `kept` (P,), default all, needs; those of a piece's own quarter are left out."""
    kept = np.ones(len(pieces), bool) if kept is None else kept
    found = np.zeros(len(pieces))
    for turn in range(_PARTS):
        ngram = fit_ngram((part[None], kind) for row, own in enumerate(pieces) if row % _PARTS != turn and kept[row] for part in own)
        for row in range(turn, len(pieces), _PARTS):
            own = pieces[row]
            nats = -sum(float(ngram.log_probs(part[None], kind).sum()) for part in own)
            found[row] = nats / max(sum(int((part >= FIRST_PITCH_TOKEN).sum()) for part in own), 1)
    return found


def _standard(values: Floats) -> Floats:
    """Distances above the median in robust standard deviations: 1.4826 times the median distance. Rousseeuw & Croux (1993)."""
    away = values - np.median(values)
    return np.asarray(away / max(1.4826 * float(np.median(np.abs(away))), 1e-9))
