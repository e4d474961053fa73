"""How strong each mood is at each moment of a piece, from a table or from words on the command line.

Conventions: a curve file is CSV. Its first line names the columns: the time first (`bar`, `second` or `fraction`), then moods,
attributes or styles. Every other line gives a time and strengths; between two times strengths change evenly, before the first and
after the last they stay. Bars count from 1, seconds from the start, fractions from 0 to 1 of the whole piece.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.limits import MAX_STRENGTH

__all__ = ["Curve", "read_curve"]

_UNITS = {"bar": "bar", "bars": "bar", "second": "second", "seconds": "second", "fraction": "fraction", "fractions": "fraction"}


@dataclass(frozen=True, eq=False)
class Curve:
    """Strengths over time. unit: "bar", "second" or "fraction"; times (K,), rising; strengths: (K,) by name."""

    unit: str
    times: Floats
    strengths: Mapping[str, Floats]

    def at(self, bars: NDArray[np.int64], total_bars: int, seconds_per_bar: float) -> dict[str, Floats]:
        """The strength of everything named in the middle of each bar (N,), counted from 0, of a piece of so many bars."""
        middle = bars + 0.5
        if self.unit == "bar":
            asked = middle + 0.5  # the strength that a line names for bar 1 holds in the middle of that bar
        elif self.unit == "second":
            asked = middle * seconds_per_bar
        else:
            asked = middle / total_bars
        return {name: np.interp(asked, self.times, values) for name, values in self.strengths.items()}

    def story(self) -> dict[str, Any]:
        """What provenance says of it, in types that JSON has."""
        return {self.unit: self.times.tolist(), **{name: values.tolist() for name, values in self.strengths.items()}}

    def __repr__(self) -> str:
        return f"Curve({self.unit}, {len(self.times)} times, {', '.join(self.strengths)})"


def read_curve(path: str | Path) -> Curve:
    """The curve in a file; FileNotFoundError where there is none, ValueError, with the line, for what is no curve."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: was the curve misspelled, or is it in another folder?")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of text: {error}") from error
    if len(lines) < 2:
        raise ValueError(f"{path} has {len(lines)} lines: a curve needs one of names, such as 'bar,tense', and at least one of numbers")
    unit, names = _header(path, [cell.strip() for cell in lines[0][1]])
    rows = np.array([_row(path, number, row, len(names)) for number, row in lines[1:]])
    if (np.diff(rows[:, 0]) < 0).any():
        raise ValueError(f"{path}: times must not go back, and they do at {rows[1:, 0][np.diff(rows[:, 0]) < 0][0]:g}")
    return Curve(unit, rows[:, 0], {name: rows[:, column] for column, name in enumerate(names, 1)})


def _header(path: str | Path, cells: list[str]) -> tuple[str, list[str]]:
    unit, names = _UNITS.get(cells[0].lower()), cells[1:]
    if unit is None or not names or not all(names) or len(set(names)) != len(names):
        raise ValueError(
            f"{path}: the first line names the columns, the time (bar, second or fraction) and then each mood once, as in 'bar,tense'; "
            f"got {','.join(cells)!r}"
        )
    return unit, names


def _row(path: str | Path, number: int, cells: list[str], count: int) -> list[float]:
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if len(values) != count + 1 or not np.isfinite(values).all() or max(map(abs, values[1:])) > MAX_STRENGTH:
        raise ValueError(f"{path}, line {number}: a time and {count} strengths from -10 to 10 are needed, got {','.join(cells)!r}")
    return values
