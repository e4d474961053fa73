"""Several melodies or pieces brought to one meter and one length, so that they can be blended: `compose.alignment`, for any number."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from musicvae.compose.alignment import ALIGNMENTS, METER_RULES, filled, written_in
from musicvae.compose.limits import check_choice
from musicvae.compose.pieces.blending import align_pieces
from musicvae.music.melody import Melody
from musicvae.music.piece import Piece

__all__ = ["letter", "melodies_together", "pieces_together"]


def letter(index: int) -> str:
    """What to call an input: A, B, ..., Z, then input 27, ..."""
    return ascii_uppercase[index] if index < len(ascii_uppercase) else f"input {index + 1}"


def melodies_together(melodies: Sequence[Melody], *, how: str, meters: str) -> tuple[tuple[Melody, ...], tuple[str, ...]]:
    """Melodies in the first one's meter and of one length, by the rules of `compose.alignment`, and what was done for it."""
    check_choice("align", how, ALIGNMENTS)
    check_choice("meters", meters, METER_RULES)
    meter, notices, written = melodies[0].meter, [], []
    for index, melody in enumerate(melodies):
        if meters == "refuse" and melody.meter.kind != meter.kind:
            raise ValueError(
                f"A is in {meter} and {letter(index)} in {melody.meter}: allow them to be mapped (meters='map'), or give all in one meter"
            )
        if melody.meter != meter:
            notices.append(f"{letter(index)}, in {melody.meter}, was written in A's {meter}")
        melody, lost = written_in(melody, meter)
        if lost:
            notices.append(f"{lost} notes of {letter(index)} were lost where two fell on one step")
        written.append(melody)
    bars = (min if how == "trim" else max)(melody.num_bars for melody in written)
    fitted = [_fitted(melody, bars, how, letter(index)) for index, melody in enumerate(written)]
    return tuple(melody for melody, _ in fitted), (*notices, *(text for _, text in fitted if text))


def pieces_together(pieces: Sequence[Piece], *, how: str) -> tuple[tuple[Piece, ...], tuple[str, ...]]:
    """Pieces of one length, by the rules of `compose.pieces.blending.align_pieces`, and what was done for it."""
    check_choice("align", how, ALIGNMENTS)
    standard = (min if how == "trim" else max)(pieces, key=lambda piece: piece.num_bars)
    fitted, notices = [], []
    for index, piece in enumerate(pieces):
        name = letter(pieces.index(standard)) if how == "trim" else letter(index)
        aligned, _, told = align_pieces(piece, standard, how=how)
        fitted.append(aligned)
        # With two pieces the other one is called B there.
        notices += [text.replace("of B", f"of {name}") if how == "trim" else text.replace("A,", f"{name},", 1) for text in told]
    return tuple(fitted), tuple(dict.fromkeys(notices))


def _fitted(melody: Melody, bars: int, how: str, name: str) -> tuple[Melody, str]:
    """The melody in so many bars, and what was done for it; "" for nothing."""
    if melody.num_bars == bars:
        return melody, ""
    if how == "trim":
        return melody.cut(0, bars), f"{name} was cut to its first {bars} bars"
    return filled(melody, bars, how, name)
