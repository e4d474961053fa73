"""Drums or a trio inside their file: found in it, and the file again with parts of them revised and all else as it was.

Conventions: bars count from 1 over the whole file, as written. Only hits and notes that the revision takes away or adds are touched; all
others keep their ticks, velocities and instruments, as do all other tracks. Of a trio one line may be missing, if that one is to be
found: it gets a track of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.grooving.feel import Chance, Played, play
from musicvae.compose.grooving.model import DEFAULT_TEMPERATURE
from musicvae.compose.grooving.performance import groove_columns, likened
from musicvae.compose.grooving.rendition import bytes_of
from musicvae.compose.intake import Source
from musicvae.compose.judging.events.corrections import LINES, PieceCorrection
from musicvae.compose.midi_music import MidiMusic
from musicvae.compose.pieces.engine import BarEngine
from musicvae.compose.revising.pieces.tracks import TrioTracks, trio_tracks
from musicvae.music.converters.drum_hits import hits_of
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.drums import drum_tracks
from musicvae.music.melody import DEFAULT_VELOCITY
from musicvae.music.meter import MAX_STEPS_PER_BAR, STEPS_PER_BEAT
from musicvae.music.midi_editing import AddedNote, OpenMidi, open_midi
from musicvae.music.midi_writing import with_track
from musicvae.music.piece import FOUR_FOUR, Piece, is_hits
from musicvae.music.piece_score import BASS_PROGRAM, MELODY_PROGRAM
from musicvae.music.provenance import piece_facts, story_text
from musicvae.music.score import NoteTable, Track
from musicvae.music.segments import tempo_at
from musicvae.music.stretches import FINDERS, Stretch
from musicvae.music.vocabulary import from_tokens

__all__ = ["OpenedPiece", "RevisedPiece", "feel_of", "open_piece"]

_NINE = DRUM_MAPS["nine"]
_CLASSES = np.arange(len(_NINE), dtype=np.uint64)
_NEW_TRACKS = {"bars": ("Melody", MELODY_PROGRAM), "bass": ("Bass", BASS_PROGRAM), "drums": ("Drums", 0)}


@dataclass(frozen=True, eq=False)
class RevisedPiece(MidiMusic):
    """A file whose drums or trio was revised. piece: as it is now. notices: what the user should know."""

    piece: Piece
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Note:
    """A note or hit that is new or gone: its column, step, pitch or class of drums, and length in steps."""

    column: str
    step: int
    pitch: int
    steps: int


@dataclass(frozen=True, eq=False)
class OpenedPiece:
    """A file and a stretch of drums or a trio in it.

    start_bar: of the file, from 1; start_ticks: of its first bar line. tracks: by column the numbers (from 1) of the tracks that hold it,
    () for none. notices: what was chosen and left out.
    """

    name: str
    file: OpenMidi
    piece: Piece
    start_bar: int
    start_ticks: int
    tracks: Mapping[str, tuple[int, ...]]
    notices: tuple[str, ...] = ()

    def revised(self, piece: Piece, feel: Played | None = None, found: Sequence[PieceCorrection] = ()) -> RevisedPiece:
        """The file with the stretch as `piece` has it; feel: of its hits, which those that are new are played with (default: stiff).

        found: which of the hits and notes were put right: they keep their velocity, their length and their timing against the grid.
        """
        factor = self.file.finer if feel is not None else 1
        factor *= 1 if self.file.ticks_per_beat * factor % STEPS_PER_BEAT == 0 else STEPS_PER_BEAT
        plain, notes = self.file.unchanged(factor), self.file.notes
        end = plain.end.copy()
        added: list[AddedNote] = []
        missing: dict[str, list[tuple[int, int, int, int]]] = {}
        sources = self._sources(found)
        for note in (note for column in self.tracks for note in _differing(piece, self.piece, column)):
            kept = self._kept(note, sources.get((note.column, note.step, note.pitch)), factor)
            if not kept:
                pitch, onset, off, velocity = self._placed(note, factor, feel)
                if not self.tracks[note.column]:
                    missing.setdefault(note.column, []).append((onset, pitch, off - onset, velocity))
                    continue
                kept = [AddedNote(self._home(note.column), pitch, onset, off, velocity)]
            for new in kept:
                added.append(new)
                down = np.isin(notes.part, self.tracks[note.column]) & (notes.pitch == new.pitch) & (plain.onset < new.onset)
                end[down & (end > new.onset)] = new.onset  # the same key cannot be struck while it is down
        changes = replace(plain, end=end, removed=self._removed(piece), added=added, text=story_text(piece.provenance))
        data = self.file.written(changes)
        for column, rows in missing.items():
            data = with_track(data, _new_track(column, rows))
        foreign = self.file.foreign_bytes
        told = (f"{self.name}: {foreign} bytes that are no tracks of MIDI are left out",) if foreign else ()
        return RevisedPiece(data, self.name, piece, piece.provenance, told)

    def _removed(self, piece: Piece) -> NDArray[np.bool_]:
        """Which notes of the file the revision takes away."""
        notes, step = self.file.notes, self._steps()
        removed = np.zeros(len(notes), np.bool_)
        for column, tracks in self.tracks.items():
            inside = np.isin(notes.part, tracks) & (step >= 0)
            gone = {(note.step, note.pitch) for note in _differing(self.piece, piece, column)}
            names = _NINE.class_of[notes.pitch].astype(np.int64) if is_hits(piece.columns[column]) else notes.pitch
            removed |= inside & np.array([pair in gone for pair in zip(step.tolist(), names.tolist(), strict=True)], np.bool_)
        return removed

    def _sources(self, found: Sequence[PieceCorrection]) -> dict[tuple[str, int, int], tuple[int, int]]:
        """By column, step and pitch of hits and notes that were put right the step and pitch that they had."""
        columns = LINES[self.piece.material]
        kept = [item for item in found if item.better_steps is not None]
        return {(columns[item.line], int(item.better_steps or 0), item.better_note): (item.onset_steps, item.note) for item in kept}

    def _kept(self, note: _Note, source: tuple[int, int] | None, factor: int) -> list[AddedNote]:
        """The notes of the file that were put right as this one, at its place and pitch."""
        if source is None:
            return []
        notes, drums = self.file.notes, is_hits(self.piece.columns[note.column])
        names = _NINE.class_of[notes.pitch].astype(np.int64) if drums else notes.pitch
        own = np.isin(notes.part, self.tracks[note.column]) & (self._steps() == source[0]) & (names == source[1])
        shift = (note.step - source[0]) * (self.file.ticks_per_beat * factor // STEPS_PER_BEAT)
        return [
            AddedNote(
                int(notes.part[at]), int(notes.pitch[at]) if drums else note.pitch, max(0, int(notes.onset[at]) * factor + shift),
                max(1, int(notes.end[at]) * factor + shift), int(notes.velocity[at]),
            )
            for at in np.flatnonzero(own).tolist()
        ]  # fmt: skip

    def _placed(self, note: _Note, factor: int, feel: Played | None) -> tuple[int, int, int, int]:
        """Pitch, onset, end and velocity of a new note, in ticks of the new file."""
        step = self.file.ticks_per_beat * factor // STEPS_PER_BEAT
        onset = self.start_ticks * factor + note.step * step
        if not is_hits(self.piece.columns[note.column]):
            return note.pitch, onset, onset + note.steps * step, self._usual_velocity(note.column)
        velocity = self._usual_velocity(note.column, note.pitch)
        if feel is not None:
            place = (*divmod(note.step, MAX_STEPS_PER_BAR), note.pitch)
            velocity = int(np.clip(round(float(feel.velocity[place])), 1, 127))
            onset = max(0, onset + round(float(feel.offset[place]) * step))
        return self._usual_pitch(note.column, note.pitch), onset, onset + step, velocity

    def _own(self, column: str, drum: int | None = None) -> NDArray[np.bool_]:
        """Which notes of the file are the line's, of one class of drums where it is given."""
        notes = self.file.notes
        own = np.isin(notes.part, self.tracks[column])
        return own if drum is None else own & (_NINE.class_of[notes.pitch] == drum)

    def _usual_velocity(self, column: str, drum: int | None = None) -> int:
        """The median of the line's, of this class of drums where it has it."""
        own = self._own(column, drum)
        own = own if own.any() else self._own(column)
        return int(np.median(self.file.notes.velocity[own])) if own.any() else DEFAULT_VELOCITY

    def _usual_pitch(self, column: str, drum: int) -> int:
        """The pitch that the file has most often for a class of drums."""
        own = self.file.notes.pitch[self._own(column, drum)]
        return int(np.bincount(own).argmax()) if len(own) else int(_NINE.pitch_of[drum])

    def _home(self, column: str) -> int:
        """Of the tracks of a line the one with most notes."""
        parts = self.file.notes.part
        return max(self.tracks[column], key=lambda number: int((parts == number).sum()))

    def _steps(self) -> NDArray[np.int64]:
        """The step of the stretch at which each note of the file starts, rounded half up; -1 for those before and after."""
        exact = (self.file.notes.onset - self.start_ticks) / (self.file.ticks_per_beat / STEPS_PER_BEAT)
        steps = np.floor(exact + 0.5).astype(np.int64)
        return np.where((steps >= 0) & (steps < self.piece.num_steps), steps, -1)


