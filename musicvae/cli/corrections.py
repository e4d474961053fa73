"""Hits and notes of beats and trios that sound wrong, and bars of any music that do not belong, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from musicvae.cli.figures import runs_text
from musicvae.cli.terminal import Terminal

if TYPE_CHECKING:
    from musicvae.compose.judging.events.corrections import PieceCorrection
    from musicvae.music.piece import Piece

__all__ = ["described_correction", "told_foreign_bars"]


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


def told_foreign_bars(model: Any, music: Any, first_bar: int, terminal: Terminal) -> list[int]:
    """Bars that share nothing with the rest, counted as in the file; a line says how to write them anew. [] where nothing tells."""
    bars = [] if model.yardstick is None else [bar + first_bar - 1 for bar in model.score(music).odd_bars()]
    if bars:
        text = runs_text(bars)
        terminal.line(f"foreign to the rest: {'bar' if len(bars) == 1 else 'bars'} {text} (--mask {text.replace(' ', '')} writes anew)")
    return bars
