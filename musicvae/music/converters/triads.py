"""Chords as the published networks know them: 49 classes, no chord or one of 12 x 4 triads.

Conventions: class 0 is no chord; 1 + 12 q + root are the triads, q = 0 major, 1 minor, 2 augmented, 3 diminished. Chords of more
notes are reduced to the triad they are built on (sevenths, sixths, ninths: C7 is C, Cm7b5 is C diminished, Cmaj9 is C). A chord
without a third has none: suspended chords and power chords count as major, since they mostly stand for it or go on to it (the
original dropped such pieces). Basses are not kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chords import QUALITIES

__all__ = ["NUM_TRIADS", "TRIAD_OF_CODE", "chord_controls", "moved_chords", "triads_of"]

NUM_TRIADS = 49
_MAJOR, _MINOR, _AUGMENTED, _DIMINISHED = range(4)


def _triad_of(quality: str) -> int:
    notes = set(QUALITIES[quality])
    if 3 in notes:
        return _DIMINISHED if 6 in notes and 7 not in notes else _MINOR
    return _AUGMENTED if 8 in notes and 7 not in notes else _MAJOR


def _table() -> NDArray[np.int64]:
    table = np.zeros(1 + 12 * len(QUALITIES), np.int64)
    for root in range(12):
        for place, quality in enumerate(QUALITIES):
            table[1 + root * len(QUALITIES) + place] = 1 + 12 * _triad_of(quality) + root
    table.flags.writeable = False
    return table


TRIAD_OF_CODE = _table()
"""Class of each `music.chords.Chord.code`, (253,)."""


def triads_of(codes: NDArray[Any]) -> NDArray[np.int64]:
    """Classes of chord codes, of any shape; ValueError for a code outside 0 to 252."""
    for code in (int(codes.min()), int(codes.max())) if codes.size else ():
        if not 0 <= code < len(TRIAD_OF_CODE):
            raise ValueError(f"chord code {code} is outside 0-{len(TRIAD_OF_CODE) - 1}")
    triads: NDArray[np.int64] = TRIAD_OF_CODE[codes]
    return triads


def chord_controls(codes: NDArray[Any], repeats: int) -> NDArray[np.float32]:
    """One-hot triads, float32 (N, E * repeats, 49), for chord codes (N, E), each `repeats` steps long; ValueError as `triads_of`."""
    one_hot: NDArray[np.float32] = np.eye(NUM_TRIADS, dtype=np.float32)[np.repeat(triads_of(codes), repeats, axis=1)]
    return one_hot


def moved_chords(codes: NDArray[Any], semitones: NDArray[Any]) -> NDArray[Any]:
    """Chord codes `semitones` (broadcast against them) higher; 0 stays."""
    root, quality = np.divmod(codes.astype(np.int64) - 1, len(QUALITIES))
    moved = 1 + (root + semitones) % 12 * len(QUALITIES) + quality
    return np.where(codes > 0, moved, 0).astype(codes.dtype)
