"""What every kind of file to import offers: tensors by name, with their shapes, read one at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BFLOAT16", "FLOATS", "Floats", "Source", "as_floats", "checked_finite", "size_of"]

Floats = NDArray[np.float32]
BFLOAT16 = "bfloat16"
FLOATS: Mapping[str, int] = {"float32": 4, "float64": 8, "float16": 2, BFLOAT16: 2}
"""Bytes of a number, by the names of the types that weights are kept in."""

_MOST_DIMENSIONS = 8


class Source(Protocol):
    """An open checkpoint.

    name: how messages and the model's file call it; shapes: of the tensors that hold floating-point numbers; story: facts for the
    model's file; others: how many things were in the checkpoint that are no weights, by what they are.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    others: Mapping[str, int]
    story: Mapping[str, Any]

    def read(self, name: str) -> Floats:
        """A tensor in single precision; ValueError where it is damaged or not finite."""
        ...


def size_of(shape: tuple[int, ...]) -> int:
    """How many numbers a tensor of this shape has; ValueError for a shape that none has."""
    if len(shape) > _MOST_DIMENSIONS or any(size < 0 for size in shape):
        raise ValueError(f"no tensor has the shape {list(shape)[: _MOST_DIMENSIONS + 1]}: is the file damaged?")
    return math.prod(shape)


def as_floats(raw: NDArray[np.uint8], kind: str, shape: tuple[int, ...], *, big_endian: bool = False) -> Floats:
    """Bytes of one of the types in `FLOATS` as an array in single precision (a view where nothing changes)."""
    order: Literal["<", ">"] = ">" if big_endian else "<"
    if kind == BFLOAT16:  # the upper half of a float32
        widened = raw.view(f"{order}u2").astype(np.uint32)
        widened <<= np.uint32(16)
        return widened.view(np.float32).reshape(shape)
    numbers = raw.view(np.dtype(kind).newbyteorder(order)).reshape(shape)
    with np.errstate(over="ignore"):  # a double beyond single precision becomes infinite, and that is found below
        return np.asarray(numbers, np.float32)


def checked_finite(values: Floats, name: str) -> Floats:
    """The same values; ValueError naming the tensor where one is infinite or not a number."""
    # One sum of squares is quick, and not finite where any value is not; only then they are looked at one by one.
    with np.errstate(over="ignore", invalid="ignore"):
        likely = np.isfinite(np.dot(values.ravel(), values.ravel()))
    if not likely and not np.isfinite(values).all():
        raise ValueError(f"{name} holds numbers that are infinite or not numbers: did its training diverge, or is it damaged?")
    return values