def _differing(piece: Piece, other: Piece, column: str) -> list[_Note]:
    """The notes or hits of a column that the other piece has not."""
    rows, against = piece.columns[column], other.columns[column]
    if is_hits(rows):
        struck = (((rows & ~against)[..., None] >> _CLASSES) & np.uint64(1)).astype(np.bool_)
        return [_Note(column, bar * MAX_STEPS_PER_BAR + step, drum, 1) for bar, step, drum in np.argwhere(struck).tolist()]
    had = {(note.onset_steps, note.pitch, note.duration_steps) for note in from_tokens(against, FOUR_FOUR).notes}
    new = [(note.onset_steps, note.pitch, note.duration_steps) for note in from_tokens(rows, FOUR_FOUR).notes]
    return [_Note(column, step, pitch, steps) for step, pitch, steps in new if (step, pitch, steps) not in had]


def _new_track(column: str, rows: Sequence[tuple[int, int, int, int]]) -> Track:
    name, program = _NEW_TRACKS[column]
    onset, pitch, length, velocity = np.array(sorted(rows), np.int64).T
    return Track(NoteTable(onset, pitch, length, velocity), name, program, is_drum=column == "drums")


def feel_of(player: BarEngine, piece: Piece, own: Piece | None, seed: int) -> Played:
    """How a network that plays hits plays those of a piece: with the feel of its own performance, where it has one."""
    hits = np.asarray(piece.columns["drums" if piece.material == "trio" else "bars"])
    tempo = np.full(len(hits), float(piece.tempo_qpm))
    if own is None:
        return play(player, hits, tempo, Chance(seed, DEFAULT_TEMPERATURE, centred=True))
    columns = groove_columns(own)
    feel = play(player, hits, tempo, Chance(seed, DEFAULT_TEMPERATURE), like=columns)
    heard = play(player, hits_of(columns["bars"] > 0), tempo, Chance(seed, 0.0), like=columns)
    return likened(feel, heard, columns)


