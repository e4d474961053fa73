"""Who is kept of near-duplicates, and who is held out: decided from a few numbers of each tune.

Conventions: N tunes, numbered in the order of the build. A *cluster* holds tunes taken for one, a *family* related ones, as
`corpus.likeness.duplicates` has them. A split is an index into `SPLITS`; -1 stands for none of its own.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import SPLITS
from musicvae.corpus.likeness.duplicates import Families, split_of
from musicvae.corpus.tunes import Tune

__all__ = ["Choice", "Facts", "choose"]

_NONE, _TRAIN = -1, SPLITS.index("train")
_NO_SHINGLE = 2**64 - 1
_LARGEST_SHARE = 0.03  # of all tunes: half of what is held out on either side
_SMALL_FAMILY = 20

Ints = NDArray[Any]


class Facts:
    """What is kept of each tune between the two passes of a build: some 25 bytes."""

    def __init__(self) -> None:
        self.sources: dict[str, int] = {}
        self._bars, self._source, self._own, self._least = array("i"), array("i"), array("b"), array("Q")

    def add(self, tune: Tune, split: str = "") -> None:
        """Take the next tune; split: one that it keeps, before its collection's own."""
        self._bars.append(sum(line.num_bars for line in tune.lines))
        self._source.append(self.sources.setdefault(tune.source, len(self.sources)))
        own = split or tune.split
        self._own.append(SPLITS.index(own) if own in SPLITS else _NONE)
        self._least.append(int(tune.shingles[0]) if len(tune.shingles) else _NO_SHINGLE)

    def __len__(self) -> int:
        return len(self._bars)

    @property
    def bars(self) -> Ints:
        """Bars of all lines, (N,)."""
        return np.frombuffer(self._bars, np.int32) if len(self) else np.zeros(0, np.int32)

    @property
    def source(self) -> Ints:
        """Index into the sources in the order they came, (N,)."""
        return np.frombuffer(self._source, np.int32) if len(self) else np.zeros(0, np.int32)

    @property
    def own_split(self) -> Ints:
        """The split that the collection itself has for the tune, (N,)."""
        return np.frombuffer(self._own, np.int8) if len(self) else np.zeros(0, np.int8)

    @property
    def least_shingle(self) -> NDArray[np.uint64]:
        """The smallest shingle, the largest number there is for a tune without any, (N,)."""
        return np.frombuffer(self._least, np.uint64) if len(self) else np.zeros(0, np.uint64)


@dataclass(frozen=True)
class Choice:
    """kept: (N,); split: (N,); family: (N,) number among the kept ones of the first kept tune of the family.

    rows: bars of all kept tunes. removed: (source of the dropped one, source of the kept one) -> how many. largest_family: tunes in it,
    dropped ones too.
    """

    kept: NDArray[np.bool_]
    split: Ints
    family: Ints
    rows: int
    removed: dict[tuple[str, str], int]
    largest_family: int


def choose(facts: Facts, families: Families, id_of: Callable[[int], str], *, seed: int, keep_duplicates: bool) -> Choice:
    """Decide about all tunes; id_of gives the id of one, and is only asked where nothing else decides.

    Of a cluster the tune of most bars is kept, then the one of the smallest id; but one that its collection holds out comes first,
    test before validation. A collection's own split is that of its tunes and of those related to them: where there are several in a
    family, test goes before validation and that before training. Any other family goes where its smallest shingle says. But the tunes
    without a split of their own in a family of more than 3 % of all go into training. With keep_duplicates only those are dropped
    that would bring a held-out tune into training.
    """
    own = facts.own_split
    split = np.where(own == _NONE, _family_splits(facts, families, seed), own)
    best = _best(facts, families.cluster, id_of)  # of each tune's cluster
    kept = best == np.arange(len(facts))
    if keep_duplicates:
        held_out = own[best] > _TRAIN  # the held-out one is the best
        split = np.where(held_out & (own == _NONE), own[best], split)
        kept |= ~(held_out & (own == _TRAIN))
    dropped = np.flatnonzero(~kept)
    largest = int(np.bincount(families.family).max(initial=0))
    names = list(facts.sources)
    pairs = Counter(zip(facts.source[dropped].tolist(), facts.source[best[dropped]].tolist(), strict=True))
    removed = {(names[gone], names[stays]): count for (gone, stays), count in pairs.items()}
    return Choice(kept, split, _numbered(families.family, kept), int(facts.bars[kept].sum(dtype=np.int64)), removed, largest)


def _family_splits(facts: Facts, families: Families, seed: int) -> Ints:
    """The split of each tune's family: a given one, else where its smallest shingle says, but train for one of too many of all tunes."""
    least = np.full(len(facts), _NO_SHINGLE, np.uint64)
    np.minimum.at(least, families.family, facts.least_shingle)
    heads = np.flatnonzero(families.family == np.arange(len(facts)))
    side = np.zeros(len(facts), np.int8)
    side[heads] = [SPLITS.index(split_of(() if n == _NO_SHINGLE else (n,), seed=seed)) for n in least[heads].tolist()]
    size = np.bincount(families.family, minlength=len(facts))
    given = np.full(len(facts), _NONE, np.int8)
    np.maximum.at(given, families.family, facts.own_split)
    side = np.where(given == _NONE, side, given)
    side[size > max(_SMALL_FAMILY, _LARGEST_SHARE * len(facts))] = _TRAIN
    return np.asarray(side[families.family])


def _best(facts: Facts, cluster: Ints, id_of: Callable[[int], str]) -> Ints:
    """The number of the tune that is kept of each tune's cluster."""
    rank = np.maximum(facts.own_split, _TRAIN)
    order = np.lexsort((-facts.bars, -rank, cluster))
    new = [np.diff(values[order], prepend=-1) != 0 for values in (cluster, rank, facts.bars)]
    first, equal = np.flatnonzero(new[0]), np.flatnonzero(new[0] | new[1] | new[2])
    best = np.empty(len(cluster), np.int64)
    best[cluster[order[first]]] = order[first]
    ends = np.append(equal[1:], len(order))[np.searchsorted(equal, first)]  # of those as good as the first
    for at, end in zip(first[ends > first + 1].tolist(), ends[ends > first + 1].tolist(), strict=True):
        best[cluster[order[at]]] = min(order[at:end].tolist(), key=lambda number: (id_of(number), number))
    return np.asarray(best[cluster])


def _numbered(family: Ints, kept: NDArray[np.bool_]) -> Ints:
    """For each tune the number among the kept ones of the first kept one of its family; the number of none is left 0."""
    number = np.cumsum(kept) - 1
    first = np.full(len(family), np.iinfo(np.int64).max)
    np.minimum.at(first, family[kept], number[kept])
    found = first[family]
    return np.where(kept, found, 0)
