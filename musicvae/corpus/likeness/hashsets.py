"""Sets of hashes on disk, one for each tune, and files that records are sorted into.

Conventions: hashes are uint64; a set is ascending, none twice. Numbers on disk are little-endian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Buckets", "HashSetWriter", "HashSets"]

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


class Buckets:
    """Records of one type in `count` files of a folder, begun anew."""

    def __init__(self, folder: Path, name: str, kind: str | np.dtype[Any], count: int) -> None:
        self.count = count
        self._folder, self._name, self._kind = folder, name, np.dtype(kind)
        self.clear()

    def append(self, records: NDArray[Any], bucket: NDArray[Any]) -> None:
        """Append records to the files of their buckets (0 to count - 1, at most 65536), in the order given."""
        bucket = bucket.astype(np.uint16)  # whose stable sort is quick
        order = np.argsort(bucket, kind="stable")
        ends = np.cumsum(np.bincount(bucket))
        for number, (end, size) in enumerate(zip(ends.tolist(), np.diff(ends, prepend=0).tolist(), strict=True)):
            if size:
                with self._path(number).open("ab") as file:
                    file.write(records[order[end - size : end]].astype(self._kind, copy=False).tobytes())

    def read(self, number: int, *, remove: bool = False) -> NDArray[Any]:
        """The records of one bucket, in the order they were appended."""
        path = self._path(number)
        records = np.fromfile(path, self._kind) if path.exists() else np.zeros(0, self._kind)
        if remove:
            path.unlink(missing_ok=True)
        return records

    def clear(self) -> None:
        """Remove all records."""
        for path in self._folder.glob(f"{self._name}-*"):
            path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number}"


def _mapped(path: Path, kind: str) -> NDArray[Any]:
    if not path.stat().st_size:
        return np.zeros(0, kind)
    return np.memmap(path, dtype=kind, mode="r").view(np.ndarray)
