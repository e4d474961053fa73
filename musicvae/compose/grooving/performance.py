"""How the drums of a piece were played in what it was taken from, so that music made of it can be played on in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.grooving.feel import Played
from musicvae.compose.intake import Source, score_of
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.piece import Piece
from musicvae.music.taking import take_piece

__all__ = ["groove_columns", "kept", "performance_of"]

_WRITTEN_STEPS = 1 / 48
_CLASSES = np.arange(GROOVE_CLASSES, dtype=np.uint64)


def performance_of(
    source: Source, piece: Piece, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1
) -> Piece | None:
    """A groove of the hits of a piece of drums or a trio as they are in its source; None where they are stiff or of another drum map.

    piece: taken from the source with the same track, start_bar, bars and tune (`compose.pieces.intake.take_music`). Stiff: all of one
    velocity, and most within a 48th of a step of the grid.
    """
    if piece.material not in ("drums", "trio") or piece.drum_map != "nine":
        return None
    hits = piece.columns["drums" if piece.material == "trio" else "bars"]
    if isinstance(source, Piece):
        grooves: tuple[Piece, ...] = (source,) if source.material == "groove" else ()
    else:
        try:
            grooves = take_piece(score_of(source, tune)[1], "groove", track=track, start_bar=start_bar, bars=bars)
        except ValueError:  # no drums at all, which a trio may lack
            grooves = ()
    for groove in grooves:
        columns = _in_place(hits, groove)
        if columns is not None:
            found = Piece("groove", columns, piece.tempo_qpm, piece.drum_map, name=piece.name)
            return found if _is_played(found) else None
    return None


def groove_columns(groove: Piece) -> dict[str, NDArray[Any]]:
    """The columns (B, ...) of a groove with its tempo, as networks of grooves take them."""
    return {**groove.columns, "tempo": np.full(groove.num_bars, groove.tempo_qpm)}


def kept(feel: Played, own: Mapping[str, NDArray[Any]]) -> Played:
    """The feel of some hits where those that another performance, columns (B, ...), has too are played as there."""
    same = (feel.velocity > 0) & (own["bars"] > 0)
    return Played(np.where(same, own["bars"], feel.velocity), np.where(same, own["offsets"], feel.offset))


def _in_place(hits: NDArray[np.uint64], groove: Piece) -> dict[str, NDArray[Any]] | None:
    """The columns of a groove bar by bar beside hits (B, 16) that are all in it, wherever it begins; None where they are not."""
    struck = np.flatnonzero(hits.any(axis=1))
    if not len(struck):
        return None
    bits = np.bitwise_or.reduce((groove.columns["bars"] > 0).astype(np.uint64) << _CLASSES, axis=-1)
    wanted = hits[struck[0] : struck[-1] + 1]
    for start in range(len(bits) - len(wanted) + 1):
        if np.array_equal(bits[start : start + len(wanted)], wanted):
            columns = {name: np.zeros((len(hits), *column.shape[1:]), column.dtype) for name, column in groove.columns.items()}
            for name, column in columns.items():
                column[struck[0] : struck[-1] + 1] = groove.columns[name][start : start + len(wanted)]
            return columns
    return None


def _is_played(groove: Piece) -> bool:
    struck = groove.columns["bars"] > 0
    loud, late = groove.columns["bars"][struck], groove.columns["offsets"][struck].astype(np.float64)
    return bool(loud.min() != loud.max() or np.median(np.abs(late)) > _WRITTEN_STEPS)