def open_piece(
    source: Source, material: str, *, track: int | str | None = None, bar: int | None = None, new: Sequence[str] = (), tune: int = 1
) -> OpenedPiece:
    """The drums or the trio in a file or an object, with the file: its longest stretch of 4/4, or the one with a bar of the file.

    new: lines of a trio that may be missing. Errors as `compose.intake.take`, and ValueError for a bar that is in no such stretch.
    """
    name, data, notices = bytes_of(source, tune)
    file = open_midi(data)
    try:
        if material == "trio":
            score, tracks, why = trio_tracks(file.score, TrioTracks.of(file.score, new))
        else:
            numbers, why = drum_tracks(file.score, track)
            score, tracks, why = file.score, {"bars": numbers}, f"track{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))} ({why})"
        stretch = _chosen(FINDERS[material](score, "nine", track if material == "drums" else None, Counter())[1], bar)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    lead = 1 if piece_facts(file.score).get("lead_in") == 1 and stretch.start_bar == 1 else 0
    start_ticks = stretch.start_ticks + round(lead * FOUR_FOUR.beats_per_bar * file.ticks_per_beat)
    piece = Piece(material, stretch.rows(lead, stretch.num_bars - lead), tempo_at(file.score, start_ticks), "nine", stretch.key, name)
    where = f"bars {stretch.start_bar}-{stretch.start_bar + piece.num_bars - 1} in 4/4"
    return OpenedPiece(name, file, piece, stretch.start_bar, start_ticks, tracks, (*notices, f"{name}: {why}, {where}"))


def _chosen(every: Sequence[Stretch], bar: int | None) -> Stretch:
    """The longest stretch of 4/4 or 2/2, or that with a bar of the file."""
    whole = [stretch for stretch in every if stretch.meter.steps_per_bar == MAX_STEPS_PER_BAR and stretch.meter.is_supported]
    if not whole:
        raise ValueError(f"nothing in 4/4: {', '.join(sorted({str(stretch.meter) for stretch in every})) or 'nothing'} is all there is")
    if bar is None:
        return max(whole, key=lambda stretch: stretch.num_bars)
    for stretch in whole:
        if stretch.start_bar <= bar < stretch.start_bar + stretch.num_bars:
            return stretch
    known = ", ".join(f"{stretch.start_bar}-{stretch.start_bar + stretch.num_bars - 1}" for stretch in whole)
    raise ValueError(f"there is no bar {bar} of 4/4 in it; such are bars {known}")
