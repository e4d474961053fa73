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

__all__ = ["groove_columns", "kept", "likened", "performance_of"]

_WRITTEN_STEPS = 1 / 48
_SHRINK_HITS = 2
"""A drum's own way counts in full with many hits, half with so many."""
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


def likened(feel: Played, heard: Played, own: Mapping[str, NDArray[Any]]) -> Played:
    """The feel of some hits with what the code of a performance, columns (B, ...), has missed of it given back.

    heard: that performance's own hits as the network plays them from that code. Velocities and offsets are moved so that means over
    `heard` are those of the performance, drawn together where they spread more than there, and each drum is moved by what it still lacks
    on the mean. So a stiff performance makes stiff hits. On halves of the hits of held-out performances (scripts/benchmark_transfer.py)
    this is nearer to the other halves than the feel as it is.
    """
    struck, to_play = own["bars"] > 0, feel.velocity > 0
    if not struck.any():
        return feel
    velocity = _likened(feel.velocity, heard.velocity, own["bars"].astype(np.float64), struck)
    offset = _likened(feel.offset, heard.offset, own["offsets"].astype(np.float64), struck)
    return Played(np.where(to_play, np.clip(velocity, 1, 127), 0.0), np.where(to_play, np.clip(offset, -0.5, 0.5), 0.0))


def _likened(values: NDArray[Any], heard: NDArray[Any], own: NDArray[Any], struck: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values (B, 16, 9) moved as `likened` tells, by those heard and those of the performance where it has hits."""
    middle, target, spread = heard[struck].mean(), own[struck].mean(), heard[struck].std()
    ratio = min(own[struck].std() / spread, 1.0) if spread > 0 else 1.0
    lacking = np.where(struck, own - (target + (heard - middle) * ratio), 0.0).sum((0, 1)) / (struck.sum((0, 1)) + _SHRINK_HITS)
    return np.asarray(target + (values - middle) * ratio + lacking)


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
