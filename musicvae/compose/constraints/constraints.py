"""What is asked of a melody, whatever sampler makes it, and the plan that comes of it for one piece.

`Constraints` is what a musician asks: pitches as written, times in bars and beats. `Constraints.over` settles them for a
piece of some meter and length and refuses what cannot be; the `Plan` it gives is what samplers work with. Scale, range, rhythm,
longest note and notes that must be there hold exactly in what is written; chords are leaned towards (`compose.constraints.leaning`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, TypeAlias

from musicvae.compose.constraints.names import parse_pitch, parse_range, parse_scale, pitch_text, scale_text
from musicvae.compose.constraints.plan import Plan, planned
from musicvae.compose.harmony import Chords, chords_text
from musicvae.compose.intake import Source, take
from musicvae.music.key import Key
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT, Meter

__all__ = ["Constraints", "RequiredNote", "RequiredNotes"]

MAX_BEATS = 10_000


@dataclass(frozen=True, slots=True)
class RequiredNote:
    """A note that must be there: written bar and beat from 1, MIDI pitch; beats: how long, None for any length. Beats are quarter notes."""

    bar: int
    beat: float
    pitch: int
    beats: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.beat) and math.isfinite(self.beats or 1)) or max(self.beat, self.beats or 1) > MAX_BEATS:
            raise ValueError(f"beats are numbers up to {MAX_BEATS}, got {self.beat:g} and {self.beats or 1:g}")
        onset = (self.beat - 1) * STEPS_PER_BEAT
        length = STEPS_PER_BEAT if self.beats is None else self.beats * STEPS_PER_BEAT
        if self.bar < 1 or self.beat < 1 or not 0 <= self.pitch <= 127 or length < 1:
            raise ValueError(f"{self} is no note: bars and beats count from 1, pitches are 0 to 127, and a note lasts a sixteenth or more")
        if onset != int(onset) or length != int(length):
            raise ValueError(f"{self} is not on the grid: beats are quarter notes, in quarters of one: 1, 1.25, 1.5, 1.75, 2, ...")

    @classmethod
    def parse(cls, text: str) -> RequiredNote:
        """Read ``"8:3:G4"``, bar 8, beat 3 (in quarter notes), or ``"8:3:G4:2"``, two beats long; ValueError otherwise."""
        try:
            if text.count(":") not in (2, 3):
                raise ValueError("2 or 3 colons are needed")
            bar, beat, pitch, *beats = text.split(":")
            return cls(int(bar), float(beat), parse_pitch(pitch), float(beats[0]) if beats else None)
        except ValueError as error:
            raise ValueError(f"{text!r} is no note: write BAR:BEAT:PITCH or BAR:BEAT:PITCH:BEATS, as in 8:3:G4:2 ({error})") from None

    def __str__(self) -> str:
        """As `parse` reads it."""
        length = "" if self.beats is None else f":{self.beats:g}"
        pitch = pitch_text(self.pitch) if 0 <= self.pitch <= 127 else str(self.pitch)
        return f"{self.bar}:{self.beat:g}:{pitch}{length}"


RequiredNotes: TypeAlias = str | Iterable[str | RequiredNote]
"""Notes as `RequiredNote.parse` reads them, between spaces or commas, or a sequence of them."""


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What a melody must keep to; what is None is free.

    scale: pitch classes that may be used, 0 (C) to 11. lowest, highest: MIDI pitches. rhythm: a melody whose onsets and lengths
    are taken, repeated where the piece is longer. longest_beats: no note lasts longer, in quarter notes. notes: that must be
    there. chords: to be fitted, spread evenly over the piece. All pitches as they are written, not as a model sees them.
    """

    scale: frozenset[int] | None = None
    lowest: int | None = None
    highest: int | None = None
    rhythm: Melody | None = None
    longest_beats: float | None = None
    notes: tuple[RequiredNote, ...] = ()
    chords: Chords | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and (not self.scale or not all(0 <= pitch_class <= 11 for pitch_class in self.scale)):
            raise ValueError(
                f"a scale is one or more pitch classes from 0 (C) to 11 (B), got {sorted(self.scale)}: take pitches modulo 12?"
            )
        low, high = self.lowest or 0, 127 if self.highest is None else self.highest
        if not 0 <= low <= high <= 127:
            raise ValueError(f"a range goes from a lower to a higher pitch of 0 to 127, got {low} to {high}: were they swapped?")
        if self.longest_beats is not None and not 1 / STEPS_PER_BEAT <= self.longest_beats <= MAX_BEATS:
            raise ValueError(f"the longest note lasts at least a sixteenth, 0.25 beats (quarter notes), got {self.longest_beats:g}")
        if self.rhythm is not None and not self.rhythm.notes:
            raise ValueError("the melody given for its rhythm has no notes")

    @classmethod
    def of(
        cls,
        *,
        scale: str | Iterable[int] | None = None,
        range: str | tuple[int | str, int | str] | None = None,
        rhythm: Source | None = None,
        longest: float | None = None,
        notes: RequiredNotes = (),
        chords: Chords | None = None,
    ) -> Constraints:
        """Read constraints as people write them.

        scale: ``"D dorian"``, ``"A blues"``, ``"C D E G A"`` or pitch classes; range: ``"C4-A5"`` or two pitches; rhythm: a melody or
        whatever holds one; longest: in beats (quarter notes); notes: as ``"1:1:C5 8:3:G4:2"``; chords: as ``"C Am F G7"``. ValueError for
        what cannot be read.
        """
        low, high = (None, None) if range is None else parse_range(range) if isinstance(range, str) else _two_pitches(range)
        return cls(
            scale=None if scale is None else parse_scale(scale) if isinstance(scale, str) else _pitch_classes(scale),
            lowest=low, highest=high, rhythm=None if rhythm is None else take(rhythm).melody,
            longest_beats=None if longest is None else _beats(longest), notes=_required(notes), chords=chords,
        )  # fmt: skip

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return self == Constraints()

    def within(self, key: Key) -> Constraints:
        """The same, and in the scale of a key; ValueError where that leaves no note."""
        scale = key.scale if self.scale is None else self.scale & key.scale
        if not scale:
            raise ValueError(f"no note of the scale {scale_text(self.scale or frozenset())} is in {key}: ask for one of them")
        return replace(self, scale=scale)

    def over(self, meter: Meter, num_bars: int, *, key: Key | None = None, first_bar: int = 0) -> Plan:
        """The plan for a piece of so many written bars; key: where it is settled, else what suits the chords or the scale.

        first_bar: how many bars are there already, after which rhythm and chords begin. ValueError for what contradicts itself or does
        not fit the piece, or asks for notes in bars that are there already.
        """
        steps = [
            ((n.bar - 1) * meter.steps_per_bar + int((n.beat - 1) * STEPS_PER_BEAT), n.pitch,
             None if n.beats is None else int(n.beats * STEPS_PER_BEAT))
            for n in self.notes
        ]  # fmt: skip
        for note in self.notes:
            if note.bar > num_bars or (note.beat - 1) * STEPS_PER_BEAT >= meter.steps_per_bar:
                raise ValueError(f"the note {note} lies outside the piece: {num_bars} bars of {meter}, {meter.beats_per_bar:g} beats each")
            if note.bar <= first_bar:
                raise ValueError(f"the note {note} lies in the {first_bar} bars that are given and stay: ask for notes after them")
        return planned(
            meter, num_bars, scale=self.scale, lowest=self.lowest, highest=self.highest, rhythm=self.rhythm,
            longest_steps=None if self.longest_beats is None else int(self.longest_beats * STEPS_PER_BEAT), notes=steps, chords=self.chords,
            key=key, first_bar=first_bar,
        )  # fmt: skip

    def story(self) -> dict[str, object]:
        """What `provenance` says of them."""
        from musicvae.music.provenance import fingerprint

        told: dict[str, object] = {}
        if self.scale is not None:
            told["scale"] = scale_text(self.scale)
        if self.lowest is not None or self.highest is not None:
            told["range"] = f"{pitch_text(self.lowest or 0)}-{pitch_text(127 if self.highest is None else self.highest)}"
        if self.rhythm is not None:
            told["rhythm"] = fingerprint(self.rhythm)
        if self.longest_beats is not None:
            told["longest"] = self.longest_beats
        if self.notes:
            told["notes"] = " ".join(str(note) for note in self.notes)
        if self.chords is not None:
            told["chords"] = chords_text(self.chords)
        return told


