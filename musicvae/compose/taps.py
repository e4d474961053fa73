"""Any rhythm as taps: what a network that makes beats of taps is given where there are no drums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musicvae.music.converters.grooves import TAP_CLASS
from musicvae.music.drum_maps import drum_map
from musicvae.music.drums import drum_tracks
from musicvae.music.extract import extract_grid
from musicvae.music.melody import Melody
from musicvae.music.midi import midi_bytes, score_from_bytes
from musicvae.music.score import NoteTable, Score

__all__ = ["melody_score", "with_taps"]


def with_taps(score: Score, track: int | str | None = None, drums: str = "nine") -> tuple[Score, tuple[str, ...]]:
    """The score with drums to tap to, and what was chosen: as it is where it has some.

    Otherwise the onsets of its melody, played as hits with their timing and velocities; of `track` (a number from 1 or
    part of a name) where that is one of pitches. ValueError where there is neither.
    """
    try:
        numbers, _ = drum_tracks(score, track)
    except ValueError:
        numbers = ()
    if numbers and all(score.tracks[number - 1].is_drum for number in numbers):
        return score, ()
    found = extract_grid(score, track=track)
    notes = NoteTable.of(score.tracks[found.track - 1].notes)
    pitch = np.full(len(notes), drum_map(drums).pitch_of[TAP_CLASS])
    taps = replace(
        score.tracks[found.track - 1], is_drum=True, notes=NoteTable(notes.onset_ticks, pitch, notes.duration_ticks, notes.velocity)
    )
    return replace(score, tracks=(taps,)), (f"the onsets of track {found.track} ({found.why}) are the taps",)


def melody_score(melody: Melody) -> Score:
    """The melody as a score of one track."""
    return score_from_bytes(midi_bytes([melody]))
