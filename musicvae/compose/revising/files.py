"""A melody inside its file: the stretches of it, and the file again with a melody revised and all else as it was.

Conventions: bars count from 1 over the whole file, as written. Only notes that the revision takes away or adds are touched; all
others keep their ticks, as played. Of notes that start together in the melody's track only the melody's own count: what
else sounds there stays, as do all other tracks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.grooving.rendition import bytes_of
from musicvae.compose.intake import Source, take, tempo_notice
from musicvae.compose.midi_music import MidiMusic
from musicvae.music.events import read_header
from musicvae.music.extract import extract_grid
from musicvae.music.lead_sheet import LeadSheet, chord_track, is_chord_track
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import STEPS_PER_BEAT, Meter, counted_bars
from musicvae.music.midi import score_from_bytes
from musicvae.music.midi_editing import AddedNote, Changes, OpenMidi, open_midi
from musicvae.music.midi_writing import with_track
from musicvae.music.provenance import story_text
from musicvae.music.score import Track
from musicvae.music.segments import segments

__all__ = ["OpenedMelody", "RevisedFile", "Stretch", "open_melody"]


@dataclass(frozen=True)
class Stretch:
    """A stretch of constant meter. start_bar: of the file, from 1. start_ticks: of its first bar line, below 0 before a pickup."""

    melody: Melody
    start_bar: int
    start_ticks: int

    @property
    def last_bar(self) -> int:
        """Last bar of the file that belongs to it."""
        return self.start_bar + self.melody.num_bars - 1


@dataclass(frozen=True, eq=False)
class RevisedFile(MidiMusic):
    """A file whose melody was revised. melody: as it is now. notices: what the user should know."""

    melody: Melody
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OpenedMelody:
    """A file and the stretches of the melody in its track `part` (from 1); notices: what was chosen and left out."""

    name: str
    file: OpenMidi
    part: int
    stretches: tuple[Stretch, ...]
    notices: tuple[str, ...] = ()

    @property
    def longest(self) -> Stretch:
        """The stretch of most bars."""
        return max(self.stretches, key=lambda stretch: stretch.melody.num_bars)

    def with_bar(self, bar: int) -> Stretch:
        """The stretch that holds a bar of the file; ValueError where none does."""
        for stretch in self.stretches:
            if stretch.start_bar <= bar <= stretch.last_bar:
                return stretch
        known = ", ".join(f"{s.start_bar}-{s.last_bar} in {s.melody.meter}" for s in self.stretches)
        raise ValueError(f"{self.name}: bar {bar} is none of the melody's, which has bars {known}")

    def notes_after(self, stretch: Stretch) -> int:
        """How many notes of the melody's track begin after a stretch: those of later ones, and those that are in none."""
        return int(self._after(stretch).sum())

    def meter_after(self, stretch: Stretch) -> Meter | None:
        """The other meter that the file goes over to at the end of a stretch or later; None where it goes over to none."""
        end, meter = self._end_ticks(stretch), stretch.melody.meter
        return next((change.meter for change in self.file.score.meters if change.tick >= end and change.meter != meter), None)

    def revised(self, stretch: Stretch, melody: Melody, *, to_end: bool = False) -> RevisedFile:
        """The file with this stretch as `melody` has it: the notes that are in both stay as they are played.

        to_end: what follows the stretch in the melody's track is taken away.
        """
        kept = {(note.onset_steps, note.pitch, note.duration_steps) for note in melody.notes}
        gone = [note for note in stretch.melody.notes if (note.onset_steps, note.pitch, note.duration_steps) not in kept]
        before = {(note.onset_steps, note.pitch, note.duration_steps) for note in stretch.melody.notes}
        new = [note for note in melody.notes if (note.onset_steps, note.pitch, note.duration_steps) not in before]
        changes = self._changes(stretch, gone, new)
        if to_end:
            changes = replace(changes, removed=changes.removed | self._after(stretch))
        story = self._story(stretch, melody)
        data, others = self.file.written(replace(changes, text=story_text(story))), np.zeros(len(self.file.notes), np.bool_)
        if isinstance(melody, LeadSheet):
            factor = read_header(data).ticks_per_beat // self.file.ticks_per_beat
            start, ticks_per_beat = stretch.start_ticks * factor, self.file.ticks_per_beat * factor
            chords = chord_track(melody.spans, melody.meter, melody.num_bars, ticks_per_beat, start_ticks=start)
            if all(_struck(track) != _struck(chords) for track in score_from_bytes(data).tracks):  # it may have them already
                others = self._other_chords(stretch, melody)
                changes = replace(changes, removed=changes.removed | others)
                data = with_track(self.file.written(replace(changes, text=story_text(story))), chords)
        lost = self._losses(stretch, gone, changes)
        return RevisedFile(data, self.name, melody, melody.provenance, (*lost, *_told_of_chords(self.name, others)))

    def _other_chords(self, stretch: Stretch, melody: LeadSheet) -> NDArray[np.bool_]:
        """Which notes of the file are chords that `chord_track` wrote where there are other ones now."""
        named = [part for part, track in enumerate(self.file.score.tracks, 1) if is_chord_track(track) and part != self.part]
        first = stretch.start_ticks + melody.spans[0].onset_steps * self.file.ticks_per_beat / STEPS_PER_BEAT
        end = stretch.start_ticks + melody.num_steps * self.file.ticks_per_beat / STEPS_PER_BEAT
        notes = self.file.notes
        return np.asarray(np.isin(notes.part, named) & (notes.onset >= first) & (notes.onset < end))

    def _changes(self, stretch: Stretch, gone: Sequence[Note], new: Sequence[Note]) -> Changes:
        factor = 1 if self.file.ticks_per_beat % STEPS_PER_BEAT == 0 else STEPS_PER_BEAT
        plain, notes = self.file.unchanged(factor), self.file.notes
        step = self.file.ticks_per_beat * factor // STEPS_PER_BEAT
        taken = {(note.onset_steps, note.pitch) for note in gone}
        places = self._steps(stretch)
        pairs = zip(notes.part.tolist(), places.tolist(), notes.pitch.tolist(), strict=True)
        removed = np.array([part == self.part and (at, pitch) in taken for part, at, pitch in pairs], np.bool_)
        start = stretch.start_ticks * factor
        added = [
            AddedNote(self.part, note.pitch, start + note.onset_steps * step, start + note.end_steps * step, note.velocity) for note in new
        ]
        end = plain.end.copy()
        for note in added:  # the same key cannot be struck while it is down
            down = (notes.part == self.part) & (notes.pitch == note.pitch) & (plain.onset < note.onset) & (end > note.onset)
            end[down] = note.onset
        return replace(plain, end=end, removed=removed, added=added)

    def _after(self, stretch: Stretch) -> NDArray[np.bool_]:
        """Which notes of the file are in the melody's track and begin at the end of a stretch or later."""
        return np.asarray((self.file.notes.part == self.part) & (self.file.notes.onset >= self._end_ticks(stretch)))

    def _end_ticks(self, stretch: Stretch) -> float:
        return stretch.start_ticks + stretch.melody.num_steps * self.file.ticks_per_beat / STEPS_PER_BEAT

    def _steps(self, stretch: Stretch) -> NDArray[np.int64]:
        """The step of the stretch at which each note of the file starts, rounded half up; -1 for those before and after."""
        exact = (self.file.notes.onset - stretch.start_ticks) / (self.file.ticks_per_beat / STEPS_PER_BEAT)
        steps = np.floor(exact + 0.5).astype(np.int64)
        total = stretch.melody.num_steps
        first, last = stretch is self.stretches[0], stretch is self.stretches[-1]
        clipped = np.clip(steps, 0, total - 1)
        inside = ((steps >= 0) | first) & ((steps < total) | last)
        return np.where(inside, clipped, -1)

    def _story(self, stretch: Stretch, melody: Melody) -> Mapping[str, Any]:
        """The melody's provenance; its length too, where it is all there is."""
        if stretch.start_ticks or len(self.stretches) > 1:
            return melody.provenance
        facts: dict[str, Any] = {"bars": melody.num_bars} | ({"key": str(melody.key)} if melody.key is not None else {})
        return {**melody.provenance, "melody": facts}

    def _losses(self, stretch: Stretch, gone: Sequence[Note], changes: Changes) -> tuple[str, ...]:
        notices = []
        steps = self._steps(stretch)
        starts = {note.onset_steps for note in gone}
        beside = int(((self.file.notes.part == self.part) & np.isin(steps, sorted(starts)) & ~changes.removed).sum())
        if beside:
            notices.append(f"{self.name}: {beside} notes that sound with the melody in its own track stayed as they are")
        if self.file.foreign_bytes:
            notices.append(f"{self.name}: {self.file.foreign_bytes} bytes that are no tracks of MIDI are left out")
        return tuple(notices)


