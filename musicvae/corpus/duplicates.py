"""Near-duplicates among tunes, whatever key they are in or note values they are written with; and who is held out.

Conventions: tunes are numbered from 0 and compared by their hashes (`corpus.fingerprints`). A *cluster* holds
tunes taken for one, of which one is kept; a *family* holds related ones, which go into one split. Both are
known by their smallest tune number, and every cluster lies within one family.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.candidates import Candidates, HashSets, HashSetWriter
from musicvae.corpus.fingerprints import PLACE_BITS, aligned, melody_shingles

__all__ = ["RELATED", "RELATED_SKELETON", "SAME", "Families", "Index", "clusters", "fingerprint", "needed", "split_of"]

SAME = 0.35
"""Tunes that share this part of the smaller one's shingles are taken for one tune."""
RELATED = 0.3
"""Tunes that share this part are kept, but in one split."""
RELATED_SKELETON = 0.15
"""Tunes that have this part of the smaller one's skeleton in common, in the same order and key, are kept, but in one split."""
_MIN_COMMON = 6
_MIN_ALIGNED = 8
_HASHES_AT_ONCE = 1 << 21
_OTHERS_AT_ONCE = 1 << 12
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_SHARES = (("train", 0.88), ("validation", 0.06), ("test", 0.06))
_NOTHING = np.zeros(0, np.uint64)

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]
Measure = Callable[[HashSets, int, Ints], Ints]


@dataclass(frozen=True)
class Families:
    """For each of N tunes the smallest tune number of its cluster and of its family, both (N,)."""

    cluster: Ints
    family: Ints


class Index:
    """Finds the near-duplicates among any number of tunes: hashes lie in files of `folder`, which is made if need be.

    Memory grows with the tunes by about 100 bytes each, beyond about `memory_mib`. The result hangs on the
    tunes and their order alone. Two tunes are compared where they share a shingle that at most
    `candidates.FEW` tunes hold, or lie near one another in the order of the holders of a more common one: all
    pairs in a corpus where no shingle is more common; the many copies of one tune are found whole, but a
    pair may be missed that shares nothing but common shingles and is alike in few of them.
    """

    def __init__(self, folder: str | Path, *, memory_mib: int = 512) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("p*s-*"):  # of a resolve that was broken off
            old.unlink()
        self._memory_mib = memory_mib
        self._writers = tuple(HashSetWriter(self._folder, name) for name in ("shingles", "skeleton"))
        self._count = 0

    def add(self, tune_number: int, shingles: Hashes, skeleton: Hashes = _NOTHING) -> None:
        """Add the next tune; ValueError unless numbers count up from 0 and hashes are uint64, ascending, none twice."""
        if tune_number != self._count:
            raise ValueError(f"tune {tune_number} was added where {self._count} comes next; tunes are added in order, from 0")
        for writer, hashes in zip(self._writers, (shingles, skeleton), strict=True):
            writer.add(hashes)
        self._count += 1

    def resolve(self, same: float = SAME, related: float = RELATED, skeleton: float = RELATED_SKELETON) -> Families:
        """Who belongs together, at these parts of the smaller tune; nothing can be added afterwards.

        Tunes are the same if they share `same` of the shingles and at least 6, or have fewer and share all;
        related if they share `related`, or `skeleton` of the skeletons.
        """
        if not 0 < related <= same <= 1 or not 0 < skeleton <= 1:
            raise ValueError(f"parts must keep to 0 < related <= same <= 1 and 0 < skeleton <= 1, got {related}, {same} and {skeleton}")
        shingles, skeletons = (writer.finished() for writer in self._writers)
        cluster, family = _Forest(self._count), _Forest(self._count)
        self._compare(shingles, _shared, (cluster, family), (same, related), _MIN_COMMON)
        self._compare(skeletons, _aligned, (family,), (skeleton,), _MIN_ALIGNED, shift=PLACE_BITS)
        return Families(cluster.roots(), family.roots())

    def _compare(
        self, sets: HashSets, measure: Measure, forests: Sequence[_Forest], parts: Sequence[float], fewest: int, *, shift: int = 0
    ) -> None:
        """Join the tunes of each forest whose sets have its part in common; the first forest is the strictest."""
        chosen = _without_copies(sets, forests)
        candidates = Candidates(sets, chosen, self._folder, shift=shift, memory_mib=self._memory_mib)
        sizes = sets.sizes
        for first, second, met in candidates.pairs():
            smaller = np.minimum(sizes[first], sizes[second])
            most = met + np.minimum(candidates.common[first], candidates.common[second])
            able = most >= needed(smaller, min(parts), fewest)
            able &= forests[0].roots()[first] != forests[0].roots()[second]
            for one, others, size in _by_first(first[able], second[able], smaller[able]):
                common = measure(sets, one, others)
                for forest, part in zip(forests, parts, strict=True):
                    forest.join(one, others[common >= needed(size, part, fewest)])


