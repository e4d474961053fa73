"""Which stretches of a line are windows, and which of them hold too little: one rule for building, storing and inspecting.

Conventions: bars are model bars of one line, counted from 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["REASONS", "TOO_SHORT", "count_windows", "find_windows"]

Ints = NDArray[np.int64]

TOO_SHORT = "tunes shorter than a window"
REASONS = (
    "windows",
    "windows without a note",
    "windows with less than a note every two bars",
    "windows with more than half their bars empty",
)
"""What becomes of a window: its index is the verdict that `find_windows` gives, 0 being kept."""


def find_windows(onsets: NDArray[np.integer], *, bars: int, hop: int) -> tuple[Ints, Ints]:
    """First bars and verdicts (index into `REASONS`), both (W,), of the windows of a line.

    onsets: (B,), notes that begin in each bar. Windows start every `hop` bars, and once more at the end
    where hop/2 bars or more would else be left over; none if the line is shorter than `bars`.
    """
    if bars < 1 or hop < 1:
        raise ValueError(f"bars {bars} and hop {hop} must be at least 1")
    length = len(onsets)
    if length < bars:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.arange(0, length - bars + 1, hop)
    if 2 * (length - bars - int(starts[-1])) >= hop:
        starts = np.append(starts, length - bars)
    notes_to = np.concatenate([[0], np.cumsum(onsets, dtype=np.int64)])
    filled_to = np.concatenate([[0], np.cumsum(np.asarray(onsets) > 0)])
    notes = notes_to[starts + bars] - notes_to[starts]
    empty = bars - (filled_to[starts + bars] - filled_to[starts])
    return starts, np.select([notes == 0, 2 * notes < bars, 2 * empty > bars], [1, 2, 3], 0).astype(np.int64)


def count_windows(verdicts: Ints, *, too_short: int = 0) -> dict[str, int]:
    """How many windows there are, and how many were left out, by reason; too_short: lines that had none."""
    counts = np.bincount(verdicts, minlength=len(REASONS)).tolist()
    return {REASONS[0]: counts[0], TOO_SHORT: too_short, **dict(zip(REASONS[1:], counts[1:], strict=True))}
