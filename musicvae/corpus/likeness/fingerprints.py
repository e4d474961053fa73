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

__all__ = [
    "PLACE_BITS", "SHINGLE_NOTES", "aligned", "drum_shingles", "groove_shingles", "melody_shingles", "melody_skeleton", "trio_shingles",
]  # fmt: skip

Ints = NDArray[np.integer]
Shingles = NDArray[np.uint64]

SHINGLE_NOTES = 6
"""Notes in a shingle of a melody."""
_DRUM_BARS = 2
PLACE_BITS = 20
"""Lowest bits of a hash of a skeleton: where its passage stands (16 bits) and its first pitch class (4 bits)."""
_PLACE = np.uint64(PLACE_BITS)
_CLASS_BITS = 4
_PLACES_BITS = PLACE_BITS - _CLASS_BITS
_IN_STEP = 4
_LEAST_MOVES = 3  # else long notes, which look alike everywhere, would fill a skeleton
_GAP = 64  # places between lines, so that no passage seems to go on into the next one
# meter -> (distance in steps, intervals in a passage): longer passages where neighbours are more alike
_DUPLE, _TRIPLE = ((2, 8), (4, 6), (8, 5)), ((2, 8), (4, 6))
_HALVED = ((1, 8), (2, 6), (4, 5))
_SKELETONS = {"4/4": _DUPLE, "2/2": _DUPLE, "2/4": (*_DUPLE, *_HALVED), "3/4": _TRIPLE, "6/8": ((2, 8), (6, 5))}
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
    return _of_notes(lines, 0)


def melody_skeleton(lines: Iterable[tuple[Ints, Ints, Ints, Meter]]) -> Shingles:
    """Hashes of what sounds on eighths, beats and half bars, which settings of one tune share though their ornaments differ.

    lines: (pitch (N,), onset_steps (N,), duration_steps (N,), meter as written), sorted by onset, step 0 on a
    bar line. A hash sees the intervals within an octave, so neither key nor octave matters, and what is
    written in 2/4 in half the note values of 4/4 has the same hashes among others. The lowest `PLACE_BITS`
    bits tell where the passage stands first and its first pitch class: in two settings of one tune these
    differ by the same from passage to passage.
    """
    found: list[Shingles] = []
    place = 0
    for pitch, onset_steps, _, meter in lines:
        for every, width in _SKELETONS.get(str(meter), _SKELETONS["4/4"]):
            heard = _sampled(np.asarray(pitch), np.asarray(onset_steps), every)
            if len(heard) > width:
                moves = (np.diff(heard) % 12).astype(np.uint64)
                telling = _telling(moves, width, _LEAST_MOVES)
                where = (place + telling) % (1 << _PLACES_BITS) << _CLASS_BITS | heard[telling] % 12
                found.append(_hashes([moves] * width)[telling] >> _PLACE << _PLACE | where.astype(np.uint64))
            place += len(heard) + _GAP
    every_place = _gathered(found)
    passage = every_place >> _PLACE
    return every_place[np.concatenate([[True], passage[1:] != passage[:-1]])] if len(passage) else every_place


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
    """`melody_shingles` of the melody together with those of the bass, which are kept apart from them.

    Passages that move fewer than 3 times, which basses of all sorts of songs repeat, are left out unless there are no others.
    """
    parts = list(melody), list(bass)
    telling, every = (_gathered([_of_notes(parts[0], least), _of_notes(parts[1], least) ^ _BASS]) for least in (_LEAST_MOVES, 0))
    return telling if len(telling) else every


def _of_notes(lines: Iterable[tuple[Ints, Ints]], least_moves: int) -> Shingles:
    found: list[Shingles] = []
    for pitch, onset_steps in lines:
        moves = _moves(pitch, onset_steps)
        if width := min(SHINGLE_NOTES - 1, len(moves)):
            # The first move's ratio looks at a note outside the shingle, so it is left out of it.
            hashed = _hashes([moves // np.uint64(64), *[moves] * (width - 1)])
            found.append(hashed[_telling(np.diff(pitch), width, least_moves)] if least_moves else hashed)
    return _gathered(found)


def _telling(moves: Ints, width: int, least_moves: int) -> NDArray[np.int64]:
    """Where passages of so many moves begin of which enough are to another pitch."""
    moved = np.cumsum(np.concatenate([[0], moves != 0]))
    return np.flatnonzero(moved[width:] - moved[:-width] >= least_moves)


def _moves(pitch: Ints, onset_steps: Ints) -> Shingles:
    if len(pitch) < 2:
        return _NOTHING
    interval = np.diff(np.asarray(pitch, dtype=np.int64))
    gap = np.log2(np.maximum(1, np.diff(np.asarray(onset_steps, dtype=np.int64))))
    ratio = np.zeros(len(interval), np.int64)
    ratio[1:] = np.rint(2 * np.diff(gap))
    return ((interval + 256) * 64 + (ratio + 32)).astype(np.uint64)


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


def aligned(skeleton: Shingles, others: Shingles, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How much each of M skeletons has in common with one, in the same order and key, (M,).

    others: M skeletons end to end, each from ``starts[i]`` to ``starts[i + 1]``. Counted are passages that
    lie equally far apart in both, at least `_IN_STEP` of them, all in the transposition that has most.
    """
    passage = skeleton >> _PLACE
    at = np.minimum(np.searchsorted(passage, others >> _PLACE), max(0, len(passage) - 1))
    hit = np.flatnonzero(passage[at] == others >> _PLACE) if len(passage) else np.zeros(0, np.int64)
    which = np.searchsorted(starts, hit, side="right") - 1
    mine, theirs = (h & np.uint64((1 << PLACE_BITS) - 1) for h in (skeleton[at[hit]], others[hit]))
    apart = (mine >> np.uint64(_CLASS_BITS)).astype(np.int64) - (theirs >> np.uint64(_CLASS_BITS)).astype(np.int64)
    classes = ((mine & np.uint64(15)).astype(np.int64) - (theirs & np.uint64(15)).astype(np.int64)) % 12
    groups, count = np.unique((which * 12 + classes) << _PLACES_BITS | apart % (1 << _PLACES_BITS), return_counts=True)
    enough = count >= _IN_STEP
    votes = np.bincount((groups[enough] >> _PLACES_BITS), weights=count[enough], minlength=12 * (len(starts) - 1))
    most: NDArray[np.int64] = votes.reshape(-1, 12).max(axis=1).astype(np.int64)
    return most
