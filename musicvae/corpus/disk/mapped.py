"""Arrays that stay on disk: columns cut into shards, and the ids of tunes.

Files are opened when they are first looked at and mapped into memory, so that the system reads no more than the pages
that are used, and may forget them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["IdList", "ShardedRows", "open_array"]

_MOST_OPEN = 256  # shards of a column; every mapped file costs the process a file descriptor


def open_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of a ``.npy`` file, mapped read-only; ValueError unless it has this type and shape."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"the corpus is damaged: {path} is missing or cut short ({error})") from error
    if found.shape != shape or found.dtype != np.dtype(dtype):
        raise ValueError(f"the corpus is damaged: {path} holds {found.shape} {found.dtype}, its manifest says {shape} {np.dtype(dtype)}")
    return np.asarray(found)


class ShardedRows:
    """A column of R rows cut into files of equal numbers of rows: reads as an array (R, ...), and cannot be written.

    Taken with an integer, a slice, an array of integers of any shape or a mask (R,), and then further indices in a tuple;
    `np.asarray` reads it whole.
    """

    def __init__(self, paths: Sequence[Path], *, rows: int, rows_per_shard: int, dtype: DTypeLike, row_shape: tuple[int, ...]) -> None:
        if len(paths) != -(-rows // rows_per_shard):
            raise ValueError(f"{rows} rows make {-(-rows // rows_per_shard)} shards of {rows_per_shard}, got {len(paths)}")
        self.paths, self.rows_per_shard = tuple(paths), rows_per_shard
        self.shape, self.dtype = (rows, *row_shape), np.dtype(dtype)
        self._open: dict[int, NDArray[Any]] = {}

    @property
    def ndim(self) -> int:
        """Dimensions, that of the rows included."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        if isinstance(index, tuple):
            first, *rest = index
            found = self[first]
            kept = found.ndim - (self.ndim - 1)  # dimensions that the first index has made
            return found[(slice(None),) * kept + tuple(rest)]
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return self._stretch(start, max(start, stop)) if step == 1 else self._gather(np.arange(start, stop, step))
        wanted = np.asarray(index)
        if wanted.dtype == bool:
            if wanted.shape != self.shape[:1]:
                raise IndexError(f"a mask of {self.shape[:1]} is needed, got {wanted.shape}")
            wanted = np.flatnonzero(wanted)
        elif wanted.size == 0:
            wanted = wanted.astype(np.int64)
        elif not np.issubdtype(wanted.dtype, np.integer):
            raise IndexError(f"rows are taken with integers, slices or masks, got {index!r}")
        return self._gather(wanted)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (row for number in range(len(self.paths)) for row in self._shard(number))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("rows in several files cannot be one array without a copy")
        return np.asarray(self._stretch(0, len(self)), dtype=dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def __repr__(self) -> str:
        return f"ShardedRows({self.shape}, {self.dtype}, {len(self.paths)} shards)"

    def _shard(self, number: int) -> NDArray[Any]:
        if (found := self._open.get(number)) is None:
            if len(self._open) >= _MOST_OPEN:
                del self._open[next(iter(self._open))]
            rows = min(self.rows_per_shard, len(self) - number * self.rows_per_shard)
            found = self._open[number] = open_array(self.paths[number], self.dtype, (rows, *self.shape[1:]))
        return found

    def _stretch(self, start: int, stop: int) -> NDArray[Any]:
        size, out = self.rows_per_shard, np.empty((stop - start, *self.shape[1:]), self.dtype)
        while start < stop:
            number, first = divmod(start, size)
            taken = min(stop - start, size - first)
            out[len(out) - (stop - start) :][:taken] = self._shard(number)[first : first + taken]
            start += taken
        return out

    def _gather(self, wanted: NDArray[Any]) -> NDArray[Any]:
        rows, flat = len(self), wanted.reshape(-1).astype(np.int64)
        if flat.size and not -rows <= flat.min() <= flat.max() < rows:
            raise IndexError(f"rows {int(flat.min())} to {int(flat.max())} are asked for, there are {rows}")
        flat[flat < 0] += rows
        number, local = np.divmod(flat, self.rows_per_shard)
        out = np.empty((len(flat), *self.shape[1:]), self.dtype)
        if len(flat) and (number == number[0]).all():
            np.take(self._shard(int(number[0])), local, axis=0, out=out, mode="clip")
            return out.reshape(wanted.shape + self.shape[1:])
        order = np.argsort(number, kind="stable")
        edges = np.flatnonzero(np.diff(number[order], prepend=-1, append=-1))
        for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            places = order[first:end]
            out[places] = self._shard(int(number[places[0]]))[local[places]]
        return out.reshape(wanted.shape + self.shape[1:])


class IdList(Sequence[str]):
    """The id of the tune of each line, read from disk when asked for; equal to any sequence of the same ids."""

    def __init__(self, text: NDArray[np.uint8], end: NDArray[np.int64], tune: NDArray[Any]) -> None:
        self._text, self._end, self._tune = text, end, tune

    def __len__(self) -> int:
        return len(self._tune)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return IdList(self._text, self._end, self._tune[index])
        tune = int(self._tune[index])
        first = int(self._end[tune - 1]) if tune else 0
        return self._text[first : int(self._end[tune])].tobytes().decode("utf-8")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return f"IdList({len(self)} ids)"
