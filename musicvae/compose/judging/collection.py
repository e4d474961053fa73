"""Which pieces of a collection are not of its kind: foreign styles, mislabelled files.

Two likelihood ratios are added, each that of the collection against all music the model knows: of the idea of a piece (the tune's part of
z) under a Gaussian of the other pieces, and of its notes under an n-gram of the other pieces. What is dull or involved costs
both sides the same and cancels (Ren et al. 2019). Every piece is judged by the others alone.

Conventions: P pieces of one kind of meter; G numbers of the tune's part of z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicvae.compose.coding import encode_rows, place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.ngram import NGram, fit_ngram
from musicvae.compose.judging.yardstick import Yardstick
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["FEWEST_PIECES", "foreignness", "idea_ratios", "idea_size", "ideas_of", "note_ratios", "windows_of_piece"]

FEWEST_PIECES = 10
"""Pieces of one kind of meter that make a collection."""
_PARTS = 4
_SHRINKAGE, _WORLD_SHRINKAGE = 0.3, 0.1


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
    found = _standard(note_ratios(pieces, kind, yardstick.ngram))
    if kind in yardstick.ideas:
        found = found + _standard(idea_ratios(ideas_of(engine, pieces, kind), yardstick.ideas[kind]))
    return _standard(found)


def ideas_of(engine: Engine, pieces: Sequence[Sequence[Tokens]], kind: int) -> Floats:
    """The tune's part of z of each piece (P, G), the mean of its windows'."""
    mu, _ = encode_rows(engine, [part for own in pieces for part in own], Meter.parse(KINDS[kind]))
    ends = np.cumsum([len(own) for own in pieces])
    size = idea_size(engine)
    return np.stack([rows[:, :size].mean(axis=0) for rows in np.split(mu, ends[:-1])])


def idea_ratios(ideas: Floats, world: tuple[Floats, Floats]) -> Floats:
    """Squared distances (P,) of ideas (P, G) from the mean of the others, less those from the world's."""
    ratios = np.zeros(len(ideas))
    for row, own in enumerate(ideas):
        others = np.delete(ideas, row, axis=0)
        ratios[row] = _distance(own, others.mean(axis=0), np.atleast_2d(np.cov(others.T)), _SHRINKAGE)
    return np.asarray(ratios - [_distance(own, *world, _WORLD_SHRINKAGE) for own in ideas])


def _distance(point: Floats, mean: Floats, covariance: Floats, shrinkage: float) -> float:
    """The squared Mahalanobis distance, the covariance shrunk to its diagonal."""
    diagonal = np.diag(np.diag(covariance))
    floor = 1e-3 * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    shrunk = (1 - shrinkage) * covariance + shrinkage * diagonal + floor * np.eye(len(covariance))
    away = point - mean
    return float(away @ np.linalg.solve(shrunk, away))


def note_ratios(pieces: Sequence[Sequence[Tokens]], kind: int, world: NGram | None) -> Floats:
    """Nats a note (P,) that an n-gram of the other pieces needs, less those of the world's where there is one."""
    ratios = np.zeros(len(pieces))
    for turn in range(_PARTS):
        others = [part for row, own in enumerate(pieces) if row % _PARTS != turn for part in own]
        ngram = fit_ngram((part[None], kind) for part in others)
        for row in range(turn, len(pieces), _PARTS):
            own = pieces[row]
            nats = -sum(float(ngram.log_probs(part[None], kind).sum()) for part in own)
            if world is not None:
                nats += sum(float(world.log_probs(part[None], kind).sum()) for part in own)
            ratios[row] = nats / max(sum(int((part >= FIRST_PITCH_TOKEN).sum()) for part in own), 1)
    return ratios


def _standard(values: Floats) -> Floats:
    """Distances above the median in robust standard deviations: 1.4826 times the median distance. Rousseeuw & Croux (1993)."""
    away = values - np.median(values)
    return np.asarray(away / max(1.4826 * float(np.median(np.abs(away))), 1e-9))
