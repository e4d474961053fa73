"""Which tunes are worth comparing: pairs that hold the same hash, found on disk with bounded memory.

Conventions: tunes are numbered from 0; each holds a set of uint64 hashes, and a *key* is a hash without its
lowest `shift` bits. A key held by at most `FEW` tunes pairs all of them. Where more hold it, they are put in an
order in which tunes with like sets lie side by side (by their smallest hashes after mixing), and each is
paired with its `NEAR` next; the order is another one from key to key. So copies of a tune find one another however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW", "NEAR", "Candidates", "HashSets", "HashSetWriter"]

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


class HashSetWriter:
    """Sets of hashes end to end in two files of a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._paths = (folder / f"{name}.hashes", folder / f"{name}.ends")
        self._hashes, self._ends = (path.open("wb") for path in self._paths)
        self._end = 0

    def add(self, hashes: Hashes) -> None:
        """Append the set of the next tune; ValueError unless it is uint64, ascending, none twice."""
        hashes = np.asarray(hashes)
        if hashes.dtype != np.uint64 or hashes.ndim != 1 or (hashes[1:] <= hashes[:-1]).any():
            raise ValueError(f"hashes must be (P,) uint64, ascending, none twice; got {hashes.shape} {hashes.dtype}: not yet sorted?")
        self._end += len(hashes)
        self._hashes.write(hashes.astype("<u8").tobytes())
        self._ends.write(self._end.to_bytes(8, "little"))

    def close(self) -> None:
        """Close the files; nothing can be added any more."""
        self._hashes.close()
        self._ends.close()

    def finished(self) -> HashSets:
        """The sets, to be read from disk; nothing can be added any more."""
        self.close()
        values, ends = (_mapped(path, kind) for path, kind in zip(self._paths, ("<u8", "<i8"), strict=True))
        return HashSets(values, np.concatenate([[0], ends]).astype(np.int64))


@dataclass(frozen=True)
class HashSets:
    """N sets: that of tune i is ``values[bounds[i] : bounds[i + 1]]``, ascending."""

    values: Hashes
    bounds: Ints

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def sizes(self) -> Ints:
        """Hashes in each set, (N,)."""
        return np.diff(self.bounds)

    def of(self, tune: int) -> Hashes:
        """The set of one tune."""
        return self.values[self.bounds[tune] : self.bounds[tune + 1]]

    def joined(self, tunes: Ints) -> tuple[Hashes, Ints]:
        """The sets of these tunes end to end, and where each begins, (len(tunes) + 1,)."""
        sizes = self.bounds[tunes + 1] - self.bounds[tunes]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        places = np.repeat(self.bounds[tunes] - starts[:-1], sizes) + np.arange(starts[-1])
        return self.values[places], starts

    def chunks(self, size: int) -> Iterator[tuple[int, int]]:
        """Ranges of tunes (first, end) of about so many hashes each."""
        first = 0
        while first < len(self):
            end = int(np.searchsorted(self.bounds, self.bounds[first] + size, side="right")) - 1
            end = min(max(end, first + 1), len(self))
            yield first, end
            first = end


class Candidates:
    """Pairs of tunes worth comparing, among those `chosen` (N,) bool, through files in `folder`."""

    def __init__(self, sets: HashSets, chosen: NDArray[np.bool_], folder: Path, *, shift: int = 0, memory_mib: int = 512) -> None:
        self._sets, self._chosen, self._folder, self._shift = sets, chosen, folder, np.uint64(shift)
        self._chunk = min(1 << 20, max(1 << 12, memory_mib * 2**20 // _BYTES_PER_POSTING))
        self._bucket_bits = min(10, (int(sets.bounds[-1]) // self._chunk).bit_length())
        self._ranges = min(512, max(1, len(sets) >> 13))
        self._pending: list[NDArray[np.uint64]] = []
        self.common = np.zeros(len(sets), np.int32)
        """Keys of each tune that more than `FEW` tunes hold, (N,); known once pairs are being read."""

    def pairs(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Pairs as (first, second, keys met at), each (C,), first < second, ascending and none twice, a range of first tunes at a time.

        A pair met at k keys shares at least k, and at most `common` of either tune more.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        smallest = self._scatter()
        for bucket in range(1 << self._bucket_bits):
            path = self._folder / f"postings-{bucket}"
            if path.exists():
                self._pair_up(np.fromfile(path, _POSTING), smallest)
                path.unlink()
        self._flush()
        for number in range(self._ranges):
            path = self._folder / f"pairs-{number}"
            if path.exists():
                packed, met = np.unique(np.fromfile(path, "<u8"), return_counts=True)
                path.unlink()
                yield (packed >> np.uint64(32)).astype(np.int64), (packed & np.uint64(0xFFFFFFFF)).astype(np.int64), met

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
            _append(self._folder / "postings", postings, highest)
        return smallest

    def _pair_up(self, postings: NDArray[Any], smallest: NDArray[np.uint32]) -> None:
        order = np.argsort(postings["key"], kind="stable")  # tunes ascend within a key, as they were written
        key, tune = postings["key"][order], postings["tune"][order].astype(np.int64)
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
        self.common += np.bincount(tune, minlength=len(self.common)).astype(np.int32)
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
            packed = (np.minimum(one, other).astype(np.uint64) << np.uint64(32)) | np.maximum(one, other).astype(np.uint64)
            self._pending.append(packed)
            if sum(map(len, self._pending)) >= _PAIRS_AT_ONCE:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            packed = np.concatenate(self._pending)
            width = -(-len(self._sets) // self._ranges)
            _append(self._folder / "pairs", packed, (packed >> np.uint64(32)) // np.uint64(width))
            self._pending = []


def _mixed(keys: Hashes, order: int) -> NDArray[np.uint32]:
    value = (keys ^ np.uint64(0xD1B54A32D192ED03 * (order + 1) % 2**64)) * _MIXER
    return (value >> np.uint64(32)).astype(np.uint32)


def _append(stem: Path, records: NDArray[Any], bucket: NDArray[np.uint64]) -> None:
    """Append records to the files of their buckets, in the order given."""
    bucket = bucket.astype(np.uint16)  # whose stable sort is quick
    order = np.argsort(bucket, kind="stable")
    ends = np.cumsum(np.bincount(bucket))
    for number, (end, count) in enumerate(zip(ends.tolist(), np.diff(ends, prepend=0).tolist(), strict=True)):
        if count:
            with stem.with_name(f"{stem.name}-{number}").open("ab") as file:
                file.write(records[order[end - count : end]].tobytes())


def _mapped(path: Path, kind: str) -> NDArray[Any]:
    if not path.stat().st_size:
        return np.zeros(0, kind)
    return np.memmap(path, dtype=kind, mode="r").view(np.ndarray)