def _told_of_chords(name: str, gone: NDArray[np.bool_]) -> tuple[str, ...]:
    count = int(gone.sum())
    return (f"{name}: {count} notes of its track of chords made room for the new chords",) if count else ()


def _struck(track: Track) -> set[tuple[int, int, int]]:
    return {(note.onset_ticks, note.pitch, note.duration_ticks) for note in track.notes}


def open_melody(source: Source, *, track: int | str | None = None, tune: int = 1) -> OpenedMelody:
    """The melody in a file or an object, with the file; errors as `compose.intake.take`."""
    chosen = take(source, track=track, tune=tune)  # which says, with the path, what is wrong
    name, data, notices = bytes_of(source, tune)
    file = open_midi(data)
    score = file.score
    found = extract_grid(score, track=track)
    own = score.tracks[found.track - 1]
    end = max((note.onset_ticks + note.duration_ticks for note in own.notes), default=0)
    first = min((note.onset_ticks for note in own.notes), default=None)
    starts = {segment.start_bar: segment.start for segment in segments(score, end, first)}
    stretches = tuple(Stretch(line.melody(), line.start_bar, starts[line.start_bar]) for line in found.lines)
    flat = tempo_notice(score, name, chosen.melody.tempo_qpm)  # the file itself keeps all tempi
    told = (
        tuple(text for text in chosen.notices if text != flat) if len(stretches) == 1 else (_told(name, found.track, found.why, stretches),)
    )
    return OpenedMelody(name, file, found.track, stretches, (*notices, *told))


def _told(name: str, track: int, why: str, stretches: Sequence[Stretch]) -> str:
    where = "; ".join(f"bars {s.start_bar}-{s.last_bar} in {s.melody.meter}" for s in stretches)
    return f"{name}: track {track} ({why}), {where} ({counted_bars(sum(s.melody.num_bars for s in stretches))})"
