"""How notes lie between the beats: off the sixteenth grid, in triplets, or swung, and what the grid makes of them.

Conventions: ticks as in `music.score`; beats are quarter notes counted from `start_ticks`, a place in a beat
runs from 0 up to 1. A sixteenth grid has the places 0, 1/4, 1/2 and 3/4; sixths that are not on it are 1/6, 1/3, 2/3 and 5/6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.score import NoteTable

__all__ = ["TRIPLETS_LOST", "SWING_LOST", "Timing", "grid_losses", "measure_timing"]

_OFF_GRID = 1 / 8
_EARLIEST_SWUNG, _LATEST_SWUNG = 0.42, 0.8
_ON_THE_BEAT = 1 / 12
_FEWEST_PAIRS = 6
_NEAR_SIXTH = 1 / 32  # of a beat: closer than a thirty-second note ever is
_SWUNG, _DOTTED = 1.25, 2.7
TRIPLETS_LOST = "notes in triplets moved to the sixteenth grid"
SWING_LOST = "swung eighths straightened or dotted by the sixteenth grid"


@dataclass(frozen=True)
class Timing:
    """What was measured on `num_onsets` onsets (notes that begin together count once).

    off_grid: share further than an eighth of a sixteenth from the grid; median_distance: the middle one's
    distance to the grid, in sixteenths, 0 to 0.5. num_triplet_onsets: onsets nearer to a sixth of a beat than to a
    sixteenth, in beats divided in three or six. swing: length of the first eighth over the second, the median
    over the beats split in two (1 is straight, 2 a triplet's swing, 3 dotted); None for fewer than 6 such beats.
    """

    num_onsets: int
    off_grid: float
    median_distance: float
    num_triplet_onsets: int
    num_swung_pairs: int
    num_pairs: int
    swing: float | None

    @property
    def triplets(self) -> float:
        """Share of the onsets that are in triplets."""
        return self.num_triplet_onsets / self.num_onsets if self.num_onsets else 0.0

    @property
    def is_swung(self) -> bool:
        """Whether eighths are swung: long-short by 1.25 or more, but not dotted."""
        return self.swing is not None and _SWUNG <= self.swing < _DOTTED

    def __str__(self) -> str:
        if not self.num_onsets:
            return "no notes"
        words = [
            f"{self.off_grid:.0%} of {self.num_onsets} onsets off the sixteenth grid (median {self.median_distance:.2f} of a sixteenth)"
        ]
        if self.num_triplet_onsets:
            words.append(f"{self.triplets:.0%} in triplets")
        if self.is_swung and self.swing:
            words.append(f"eighths swung {self.swing:.1f} to 1")
        return ", ".join(words)


def measure_timing(notes: NoteTable, ticks_per_beat: int, *, start_ticks: int = 0) -> Timing:
    """Measure how notes lie between beats that are counted from `start_ticks`.

    ValueError unless ticks_per_beat is at least 1.
    """
    if ticks_per_beat < 1:
        raise ValueError(f"a beat has at least 1 tick, got {ticks_per_beat}")
    onset = notes.onset_ticks
    onset = onset[np.diff(onset, prepend=onset[:1] - 1) > 0]  # sorted, so that equal ones are neighbours
    if not len(onset):
        return Timing(0, 0.0, 0.0, 0, 0, 0, None)
    position = (onset - start_ticks) / ticks_per_beat
    sixteenths = position * STEPS_PER_BEAT
    distance = np.abs(sixteenths - np.rint(sixteenths))
    pairs = _pairs(position)
    middle = _median(pairs) if len(pairs) >= _FEWEST_PAIRS else None
    return Timing(
        num_onsets=len(onset),
        off_grid=int(np.count_nonzero(distance > _OFF_GRID)) / len(onset),
        median_distance=_median(distance),
        num_triplet_onsets=_num_triplet_onsets(position, distance),
        num_swung_pairs=int((np.abs(pairs - 0.5) > 1 / 32).sum() - (np.abs(pairs - 0.75) <= 1 / 32).sum()),
        num_pairs=len(pairs),
        swing=None if middle is None else middle / (1 - middle),
    )


def grid_losses(timing: Timing) -> Mapping[str, int]:
    """What the sixteenth grid makes unheard: reason -> count of onsets, without those that lose nothing."""
    losses = {TRIPLETS_LOST: timing.num_triplet_onsets, SWING_LOST: timing.num_swung_pairs if timing.is_swung else 0}
    return {reason: count for reason, count in losses.items() if count}


def _median(values: NDArray[np.float64]) -> float:
    """The middle value, of two the upper; several times faster than `numpy.median`, which bulk work feels."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


def _num_triplet_onsets(position: NDArray[np.float64], distance: NDArray[np.float64]) -> int:
    """Onsets on sixths, in beats that have one elsewhere than on 2/3: that alone is swing."""
    sixths = position * 6
    away = np.abs(sixths - np.rint(sixths)) / 6
    near = (away < distance / STEPS_PER_BEAT - 1e-9) & (away < _NEAR_SIXTH)
    if not near.any():
        return 0
    beat = np.floor(position[near]).astype(np.int64)
    sixth = np.rint(sixths[near]).astype(np.int64) % 6
    telling = np.unique(beat[sixth != 4])
    return int(np.isin(beat, telling).sum())


def _pairs(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the second of two onsets lies, in beats that are split in two."""
    if len(position) < 3:
        return np.zeros(0)
    beat = np.floor(position + _ON_THE_BEAT)
    place = position - beat
    before, after = beat[:-2], beat[2:]
    split = (beat[:-2] == beat[1:-1]) & (place[:-2] <= _ON_THE_BEAT) & (after > before) & (np.abs(after - before - 1) < 0.5)
    middle = place[1:-1]
    inside: NDArray[np.float64] = middle[split & (middle > _EARLIEST_SWUNG) & (middle < _LATEST_SWUNG) & (place[2:] <= _ON_THE_BEAT)]
    return inside
