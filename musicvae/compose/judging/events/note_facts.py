"""What speaks for each pitch of a note of a trio's melody or bass, without a look at the pitch that it has.

The same step of other bars votes, the more the less these differ, and so do the steps that bars of like rhythm make from the note before
and to the one after. Besides: which pitches and pitch classes there are in the song and nearby in both lines, the intervals to the notes
around and to what sounds in the other line, the degree of the scale, and where the note stands.

Conventions: B bars of tokens (B, 16) in C major or its relative minor; N notes of a line, P = 2 * REACH + 1 pitches tried for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MIN_PITCH, VOCABULARY_SIZE

__all__ = ["REACH", "note_facts", "possible"]

REACH = 6
"""Semitones by which a wrong note may be off, up or down."""
Ints = NDArray[np.int64]
_STEPS, _OCTAVE = 16, 12
_BARS_AWAY = (-8, -4, -2, -1, 1, 2, 4, 8)
_NEAR = (8, 20)  # steps around a note in which pitch classes are counted
_FAR = 16  # steps between notes of which bars of like rhythm are asked
_LONGEST = 8  # steps for which a note counts
_WIDEST = 14  # semitones, and all wider ones, or no note to measure from
_DRUMS = 0.3  # of a step that differs, where drums do


def possible(tried: Ints) -> NDArray[np.bool_]:
    """Which tokens are pitches."""
    return (tried >= FIRST_PITCH_TOKEN) & (tried < VOCABULARY_SIZE)


def note_facts(columns: Columns, line: str, middle: Ints) -> Floats:
    """Facts (N, P, F) about pitches up to REACH from `middle` (N,), tokens, for each of the notes, two or more, of "bars" or "bass"."""
    asked = _Asked(columns, line, middle)
    found = [*asked.counted(), *asked.voted(), *asked.led(), *asked.beside()]
    return np.stack([np.broadcast_to(fact, asked.tried.shape) for fact in found], axis=-1)


@dataclass(frozen=True, eq=False)
class _Asked:
    """One line and what is tried for its notes."""

    columns: Columns
    line: str
    middle: Ints

    @cached_property
    def rows(self) -> Ints:
        return np.asarray(self.columns[self.line]).astype(np.int64)

    @cached_property
    def others(self) -> Ints:
        return np.asarray(self.columns["bass" if self.line == "bars" else "bars"]).astype(np.int64)

    @cached_property
    def onsets(self) -> Ints:
        return np.flatnonzero(self.rows.reshape(-1) >= FIRST_PITCH_TOKEN)

    @cached_property
    def own(self) -> Ints:
        return self.rows.reshape(-1)[self.onsets]

    @cached_property
    def tried(self) -> Ints:
        return self.middle[:, None] + np.arange(-REACH, REACH + 1)

    @cached_property
    def lengths(self) -> Floats:
        return _lengths(self.onsets, self.rows.size)

    @cached_property
    def here(self) -> Ints:
        """The token (N, B) that each bar has at the step of each note."""
        return np.asarray(self.rows[:, self.onsets % _STEPS].T)

    @cached_property
    def common(self) -> Floats:
        """How common each pitch is in the line, the note itself left out."""
        counts = np.bincount(self.own, minlength=VOCABULARY_SIZE)[np.clip(self.tried, 0, VOCABULARY_SIZE - 1)]
        return np.asarray((counts - (self.tried == self.own[:, None]) + 0.1) / (len(self.own) + 4))

    def counted(self) -> Iterator[Floats]:
        """How common pitches and their classes are, in the song and around the note."""
        yield np.log(self.common)
        classes, own = _classes(self.tried), _classes(self.own)
        weights = np.sqrt(self.lengths)
        sums = np.bincount(own, weights=weights, minlength=_OCTAVE)
        less = (classes == own[:, None]) * weights[:, None]
        yield np.log((sums[classes] - less + 0.2) / (sums.sum() - weights[:, None] + 2.4))
        onsets = np.flatnonzero(self.others.reshape(-1) >= FIRST_PITCH_TOKEN)
        other = _classes(self.others.reshape(-1)[onsets])
        sums = np.bincount(other, weights=np.sqrt(_lengths(onsets, self.others.size)), minlength=_OCTAVE)
        yield np.log((sums[classes] + 0.2) / (sums.sum() + 2.4))
        for reach in _NEAR:
            for places, names in ((self.onsets, own), (onsets, other)):
                near = (np.abs(self.onsets[:, None] - places[None]) <= reach).astype(np.float64)
                if places is self.onsets:
                    np.fill_diagonal(near, 0.0)
                counts = near @ (names[:, None] == np.arange(_OCTAVE)).astype(np.float64)
                yield np.log((np.take_along_axis(counts, classes, axis=1) + 0.2) / (counts.sum(axis=1, keepdims=True) + 2.4))

    def voted(self) -> Iterator[Floats]:
        """Log-shares of the votes of other bars, by five ways of being alike, how unlike the nearest is, and bars at fixed distances."""
        base = self.common / self.common.sum(axis=1, keepdims=True)
        bars, sounding = self.onsets // _STEPS, self.here >= FIRST_PITCH_TOKEN
        weights = np.zeros_like(sounding, dtype=np.float64)
        for differing, nats in self._differences():
            away = differing.astype(np.float64)
            away[np.arange(len(bars)), bars] = np.inf
            nearest = np.where(sounding, away, np.inf).min(axis=1, keepdims=True)
            nearest = np.where(np.isfinite(nearest), nearest, 0.0)
            weights = np.exp(-nats * (away - nearest)) * sounding
            votes = _votes(weights, self.here, self.tried)
            yield np.log((votes + 0.2 * base + 1e-3) / (weights.sum(axis=1, keepdims=True) + 0.2))
            yield np.log1p(nearest) / 2
        votes = _votes(weights, _classes(self.here), _classes(self.tried))
        yield np.log((votes + 0.1) / (weights.sum(axis=1, keepdims=True) + 1.2))
        for away_bars in _BARS_AWAY:
            other = bars + away_bars
            token = self.rows[np.clip(other, 0, len(self.rows) - 1), self.onsets % _STEPS]
            known = (other >= 0) & (other < len(self.rows)) & (token >= FIRST_PITCH_TOKEN)
            yield np.where(known[:, None], np.where(token[:, None] == self.tried, 1.0, -1.0), 0.0)

    def _differences(self) -> Iterator[tuple[Floats, float]]:
        """In how much else each bar (N, B) differs from that of a note, and what that takes from its vote, in nats."""
        bars, steps = self.onsets // _STEPS, self.onsets % _STEPS
        unlike = (self.rows[:, None] != self.rows[None])[bars].astype(np.float64)
        at = np.take_along_axis(unlike, steps[:, None, None], axis=2)[..., 0]
        whole = unlike.sum(axis=2) - at
        near = np.abs(np.arange(_STEPS)[None] - steps[:, None]) <= _STEPS // 4
        around = (unlike * near[:, None]).sum(axis=2) - at
        beside = (self.others[:, None] != self.others[None]).sum(axis=2).astype(np.float64)
        beside += _DRUMS * (self.columns["drums"][:, None] != self.columns["drums"][None]).sum(axis=2)
        yield whole, 1.0
        yield whole + 0.5 * beside[bars], 0.5
        yield around + 0.1 * whole, 1.5
        yield beside[bars] + 0.3 * self._rhythms[bars], 0.7
        yield np.zeros_like(whole), 1.0

    @cached_property
    def _rhythms(self) -> Floats:
        """In how many onsets two bars (B, B) differ."""
        on = self.rows >= FIRST_PITCH_TOKEN
        return np.asarray((on[:, None] != on[None]).sum(axis=2), np.float64)

    def led(self) -> Iterator[Floats]:
        """How the notes before and after lead to it: as in bars of like rhythm, by which interval, and with which contour."""
        yield self._sequence(-1)
        yield self._sequence(1)
        for way in (-2, -1, 1, 2):
            known, other = self._neighbour(way)
            interval = self.tried - other[:, None]
            if abs(way) == 1:
                size = np.where(known[:, None], np.abs(interval), _WIDEST)
                yield from _one_hot(np.minimum(size, _WIDEST), _WIDEST + 1)
                yield np.where(known[:, None], np.clip(interval, -12, 12) / 12, 0.0)
            else:
                yield np.where(known[:, None], np.abs(np.clip(interval, -12, 12)) / 6, 0.0)
                yield np.where(known[:, None], interval == 0, False).astype(np.float64)
        before, after = np.append(self.own[1:2], self.own[:-1])[:, None], np.append(self.own[1:], self.own[-2:-1])[:, None]
        yield np.abs(self.tried - (before + after) / 2) / 6
        yield ((self.tried >= np.minimum(before, after)) & (self.tried <= np.maximum(before, after))).astype(np.float64)
        height = (self.tried - (self.own.sum() - self.own[:, None]) / (len(self.own) - 1)) / 12
        yield height
        yield height**2

    def _neighbour(self, way: int) -> tuple[NDArray[np.bool_], Ints]:
        """The token of the note so many later, and where there is one."""
        place = np.arange(len(self.own)) + way
        return (place >= 0) & (place < len(self.own)), self.own[np.clip(place, 0, len(self.own) - 1)]

    def _sequence(self, way: int) -> Floats:
        """Log-shares of the votes for the interval to the next note or the one before, of bars that have notes at both places."""
        known, other = self._neighbour(way)
        place = np.clip(np.arange(len(self.own)) + way, 0, len(self.own) - 1)
        away = self.onsets[place] - self.onsets
        bars, every = self.onsets // _STEPS, np.arange(len(self.rows))
        step = (every[None] - bars[:, None]) * _STEPS + self.onsets[:, None] + away[:, None]
        inside = (step >= 0) & (step < self.rows.size) & (known & (np.abs(away) <= _FAR))[:, None] & (every[None] != bars[:, None])
        token = self.rows.reshape(-1)[np.clip(step, 0, self.rows.size - 1)]
        sounding = inside & (token >= FIRST_PITCH_TOKEN) & (self.here >= FIRST_PITCH_TOKEN)
        weights = np.exp(-0.5 * self._rhythms[bars]) * sounding
        votes = _votes(weights, self.here - token, self.tried - other[:, None])
        return np.asarray(np.log((votes + 0.05) / (weights.sum(axis=1, keepdims=True) + 0.65)))

    def beside(self) -> Iterator[Floats]:
        """What sounds in the other line, the degree of the scale, and where the note stands."""
        other = _sounding(self.others.reshape(-1))[self.onsets][:, None]
        yield from _one_hot(np.where(other > 0, (self.tried - other) % _OCTAVE, _OCTAVE), _OCTAVE + 1)
        yield ((other > 0) & (self.tried == other)).astype(np.float64)
        yield from _one_hot(_classes(self.tried), _OCTAVE)
        steps = self.onsets[:, None] % _STEPS
        yield (steps % 4 == 0).astype(np.float64)
        yield (steps % 8 == 0).astype(np.float64)
        yield np.log2(self.lengths)[:, None] / 3
        yield np.array([[float(self.line == "bass")]])


def _classes(tokens: Ints) -> Ints:
    return np.asarray((tokens - FIRST_PITCH_TOKEN + MIN_PITCH) % _OCTAVE)


def _lengths(onsets: Ints, end: int) -> Floats:
    """Steps to the next onset, 1 to 8."""
    return np.clip(np.diff(np.append(onsets, end)), 1, _LONGEST).astype(np.float64)


def _votes(weights: Floats, heard: Ints, tried: Ints) -> Floats:
    """The weights (N, B) of bars in which what was heard (N, B) is what is tried (N, P), summed, (N, P)."""
    return np.stack([(weights * (heard == tried[:, place, None])).sum(axis=1) for place in range(tried.shape[1])], axis=1)


def _one_hot(values: Ints, count: int) -> Iterator[Floats]:
    for value in range(count):
        yield (values == value).astype(np.float64)


def _sounding(flat: Ints) -> Ints:
    """The token of the note that sounds at each step, 0 for none."""
    latest = flat[np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))]
    return np.where(latest >= FIRST_PITCH_TOKEN, latest, 0)
