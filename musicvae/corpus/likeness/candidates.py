"""Which tunes are worth comparing: pairs that hold the same hash, found on disk with bounded memory.

Conventions: tunes are numbered from 0; each holds a set of uint64 hashes, and a *key* is a hash without its
lowest `shift` bits. A key held by at most `FEW` tunes pairs all of them. Where more hold it, they are put in an
order in which tunes with like sets lie side by side (by their smallest hashes after mixing), and each is
paired with its `NEAR` next; the order is another one from key to key. So copies of a tune find one another however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.likeness.hashsets import Buckets, HashSets

__all__ = ["FEW", "NEAR", "Candidates", "packed", "unpacked"]

FEW = 16
"""A key that no more tunes hold than this pairs them all."""
NEAR = 3
"""Where more tunes hold a key, each is paired with so many next ones."""
_ORDERS = 8
_BYTES_PER_POSTING = 96  # in memory while a bucket is sorted
_PAIRS_AT_ONCE = 1 << 21
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_POSTING = np.dtype([("key", "<u8"), ("tune", "<u4")])

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]


class Candidates:
    """Pairs of tunes worth comparing, among those `chosen` (N,) bool, through files in `folder`."""

    def __init__(self, sets: HashSets, chosen: NDArray[np.bool_], folder: Path, *, shift: int = 0, memory_mib: int = 512) -> None:
        self._sets, self._chosen, self._shift = sets, chosen, np.uint64(shift)
        self._chunk = min(1 << 20, max(1 << 12, memory_mib * 2**20 // _BYTES_PER_POSTING))
        self._bucket_bits = min(10, (int(sets.bounds[-1]) // self._chunk).bit_length())
        self._postings = Buckets(folder, "postings", _POSTING, 1 << self._bucket_bits)
        self._pairs = Buckets(folder, "pairs", "<u8", min(2048, 1 + (len(sets) >> 11)))
        self._pending: list[NDArray[np.uint64]] = []
        self.common = np.zeros(len(sets), np.int32)
        """Keys of each tune that more than `FEW` tunes hold, (N,); known once pairs are being read."""

    def pairs(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Pairs as (first, second, keys met at), each (C,), first < second, ascending and none twice, a range of first tunes at a time.

        A pair met at k keys shares at least k, and at most `common` of either tune more.
        """
        smallest = self._scatter()
        for number in range(self._postings.count):
            self._pair_up(self._postings.read(number, remove=True), smallest)
        self._flush()
        for number in range(self._pairs.count):
            pairs, met = np.unique(self._pairs.read(number, remove=True), return_counts=True)
            yield *unpacked(pairs), met

    def _scatter(self) -> NDArray[np.uint32]:
        """Postings into files by their keys' highest bits; returns the smallest mixed hashes (`_ORDERS`, N) of each tune."""
        smallest = np.zeros((_ORDERS, len(self._sets)), np.uint32)
        for first, end in self._sets.chunks(self._chunk):
            sizes = np.where(self._chosen[first:end], self._sets.sizes[first:end], 0)
            tunes = first + np.flatnonzero(sizes)
            if not len(tunes):
                continue
            values, starts = self._sets.joined(tunes)
            keys = values >> self._shift
            for order in range(_ORDERS):
                smallest[order, tunes] = np.minimum.reduceat(_mixed(keys, order), starts[:-1])
            postings = np.empty(len(keys), _POSTING)
            postings["key"], postings["tune"] = keys, np.repeat(tunes, sizes[tunes - first])
            highest = values >> np.uint64(64 - self._bucket_bits) if self._bucket_bits else np.zeros(len(values), np.uint64)
            self._postings.append(postings, highest)
        return smallest

    def _pair_up(self, postings: NDArray[Any], smallest: NDArray[np.uint32]) -> None:
        order = np.argsort(postings["key"], kind="stable")  # tunes ascend within a key, as they were written
        key, tune = postings["key"][order], postings["tune"][order].astype(np.int64)
        if not len(key):
            return
        new = np.concatenate([[True], (key[1:] != key[:-1]) | (tune[1:] != tune[:-1])])
        key, tune = key[new], tune[new]
        start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        holders = np.diff(np.append(start, len(key)))
        run = np.repeat(np.arange(len(start)), holders)
        few = holders[run] <= FEW
        self._pair_near(tune[few], run[few], FEW - 1)
        if few.all():
            return
        tune, run, key = tune[~few], run[~few], key[~few]
        np.add.at(self.common, tune, 1)
        which = (key % np.uint64(_ORDERS)).astype(np.int64)
        likeness = smallest[which, tune].astype(np.uint64) << np.uint64(32) | smallest[(which + 1) % _ORDERS, tune]
        ordered = np.lexsort((likeness, run))
        self._pair_near(tune[ordered], run[ordered], NEAR)

    def _pair_near(self, tune: Ints, run: Ints, reach: int) -> None:
        """Pair each with the next ones of its run, up to so many."""
        places = np.arange(len(tune))
        for distance in range(1, reach + 1):
            places = places[places + distance < len(tune)]
            places = places[run[places] == run[places + distance]]
            if not len(places):
                return
            one, other = tune[places], tune[places + distance]
            self._pending.append(packed(np.minimum(one, other), np.maximum(one, other)))
            if sum(map(len, self._pending)) >= _PAIRS_AT_ONCE:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            pairs = np.concatenate(self._pending)
            width = -(-len(self._sets) // self._pairs.count)
            self._pairs.append(pairs, unpacked(pairs)[0] // width)
            self._pending = []


def packed(high: Ints, low: Ints) -> NDArray[np.uint64]:
    """Pairs of numbers below 2**32 as one number each, which sort as the pairs do."""
    return high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64)


def unpacked(pairs: NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """The two numbers of each pair that `packed` made one."""
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(2**32 - 1)).astype(np.int64)


def _mixed(keys: Hashes, order: int) -> NDArray[np.uint32]:
    value = (keys ^ np.uint64(0xD1B54A32D192ED03 * (order + 1) % 2**64)) * _MIXER
    return (value >> np.uint64(32)).astype(np.uint32)
