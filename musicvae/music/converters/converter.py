"""What every converter does: bars of a material to the arrays of one kind of published network, and back.

Conventions: N examples, B bars of a quarter of 16 steps each, T = 16 B steps, K streams. *Columns* are arrays (N, B, ...) by name as a
corpus stores its rows. Meters are 4/4-like throughout: 16 steps in every bar.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["Array", "Columns", "Converter", "column_of", "in_bars", "in_steps"]

Array = NDArray[Any]
Columns = Mapping[str, Array]
Shift = int | NDArray[np.integer[Any]]
"""Semitones: one number for all examples, or (N,) of them."""


class Converter(ABC):
    """Bars of `material` as a network's inputs and targets; immutable.

    name: one of `CONVERTERS`. drum_map: name of the map that the network's drum classes follow, "" where there are none.
    input_depth: width of what the encoder reads at a step, controls left aside. outputs: width of each stream of the decoder.
    control_depth: width of what conditions both, 0 for nothing.
    """

    name: str
    material: str
    drum_map: str = ""
    input_depth: int
    outputs: tuple[int, ...]
    control_depth: int = 0

    def bars(self, steps: int) -> int:
        """Bars that so many steps hold; ValueError unless they are whole."""
        if steps < 1 or steps % MAX_STEPS_PER_BAR:
            raise ValueError(f"{steps} steps are no whole bars of {MAX_STEPS_PER_BAR} sixteenths")
        return steps // MAX_STEPS_PER_BAR

    @abstractmethod
    def inputs(self, columns: Columns) -> Array:
        """What the encoder reads: float32 (N, T, input_depth), or int64 (N, T, K), the rows that are 1, -1 for none."""

    @abstractmethod
    def targets(self, columns: Columns) -> Array:
        """What the decoder is to write: int64 classes (N, T, streams), -1 for none, or float32 (N, T, width)."""

    @abstractmethod
    def columns(self, events: Array) -> dict[str, Array]:
        """The columns that decoded events, shaped as targets, stand for: `targets` backwards."""

    def controls(self, columns: Columns) -> Array | None:
        """What conditions encoder and decoder, float32 (N, T, control_depth); None for a network without."""
        return None

    def lengths(self, columns: Columns) -> Array | None:
        """Steps used of each segment, int64 (N, segments), at least 1; None where every segment is full."""
        return None

    def losses(self, columns: Columns) -> dict[str, int]:
        """What these columns hold that the network has no sign for, by reason, and how often; {} for nothing."""
        return {}

    def transposed(self, columns: Columns, semitones: Shift) -> dict[str, Array]:
        """The columns with pitches and chords `semitones` higher; what then leaves the vocabulary is left out. Drums stay."""
        return dict(columns)


def column_of(columns: Columns, name: str, row: tuple[int, ...]) -> Array:
    """A column (N, B, *row); ValueError where it is missing or of another shape."""
    if name not in columns:
        raise ValueError(f"no column {name!r}; there are {', '.join(columns) or 'none'}: is this the material the network is for?")
    column = np.asarray(columns[name])
    if column.ndim != 2 + len(row) or column.shape[2:] != row:
        shape = ", ".join(map(str, ("N", "B", *row)))
        raise ValueError(f"column {name!r} has shape ({shape}), got {column.shape}: is an axis of examples or bars missing?")
    return column


def in_steps(rows: Array, axes: int = 1) -> Array:
    """Rows (N, B, ...), each of the shape of their first `axes` axes, one after another: (N, steps, ...)."""
    merged = int(np.prod(rows.shape[1 : 2 + axes]))
    return rows.reshape(len(rows), merged, *rows.shape[2 + axes :])


def in_bars(steps: Array, row: tuple[int, ...]) -> Array:
    """Steps (N, ...) cut into rows of this shape: (N, B, *row)."""
    bars = int(np.prod(steps.shape[1:])) // int(np.prod(row))
    return steps.reshape(len(steps), bars, *row)
