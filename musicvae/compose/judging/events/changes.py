"""What would be likelier in the place of each hit and note of a beat or a trio, given all others.

A beat is taken as one played with errors: each hit is right with probability 1 - `wrong_share`, else it was moved by one to three
sixteenths, with equal chances, or, more seldom, does not belong there at all; a note of a melody or a bass was moved by one to six
semitones, its rhythm is right. How likely each is, a small network says from the votes of the other bars and from what is around
(`hit_facts`, `note_facts`).

Conventions: B bars of columns (B, 16), pitches in C major or its relative minor; steps count from 0 over all bars.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.events.hit_facts import CLASSES, hit_facts, without_hit
from musicvae.compose.judging.events.note_facts import REACH, note_facts, possible
from musicvae.compose.judging.events.odds import PieceOdds
from musicvae.compose.pieces.engine import Columns, Free
from musicvae.music.converters.drum_hits import bits_of
from musicvae.music.piece import is_hits
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["HIT_REACH", "WRONG_SHARE", "Change", "changed", "doubts", "tried_changes", "voting_parts"]

WRONG_SHARE = 0.05
"""Of hits and notes that are expected to be wrong where nobody says how many."""
HIT_REACH = 3
"""Sixteenths by which a wrong hit may be off."""
_EXTRA = 0.1  # of wrong hits: those that were not meant at all
_STEPS = 16
_MOST_BARS = 32
_BEST = 3  # changes of a hit or note that are looked at
_MOVES = np.array([away for away in range(-HIT_REACH, HIT_REACH + 1) if away])
_OF_HITS, _OF_NOTES = 0.87, 0.9  # what a nat of the networks counts; fitted to errors in beats and songs of validation


@dataclass(frozen=True)
class Change:
    """A hit or note that could be another one. column: of the line.

    step, value: where it is, and its class of drums or token. better_step: None for gone. nats: what speaks for it, that all is likelier
    with it, and how likely it is for something to go wrong that way.
    """

    column: str
    step: int
    value: int
    better_step: int | None
    better_value: int
    nats: float

    @property
    def bar(self) -> int:
        """In which bar it is."""
        return self.step // _STEPS

    def later(self, bars: int) -> Change:
        """The same so many bars later."""
        better = None if self.better_step is None else self.better_step + bars * _STEPS
        return replace(self, step=self.step + bars * _STEPS, better_step=better)


def changed(columns: Columns, changes: Sequence[Change]) -> dict[str, NDArray[Any]]:
    """The columns with changes made, each of another hit or note; a hit may go to where another was."""
    found = {name: np.array(rows) for name, rows in columns.items()}
    hits = [change for change in changes if is_hits(found[change.column])]
    for change in hits:
        found[change.column].reshape(-1)[change.step] &= ~np.uint64(1 << change.value)
    for change in changes:
        flat = found[change.column].reshape(-1)
        if not is_hits(flat):
            flat[change.step] = change.better_value
        elif change.better_step is not None:
            flat[change.better_step] |= np.uint64(1 << change.better_value)
    return found


def doubts(odds: PieceOdds, columns: Columns, wrong_share: float) -> list[Change]:
    """The best change of each hit and note that would be likelier otherwise, in order."""
    best: dict[tuple[str, int, int], Change] = {}
    for first, part in voting_parts(columns):
        free = {name: np.ones(rows.shape, np.bool_) for name, rows in part.items()}
        for change in tried_changes(odds, part, part, free, wrong_share):
            moved = change.later(first)
            best.setdefault((moved.column, moved.step, moved.value), moved)
    return sorted(best.values(), key=lambda change: (change.step, change.column, change.value))


def voting_parts(columns: Columns) -> Iterator[tuple[int, Columns]]:
    """The bars that vote together, and the first of them, from 0: in long pieces no more than 32."""
    total = len(columns["bars"])
    count = -(-total // _MOST_BARS)
    edges = [total * place // count for place in range(count + 1)]
    for first, end in zip(edges, edges[1:], strict=False):
        yield first, {name: np.asarray(rows)[first:end] for name, rows in columns.items()}


def tried_changes(odds: PieceOdds, heard: Columns, now: Columns, free: Free, wrong_share: float) -> Iterator[Change]:
    """The best few changes of each hit and note that may be changed, none without gain. heard: as it was before any change."""
    for column, steps in free.items():
        if not steps.any():
            continue
        rows = now[column]
        every = (
            _tried_hits(odds, column, rows, steps, wrong_share)
            if is_hits(rows)
            else _tried_notes(odds, column, heard[column], now, steps, wrong_share)
        )
        grouped: dict[tuple[int, int], list[Change]] = {}
        for change in every:
            if change.nats > 0:
                grouped.setdefault((change.step, change.value), []).append(change)
        for changes in grouped.values():
            yield from sorted(changes, key=lambda change: -change.nats)[:_BEST]


def _tried_hits(odds: PieceOdds, column: str, rows: NDArray[np.uint64], free: NDArray[np.bool_], wrong_share: float) -> Iterator[Change]:
    """Every hit moved to each free place within reach, and gone."""
    hits, may = bits_of(rows, CLASSES) > 0, free.reshape(-1)
    facts, struck = hit_facts(hits, odds.usual), hits.reshape(-1, CLASSES)
    likely = odds.hits(facts)
    steps, drums = np.nonzero(struck & may[:, None])
    right, moved = math.log1p(-wrong_share), math.log(wrong_share * (1 - _EXTRA) / len(_MOVES))
    # One that was not meant could have been anywhere: where hits are dense, it is likelier to be at this place.
    extra = math.log(wrong_share * _EXTRA * max(1, int(struck.sum())) / struck.size)
    for step, drum in zip(steps.tolist(), drums.tolist(), strict=True):
        yield Change(column, step, drum, None, drum, extra - right - _OF_HITS * float(likely[step, drum]))
    places = steps[:, None] + _MOVES
    inside = (places >= 0) & (places < len(may))
    clipped = np.clip(places, 0, len(may) - 1)
    hit, away = np.nonzero(inside & may[clipped] & ~struck[clipped, drums[:, None]])
    there = clipped[hit, away]
    gains = odds.hits(without_hit(facts[there, drums[hit]], -_MOVES[away])) - likely[steps[hit], drums[hit]]
    for place, step, drum, gain in zip(there.tolist(), steps[hit].tolist(), drums[hit].tolist(), gains.tolist(), strict=True):
        yield Change(column, step, drum, place, drum, moved - right + _OF_HITS * gain)


def _tried_notes(
    odds: PieceOdds, column: str, heard: NDArray[np.uint8], now: Columns, free: NDArray[np.bool_], wrong_share: float
) -> Iterator[Change]:
    """Every note with each pitch within reach of the one that was heard."""
    flat = heard.reshape(-1).astype(np.int64)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    if len(onsets) < 2:
        return
    tried = flat[onsets, None] + np.arange(-REACH, REACH + 1)
    scores = np.where(possible(tried), odds.pitches(note_facts(now, column, flat[onsets])), -np.inf)
    channel = np.full(2 * REACH + 1, math.log(wrong_share / (2 * REACH)))
    channel[REACH] = math.log1p(-wrong_share)
    present = np.asarray(now[column]).reshape(-1)[onsets].astype(np.int64)
    own = present - flat[onsets] + REACH
    for note in np.flatnonzero(free.reshape(-1)[onsets]).tolist():
        at, step, token = int(own[note]), int(onsets[note]), int(present[note])
        for place in range(2 * REACH + 1):
            if place != at and np.isfinite(scores[note, place]):
                gain, expected = scores[note, place] - scores[note, at], channel[place] - channel[at]
                yield Change(column, step, token, step, int(tried[note, place]), float(expected + _OF_NOTES * gain))
