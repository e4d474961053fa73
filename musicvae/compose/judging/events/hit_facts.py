"""What speaks for a hit at a place of a beat, without a look at the place itself.

The other bars vote: each by what it has at that step, the more the fewer hits it differs in, over the whole bar, in this class of drums
alone or around that step alone. Besides, the bars one to eight before and after, hits of the same class up to eight steps away, others at
the same step, and how full the bar is. Only the votes for the places up to three steps away weigh the bars by the place too.

Conventions: a beat of B bars is hits (B, 16, 9) of the drum map "nine"; S = 16 * B steps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats

__all__ = ["CLASSES", "hit_facts", "without_hit"]

CLASSES = 9
Bools = NDArray[np.bool_]
_STEPS = 16
_SHARPNESS = (0.3, 1.0, 3.0)  # nats that a hit of difference takes from a bar's vote
_OWN_SHARPNESS, _NEAR_SHARPNESS, _NEAR = 1.5, 1.0, 4
_DOUBT = 0.5  # votes of a bar as usual, beside those of the others
_BARS_AWAY = (-8, -4, -2, -1, 1, 2, 4, 8)
_MOVES = (-3, -2, -1, 1, 2, 3)
_NEARBY = tuple(away for away in range(-8, 9) if away)
_UNHEARD = -5.0
_FIRST_NEARBY = 2 + len(_SHARPNESS) + 2 + len(_MOVES) + len(_BARS_AWAY)


def hit_facts(hits: Bools, usual: Floats) -> Floats:
    """Facts (S, 9, F) about each place of a beat; usual: (16, 9), how often it is hit in other beats."""
    struck = hits.astype(np.float64)
    found = [*_voted(struck, usual), *_elsewhere(struck), *_density(struck), *_places(struck)]
    return np.stack([np.broadcast_to(fact, hits.shape) for fact in found], axis=-1).reshape(-1, CLASSES, len(found))


def without_hit(facts: Floats, away: NDArray[np.int64]) -> Floats:
    """Facts (N, F) of places as if nothing were hit so many steps away (N,), -8 to 8 but 0, in the same class."""
    found, rows = facts.copy(), np.arange(len(facts))
    found[rows, _FIRST_NEARBY + np.searchsorted(np.array(_NEARBY), away)] = 0.0
    return found


def _voted(struck: Floats, usual: Floats) -> Iterator[Floats]:
    """Log-odds (B, 16, 9) of a hit by the votes of other bars, and those of places up to three steps away."""
    bars = len(struck)
    expected = np.clip(usual, 0.002, 0.998)[None]
    often = np.clip((struck.sum(axis=0)[None] - struck + expected) / bars, 1e-3, 1 - 1e-3)
    yield np.broadcast_to(_logit(expected), struck.shape)
    yield _logit(often)
    votes = [_logit(often)] * (len(_SHARPNESS) + 2)
    if bars > 1:
        differing = struck[:, None] != struck[None]
        whole, own, near = _differences(differing)
        votes = [_vote(struck, often, whole, nats) for nats in _SHARPNESS]
        votes += [_vote(struck, often, own, _OWN_SHARPNESS), _vote(struck, often, near, _NEAR_SHARPNESS)]
    yield from votes
    flat = votes[1].reshape(-1, CLASSES)
    for away in _MOVES:
        yield np.where(_shifted(np.ones_like(flat), away) > 0, _shifted(flat, away), _UNHEARD).reshape(struck.shape)


def _differences(differing: Bools) -> tuple[Floats, Floats, Floats]:
    """In how many other places two bars differ (B, B, 16, 9): in all, of the same class, and of other classes around the step."""
    unlike = differing.astype(np.float64)
    whole = unlike.sum(axis=(2, 3), keepdims=True) - unlike
    own = unlike.sum(axis=2, keepdims=True) - unlike
    beside = unlike.sum(axis=3, keepdims=True) - unlike
    near = beside.copy()
    for away in range(1, _NEAR + 1):
        near[:, :, away:] += beside[:, :, :-away]
        near[:, :, :-away] += beside[:, :, away:]
    return whole, own, near


def _vote(struck: Floats, often: Floats, differing: Floats, nats: float) -> Floats:
    itself = np.eye(len(struck), dtype=np.bool_)[:, :, None, None]
    away = np.where(itself, np.inf, differing)
    weights = np.exp(-nats * (away - away.min(axis=1, keepdims=True)))
    chance = ((weights * struck[None]).sum(axis=1) + _DOUBT * often) / (weights.sum(axis=1) + _DOUBT)
    return _logit(np.clip(chance, 1e-4, 1 - 1e-4))


def _elsewhere(struck: Floats) -> Iterator[Floats]:
    """The same place in bars before and after, the same class nearby, and other classes at the same step or beside it."""
    bars, flat = len(struck), struck.reshape(-1, CLASSES)
    for away in _BARS_AWAY:
        known = np.zeros_like(struck)
        low, high = max(0, -away), min(bars, bars - away)
        if high > low:
            known[low:high] = struck[low + away : high + away] * 2 - 1
        yield known
    for away in _NEARBY:
        yield _shifted(flat, away).reshape(struck.shape)
    for drum in range(CLASSES):
        beside = np.repeat(struck[:, :, drum : drum + 1], CLASSES, axis=2)
        beside[:, :, drum] = 0.0
        yield beside
    others = flat.sum(axis=1, keepdims=True) - flat
    for away in (-2, -1, 1, 2):
        yield (_shifted(others, away) / 3).reshape(struck.shape)


def _density(struck: Floats) -> Iterator[Floats]:
    """How full the bar is against the others, in this class and in all, and how alike the nearest two bars are."""
    bars = len(struck)
    own = struck.sum(axis=1, keepdims=True) - struck
    usual = (struck.sum(axis=0)[None] - struck).sum(axis=1, keepdims=True) / max(1, bars - 1)
    yield (own - usual) / 4
    yield usual / 4
    every = struck.sum(axis=(1, 2), keepdims=True)
    yield (every - struck - (every.sum() - every) / max(1, bars - 1)) / 8
    if bars > 1:
        whole, _, _ = _differences(struck[:, None] != struck[None])
        nearest = np.sort(np.where(np.eye(bars, dtype=np.bool_)[:, :, None, None], np.inf, whole), axis=1)
        yield np.log1p(nearest[:, 0]) / 3
        yield np.log1p(nearest[:, min(1, bars - 2)]) / 3
    else:
        yield np.ones_like(struck)
        yield np.ones_like(struck)
    yield np.full_like(struck, np.log(bars) / 3)


def _places(struck: Floats) -> Iterator[Floats]:
    """Where in the beat and the bar, and which class."""
    steps, drums = np.arange(_STEPS)[None, :, None], np.arange(CLASSES)[None, None]
    for place in range(4):
        yield (steps % 4 == place).astype(np.float64)
    yield (steps < _STEPS // 2).astype(np.float64)
    for drum in range(CLASSES):
        yield (drums == drum).astype(np.float64)


def _shifted(rows: Floats, away: int) -> Floats:
    """What rows (S, ...) have so many rows later, 0 beyond the ends."""
    found = np.zeros_like(rows)
    low, high = max(0, -away), min(len(rows), len(rows) - away)
    if high > low:
        found[low:high] = rows[low + away : high + away]
    return found


def _logit(chance: Floats) -> Floats:
    return np.asarray(np.log(chance) - np.log1p(-chance))
