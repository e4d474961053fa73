"""The tracks of a trio of which a line may be missing, since it is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musicvae.music.drums import drum_tracks
from musicvae.music.extract import extract_grid
from musicvae.music.provenance import piece_facts, story_text
from musicvae.music.score import NoteTable, Score, Track
from musicvae.music.trio_choice import choose_trio

__all__ = ["TrioTracks", "trio_tracks"]


@dataclass(frozen=True)
class TrioTracks:
    """Numbers (from 1) of the tracks of each line, () for one that is not there, and why those."""

    melody: tuple[int, ...]
    bass: tuple[int, ...]
    drums: tuple[int, ...]
    why: str

    @classmethod
    def of(cls, score: Score, new: Sequence[str] = ()) -> TrioTracks:
        """The tracks of a score; new: lines that may be missing. ValueError where another is."""
        if piece_facts(score).get("material") == "trio":
            places: dict[str, tuple[int, ...]] = {track.name: (number,) for number, track in enumerate(score.tracks, 1) if track.notes}
            melody, bass, drums = (places.get(name, ()) for name in ("Melody", "Bass", "Drums"))
            return cls(melody, bass, drums, "melody, bass and drums by their names")
        try:
            choice = choose_trio(score)
        except ValueError:
            if not new:
                raise
            return cls._without(score, new)
        return cls((choice.melody,), (choice.bass,), choice.drums, choice.why)

    @classmethod
    def _without(cls, score: Score, new: Sequence[str]) -> TrioTracks:
        try:
            drums = drum_tracks(score)[0]
        except ValueError:
            if "drums" not in new:
                raise
            drums = ()
        pitched = [number for number, track in enumerate(score.tracks, 1) if track.notes and number not in drums]
        if not pitched and not {"melody", "bass"} <= set(new):
            raise ValueError("there is no melody and no bass to go by: a line is written for the others of a trio")
        low = sorted(pitched, key=lambda number: float(NoteTable.of(score.tracks[number - 1].notes).pitch.mean()))
        if "bass" in new or not pitched:
            melody = (extract_grid(score).track,) if pitched and "melody" not in new else ()
            return cls(melody, (), drums, _told(melody, (), drums))
        if "melody" in new:
            return cls((), (low[0],), drums, _told((), (low[0],), drums))
        if len(pitched) < 2:
            raise ValueError("there is one pitched track only, and drums are written for a melody and a bass: let a bass be written first")
        melody = (extract_grid(score).track,)
        bass = next(number for number in low if number not in melody)
        return cls(melody, (bass,), drums, _told(melody, (bass,), drums))


def _told(melody: tuple[int, ...], bass: tuple[int, ...], drums: tuple[int, ...]) -> str:
    lines = (("melody", melody), ("bass", bass), ("drums", drums))
    return ", ".join(f"{name}: {'track ' + ', '.join(map(str, found)) if found else 'none, to be written'}" for name, found in lines)


def trio_tracks(score: Score, found: TrioTracks) -> tuple[Score, dict[str, tuple[int, ...]], str]:
    """A score of these lines alone, as `music.stretches` knows a trio of ours; the tracks by column, and why those."""
    tracks = tuple(
        Track(_together(score, numbers), name, 0, is_drum=name == "Drums")
        for name, numbers in (("Melody", found.melody), ("Bass", found.bass), ("Drums", found.drums))
    )
    text = story_text({"piece": {**piece_facts(score), "material": "trio"}})
    alone = replace(score, tracks=tracks, texts=(text, *score.texts))
    return alone, {"bars": found.melody, "bass": found.bass, "drums": found.drums}, found.why


def _together(score: Score, numbers: Sequence[int]) -> NoteTable:
    tables = [NoteTable.of(score.tracks[number - 1].notes) for number in numbers]
    if not tables:
        return NoteTable.of(())
    names = ("onset_ticks", "pitch", "duration_ticks", "velocity")
    columns = {name: np.concatenate([getattr(table, name) for table in tables]) for name in names}
    order = np.lexsort((columns["pitch"], columns["onset_ticks"]))
    return NoteTable(*(columns[name][order] for name in names))
