"""A melody on a sixteenth grid: the one type that musicians, tokens and files meet in.

Conventions: onsets and durations are stored in steps (sixteenths) from the start of the first bar;
`Note.onset` and `Note.duration` give them in beats (quarter notes). Notes never overlap and lie
inside the bars. A melody is immutable; the methods return new ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.music.key import Key
from musicvae.music.meter import STEPS_PER_BEAT, Meter

if TYPE_CHECKING:
    import music21
    import pretty_midi

__all__ = ["DEFAULT_TEMPO_QPM", "DEFAULT_VELOCITY", "Melody", "Note"]

DEFAULT_TEMPO_QPM = 120.0
DEFAULT_VELOCITY = 90


@dataclass(frozen=True, slots=True)
class Note:
    """One note of a melody: pitch and velocity are MIDI numbers (velocity 1-127)."""

    pitch: int
    onset_steps: int
    duration_steps: int
    velocity: int = DEFAULT_VELOCITY

    @property
    def end_steps(self) -> int:
        """First step after the note."""
        return self.onset_steps + self.duration_steps

    @property
    def onset(self) -> float:
        """Onset in beats from the start of the melody."""
        return self.onset_steps / STEPS_PER_BEAT

    @property
    def duration(self) -> float:
        """Duration in beats."""
        return self.duration_steps / STEPS_PER_BEAT


@dataclass(frozen=True)
class Melody:
    """A monophonic line of whole bars.

    notes: sorted, not overlapping. num_bars: written bars, >= 1. tempo_qpm: quarter notes a minute
    in every meter. program: General MIDI, 0-127. key: None where unknown. provenance: what made it
    (model, seed, options), kept in the file as a text event.
    """

    notes: tuple[Note, ...]
    meter: Meter = Meter(4, 4)
    num_bars: int = 16
    tempo_qpm: float = DEFAULT_TEMPO_QPM
    key: Key | None = None
    program: int = 0
    name: str = "Melody"
    provenance: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.num_bars < 1:
            raise ValueError(f"a melody has at least 1 bar, got {self.num_bars}")
        if not 0 < self.tempo_qpm < 10_000:
            raise ValueError(f"tempo {self.tempo_qpm:g} is outside (0, 10000) quarter notes a minute")
        if not 0 <= self.program <= 127:
            raise ValueError(f"program {self.program} is outside 0-127 (General MIDI counts from 0 here)")
        end = 0
        for i, note in enumerate(self.notes):
            _check_note(i, note, end, self.num_steps)
            end = note.end_steps

    @classmethod
    def from_beats(cls, notes: Iterable[tuple[float, ...]], *, num_bars: int, **fields: Any) -> Melody:
        """Build a melody from ``(pitch, onset, duration[, velocity])`` with times in beats.

        Times are rounded to the nearest step (a note lasts at least one) and notes are sorted;
        overlapping ones raise ValueError, as do those that end after the last bar.
        """
        steps = []
        for pitch, onset, duration, *velocity in notes:
            if not math.isfinite(onset + duration):
                raise ValueError(f"times in beats must be finite, got onset {onset} and duration {duration}")
            start, end = round(onset * STEPS_PER_BEAT), round((onset + duration) * STEPS_PER_BEAT)
            steps.append(Note(int(pitch), start, max(1, end - start), int(velocity[0]) if velocity else DEFAULT_VELOCITY))
        steps.sort(key=lambda note: note.onset_steps)
        return cls(tuple(steps), num_bars=num_bars, **fields)

    @property
    def num_steps(self) -> int:
        """Length in steps."""
        return self.num_bars * self.meter.steps_per_bar

    @property
    def num_beats(self) -> float:
        """Length in quarter notes."""
        return self.num_bars * self.meter.beats_per_bar

    def transposed(self, semitones: int) -> Melody:
        """The same melody `semitones` higher, its key moved too; ValueError if a pitch leaves 0-127."""
        notes = tuple(replace(note, pitch=note.pitch + semitones) for note in self.notes)
        return replace(self, notes=notes, key=self.key and self.key.transposed(semitones))

    def cut(self, start_bar: int, num_bars: int) -> Melody:
        """Bars ``start_bar`` (0-based) to ``start_bar + num_bars``; bars past the end are empty.

        A note held over the left edge is left out, one held over the right edge is shortened.
        """
        if start_bar < 0:
            raise ValueError(f"start bar {start_bar} is below 0 (bars of a melody count from 0)")
        width = self.meter.steps_per_bar
        left, right = start_bar * width, (start_bar + num_bars) * width
        notes = tuple(
            replace(note, onset_steps=note.onset_steps - left, duration_steps=min(note.end_steps, right) - note.onset_steps)
            for note in self.notes
            if left <= note.onset_steps < right
        )
        return replace(self, notes=notes, num_bars=num_bars)

    @staticmethod
    def joined(parts: Iterable[Melody]) -> Melody:
        """Parts one after another; meter, tempo, key, program, name and provenance of the first."""
        parts = list(parts)
        if not parts:
            raise ValueError("no parts to join")
        if len(meters := list(dict.fromkeys(str(part.meter) for part in parts))) > 1:
            more = f" and {len(meters) - 4} more" if len(meters) > 4 else ""
            raise ValueError(f"{len(parts)} parts of different meters cannot be joined: {', '.join(meters[:4])}{more}")
        notes, bars = [], 0
        for part in parts:
            left = bars * part.meter.steps_per_bar
            notes += [replace(note, onset_steps=note.onset_steps + left) for note in part.notes]
            bars += part.num_bars
        return replace(parts[0], notes=tuple(notes), num_bars=bars)

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write a MIDI file; FileExistsError if it is there and `force` is off. Returns the path."""
        from musicvae.music.midi import write_midi

        return write_midi([self], path, force=force)

    def to_pretty_midi(self) -> pretty_midi.PrettyMIDI:
        """The melody as a `pretty_midi.PrettyMIDI` object."""
        from musicvae.music.export import to_pretty_midi

        return to_pretty_midi(self)

    def to_music21(self) -> music21.stream.Score:
        """The melody as a `music21` score with measures, meter, key and tempo."""
        from musicvae.music.export import to_music21

        return to_music21(self)


def _check_note(index: int, note: Note, earliest: int, num_steps: int) -> None:
    if not 0 <= note.pitch <= 127:
        raise ValueError(f"note {index} has pitch {note.pitch}, outside 0-127")
    if not 1 <= note.velocity <= 127:
        raise ValueError(f"note {index} has velocity {note.velocity}, outside 1-127 (0 would be a note-off)")
    if note.duration_steps < 1:
        raise ValueError(f"note {index} lasts {note.duration_steps} steps; every note lasts at least 1: was the grid too coarse?")
    if note.onset_steps < earliest:
        raise ValueError(
            f"note {index} starts at step {note.onset_steps}, before step {earliest} where the note before it ends: "
            "a melody has one note at a time, in order"
        )
    if note.end_steps > num_steps:
        raise ValueError(f"note {index} ends at step {note.end_steps}, after the last bar (step {num_steps}): more bars needed?")
