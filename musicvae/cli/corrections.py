"""Hits and notes of beats and trios that sound wrong, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicvae.compose.judging.events.corrections import PieceCorrection
    from musicvae.music.piece import Piece

__all__ = ["described_correction"]


def described_correction(item: PieceCorrection, piece: Piece, first_bar: int = 1) -> dict[str, Any]:
    """Where it is, its line, what it is, what is better, and by how many bits."""
    from musicvae.compose.constraints.names import pitch_text
    from musicvae.compose.revising.spans import place_text
    from musicvae.music.drum_maps import drum_map
    from musicvae.music.piece import FOUR_FOUR

    at = place_text(item.onset_steps, FOUR_FOUR, first_bar)
    if item.line == "drums":
        note = drum_map(piece.drum_map).names[item.note]
        better = "gone" if item.better_steps is None else f"at {place_text(item.better_steps, FOUR_FOUR, first_bar)}"
    else:
        note, better = pitch_text(item.note), pitch_text(item.better_note)
    return {"at": at, "line": item.line, "note": note, "better": better, "bits": item.bits}
