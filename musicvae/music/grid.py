"""A melody on the sixteenth grid as arrays: what bulk work passes on where a `Melody` would be an object for every note.

Conventions: steps as in `music.melody`, ticks as in `music.score`; N notes, one at a time, in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.score import Ints, NoteTable
from musicvae.music.segments import Segment
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH, Tokens, grid_tokens

__all__ = ["MOVED", "OFF_GRID_STEPS", "Columns", "GridLine", "on_grid", "sane_notes", "skyline"]

OFF_GRID_STEPS = 1 / 8
"""An onset further from its step than this is off the grid."""
MOVED = "onsets moved to the grid by more than 1/8 step"
"""The reason under which those are counted."""

Columns = tuple[Ints, Ints, Ints, Ints]
"""Onset, pitch, duration (both times in ticks or both in steps) and velocity, each (N,)."""


@dataclass(frozen=True, eq=False)
class GridLine:
    """A stretch of constant meter: pitch, onset_steps, duration_steps, velocity are (N,) int64.

    Notes are sorted and never overlap. num_bars: written bars; start_bar counts written bars of the file from 1.
    has_pickup: the first bar is a pickup, its missing beats filled with rests. has_partial_end: the
    last bar was cut short by a change of meter or of the bar lines and is filled with rests.
    """

    pitch: Ints
    onset_steps: Ints
    duration_steps: Ints
    velocity: Ints
    meter: Meter
    num_bars: int
    start_bar: int
    tempo_qpm: float
    key: Key
    program: int = 0
    name: str = "Melody"
    has_pickup: bool = False
    has_partial_end: bool = False

    def __len__(self) -> int:
        return len(self.pitch)

    def melody(self) -> Melody:
        """The line as a `Melody`, a `Note` for each note."""
        columns = (self.pitch, self.onset_steps, self.duration_steps, self.velocity)
        notes = tuple(map(Note, *(c.tolist() for c in columns)))
        return Melody(notes, self.meter, self.num_bars, self.tempo_qpm, self.key, self.program, self.name)

    def tokens(self) -> Tokens:
        """Tokens (model bars, steps) as `music.vocabulary.to_tokens` writes them."""
        return grid_tokens(self.pitch, self.onset_steps, self.duration_steps, self.meter, self.num_bars)

    def whole_bars(self) -> GridLine | None:
        """The line without a pickup or a bar cut short; None if nothing is left."""
        first = int(self.has_pickup)
        bars = self.num_bars - first - int(self.has_partial_end)
        return self.cut(first, bars) if bars > 0 else None

    def cut(self, start_bar: int, num_bars: int) -> GridLine:
        """Bars ``start_bar`` (0-based) to ``start_bar + num_bars``, at least 1 of them; bars past the end are empty.

        A note held over the left edge is left out, one held over the right edge is shortened.
        """
        if start_bar < 0 or num_bars < 1:
            raise ValueError(
                f"bars {start_bar} to {start_bar + num_bars} cannot be cut: a part has at least 1 bar, and bars of a line count from 0"
            )
        if (start_bar, num_bars) == (0, self.num_bars):
            return self
        width = self.meter.steps_per_bar
        left, right = start_bar * width, (start_bar + num_bars) * width
        first, end = np.searchsorted(self.onset_steps, (left, right)).tolist()
        kept = slice(first, end)
        onset = self.onset_steps[kept]
        return replace(
            self, pitch=self.pitch[kept], onset_steps=onset - left, duration_steps=np.minimum(self.duration_steps[kept], right - onset),
            velocity=self.velocity[kept], num_bars=num_bars, start_bar=self.start_bar + start_bar,
            has_pickup=self.has_pickup and start_bar == 0, has_partial_end=self.has_partial_end and start_bar + num_bars == self.num_bars,
        )  # fmt: skip


def sane_notes(notes: NoteTable, losses: Counter[str]) -> Columns:
    """The columns without notes that last nothing or lie outside the piano, which are counted."""
    columns = (notes.onset_ticks, notes.pitch, notes.duration_ticks, notes.velocity)
    lasting = notes.duration_ticks > 0
    inside = (notes.pitch >= MIN_PITCH) & (notes.pitch <= MAX_PITCH)
    kept = lasting & inside
    if kept.all():
        return columns
    losses["zero-length notes"] += int(np.count_nonzero(~lasting))
    losses[f"notes outside {MIN_PITCH}-{MAX_PITCH}"] += int(np.count_nonzero(lasting & ~inside))
    return columns[0][kept], columns[1][kept], columns[2][kept], columns[3][kept]


def skyline(columns: Columns, ticks_per_beat: int, losses: Counter[str]) -> Columns:
    """One note at a time: the highest of each onset, without those under a note that goes on; times in ticks.

    Notes that start within an eighth of a step of each other start together, as a rolled chord does.
    """
    onset, pitch, duration, _ = columns
    together = max(1, ticks_per_beat // 32)
    gaps = np.diff(onset)
    if bool((gaps >= np.maximum(duration[:-1], together)).all()):
        return columns
    onsets, pitches, durations = onset.tolist(), pitch.tolist(), duration.tolist()
    line: list[int] = []  # which notes
    starts: list[int] = []
    ends: list[int] = []
    for i, (start, high, length) in enumerate(zip(onsets, pitches, durations, strict=True)):
        if line:
            if start - starts[-1] < together:
                if high > pitches[line[-1]]:
                    line[-1], ends[-1] = i, starts[-1] + length
                continue
            overlap = ends[-1] - start
            if overlap > 0:
                # Played notes overlap a little; a lower one that lies half or more under the last is an inner voice.
                if high < pitches[line[-1]] and 2 * overlap >= length:
                    continue
                ends[-1] = start
        line.append(i)
        starts.append(start)
        ends.append(start + length)
    losses["notes in a second voice"] += len(onsets) - len(line)
    begin = np.array(starts, dtype=np.int64)
    return begin, pitch[line], np.array(ends, dtype=np.int64) - begin, columns[3][line]


def on_grid(columns: Columns, segment: Segment, ticks_per_beat: int, losses: Counter[str]) -> Columns:
    """The notes that a segment takes, in steps from its first bar line; times rounded half up.

    columns: as `skyline` gives them. Of notes that fall on one step the first stays.
    """
    onset_ticks, pitch, duration_ticks, velocity = columns
    first, end = np.searchsorted(onset_ticks, (segment.low_ticks, segment.high_ticks)).tolist()
    onset_ticks, duration_ticks = onset_ticks[first:end], duration_ticks[first:end]
    step_ticks = ticks_per_beat / STEPS_PER_BEAT
    total = segment.num_bars * segment.meter.steps_per_bar
    exact = (onset_ticks - segment.start) / step_ticks
    onset = np.clip((exact + 0.5).astype(np.int64), 0, total - 1)
    losses[MOVED] += int(np.count_nonzero(np.abs(exact - onset) > OFF_GRID_STEPS))
    stop = np.minimum(total, np.maximum(onset + 1, (exact + duration_ticks / step_ticks + 0.5).astype(np.int64)))
    kept = np.diff(onset, prepend=-1) > 0
    losses["notes shorter than a sixteenth merged"] += len(kept) - int(np.count_nonzero(kept))
    onset, stop = onset[kept], stop[kept]
    stop[:-1] = np.minimum(stop[:-1], onset[1:])
    return onset, pitch[first:end][kept], stop - onset, np.clip(velocity[first:end][kept], 1, 127)