def _pitch(value: int | str) -> int:
    return parse_pitch(value) if isinstance(value, str) else int(value)


def _two_pitches(value: object) -> tuple[int, int]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f"a range is two pitches, the lowest and the highest, as in 'C4-A5' or (60, 81), got {value!r}")
    return _pitch(value[0]), _pitch(value[1])


def _pitch_classes(value: object) -> frozenset[int]:
    classes: list[Any] = list(value) if isinstance(value, Iterable) else [value]
    if not all(isinstance(one, Integral) and not isinstance(one, bool) for one in classes):
        raise ValueError(f"a scale is a name, as in 'D dorian', or pitch classes from 0 (C) to 11 (B), got {value!r}")
    return frozenset(int(one) for one in classes)


def _beats(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"longest is a number of beats (quarter notes), got {value!r}")
    return float(value)


def _required(notes: RequiredNotes) -> tuple[RequiredNote, ...]:
    words = notes.replace(",", " ").split() if isinstance(notes, str) else list(notes) if isinstance(notes, Iterable) else [notes]
    if not all(isinstance(word, str | RequiredNote) for word in words):
        raise ValueError(f"notes that must be there are written BAR:BEAT:PITCH or BAR:BEAT:PITCH:BEATS, as in '8:3:G4:2', got {notes!r}")
    return tuple(RequiredNote.parse(word) if isinstance(word, str) else word for word in words)
