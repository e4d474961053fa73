"""The melodies and pieces of a folder under the names of their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from musicvae.compose.intake import take
from musicvae.compose.pieces.intake import TakenPiece
from musicvae.music.melody import Melody
from musicvae.music.piece import Piece

__all__ = ["melodies_in", "pieces_in"]


def melodies_in(folder: str | os.PathLike[str], kinds: Sequence[int]) -> tuple[list[tuple[str, Melody]], list[str]]:
    """Name and melody of all music files in a folder and below it (every tune of an ABC file), and why others were left out.

    kinds: of meter that are wanted, indices into `music.meter.KINDS`. ValueError where not one melody is found.
    """
    from musicvae.corpus.sources.collections import tunes_of
    from musicvae.corpus.sources.items import expand

    found: list[tuple[str, Melody]] = []
    left: list[str] = []
    for tune in (tune for file in expand([str(folder)]) for tune in tunes_of(file)):
        try:
            melody = take(tune.read(), track=tune.track).melody
        except (ValueError, OSError) as error:
            left.append(str(error))
            continue
        if melody.meter.kind_index not in kinds:
            left.append(f"in {melody.meter}, which this model does not know")
        else:
            found.append((tune.tune_id.partition("/")[2] or tune.file, melody))
    if not found:
        raise ValueError(f"{folder} holds no melodies in MIDI, MusicXML or ABC files{f' ({left[0]})' if left else ''}")
    return found, left


def pieces_in(folder: str | os.PathLike[str], take_piece: Callable[[str], TakenPiece]) -> tuple[list[tuple[str, Piece]], list[str]]:
    """Name and piece of all music files in a folder and below it, as `take_piece` finds them, and why others were left out.

    ValueError where not one piece is found.
    """
    from musicvae.corpus.sources.items import expand

    found: list[tuple[str, Piece]] = []
    left: list[str] = []
    for file in expand([str(folder)]):
        try:
            found.append((os.path.relpath(file.path, folder), take_piece(str(file.path)).music))
        except (ValueError, OSError) as error:
            left.append(str(error))
    if not found:
        raise ValueError(f"{folder} holds no such pieces in MIDI, MusicXML or ABC files{f' ({left[0]})' if left else ''}")
    return found, left
