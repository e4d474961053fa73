"""Writing a safetensors file tensor by tensor, so that no more than one of them is in memory.

The bytes are those that the safetensors package itself would write: a header of JSON with names in order, padded to eight bytes, then
the numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from musicvae.model.imports.tensors import Floats

__all__ = ["TensorFile"]

_NAMES = {"float32": "F32", "float16": "F16"}


class TensorFile:
    """An open file into which tensors of known shapes are put, in any order; ValueError on leaving if one was not."""

    def __init__(self, path: Path, shapes: Mapping[str, tuple[int, ...]], *, dtype: str, metadata: Mapping[str, str]) -> None:
        self._dtype = np.dtype(dtype)
        self._shapes = dict(sorted(shapes.items()))
        self._places: dict[str, int] = {}
        header: dict[str, object] = {"__metadata__": dict(metadata)}
        end = 0
        for name, shape in self._shapes.items():
            start, end = end, end + math.prod(shape) * self._dtype.itemsize
            header[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [start, end]}
            self._places[name] = start
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        self._begin = 8 + len(text)
        self._left = set(shapes)
        self._file = path.open("wb")
        self._file.write(len(text).to_bytes(8, "little") + text)

    def put(self, name: str, values: Floats) -> None:
        """Write a tensor at its place; ValueError for another shape than announced."""
        if values.shape != self._shapes[name]:
            raise ValueError(f"{name} has shape {values.shape}, announced was {self._shapes[name]}")
        self._file.seek(self._begin + self._places[name])
        self._file.write(np.ascontiguousarray(values, self._dtype).view(np.uint8).data)
        self._left.discard(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()
        if kind is None and self._left:
            raise ValueError(f"{len(self._left)} tensors were never written, such as {min(self._left)}")
