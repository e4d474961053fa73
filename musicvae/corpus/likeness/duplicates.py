"""Near-duplicates among tunes, whatever key they are in or note values they are written with; and who is held out.

Conventions: tunes are numbered from 0 and compared by their hashes (`corpus.likeness.fingerprints`). A *cluster* holds
tunes taken for one, of which one is kept; a *family* holds related ones, which go into one split. Both are
known by their smallest tune number, and every cluster lies within one family.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.likeness.candidates import Candidates, packed, unpacked
from musicvae.corpus.likeness.fingerprints import PLACE_BITS, aligned
from musicvae.corpus.likeness.grouping import Forest, stars
from musicvae.corpus.likeness.hashsets import Buckets, HashSets, HashSetWriter

__all__ = ["RELATED", "RELATED_SKELETON", "SAME", "Families", "Index", "needed", "split_of"]

SAME = 0.35
"""Tunes that share this part of the smaller one's shingles are taken for one tune."""
RELATED = 0.3
"""Tunes that share this part are kept, but in one split."""
RELATED_SKELETON = 0.17
"""Tunes that have this part of the smaller one's skeleton in common, in the same order and key, are kept, but in one split."""
_MIN_COMMON = 6
_MIN_ALIGNED = 12
_MIN_MET = 3  # chance brings tunes together at one or two keys: 30 times as often as likeness does
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

    Memory grows with the tunes by about 150 bytes each, beyond about `memory_mib`. The result hangs on the tunes and
    their order alone. Two tunes are compared where they meet at 3 keys of `corpus.likeness.candidates`. That misses none among
    tunes whose shingles at most `candidates.FEW` tunes hold, and finds the many copies of one tune whole; but a
    pair may be missed that has hardly any shingle in common which is not all over the place.
    """

    def __init__(self, folder: str | Path, *, memory_mib: int = 512) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
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

    def close(self) -> None:
        """Close the files of an index that is not to be resolved."""
        for writer in self._writers:
            writer.close()

    def resolve(self, same: float = SAME, related: float = RELATED, skeleton: float = RELATED_SKELETON) -> Families:
        """Who belongs together, at these parts of the smaller tune; nothing can be added afterwards.

        Tunes are the same if they share `same` of the shingles and at least 6, or have fewer and share all;
        related if they share `related`, or `skeleton` of the skeletons.
        """
        if not 0 < related <= same <= 1 or not 0 < skeleton <= 1:
            raise ValueError(f"parts must keep to 0 < related <= same <= 1 and 0 < skeleton <= 1, got {related}, {same} and {skeleton}")
        shingles, skeletons = (writer.finished() for writer in self._writers)
        family = Forest(self._count)
        cluster = self._clusters(shingles, family, same, related)
        first = _first_equal(skeletons)
        family.join(np.arange(self._count), first)
        chosen = (first == np.arange(self._count)) & (skeletons.sizes > 0)
        for one, other, smaller, common in self._measured(skeletons, _aligned, chosen, skeleton, _MIN_ALIGNED, shift=PLACE_BITS):
            alike = common >= needed(smaller, skeleton, _MIN_ALIGNED)
            family.join(one[alike], other[alike])
        return Families(cluster, family.roots())

    def _clusters(self, shingles: HashSets, family: Forest, same: float, related: float) -> Ints:
        """The smallest tune number of each tune's cluster; families grow by the way.

        The many copies of a tune are not all compared with one another. So the centres of clusters that hang together
        are compared once more, by themselves, until no two of them are alike.
        """
        numbers = np.arange(self._count)
        first = _first_equal(shingles)
        family.join(numbers, first)
        order = np.lexsort((numbers, -shingles.sizes))  # the centre of a cluster is its largest tune
        rank = np.argsort(order)
        pairs = Buckets(self._folder, "alike", "<u8", min(512, 1 + (self._count >> 15)))
        hanging, centre, least = Forest(self._count), numbers, related
        chosen = (first == numbers) & (shingles.sizes > 0)
        while chosen.any():
            found = 0
            for one, other, smaller, common in self._measured(shingles, _shared, chosen, least, _MIN_COMMON):
                near = common >= needed(smaller, least)
                family.join(one[near], other[near])
                alike = common >= needed(smaller, same)
                hanging.join(one[alike], other[alike])
                later, earlier = (pick(rank[one[alike]], rank[other[alike]]) for pick in (np.maximum, np.minimum))
                pairs.append(packed(later, earlier), later * pairs.count // self._count)
                found += len(later)
            if not found:
                break
            sorted_pairs = (unpacked(np.unique(pairs.read(number))) for number in range(pairs.count))
            centre = order[stars(sorted_pairs, self._count)[rank]]
            chosen, least, group = (centre == numbers) & (first == numbers), same, hanging.roots()
            chosen &= np.bincount(group[chosen], minlength=self._count)[group] > 1
        pairs.clear()
        smallest = np.full(self._count, self._count)
        np.minimum.at(smallest, centre[first], numbers)
        return smallest[centre[first]]

    def _measured(
        self, sets: HashSets, measure: Measure, chosen: NDArray[np.bool_], part: float, fewest: int, *, shift: int = 0
    ) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
        """Blocks of pairs that may have this part in common: the tunes, the sizes of the smaller sets, and what they have in common."""
        candidates = Candidates(sets, chosen, self._folder, shift=shift, memory_mib=self._memory_mib)
        sizes = sets.sizes
        for one, other, met in candidates.pairs():
            smaller = np.minimum(sizes[one], sizes[other])
            least = needed(smaller, part, fewest)
            able = met + np.minimum(candidates.common[one], candidates.common[other]) >= least
            able &= met >= np.minimum(least, _MIN_MET)
            one, other = one[able], other[able]
            common = [measure(sets, tune, others) for tune, others in _by_first(one, other)]
            yield one, other, smaller[able], np.concatenate([np.zeros(0, np.int64), *common])


def needed(smaller: Ints, part: float, fewest: int = _MIN_COMMON) -> Ints:
    """How many hashes two tunes must share whose smaller set has this size: a part of it, but at least `fewest`, or all of fewer."""
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


def _first_equal(sets: HashSets) -> Ints:
    """For each tune the first that has the same set, (N,); tunes without any have nothing in common."""
    sizes, numbers = sets.sizes, np.arange(len(sets))
    digest = np.zeros(len(sets), np.uint64)
    for start, end in sets.chunks(_HASHES_AT_ONCE):
        tunes = start + np.flatnonzero(sizes[start:end])
        if len(tunes):
            values, starts = sets.joined(tunes)
            digest[tunes] = np.add.reduceat((values ^ (values >> np.uint64(31))) * _MIXER, starts[:-1])
    order = np.lexsort((numbers, digest, sizes))
    new = np.concatenate([[True], (np.diff(sizes[order]) != 0) | (np.diff(digest[order]) != 0)])
    first = np.empty(len(sets), np.int64)
    first[order] = order[np.maximum.accumulate(np.where(new, numbers, 0))] if len(sets) else order
    for copy in np.flatnonzero(first != numbers).tolist():
        if not sizes[copy] or not np.array_equal(sets.of(copy), sets.of(int(first[copy]))):
            first[copy] = copy
    return first


def _by_first(first: Ints, second: Ints) -> Iterator[tuple[int, Ints]]:
    """Pairs (ascending) as one tune and its others, at most `_OTHERS_AT_ONCE` at a time."""
    bounds = np.flatnonzero(np.diff(first, prepend=-1, append=-1))
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        for at in range(start, end, _OTHERS_AT_ONCE):
            yield int(first[start]), second[at : min(end, at + _OTHERS_AT_ONCE)]


def _shared(sets: HashSets, one: int, others: Ints) -> Ints:
    """How many hashes each of the others shares with one, (M,)."""
    mine = sets.of(one)
    theirs, starts = sets.joined(others)
    hit = mine[np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)] == theirs
    return np.add.reduceat(hit.astype(np.int64), starts[:-1])


def _aligned(sets: HashSets, one: int, others: Ints) -> Ints:
    return aligned(sets.of(one), *sets.joined(others))