def needed(smaller: Ints, part: float, fewest: int = _MIN_COMMON) -> Ints:
    """How many hashes a tune must share whose smaller set has this size: a part of it, at least `fewest`, or all if it has fewer."""
    return np.where(smaller <= fewest, np.maximum(smaller, 1), np.maximum(np.ceil(part * smaller - 1e-9), fewest)).astype(np.int64)


def split_of(shingles: Iterable[int], *, seed: int = 0) -> str:
    """The split of a family with these shingles: it hangs on the smallest one alone, so that other tunes change nothing."""
    number = hashlib.sha256(f"{seed}:{min(shingles, default=0)}".encode()).digest()
    point = int.from_bytes(number[:8], "big") / 2**64
    for name, share in _SHARES:
        if point < share:
            return name
        point -= share
    return _SHARES[-1][0]


class _Forest:
    """Sets of tunes that grow together; the smallest number of each is its root."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def join(self, one: int, others: Ints) -> None:
        for other in others.tolist():
            a, b = self._root(one), self._root(other)
            self._parent[max(a, b)] = min(a, b)

    def _root(self, tune: int) -> int:
        while (above := int(self._parent[tune])) != tune:
            self._parent[tune] = self._parent[above]
            tune = above
        return tune

    def roots(self) -> Ints:
        """The root of each, (N,)."""
        while not np.array_equal(above := self._parent[self._parent], self._parent):
            self._parent = above
        return self._parent.copy()


def _without_copies(sets: HashSets, forests: Sequence[_Forest]) -> NDArray[np.bool_]:
    """Join tunes of equal sets; True for the first of each, False for its copies and where a set is empty."""
    sizes = sets.sizes
    digest = np.zeros(len(sets), np.uint64)
    for first, end in sets.chunks(_HASHES_AT_ONCE):
        tunes = first + np.flatnonzero(sizes[first:end])
        if len(tunes):
            values, starts = sets.joined(tunes)
            digest[tunes] = np.add.reduceat((values ^ (values >> np.uint64(31))) * _MIXER, starts[:-1])
    order = np.lexsort((np.arange(len(sets)), digest, sizes))
    chosen = sizes > 0
    like = (sizes[order][1:] == sizes[order][:-1]) & (digest[order][1:] == digest[order][:-1]) & chosen[order][1:]
    head = 0
    for place in np.flatnonzero(like).tolist():
        head = head if place and like[place - 1] else place
        one, other = int(order[head]), int(order[place + 1])
        if np.array_equal(sets.of(one), sets.of(other)):
            chosen[other] = False
            for forest in forests:
                forest.join(one, np.array([other]))
    return chosen


def _by_first(first: Ints, second: Ints, smaller: Ints) -> Iterator[tuple[int, Ints, Ints]]:
    """Pairs (ascending) as one tune and its others, with the smaller sizes, at most `_OTHERS_AT_ONCE` at a time."""
    bounds = np.flatnonzero(np.concatenate([[True], first[1:] != first[:-1], [True]])) if len(first) else np.zeros(1, np.int64)
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        for at in range(start, end, _OTHERS_AT_ONCE):
            until = min(end, at + _OTHERS_AT_ONCE)
            yield int(first[start]), second[at:until], smaller[at:until]


def _shared(sets: HashSets, one: int, others: Ints) -> Ints:
    """How many hashes each of the others shares with one, (M,)."""
    mine = sets.of(one)
    theirs, starts = sets.joined(others)
    hit = mine[np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)] == theirs
    return np.add.reduceat(hit.astype(np.int64), starts[:-1])


def _aligned(sets: HashSets, one: int, others: Ints) -> Ints:
    return aligned(sets.of(one), *sets.joined(others))


def fingerprint(lines: Iterable[NDArray[np.int64]]) -> frozenset[int]:
    """The shingles of a tune of lines (T, 2) of (pitch, onset in steps)."""
    return frozenset(melody_shingles((line[:, 0], line[:, 1]) for line in lines).tolist())


def clusters(prints: Sequence[frozenset[int]], *, threshold: float = SAME) -> list[int]:
    """For each tune the index of the first tune of its cluster of near-duplicates."""
    with TemporaryDirectory() as folder:
        index = Index(folder)
        for number, shingles in enumerate(prints):
            index.add(number, np.array(sorted(shingles), np.uint64))
        heads: list[int] = index.resolve(threshold, threshold).cluster.tolist()
    return heads
