"""Drums or a trio inside their file: the file again with what follows them in their own tracks, and all else as it was.

Conventions: parts are tracks of the file's score, from 1; *places* are beats after the last given bar. A note belongs to what follows from
half a sixteenth before that, since drummers may be early.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.grooving.rendition import Rendition, bytes_of
from musicvae.compose.intake import Source
from musicvae.compose.midi_music import MidiMusic
from musicvae.music.drums import drum_tracks
from musicvae.music.meter import KINDS, STEPS_PER_BEAT
from musicvae.music.midi_editing import AddedNote, OpenMidi, open_midi
from musicvae.music.midi_writing import with_track
from musicvae.music.piece import Piece
from musicvae.music.piece_score import lead_in_bars
from musicvae.music.provenance import piece_facts, story_text
from musicvae.music.score import NoteTable, Score, Track
from musicvae.music.stretches import FINDERS

__all__ = ["ContinuedFile", "OpenEnding", "open_ending"]

_EARLY = 0.5 / STEPS_PER_BEAT
_BEATS = 4
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContinuedFile(MidiMusic):
    """A file whose drums or trio go on. notices: what the user should know."""

    provenance: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OpenEnding:
    """A file with drums or a trio in it: at which tick their given bars begin and end; drums: the parts that hold the drums."""

    name: str
    file: OpenMidi
    start_ticks: int
    seam_ticks: int
    drums: tuple[int, ...]
    notices: tuple[str, ...] = ()

    def gone_on(self, made: Piece | Rendition, bars: int) -> ContinuedFile:
        """The file with what `made` has after its first `bars` bars in the tracks of the same notes; a line that has none gets a track.

        What these tracks have after the given bars gives way.
        """
        score = made.score if isinstance(made, Rendition) else made.to_score()
        lead = made.report.lead_in_bars if isinstance(made, Rendition) else lead_in_bars(made)
        first = _BEATS * (lead + bars)
        factor = self.file.finer
        plain, notes = self.file.unchanged(factor), self.file.notes
        added: list[AddedNote] = []
        further: list[Track] = []
        removed = np.zeros(len(notes), np.bool_)
        end = plain.end.copy()
        for track in score.tracks:
            table = NoteTable.of(track.notes)
            place = table.onset_ticks / score.ticks_per_beat - first
            part = self._part_of(track, table, place, first - _BEATS * lead)
            new = place > -_EARLY
            here = notes.part == part
            removed |= here & (self._places(notes.onset) > -_EARLY)
            rows = self._rows(table, place, score, new, factor)
            if part:
                added += [AddedNote(part, *row) for row in rows]
                for row in rows:  # the same key cannot be struck while it is down
                    down = here & (notes.pitch == row[0]) & (plain.onset < row[1]) & (end > row[1])
                    end[down] = row[1]
            elif rows:
                columns = np.array(rows, np.int64)
                lasting = NoteTable(columns[:, 1], columns[:, 0], columns[:, 2] - columns[:, 1], columns[:, 3])
                further.append(replace(track, notes=lasting))
        changes = replace(plain, end=end, removed=removed, added=added, text=story_text({**made.provenance}))
        data = self.file.written(changes)
        for track in further:
            data = with_track(data, track)
        return ContinuedFile(data, self.name, made.provenance, self.notices)

    def _rows(self, table: NoteTable, place: Floats, score: Score, new: NDArray[np.bool_], factor: int) -> list[tuple[int, int, int, int]]:
        """Pitch, onset, end and velocity of the new notes, in ticks of the new file."""
        ticks = self.file.ticks_per_beat * factor
        onset = np.maximum(0, np.rint(self.seam_ticks * factor + place * ticks)).astype(np.int64)
        length = np.maximum(1, np.rint(table.duration_ticks / score.ticks_per_beat * ticks)).astype(np.int64)
        columns = (table.pitch[new], onset[new], (onset + length)[new], table.velocity[new])
        return [(int(a), int(b), int(c), int(d)) for a, b, c, d in zip(*columns, strict=True)]

    def _places(self, ticks: NDArray[np.int64]) -> Floats:
        return np.asarray((ticks - self.seam_ticks) / self.file.ticks_per_beat, np.float64)

    def _part_of(self, track: Track, table: NoteTable, place: Floats, beats: float) -> int:
        """The part that has most of a line's given notes, of drums their hits; 0 for none."""
        given = (place <= -_EARLY) & (place > -beats - _EARLY)
        wanted = _struck(table.pitch[given], place[given], track.is_drum)
        notes, places = self.file.notes, self._places(self.file.notes.onset)
        counts = Counter[int]()
        for part in dict.fromkeys(notes.part.tolist()):
            if track.is_drum == (part in self.drums):
                inside = (notes.part == part) & (places <= -_EARLY)
                counts[part] = len(wanted & _struck(notes.pitch[inside], places[inside], track.is_drum))
        found = counts.most_common(1)
        return found[0][0] if found and found[0][1] else self.drums[0] if track.is_drum and self.drums else 0


def _struck(pitch: NDArray[np.int64], place: Floats, is_drum: bool) -> set[tuple[int, int]]:
    """Pitches, of drums none, and sixteenths at which notes start."""
    steps = np.floor(place * STEPS_PER_BEAT + 0.5).astype(np.int64)
    return {(0 if is_drum else int(p), int(step)) for p, step in zip(pitch, steps, strict=True)}


def open_ending(
    source: Source, piece: Piece, *, track: int | str | None = None, bars: int | None = None, tune: int = 1
) -> OpenEnding | None:
    """The file of a piece that was taken from it with these options, from bar 1 (`compose.pieces.intake.take_music`).

    None where its stretch of one meter is not the last one, so that nothing can come after it.
    """
    name, data, notices = bytes_of(source, tune)
    file = open_midi(data)
    score = file.score
    lead = 1 if piece_facts(score).get("lead_in") == 1 else 0
    every: Sequence[Any] = FINDERS[piece.material](score, piece.drum_map, track, Counter())[1]
    fitting = [stretch for stretch in every if stretch.meter.kind == KINDS[0]]
    limit = np.inf if bars is None else 1 + lead + bars

    def first_of(stretch: Any) -> int:
        return max(1 + lead, int(stretch.start_bar))

    chosen = max(fitting, key=lambda stretch: min(limit, stretch.start_bar + stretch.num_bars) - first_of(stretch))
    if chosen is not every[-1]:
        return None
    bar_ticks = chosen.meter.beats_per_bar * score.ticks_per_beat
    start = chosen.start_ticks + round((first_of(chosen) - chosen.start_bar) * bar_ticks)
    try:
        drums: tuple[int, ...] = drum_tracks(score, track if piece.material == "drums" else None)[0]
    except ValueError:  # a trio may lack them
        drums = ()
    lost = (f"{name}: {file.foreign_bytes} bytes that are no tracks of MIDI are left out",) if file.foreign_bytes else ()
    return OpenEnding(name, file, start, start + piece.num_bars * _BEATS * score.ticks_per_beat, drums, (*notices, *lost))
