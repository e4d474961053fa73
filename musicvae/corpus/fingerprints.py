"""Shingles: hashes of short passages, by which near-duplicates among tunes are found.

Conventions: shingles come as a (P,) uint64 array, ascending, none twice; of nothing, they are empty. Hashes
are the same on every machine and in every run. A tune is one or more lines, whose passages count together;
steps are sixteenths, counted from a bar line. Two tunes are compared by how many shingles they share.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import Meter

__all__ = ["SHINGLE_NOTES", "drum_shingles", "groove_shingles", "melody_shingles", "melody_skeleton", "trio_shingles"]

Ints = NDArray[np.integer]
Shingles = NDArray[np.uint64]

SHINGLE_NOTES = 6
"""Notes in a shingle of a melody."""
_DRUM_BARS = 2
_BEATS = 9
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(29)
_BASS = np.uint64(0x5851F42D4C957F2D)
_NOTHING = np.zeros(0, np.uint64)
_NOTHING.flags.writeable = False


def melody_shingles(lines: Iterable[tuple[Ints, Ints]]) -> Shingles:
    """Shingles of a melody in any key and at any note values; lines are (pitch (N,), onset_steps (N,)), onsets ascending.

    A shingle sees `SHINGLE_NOTES` successive notes as the interval to the next and the ratio of neighbouring
    onset distances (halves of octaves). A line of fewer notes has one shingle, of all of them; a single note has none.
    """
    found: list[Shingles] = []
    for pitch, onset_steps in lines:
        moves = _moves(pitch, onset_steps)
        if width := min(SHINGLE_NOTES - 1, len(moves)):
            # The first move's ratio looks at a note outside the shingle, so it is left out of it.
            found.append(_hashes([moves // np.uint64(64), *[moves] * (width - 1)]))
    return _gathered(found)


def melody_skeleton(lines: Iterable[tuple[Ints, Ints, Ints, Meter]]) -> Shingles:
    """Shingles of what sounds on the beats alone, which settings of one tune share though their ornaments differ.

    lines: (pitch (N,), onset_steps (N,), duration_steps (N,), meter as written), sorted by onset, step 0 on a bar line. They change neither
    with key nor octave, nor where all note values are doubled.
    """
    found: list[Shingles] = []
    for pitch, onset_steps, _, meter in lines:
        for every in _beat_steps(meter):
            heard = _sampled(np.asarray(pitch), np.asarray(onset_steps), every)
            if len(heard) >= _BEATS:
                found.append(_hashes([(np.diff(heard) % 12).astype(np.uint64)] * (_BEATS - 1)))
    return _gathered(found)


def drum_shingles(lines: Iterable[NDArray[np.uint64]]) -> Shingles:
    """Shingles of two successive bars of drums; lines are (B, 16) bits of the classes hit at each step."""
    found = []
    for rows in lines:
        bars = np.asarray(rows, dtype=np.uint64)
        if bars.ndim != 2:
            raise ValueError(f"a line of drums has shape (bars, steps), got {bars.shape}; was one line given instead of a list of them?")
        if len(bars):
            hashed = _hashes_of_rows(bars)
            found.append(_hashes([hashed] * min(_DRUM_BARS, len(hashed))))
    return _gathered(found)


def groove_shingles(lines: Iterable[NDArray[np.uint8]]) -> Shingles:
    """`drum_shingles` of grooves: lines are velocities (B, 16, 9), 0 where nothing is hit; how hard and how late makes no difference."""
    bits = np.uint64(1) << np.arange(9, dtype=np.uint64)
    return drum_shingles(((np.asarray(rows) > 0) * bits).sum(axis=-1, dtype=np.uint64) for rows in lines)


def trio_shingles(melody: Iterable[tuple[Ints, Ints]], bass: Iterable[tuple[Ints, Ints]]) -> Shingles:
    """`melody_shingles` of the melody together with those of the bass, which are kept apart from them."""
    return _gathered([melody_shingles(melody), melody_shingles(bass) ^ _BASS])


def _moves(pitch: Ints, onset_steps: Ints) -> Shingles:
    if len(pitch) < 2:
        return _NOTHING
    interval = np.diff(np.asarray(pitch, dtype=np.int64))
    gap = np.log2(np.maximum(1, np.diff(np.asarray(onset_steps, dtype=np.int64))))
    ratio = np.zeros(len(interval), np.int64)
    ratio[1:] = np.rint(2 * np.diff(gap))
    return ((interval + 256) * 64 + (ratio + 32)).astype(np.uint64)


def _beat_steps(meter: Meter) -> tuple[int, ...]:
    """Distances at which a skeleton is taken, in steps: beats and half bars."""
    return {"6/8": (6, 12), "3/4": (4, 12)}.get(str(meter), (4, 8))


def _sampled(pitch: Ints, onset_steps: Ints, every: int) -> NDArray[np.int64]:
    """The pitch last begun at every so many steps."""
    if not len(pitch):
        return np.zeros(0, np.int64)
    at = np.arange(0, int(onset_steps[-1]) + 1, every)
    index = np.searchsorted(onset_steps, at, side="right") - 1
    return pitch[index[index >= 0]].astype(np.int64)


def _hashes(columns: list[NDArray[np.uint64]]) -> Shingles:
    """Hashes of windows: column i is looked at i places further on."""
    count = len(columns[0]) - len(columns) + 1
    value = np.full(max(0, count), len(columns), np.uint64)
    for i, column in enumerate(columns):
        value = (value ^ column[i : i + count]) * _MIXER
        value ^= value >> _FOLD
    return value


def _hashes_of_rows(rows: NDArray[np.uint64]) -> Shingles:
    value = np.full(len(rows), rows.shape[1], np.uint64)
    for column in rows.T:
        value = (value ^ column) * _MIXER
        value ^= value >> _FOLD
    return value


def _gathered(found: list[Shingles]) -> Shingles:
    return np.unique(np.concatenate(found)) if found else _NOTHING.copy()
