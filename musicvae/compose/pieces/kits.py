"""Pieces in the notes of another drum kit than General MIDI's."""

from __future__ import annotations

from musicvae.compose.grooving.rendition import Rendition, Report
from musicvae.music.drum_map_files import Kit
from musicvae.music.midi import score_bytes
from musicvae.music.piece import Piece
from musicvae.music.score import NoteTable

__all__ = ["in_kit"]


def in_kit(piece: Piece, kit: Kit) -> Rendition:
    """The piece with its drums written in the notes of a kit, nothing else being changed."""
    score = kit.written(piece.to_score())
    velocities = [NoteTable.of(track.notes).velocity for track in score.tracks if track.is_drum and track.notes]
    hits = sum(len(table) for table in velocities)
    loud = (min(int(table.min()) for table in velocities), max(int(table.max()) for table in velocities)) if hits else (0, 0)
    report = Report(hits, 0, 0.0, 0.0, loud, piece.num_bars, piece.lead_in_bars)
    return Rendition(score_bytes(score), piece.name, report, {**piece.provenance, "drum_map": kit.name}, piece.notices, piece)
