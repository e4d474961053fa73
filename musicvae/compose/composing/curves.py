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

_LIMITS = {"bar": (1.0, np.inf), "second": (0.0, np.inf), "fraction": (0.0, 1.0)}
_UNITS = {"bar": "bar", "bars": "bar", "second": "second", "seconds": "second", "fraction": "fraction", "fractions": "fraction"}


@dataclass(frozen=True, eq=False)
class Curve:
    """Strengths over time. unit: "bar", "second" or "fraction"; times (K,), rising; strengths: (K,) by name; ValueError for others."""

    unit: str
    times: Floats
    strengths: Mapping[str, Floats]

    def __post_init__(self) -> None:
        if self.unit not in _LIMITS:
            raise ValueError(f"a curve is over bars, seconds or fractions ({', '.join(_LIMITS)}), got {self.unit!r}")
        times = np.asarray(self.times, np.float64)
        if times.ndim != 1 or not len(times) or not np.isfinite(times).all():
            raise ValueError(f"the times of a curve are one or more numbers, got {self.times!r}")
        _check_times(self.unit, times, list(range(1, len(times) + 1)))
        for name, values in self.strengths.items():
            found = np.asarray(values, np.float64)
            if found.shape != times.shape or not np.isfinite(found).all() or np.abs(found).max() > MAX_STRENGTH:
                raise ValueError(f"the strengths of {name!r} are {len(times)} numbers from -10 to 10, one for each time, got {values!r}")

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
    """The curve in a file; FileNotFoundError where there is none, IsADirectoryError for a folder, ValueError with the line for no curve."""
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder: name the file in it that holds the curve")
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
    try:
        _check_times(unit, rows[:, 0], [number for number, _ in lines[1:]])
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from None
    return Curve(unit, rows[:, 0], {name: rows[:, column] for column, name in enumerate(names, 1)})


def _header(path: str | Path, cells: list[str]) -> tuple[str, list[str]]:
    unit, names = _UNITS.get(cells[0].lower()), cells[1:]
    if unit is None or not names or not all(names) or len(set(names)) != len(names):
        raise ValueError(
            f"{path}: the first line names the columns, the time (bar, second or fraction) and then each mood once, as in 'bar,tense'; "
            f"got {','.join(cells)!r}"
        )
    return unit, names


def _check_times(unit: str, times: Floats, lines: list[int]) -> None:
    """ValueError, which begins with the line, for times that are not of the piece or do not rise."""
    first, last = _LIMITS[unit]
    for place, (line, time) in enumerate(zip(lines, times.tolist(), strict=True)):
        if not first <= time <= last:
            hint = ": was a percentage meant?" if unit == "fraction" and 1 < time <= 100 else ""
            raise ValueError(f"line {line}: {unit}s are from {first:g} {'on' if np.isinf(last) else f'to {last:g}'}, got {time:g}{hint}")
        if place and time <= times[place - 1]:
            what = "is there twice, with two strengths" if time == times[place - 1] else "comes after a later one: sort the lines"
            raise ValueError(f"line {line}: {unit} {time:g} {what}")


def _row(path: str | Path, number: int, cells: list[str], count: int) -> list[float]:
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if len(values) != count + 1 or not np.isfinite(values).all() or max(map(abs, values[1:])) > MAX_STRENGTH:
        raise ValueError(f"{path}, line {number}: a time and {count} strengths from -10 to 10 are needed, got {','.join(cells)!r}")
    return values
