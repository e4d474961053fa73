"""The events of a track so far, as far as they say what comes next."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from musicvae.compose.compressing.grid import Grid
from musicvae.compose.compressing.syntax import META, Written

__all__ = ["History", "Held"]

_REACHES = (8, 5, 3)
_PITCH_REACHES = (6, 4)
_NOTHING = Written(-1, 0, b"\0\0", False)


class Held(NamedTuple):
    """A note that sounds: the tick and the number of its line at which it began."""

    onset: int
    line: int


class History:
    """What has happened in one track.

    tick: now; line: the nearest one; running: the status that may be left out (0: none); channel: of the last event that has one;
    sounding: by (channel, pitch), in the order of starting; started: pitches, the latest last; begun: of these, those of this very tick;
    loud: their latest velocities; gaps: lines between the last onsets; lengths: ticks that a pitch sounded last.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.tick = self.line = self.running = 0
        self.channel = -1
        self.events: list[Written] = []
        self.kinds = [-1] * 4
        self.sounding: dict[tuple[int, int], Held] = {}
        self.started = [-1] * 4
        self.begun: list[int] = []
        self.loud = [-1, -1]
        self.loudness: dict[int, int] = {}
        self.onset = self.onset_line = self.onset_before = -1
        self.gaps = [-1, -1]
        self.lengths: dict[int, int] = {}
        self.length, self.length_lines = -1, [-1, -1]
        self.released, self.released_onset = -1, -1
        self.values: dict[Hashable, int] = {}
        self.lines: dict[int, list[int]] = {}  # pitches by the line at which they start
        self.notes: list[tuple[int, int, int]] = []
        self._steps: dict[tuple[bool, int, int], tuple[int, int]] = {}
        self._places: dict[tuple[object, ...], int] = {}
        self._followed, self._good = -1, 0
        self._pitches: list[int] = []
        self._pitch_places: dict[tuple[int, ...], int] = {}
        self._pitch_followed, self._pitch_good = -1, 0

    def before(self, count: int = 1) -> Written:
        """The event so many places back."""
        return self.events[-count] if len(self.events) >= count else _NOTHING

    def likely(self) -> tuple[Written, int]:
        """What followed when the latest events were last as they are now, and for how long that has gone well (0: nothing known)."""
        if self._followed < 0:
            return _NOTHING, 0
        return self.events[self._followed], min(self._good, 12)

    def likely_pitch(self) -> tuple[int, int]:
        """The pitch that followed when the latest pitches were last as they are now, and for how long that has gone well."""
        if self._pitch_followed < 0:
            return -1, 0
        return self._pitches[self._pitch_followed], min(self._pitch_good, 12)

    def likely_step(self, begun: int) -> tuple[int, int]:
        """The pitch that is as far from the last as it was after the same two intervals, and how often in a row that was right."""
        one, two, three = self.started[:-4:-1]
        key = (begun > 0, one - two, two - three)
        found = self._steps.get(key)
        if found is None or three < 0:
            return -1, 0
        return (one + found[0] if 0 <= one + found[0] < 128 else -1), found[1]

    def add(self, event: Written) -> None:
        """An event came."""
        expected = self.events[self._followed] if self._followed >= 0 else None
        self.events.append(event)
        if event.delta:
            self.tick += event.delta
            self.line = self.grid.nearest(self.tick)
            self.begun = []
        if event.status < 0xF0:
            self.running, self.channel = event.status, event.status & 0x0F
        self._note(event)
        if expected is not None and _alike(expected, event):
            self._followed += 1
            self._good += 1
        else:
            self._followed, self._good = -1, 0
        here = len(self.events)
        for reach in _REACHES:
            if here >= reach:
                key = (reach, *((e.delta, e.status, e.data[:1]) for e in self.events[-reach:]))
                if self._followed < 0 and key in self._places:
                    self._followed, self._good = self._places[key], 1
                self._places[key] = here
        if self._followed >= here:
            self._followed, self._good = -1, 0

    def _note(self, event: Written) -> None:
        kind, channel = event.status & 0xF0, event.status & 0x0F
        self.kinds = [*self.kinds[1:], kind_of(event)]
        if event.status == META or kind not in (0x80, 0x90):
            return
        pitch, velocity = event.data
        if kind == 0x90 and velocity:
            self._starts(channel, pitch, velocity)
        else:
            self._ends(channel, pitch)

    def _starts(self, channel: int, pitch: int, velocity: int) -> None:
        self.sounding[channel, pitch] = Held(self.tick, self.line)
        one, two, three = self.started[:-4:-1]
        key = (bool(self.begun), one - two, two - three)
        step, count = self._steps.get(key, (0, 0))
        self._steps[key] = (pitch - one, min(count + 1, 3) if step == pitch - one else 0)
        self.started = [*self.started[1:], pitch]
        self.begun.append(pitch)
        self.loud = [self.loud[1], velocity]
        self.loudness[pitch] = velocity
        if self.tick != self.onset:
            self.gaps = [self.gaps[1], self.line - self.onset_line]
            self.onset_before, self.onset, self.onset_line = self.onset, self.tick, self.line
        self.lines.setdefault(self.line, []).append(pitch)
        if self._pitch_followed >= 0 and self._pitches[self._pitch_followed] == pitch:
            self._pitch_followed, self._pitch_good = self._pitch_followed + 1, self._pitch_good + 1
        else:
            self._pitch_followed, self._pitch_good = -1, 0
        self._pitches.append(pitch)
        for reach in _PITCH_REACHES:
            if len(self._pitches) >= reach:
                passage = tuple(self._pitches[-reach:])
                if self._pitch_followed < 0 and passage in self._pitch_places:
                    self._pitch_followed, self._pitch_good = self._pitch_places[passage], 0
                self._pitch_places[passage] = len(self._pitches)
        if self._pitch_followed >= len(self._pitches):
            self._pitch_followed, self._pitch_good = -1, 0

    def _ends(self, channel: int, pitch: int) -> None:
        self.released, self.released_onset = pitch, -1
        held = self.sounding.pop((channel, pitch), None)
        if held is not None:
            self.released_onset = held.onset
            self.length = self.lengths[pitch] = self.tick - held.onset
            self.length_lines = [self.length_lines[1], self.line - held.line]
            self.notes.append((held.onset, self.tick, pitch))

    def next_line(self, line: int) -> int:
        """The first line after this one, up to four quarters, at which a note starts, -1 for none."""
        return next((place for place in range(line + 1, min(line + 16, self.onset_line) + 1) if place in self.lines), -1)

    def due(self) -> tuple[int, int]:
        """Pitch of the note that has sounded longest and the tick at which it should end, -1 for none and for unknown."""
        for (_, pitch), held in self.sounding.items():
            length = self.lengths.get(pitch, self.length)
            return pitch, -1 if length < 0 else held.onset + length
        return -1, -1

    def classes(self) -> int:
        """Classes of the pitches that started last and of those that sound, a bit each."""
        found = 0
        for pitch in (*self.started, *(pitch for _, pitch in self.sounding)):
            if pitch >= 0:
                found |= 1 << pitch % 12
        return found

    @property
    def lowest(self) -> int:
        """The lowest sounding pitch, -1 for none."""
        return min((pitch for _, pitch in self.sounding), default=-1)


def kind_of(event: Written) -> int:
    """Its status, where a note's end is one however it is written."""
    return event.status & 0x8F if event.status & 0xF0 == 0x90 and not event.data[1] else event.status


def _alike(one: Written, other: Written) -> bool:
    return one[:2] == other[:2] and one.data[:1] == other.data[:1]
