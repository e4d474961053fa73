"""Pieces as scores: the tracks that a file has, and the text that says what the piece was.

Conventions: melody and bass are programs 0 and 33, velocities the usual one where the material has none, drum notes a sixteenth long.
Of a groove, the first hit may come before beat one: then the whole begins a bar later, after a silent one (`lead_in_bars`), so that
nothing is moved against the bar lines. The text of the file says so, and what reads it back takes the bar off again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from musicvae.music.chords import Chord
from musicvae.music.drums import hits_to_notes
from musicvae.music.groove import groove_to_notes
from musicvae.music.meter import MAX_STEPS_PER_BAR, STEPS_PER_BEAT
from musicvae.music.multitrack import performed_tracks
from musicvae.music.provenance import piece_text
from musicvae.music.score import ChordChange, KeyChange, MeterChange, NoteTable, Score, TempoChange, Track
from musicvae.music.vocabulary import from_tokens

if TYPE_CHECKING:
    from musicvae.music.piece import Piece

__all__ = ["BASS_PROGRAM", "MELODY_PROGRAM", "lead_in_bars", "piece_score"]

MELODY_PROGRAM, BASS_PROGRAM = 0, 33
_STEPS_PER_EIGHTH = 2
_TICKS_PER_STEP = 120  # in a file


def lead_in_bars(piece: Piece) -> int:
    """1 where a hit on the very first step comes early, else 0."""
    if piece.material != "groove":
        return 0
    late = piece.columns["offsets"][0, 0][piece.columns["bars"][0, 0] > 0].astype(np.float64)
    return int(bool((np.rint(late * _TICKS_PER_STEP) < 0).any()))


def piece_score(piece: Piece, *, ticks_per_beat: int = 480) -> Score:
    """The score of a piece, beginning at tick 0; ticks_per_beat: a multiple of 24."""
    step = ticks_per_beat // STEPS_PER_BEAT
    lead = lead_in_bars(piece)
    return Score(
        ticks_per_beat, _tracks(piece, ticks_per_beat), (TempoChange(0, piece.tempo_qpm),), (MeterChange(0, piece.meter),),
        (KeyChange(0, piece.key),) if piece.key else (), piece.name, (piece_text(piece, lead),),
        length_ticks=(lead + piece.num_bars) * MAX_STEPS_PER_BAR * step, chords=_chords(piece, step),
    )  # fmt: skip


def _tracks(piece: Piece, ticks_per_beat: int) -> tuple[Track, ...]:
    columns = piece.columns
    if piece.material == "performance":
        return performed_tracks(columns["bars"], ticks_per_beat)
    if piece.material == "groove":
        notes = groove_to_notes(
            columns["bars"], columns["offsets"], piece.meter, piece.drums, ticks_per_beat=ticks_per_beat, lead_in_bars=lead_in_bars(piece)
        )
        return (Track(notes, "Drums", is_drum=True),)
    tracks = []
    if piece.has_pitches:
        tracks.append(Track(_voice(piece, "bars", ticks_per_beat), "Melody", MELODY_PROGRAM))
    if piece.material == "trio":
        tracks.append(Track(_voice(piece, "bass", ticks_per_beat), "Bass", BASS_PROGRAM))
    if piece.material != "melody":
        hits = columns["drums" if piece.material == "trio" else "bars"]
        tracks.append(Track(hits_to_notes(hits, piece.drums, piece.meter, ticks_per_beat=ticks_per_beat), "Drums", is_drum=True))
    return tuple(tracks)


def _voice(piece: Piece, column: str, ticks_per_beat: int) -> NoteTable:
    step = ticks_per_beat // STEPS_PER_BEAT
    notes = from_tokens(piece.columns[column], piece.meter).notes
    table = np.array([(n.onset_steps * step, n.pitch, n.duration_steps * step, n.velocity) for n in notes], np.int64)
    return NoteTable(*table.reshape(-1, 4).T)


def _chords(piece: Piece, step: int) -> tuple[ChordChange, ...]:
    """The chords where they change; MIDI has no place for them, other readers of a score have."""
    if "chords" not in piece.columns or not piece.columns["chords"].any():
        return ()
    codes = piece.columns["chords"].reshape(-1).astype(int)
    places = np.flatnonzero(np.diff(codes, prepend=0))
    return tuple(ChordChange(int(place) * _STEPS_PER_EIGHTH * step, Chord.from_code(int(codes[place]))) for place in places)
