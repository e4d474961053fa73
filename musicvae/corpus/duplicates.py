"""Near-duplicates among tunes, whatever key they are in or note values they are written with.

Conventions: a tune is one or more lines (T, 2) of (pitch, onset in steps). Its *shingles* are hashes of
every `SHINGLE_NOTES` successive notes, each seen as the interval to the next and the ratio of
neighbouring onset distances, so that transposing and doubling all note values change nothing. Hashes
are the same on every machine and in every run.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["RELATED", "SAME", "SHINGLE_NOTES", "clusters", "fingerprint", "split_of"]

SHINGLE_NOTES = 6
SAME = 0.35
"""Tunes that share this part of the smaller one's shingles are taken for one tune."""
RELATED = 0.2
"""Tunes that share this part are kept, but in one split."""
_MIN_COMMON = 6
_TOO_COMMON = 60
_SHARES = (("train", 0.88), ("validation", 0.06), ("test", 0.06))

Notes = NDArray[np.int64]


def fingerprint(lines: Iterable[Notes]) -> frozenset[int]:
    """The shingles of a tune; a tune of few notes has one, of all of them."""
    found: set[int] = set()
    for line in lines:
        moves = _moves(np.asarray(line, dtype=np.int64).reshape(-1, 2))
        width = min(SHINGLE_NOTES - 1, len(moves))
        if width:
            windows = np.lib.stride_tricks.sliding_window_view(moves, width)
            found.update(_hashes(windows).tolist())
    return frozenset(found)


def clusters(prints: Sequence[frozenset[int]], *, threshold: float = SAME) -> list[int]:
    """For each tune the index of the first tune of its cluster of near-duplicates.

    Two tunes belong together if they share at least `threshold` of the smaller one's shingles; tunes
    are compared only where they share a shingle that is not all over the place.
    """
    holders: dict[int, list[int]] = defaultdict(list)
    for tune, shingles in enumerate(prints):
        for shingle in shingles:
            holders[shingle].append(tune)
    parent = list(range(len(prints)))
    for tune, shingles in enumerate(prints):
        common = Counter(other for s in shingles if len(holders[s]) <= _TOO_COMMON for other in holders[s] if other < tune)
        for other in sorted(common):
            size = min(len(shingles), len(prints[other]))
            if common[other] >= max(threshold * size, min(_MIN_COMMON, size)):
                a, b = _root(parent, tune), _root(parent, other)
                parent[max(a, b)] = min(a, b)
    return [_root(parent, tune) for tune in range(len(prints))]


def split_of(shingles: Iterable[int], *, seed: int = 0) -> str:
    """The split of a cluster with these shingles: it hangs on the smallest one alone, so that other tunes change nothing."""
    number = hashlib.sha256(f"{seed}:{min(shingles, default=0)}".encode()).digest()
    point = int.from_bytes(number[:8], "big") / 2**64
    for name, share in _SHARES:
        if point < share:
            return name
        point -= share
    return _SHARES[-1][0]


def _moves(notes: Notes) -> NDArray[np.uint64]:
    if len(notes) < 2:
        return np.zeros(0, np.uint64)
    interval = np.diff(notes[:, 0])
    gap = np.log2(np.maximum(1, np.diff(notes[:, 1])))
    ratio = np.rint(2 * np.diff(gap, prepend=gap[0])).astype(np.int64)
    moves: NDArray[np.uint64] = ((interval + 256) * 64 + (ratio + 32)).astype(np.uint64)
    return moves


def _hashes(windows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The first move's ratio looks at a note outside the window, so it is left out of it.
    windows = windows.copy()
    windows[:, 0] //= np.uint64(64)
    value = np.full(len(windows), windows.shape[1], np.uint64)
    for column in windows.T:
        value = (value ^ column) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return value


def _root(parent: list[int], tune: int) -> int:
    while parent[tune] != tune:
        parent[tune] = parent[parent[tune]]
        tune = parent[tune]
    return tune
