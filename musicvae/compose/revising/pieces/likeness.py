"""How alike bars of pieces are: a first guess by copying, and what speaks for a bar heard elsewhere.

Conventions: a window of B bars; columns by name, (B, 16) each, hits as bits of classes of drums (uint64) or tokens of a line; `free`:
by name (B, 16), true where the music is to be found. Likeness lies in [0, 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.engine import Columns, Free
from musicvae.music.piece import is_hits
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["around", "beside", "like_rows"]

_REACH = 3  # bars on each side that are compared
_USUAL = 0.5  # where nothing can be compared


def like_rows(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """How much rows (..., 16) of one line have in common with others, (...).

    Of hits F1; of tokens the mean of F1 of onsets with their pitch and of F1 of onsets whatever their pitch.
    """
    if is_hits(a):
        return _f1(_strikes(a & b), _strikes(a) + _strikes(b))
    ours, theirs = a >= FIRST_PITCH_TOKEN, b >= FIRST_PITCH_TOKEN
    every = ours.sum(axis=-1) + theirs.sum(axis=-1)
    notes, onsets = (ours & (a == b)).sum(axis=-1), (ours & theirs).sum(axis=-1)
    return np.asarray((_f1(notes, every) + _f1(onsets, every)) / 2)


def around(columns: Columns, free: Free, bar: int, other: int) -> float:
    """How alike the bars before and after two bars are, over all lines that are known there."""
    found = []
    for away in (away for away in range(-_REACH, _REACH + 1) if away):
        a, b = bar + away, other + away
        if 0 <= a < len(columns["bars"]) and 0 <= b < len(columns["bars"]):
            found += [_known(columns, free, name, a, b) for name in free if not (free[name][a].any() or free[name][b].any())]
    return float(np.mean(found)) if found else _USUAL


def beside(columns: Columns, free: Free, bar: int, other: int) -> float:
    """How alike two bars are in the lines that are known in both."""
    found = [_known(columns, free, name, bar, other) for name in free if not (free[name][bar].any() or free[name][other].any())]
    return float(np.mean(found)) if found else _USUAL


def _known(columns: Columns, free: Free, name: str, a: int, b: int) -> float:
    return float(like_rows(columns[name][a], columns[name][b]))


def _f1(common: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Twice what is common over the total; 1 where there is nothing at all."""
    return np.where(total > 0, 2 * common / np.maximum(total, 1), 1.0)


def _strikes(hits: NDArray[Any]) -> NDArray[np.int64]:
    """How many hits rows (..., 16) have."""
    bits = np.unpackbits(np.ascontiguousarray(hits).view(np.uint8).reshape(*hits.shape[:-1], -1), axis=-1)
    return np.asarray(bits.sum(axis=-1, dtype=np.int64))
