"""What a music file holds, before anyone has decided what the melody is.

Conventions: times are integer ticks, `ticks_per_beat` of them in a quarter note. Changes of tempo,
meter and key are sorted by tick. Nothing is quantised and nothing is checked for sense here, since
files contain all sorts; `music.extract` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from musicvae.music.key import Key
from musicvae.music.meter import Meter

__all__ = ["KeyChange", "MeterChange", "Score", "ScoreNote", "TempoChange", "Track"]


@dataclass(frozen=True, slots=True, order=True)
class ScoreNote:
    """One note of a file; duration_ticks may be 0 in bad files."""

    onset_ticks: int
    pitch: int
    duration_ticks: int
    velocity: int


@dataclass(frozen=True)
class Track:
    """Notes of one instrument, sorted by onset, then pitch; program is General MIDI, 0-127."""

    notes: tuple[ScoreNote, ...]
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

    @property
    def end_ticks(self) -> int:
        """Tick at which the last note ends; 0 without notes."""
        return max((n.onset_ticks + n.duration_ticks for t in self.tracks for n in t.notes), default=0)
