"""Chords that a piece is to be played over, as the rows that networks are told them by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.chords import Chord

__all__ = ["Chords", "chords_text", "parsed_chords", "spread_chords"]

Chords: TypeAlias = str | Sequence[str | Chord | None]
"""Symbols between spaces, bars ("|") or commas, as in ``"C Am F G"``, or a sequence of symbols and chords; "N.C." or None: none."""


def spread_chords(chords: Chords, bars: int) -> NDArray[np.uint8]:
    """Codes (bars, 8) of `music.chords.Chord` at each eighth of `bars` bars of 4/4, 0 for none.

    The chords are spread evenly: k of them change at the eighths nearest to bars * i / k. ValueError for a symbol that
    is unknown, for none at all, and for more than one an eighth.
    """
    symbols = parsed_chords(chords)
    eighths = bars * EIGHTHS_PER_ROW
    if len(symbols) > eighths:
        raise ValueError(f"{len(symbols)} chords do not fit into {bars} bars: at most one an eighth, {eighths}, can be told apart")
    codes = np.array([0 if chord is None else chord.code for chord in symbols], np.uint8)
    starts = np.floor(np.arange(len(codes)) * eighths / len(codes) + 0.5)
    rows: NDArray[np.uint8] = codes[np.searchsorted(starts, np.arange(eighths), side="right") - 1].reshape(bars, EIGHTHS_PER_ROW)
    return rows


def parsed_chords(chords: Chords) -> list[Chord | None]:
    """The chords that are meant, None for no chord; ValueError for a symbol that is unknown, and for none at all."""
    if not isinstance(chords, Iterable):
        raise ValueError(f"chords are written as in 'C Am F G', got {chords!r}")
    symbols = _symbols(chords) if isinstance(chords, str) else list(chords)
    if not symbols:
        raise ValueError("no chords were given: write them as in 'C Am F G'")
    return [Chord.parse(symbol) if isinstance(symbol, str) else symbol for symbol in symbols]


def chords_text(chords: Chords) -> str:
    """The chords as one line that `spread_chords` reads again, as in ``"C Am F G"``; "N.C." for none."""
    if isinstance(chords, str):
        return " ".join(_symbols(chords))
    return " ".join("N.C." if chord is None else str(chord) for chord in chords)


def _symbols(text: str) -> list[str]:
    return text.replace("|", " ").replace(",", " ").split()
