"""Windows of lines: where they start, and which hold too little to learn from.

Everything is computed from the lengths of the lines and the number of onsets in each bar, a stretch of lines at a time, so
that memory does not grow with the corpus. A window is (line, first bar, bars) in model bars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.mapped import ShardedRows

__all__ = ["KEPT", "REASONS", "SHORT", "Found", "Table", "Windows", "find_windows", "hop_of", "onsets_of", "reasons_of"]

Ints = NDArray[Any]
Windows = NDArray[np.int64]
"""(W, 3): line, first bar, bars."""

KEPT = "windows"
SHORT = "tunes shorter than a window"
_SILENT = "windows without a note"
_FEW = "windows with less than a note every two bars"
_RESTS = "windows with more than half their bars empty"
REASONS = (KEPT, _SILENT, _FEW, _RESTS)
"""What becomes of a window, by the numbers in `Found.reason`."""
_RULES: Mapping[str, tuple[str, ...]] = {
    "melody": (_SILENT, _FEW, _RESTS), "drums": (_SILENT, _RESTS), "groove": (_SILENT, _RESTS), "trio": (), "performance": (),
}  # fmt: skip
_PITCHES = 128  # tokens of a performance that start a note
_ROWS_AT_A_TIME = 1 << 18
_SPARSEST = 4  # rows between, for each that is wanted


@dataclass(frozen=True)
class Table:
    """What windows are found in: material; start and num_bars, both (N,); onsets (R,), of each row."""

    material: str
    start: Ints
    num_bars: Ints
    onsets: Ints | ShardedRows


@dataclass(frozen=True)
class Found:
    """Windows (W, 3) of a stretch of lines, kept or not; reason (W,): index into `REASONS`; short: lines of too few bars."""

    windows: Windows
    reason: NDArray[np.int8]
    short: Ints

    @property
    def kept(self) -> Windows:
        """The windows that hold enough."""
        return np.asarray(self.windows[self.reason == 0], np.int64)


def hop_of(bars: int, hop_bars: int) -> int:
    """Bars from one window's start to the next in a build: `hop_bars`, but never more than a window's own, which would skip music."""
    return min(bars, hop_bars)


def reasons_of(material: str) -> tuple[str, ...]:
    """The reasons for which windows of a material are counted, `KEPT` first."""
    return (KEPT, SHORT, *_RULES[material])


def onsets_of(bars: NDArray[Any], material: str) -> NDArray[np.uint8]:
    """Onsets in each bar, at most 255, from the rows (R, ...) of the column ``bars``."""
    if material == "drums":
        bits = np.unpackbits(np.ascontiguousarray(bars).view(np.uint8), axis=-1)
        counts = bits.sum(axis=-1, dtype=np.int64)
    elif material == "performance":
        counts = ((bars >= 0) & (bars < _PITCHES)).sum(axis=(1, 2))
    else:
        counts = (bars >= (1 if material == "groove" else 2)).sum(axis=tuple(range(1, bars.ndim)))
    return np.asarray(np.minimum(counts, 255), np.uint8)


def find_windows(table: Table, lines: Ints, *, bars: int, hop: int, allow_short: bool = False) -> Iterator[Found]:
    """The windows of these lines, ascending, a stretch of lines at a time; ValueError for bars or hop below 1.

    They start every `hop` bars, and once more at the end of a line where hop/2 bars or more would else be left over. A line
    shorter than `bars` gives none, or, with allow_short, one of all its bars.
    """
    if bars < 1 or hop < 1:
        raise ValueError(f"bars {bars} and hop {hop} must be at least 1")
    return _stretches(table, np.asarray(lines), bars, hop, allow_short)


def _stretches(table: Table, lines: Ints, bars: int, hop: int, allow_short: bool) -> Iterator[Found]:
    lengths = np.asarray(table.num_bars)[lines].astype(np.int64)
    turn = (np.cumsum(lengths) - lengths) // _ROWS_AT_A_TIME
    edges = [0, *(np.flatnonzero(np.diff(turn)) + 1).tolist(), len(lines)]
    for first, end in zip(edges[:-1], edges[1:], strict=True):
        yield _found(table, lines[first:end], lengths[first:end], bars, hop, allow_short)


def _found(table: Table, lines: Ints, length: Ints, bars: int, hop: int, allow_short: bool) -> Found:
    fits = length >= bars
    regular = np.where(fits, (length - bars) // hop + 1, 0)
    left_over = length - bars - (regular - 1) * hop
    count = regular + (fits & (2 * left_over >= hop))
    if allow_short:
        count += ~fits & (length > 0)
    line = np.repeat(np.arange(len(lines)), count)
    place = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    first = np.minimum(place * hop, np.maximum(length - bars, 0)[line])
    width = np.minimum(length, bars)[line]
    windows = np.stack([lines[line], first, width], axis=1).astype(np.int64)
    return Found(windows, _judged(table, lines, length, line, first, width), lines[~fits])


def _judged(table: Table, lines: Ints, length: Ints, line: Ints, first: Ints, width: Ints) -> NDArray[np.int8]:
    """Why each window is left out, as an index into `REASONS`: 0 for one that is kept."""
    reason = np.zeros(len(line), np.int8)
    rules = _RULES[table.material]
    if not rules or not len(line):
        return reason
    onsets, begin = _rows(table, np.asarray(table.start)[lines].astype(np.int64), length)
    notes_to, filled_to = (np.concatenate([[0], np.cumsum(values, dtype=np.int32)]) for values in (onsets, onsets > 0))
    at = begin[line] + first
    notes = notes_to[at + width] - notes_to[at]
    empty = width - (filled_to[at + width] - filled_to[at])
    failed = {_RESTS: 2 * empty > width, _FEW: 2 * notes < width, _SILENT: notes == 0}
    for name, hit in failed.items():  # the gravest last, so that it is the one that counts
        if name in rules:
            reason[hit] = REASONS.index(name)
    return reason


def _rows(table: Table, start: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Onsets in the bars of some lines, perhaps with others between them, and where each line begins in that."""
    total, low, high = int(length.sum()), int(start.min()), int((start + length).max())
    if high - low <= _SPARSEST * total:  # reading on is faster than picking rows
        return table.onsets[low:high], start - low
    begin = np.cumsum(length) - length
    return table.onsets[np.repeat(start - begin, length) + np.arange(total)], begin
