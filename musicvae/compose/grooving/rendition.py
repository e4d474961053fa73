"""A whole file as it was played: its bytes, what was done, and what became of them as sound or picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musicvae.compose.intake import Source, score_of
from musicvae.compose.midi_music import MidiMusic
from musicvae.music.melody import Melody
from musicvae.music.meter import counted_bars
from musicvae.music.midi import midi_bytes, read_midi, score_bytes
from musicvae.music.piece import Piece

__all__ = ["Rendition", "Report", "bytes_of"]


@dataclass(frozen=True)
class Report:
    """What was played: hits, and those whose time or loudness is another than written.

    shift_ms: mean distance from where they were (new ones: from the grid), in milliseconds; lateness_ms: mean of the same with its sign,
    late positive; velocity: the lowest and the highest; bars: of the beat, of 16 sixteenths; lead_in_bars: silent ones put before them.
    """

    hits: int
    moved: int
    shift_ms: float
    lateness_ms: float
    velocity: tuple[int, int]
    bars: int
    lead_in_bars: int = 0

    def __str__(self) -> str:
        late = f"{abs(self.lateness_ms):.1f} ms {'late' if self.lateness_ms >= 0 else 'early'} in all"
        hits = "1 hit" if self.hits == 1 else f"{self.hits} hits"
        bars = counted_bars(self.bars)
        low, high = self.velocity
        return f"{hits} in {bars}, {self.moved} played anew, timing {self.shift_ms:.1f} ms on average ({late}), velocity {low}-{high}"


@dataclass(frozen=True, eq=False)
class Rendition(MidiMusic):
    """A file, and how it came about.

    provenance: what made it, also in the file. notices: what the user should know, a sentence each. piece: what was played, if it was one.
    """

    report: Report
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    piece: Piece | None = None


def bytes_of(source: Source | MidiMusic, tune: int = 1) -> tuple[str, bytes, tuple[str, ...]]:
    """What to call any music, a MIDI file of it (a file's own bytes where it is one), and what that could not keep.

    source: a Piece, a Melody, a MidiMusic, a path of a MIDI, MusicXML, ABC or Humdrum file, a Score, a `pretty_midi.PrettyMIDI` or a
    `music21` stream. tune: which one of an ABC file, from 1. Errors as `compose.intake.take`.
    """
    if isinstance(source, MidiMusic):
        return source.name, source.data, ()
    if isinstance(source, Melody):
        return source.name, midi_bytes([source]), ()
    if isinstance(source, str | os.PathLike):
        from musicvae.music.reading import file_format

        path = Path(source)
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: was it misspelled, or is it in another folder?")
        if file_format(path) == "MIDI":
            read_midi(path)  # which says, with the path, what is wrong with it
            return path.name, path.read_bytes(), ()
    name, score = (source.name or "the piece", source.to_score()) if isinstance(source, Piece) else score_of(source, tune)
    lost = (f"{name}: chord symbols are left out, since MIDI has no place for them",) if score.chords else ()
    return name, score_bytes(score), lost
