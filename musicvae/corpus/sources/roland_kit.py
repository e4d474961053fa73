"""What a Roland TD-11 kit sends, in the pitches of General MIDI.

The kit's toms, from high to low, are 48, 45 and 43, their rims 50, 47 and 58; all other pads send what General MIDI has for them or what
every drum map takes for the same sound (22 and 26, the edges of the hi-hat). In General MIDI 48 and 45 are a middle and a low tom, 58 is a
vibraslap: read as they are, the kit would have no high tom, and its floor tom a rim that is a cymbal.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musicvae.music.score import NoteTable, Score

__all__ = ["ROLAND_TOMS", "in_general_midi"]

ROLAND_TOMS = {48: 50, 45: 47, 58: 43}
"""Pitches that the kit sends for other drums than General MIDI has there, and those of General MIDI; 50, 47 and 43 stay."""


def in_general_midi(score: Score) -> Score:
    """The score with the drum notes of the kit under the pitches of General MIDI; tracks without drums stay."""
    pitches = np.arange(128)
    pitches[list(ROLAND_TOMS)] = list(ROLAND_TOMS.values())
    tracks = []
    for track in score.tracks:
        if track.is_drum and track.notes:
            notes = NoteTable.of(track.notes)
            moved = NoteTable(notes.onset_ticks, pitches[np.clip(notes.pitch, 0, 127)], notes.duration_ticks, notes.velocity)
            track = replace(track, notes=moved)
        tracks.append(track)
    return replace(score, tracks=tuple(tracks))
