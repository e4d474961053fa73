"""Music that is a whole MIDI file: its bytes, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.music.files import atomic_path
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.midi import score_from_bytes
from musicvae.music.score import NoteTable, Score
from musicvae.music.segments import segments, tempo_at

__all__ = ["MidiMusic"]


@dataclass(frozen=True, eq=False)
class MidiMusic:
    """The bytes of a MIDI file, written with `write`, read as music by `score`. name: what to call it."""

    data: bytes = field(repr=False)
    name: str

    @cached_property
    def score(self) -> Score:
        """What the file holds."""
        return score_from_bytes(self.data)

    @property
    def notes(self) -> NoteTable:
        """All its notes, in ticks of its score."""
        tables = [NoteTable.of(track.notes) for track in self.score.tracks]
        none = np.zeros(0, np.int64)
        names = ("onset_ticks", "pitch", "duration_ticks", "velocity")
        return NoteTable(*(np.concatenate([none, *(getattr(table, name) for table in tables)]) for name in names))

    @property
    def num_bars(self) -> int:
        """Written bars, up to the end of the last note."""
        return sum(segment.num_bars for segment in segments(self.score, self.score.end_ticks))

    @property
    def meter(self) -> Meter:
        """The first."""
        return segments(self.score, self.score.end_ticks)[0].meter

    @property
    def key(self) -> Key | None:
        """The first that the file states."""
        return self.score.keys[0].key if self.score.keys else None

    @property
    def tempo_qpm(self) -> float:
        """The first, in quarter notes a minute."""
        return tempo_at(self.score, 0)

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the MIDI file; returns the path. FileExistsError if it is there and `force` is off."""
        with atomic_path(path, force=force) as temporary:
            temporary.write_bytes(self.data)
        return Path(path)

    def to_pretty_midi(self) -> Any:
        """The music as a `pretty_midi.PrettyMIDI` object."""
        from musicvae.music.export import score_to_pretty_midi

        return score_to_pretty_midi(self.score)
