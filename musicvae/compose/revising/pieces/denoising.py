"""Wrong hits and notes of beats and trios found and put right, everything else as it is: `compose.revising.denoising` for pieces.

A beat is taken as one played with errors: each hit is right with probability 1 - `wrong_share`, else it was moved by one to three
sixteenths, with equal chances, or, more seldom, does not belong there at all; a note of a melody or a bass was moved by one to six
semitones, its rhythm is right. A hit or note is put right where that is likelier, given all others. How likely it is, a small network
says from the votes of the other bars and from what is around (`hit_facts`, `note_facts`); of drums alone a network of them is asked too,
which hears the bar with the change and without (`evidence`). The surest of each bar and line goes first; then all is looked at again.

Conventions: B bars of columns (B, 16), pitches in C major or its relative minor; steps count from 0 over all bars.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns
from musicvae.compose.revising.pieces.evidence import FillingEngine, Rows, piece_parts
from musicvae.compose.revising.pieces.hit_facts import CLASSES, hit_facts, without_hit
from musicvae.compose.revising.pieces.likeness import Free, is_hits
from musicvae.compose.revising.pieces.note_facts import REACH, note_facts, possible
from musicvae.compose.revising.pieces.odds import PieceOdds
from musicvae.compose.revising.windows import window_around
from musicvae.music.converters.drum_hits import bits_of
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["Change", "PieceJudges", "righted", "tried_changes"]

HIT_REACH = 3
"""Sixteenths by which a wrong hit may be off."""
_EXTRA = 0.1  # of wrong hits: those that were not meant at all
_STEPS = 16
_PASSES = 8
_MOST_BARS = 32  # that vote together
_CLOSE = 3.0  # nats by which a change may be the worse one for the network of pieces to be asked
_BEST = 3  # changes of a hit or note that it is asked about
_MOVES = np.array([away for away in range(-HIT_REACH, HIT_REACH + 1) if away])


@dataclass(frozen=True)
class Change:
    """A hit or note that could be another one. column: of the line.

    step, value: where it is, and its class of drums or token. better_step: None for gone. odds: nats that all is likelier with it by
    the votes; channel: nats of what is expected to go wrong; nats: all that speaks for it.
    """

    column: str
    step: int
    value: int
    better_step: int | None
    better_value: int
    odds: float
    channel: float
    nats: float = 0.0

    @property
    def bar(self) -> int:
        """In which bar it is."""
        return self.step // _STEPS

    @property
    def in_bar(self) -> bool:
        """Whether it stays in its bar."""
        return self.better_step is None or self.better_step // _STEPS == self.bar

    def made(self, columns: Columns) -> Rows:
        """The columns with it; only that of its line is a copy."""
        rows = np.array(columns[self.column])
        flat = rows.reshape(-1)
        if is_hits(rows):
            flat[self.step] &= ~np.uint64(1 << self.value)
            if self.better_step is not None:
                flat[self.better_step] |= np.uint64(1 << self.better_value)
        else:
            flat[self.step] = self.better_value
        return {**columns, self.column: rows}


@dataclass(frozen=True)
class _Worth:
    """What a nat of each judge counts: of the votes, and of what the network says of the bar and of the others."""

    odds: float
    own: float = 0.0
    others: float = 0.0


_OF_HITS, _ALONE = _Worth(0.72, 0.27, 0.17), _Worth(0.87)
_OF_NOTES = _Worth(0.9)
"""Fitted to errors in held-out beats and songs of validation."""


@dataclass(frozen=True, eq=False)
class PieceJudges:
    """Who says how likely a piece is: the votes of its bars, and for drums alone a network of pieces beside them."""

    odds: PieceOdds
    engine: FillingEngine | None = None

    def weighed(self, now: Columns, tried: Sequence[Change]) -> list[Change]:
        """The changes with all that speaks for each."""
        if self.engine is None or "bass" in now:
            worth = {column: _ALONE if is_hits(rows) else _OF_NOTES for column, rows in now.items()}
            return [replace(change, nats=worth[change.column].odds * change.odds + change.channel) for change in tried]
        found = []
        for change, (own, others) in zip(tried, evidence(self.engine, now, tried).tolist(), strict=True):
            nats = _OF_HITS.odds * change.odds + _OF_HITS.own * own + _OF_HITS.others * others
            found.append(replace(change, nats=nats + change.channel))
        return found


def righted(judges: PieceJudges, columns: Columns, free: Free, wrong_share: float) -> list[Change]:
    """The hits and notes of a piece that are wrong, the surest first, each with what it is to be.

    free: by column (B, 16), where hits and notes may be changed; columns of other lines are only heard.
    """
    total, found = len(columns["bars"]), []
    count = -(-total // _MOST_BARS)
    edges = [total * place // count for place in range(count + 1)]
    for first, end in zip(edges, edges[1:], strict=False):
        part = {name: np.asarray(rows)[first:end] for name, rows in columns.items()}
        for change in _righted(judges, part, {name: steps[first:end] for name, steps in free.items()}, wrong_share):
            later = None if change.better_step is None else change.better_step + first * _STEPS
            found.append(replace(change, step=change.step + first * _STEPS, better_step=later))
    return sorted(found, key=lambda change: (-change.nats, change.step, change.column, change.value))


def _righted(judges: PieceJudges, columns: Columns, free: Free, wrong_share: float) -> list[Change]:
    now = dict(columns)
    done: dict[tuple[str, int, int], Change] = {}
    for _ in range(_PASSES):
        settled = {(change.column, change.better_step, change.better_value) for change in done.values()}
        tried = [change for change in tried_changes(judges.odds, columns, now, free, wrong_share) if _open(change, now, settled)]
        chosen = _surest_of_each(judges.weighed(now, tried))
        for change in chosen:
            now = change.made(now)
            if is_hits(now[change.column]):
                done[change.column, change.step, change.value] = change
                continue
            heard = int(columns[change.column].reshape(-1)[change.step])
            before = done.pop((change.column, change.step, heard), change)
            if change.better_value != heard:
                done[change.column, change.step, heard] = replace(change, value=heard, nats=max(change.nats, before.nats))
        if not chosen:
            break
    return list(done.values())


def _open(change: Change, now: Columns, settled: set[tuple[str, int | None, int]]) -> bool:
    """Whether it may be made: a hit is moved once."""
    return not is_hits(now[change.column]) or (change.column, change.step, change.value) not in settled


def _surest_of_each(tried: Sequence[Change]) -> list[Change]:
    """The surest gain of each bar and line, no two of which want the same place."""
    chosen: dict[tuple[str, int], Change] = {}
    places = set()
    for change in sorted(tried, key=lambda change: (-change.nats, change.step, change.column, change.value)):
        place = (change.column, change.better_step, change.better_value)
        if change.nats > 0 and (change.column, change.bar) not in chosen and (change.better_step is None or place not in places):
            chosen[change.column, change.bar] = change
            places.add(place)
    return list(chosen.values())


def tried_changes(odds: PieceOdds, heard: Columns, now: Columns, free: Free, wrong_share: float) -> Iterator[Change]:
    """The best few changes of each hit and note that may be changed, none that is hopeless. heard: as it was before any change."""
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
            if change.odds + change.channel > -_CLOSE:
                grouped.setdefault((change.step, change.value), []).append(change)
        for changes in grouped.values():
            yield from sorted(changes, key=lambda change: -(change.odds + change.channel))[:_BEST]


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
        yield Change(column, step, drum, None, drum, -float(likely[step, drum]), extra - right)
    places = steps[:, None] + _MOVES
    inside = (places >= 0) & (places < len(may))
    clipped = np.clip(places, 0, len(may) - 1)
    hit, away = np.nonzero(inside & may[clipped] & ~struck[clipped, drums[:, None]])
    there = clipped[hit, away]
    gains = odds.hits(without_hit(facts[there, drums[hit]], -_MOVES[away])) - likely[steps[hit], drums[hit]]
    for place, step, drum, gain in zip(there.tolist(), steps[hit].tolist(), drums[hit].tolist(), gains.tolist(), strict=True):
        yield Change(column, step, drum, place, drum, gain, moved - right)


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
                yield Change(column, step, token, step, int(tried[note, place]), float(gain), float(expected))


def evidence(engine: FillingEngine, now: Columns, tried: Sequence[Change]) -> Floats:
    """Nats (T, 2) by which a network of drums finds the bar, and the others, likelier with each change; 0 for one into another bar."""
    found = np.zeros((len(tried), 2))
    groups: dict[int, list[int]] = {}
    for number, change in enumerate(tried):
        if change.in_bar:
            groups.setdefault(change.bar, []).append(number)
    for bar, numbers in groups.items():
        window = window_around(bar, 1, len(now["bars"]), engine.bars)
        inside = slice(window.start_bar, window.start_bar + window.num_bars)
        rows = np.stack([now["bars"], *(tried[number].made(now)["bars"] for number in numbers)])[:, inside]
        parts = piece_parts(engine, {"bars": rows}, bar - window.start_bar, ["drums"])
        found[numbers] = np.stack([parts.own[1:] - parts.own[0], parts.others[1:] - parts.others[0]], axis=1)
    return found
