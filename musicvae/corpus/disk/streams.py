"""Arrays that are written piece by piece, when their length is not known beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import HEADER_BYTES, npy_header, shard_path
from musicvae.corpus.disk.mapped import ShardedRows
from musicvae.corpus.tunes import Column

__all__ = ["NpyStream", "RowFiles"]


class NpyStream:
    """A ``.npy`` file that grows: parts (n, ...) go to its end, and its header is written when it is closed."""

    def __init__(self, path: Path, column: Column) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.column, self.length = path, column, 0
        self._file = path.open("wb")
        self._file.write(bytes(HEADER_BYTES))

    def write(self, part: Any) -> None:
        """Append a part; its values must fit the type of the column."""
        values = np.asarray(part)
        cast = np.ascontiguousarray(values.astype(self.column.dtype, copy=False))
        if values.dtype.kind in "iu" and not np.array_equal(cast, values):
            raise ValueError(f"{self.path.name} holds {self.column.dtype}, which {int(values.min())} to {int(values.max())} does not fit")
        self.length += len(cast)
        self._file.write(cast.data if cast.size else b"")

    def close(self) -> None:
        """Write the header; the file is complete then."""
        self._file.seek(0)
        self._file.write(npy_header(self.column.dtype, (self.length, *self.column.shape)))
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()


class RowFiles:
    """The shards of one column: a new one is begun after so many rows."""

    def __init__(self, folder: Path, name: str, column: Column, rows_per_shard: int) -> None:
        self.folder, self.name, self.column, self.rows_per_shard = folder, name, column, rows_per_shard
        self.paths: list[str] = []
        self.rows = 0
        self._stream: NpyStream | None = None

    def write(self, part: NDArray[Any]) -> None:
        """Append rows (n, ...)."""
        while len(part):
            if self._stream is None:
                self.paths.append(shard_path(self.name, len(self.paths)))
                self._stream = NpyStream(self.folder / self.paths[-1], self.column)
            taken = min(len(part), self.rows_per_shard - self._stream.length)
            self._stream.write(part[:taken])
            self.rows, part = self.rows + taken, part[taken:]
            if self._stream.length == self.rows_per_shard:
                self.close()

    def close(self) -> None:
        """Complete the last shard."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def abandon(self) -> None:
        """Close the last shard as it is."""
        if self._stream is not None:
            self._stream.abandon()

    def array(self) -> ShardedRows:
        """What was written, once it is closed."""
        paths = [self.folder / path for path in self.paths]
        return ShardedRows(paths, rows=self.rows, rows_per_shard=self.rows_per_shard, dtype=self.column.dtype, row_shape=self.column.shape)
