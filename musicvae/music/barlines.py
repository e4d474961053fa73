"""From the bar lines of a written score to its meter changes.

Conventions: ticks as in `music.score`. A written bar may be short: a pickup, or the two halves of
a bar on both sides of a repeat sign. A grid of whole bars is laid through the bar lines so that
such halves join; where the lines leave the grid, a new `MeterChange` (perhaps of the same meter)
starts a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from musicvae.music.meter import Meter
from musicvae.music.score import MeterChange

__all__ = ["differing", "meter_changes"]

_Value = TypeVar("_Value")

_LOOK_AHEAD = 2


def meter_changes(bars: Sequence[tuple[int, Meter]], end_ticks: int, ticks_per_beat: int) -> tuple[tuple[MeterChange, ...], int]:
    """Meter changes that fit these bars, and how many bar lines had to be left off the grid.

    bars: (tick, meter) of each written bar, ascending. The first change lies at the first whole
    bar: what comes before it is a pickup.
    """
    changes: list[MeterChange] = []
    moved = 0
    slack = ticks_per_beat // 32  # converters round a tick here and there
    starts = [tick for tick, _ in bars] + [end_ticks]
    for i, (tick, meter) in enumerate(bars):
        bar_ticks = round(meter.beats_per_bar * ticks_per_beat)
        is_short = starts[i + 1] - tick < bar_ticks - slack and i + 1 < len(bars)
        if changes and changes[-1].meter == meter:
            anchor = changes[-1].tick
            # A line off the grid is passed over if one soon after is back on it: the other half of a bar, or a tie over the line.
            if any(_in_phase(start - anchor, bar_ticks, slack) for start in starts[i : i + 1 + _LOOK_AHEAD]):
                continue
        if is_short and bars[i + 1][1] == meter:
            continue  # a pickup: the grid starts at the next bar line
        moved += bool(changes) and changes[-1].meter == meter
        changes.append(MeterChange(tick, meter))
    if not changes and bars:
        changes.append(MeterChange(*bars[-1]))
    return tuple(changes), moved


def differing(values: Iterable[tuple[int, _Value]]) -> Iterator[tuple[int, _Value]]:
    """Of (tick, value) pairs, ascending, those whose value is not that of the pair before."""
    before: list[_Value] = []
    for tick, value in values:
        if before != [value]:
            yield tick, value
        before = [value]


def _in_phase(distance_ticks: int, bar_ticks: int, slack: int) -> bool:
    rest = distance_ticks % bar_ticks
    return min(rest, bar_ticks - rest) <= slack
