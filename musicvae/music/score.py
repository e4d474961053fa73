"""What a music file holds, before anyone has decided what the melody is.

Conventions: times are integer ticks, `ticks_per_beat` of them in a quarter note. Changes of tempo,
meter, key and chord are sorted by tick. Nothing is quantised and nothing is checked for sense here, since
files contain all sorts; `music.extract` does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chords import Chord
from musicvae.music.key import Key
from musicvae.music.meter import Meter

__all__ = ["ChordChange", "KeyChange", "MeterChange", "NoteTable", "Score", "ScoreNote", "TempoChange", "Track"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class ScoreNote:
    """One note of a file; duration_ticks may be 0 in bad files."""

    onset_ticks: int
    pitch: int
    duration_ticks: int
    velocity: int


class NoteTable(Sequence[ScoreNote]):
    """Notes as columns: a sequence of `ScoreNote` that are made only when looked at.

    onset_ticks, pitch, duration_ticks, velocity: (N,) int64, sorted as `ScoreNote` sorts. Equal to any
    sequence of the same notes.
    """

    __slots__ = ("duration_ticks", "onset_ticks", "pitch", "velocity")

    def __init__(self, onset_ticks: Ints, pitch: Ints, duration_ticks: Ints, velocity: Ints) -> None:
        columns = [np.asarray(c, dtype=np.int64) for c in (onset_ticks, pitch, duration_ticks, velocity)]
        onset, pitch = columns[:2]
        # Most files are in order already, which is seen sooner than it is made.
        in_order = (onset[1:] > onset[:-1]) | ((onset[1:] == onset[:-1]) & (pitch[1:] > pitch[:-1]))
        if not in_order.all():
            order = np.lexsort(columns[::-1])
            columns = [c[order] for c in columns]
        self.onset_ticks, self.pitch, self.duration_ticks, self.velocity = columns

    @classmethod
    def of(cls, notes: Sequence[ScoreNote]) -> NoteTable:
        """The table of any notes; a table is returned as it is."""
        if isinstance(notes, NoteTable):
            return notes
        table = np.array([(n.onset_ticks, n.pitch, n.duration_ticks, n.velocity) for n in notes], dtype=np.int64).reshape(-1, 4)
        return cls(*table.T)

    @property
    def end_ticks(self) -> Ints:
        """Tick at which each note ends, (N,)."""
        return self.onset_ticks + self.duration_ticks

    def __len__(self) -> int:
        return len(self.onset_ticks)

    @overload
    def __getitem__(self, index: int) -> ScoreNote: ...
    @overload
    def __getitem__(self, index: slice) -> NoteTable: ...
    def __getitem__(self, index: int | slice) -> ScoreNote | NoteTable:
        columns = (self.onset_ticks, self.pitch, self.duration_ticks, self.velocity)
        if isinstance(index, slice):
            return NoteTable(*(c[index] for c in columns))
        return ScoreNote(*(int(c[index]) for c in columns))

    def __iter__(self) -> Iterator[ScoreNote]:
        columns = (self.onset_ticks, self.pitch, self.duration_ticks, self.velocity)
        return map(ScoreNote, *(c.tolist() for c in columns))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"NoteTable({len(self)} notes)"


@dataclass(frozen=True)
class Track:
    """Notes of one instrument, sorted by onset, then pitch (a tuple or a `NoteTable`); program is General MIDI, 0-127."""

    notes: Sequence[ScoreNote]
    name: str = ""
    program: int = 0
    is_drum: bool = False


@dataclass(frozen=True, slots=True)
class TempoChange:
    """From this tick on, `qpm` quarter notes a minute."""

    tick: int
    qpm: float


@dataclass(frozen=True, slots=True)
class MeterChange:
    """From this tick on, this meter; the tick begins a bar."""

    tick: int
    meter: Meter


@dataclass(frozen=True, slots=True)
class KeyChange:
    """From this tick on, this key."""

    tick: int
    key: Key


@dataclass(frozen=True, slots=True)
class ChordChange:
    """From this tick on, this chord; None: no chord."""

    tick: int
    chord: Chord | None


@dataclass(frozen=True)
class Score:
    """Tracks and the maps they share. losses: what reading itself had to drop, reason -> count."""

    ticks_per_beat: int
    tracks: tuple[Track, ...]
    tempi: tuple[TempoChange, ...] = ()
    meters: tuple[MeterChange, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    title: str = ""
    texts: tuple[str, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    length_ticks: int = 0
    """Where the last bar ends, if the file is one of ours and says so; else 0, and the last note decides."""
    chords: tuple[ChordChange, ...] = ()

    @property
    def end_ticks(self) -> int:
        """Tick at which the last note ends; 0 without notes."""
        return max((int(NoteTable.of(t.notes).end_ticks.max()) for t in self.tracks if t.notes), default=0)
