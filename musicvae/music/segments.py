"""Where the bars of a score lie: its stretches of constant meter, with their pickups and broken bars, and what holds in them.

Conventions: ticks as in `music.score`. Bars here are written bars, counted from 1 over the whole file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from musicvae.music.key import Key
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.score import NoteTable, Score

__all__ = ["NO_METER", "ONE_BEAT", "Segment", "after_pickup", "assumed_meter", "segments", "stated_key", "tempo_at"]

NO_METER = "no meter in the file: 4/4 assumed"
"""The reason under which callers count a score without meters, which `segments` reads as 4/4."""
ONE_BEAT = "bars of 1/4 throughout, as beat trackers write them: 4/4 assumed"
"""The reason for a score of nothing but 1/4: beats were tracked there, not bars."""


@dataclass(frozen=True)
class Segment:
    """Ticks of a stretch of one meter; start may be negative, before a pickup.

    It takes the onsets in [low_ticks, high_ticks): half a step before its bar line belongs to it, and
    the first and the last take all there is before and after. start_bar counts written bars of the file from
    1. has_pickup: its first bar is filled up with rests. has_partial_end: its last bar is cut short by
    a change of meter or of the bar lines.
    """

    start: int
    end: int
    meter: Meter
    has_pickup: bool = False
    start_bar: int = 1
    num_bars: int = 1
    has_partial_end: bool = False
    low_ticks: float = -float("inf")
    high_ticks: float = float("inf")


def segments(score: Score, end_ticks: int, first_ticks: int | None = None) -> list[Segment]:
    """The stretches of constant meter up to `end_ticks`, of all meters, in order; at least one.

    first_ticks: the first onset of what will be cut, which may lie before the first bar line; default: that of
    the score. Where `assumed_meter` gives a reason, all is 4/4. A meter that is stated again in phase starts nothing new.
    """
    if first_ticks is None:
        first_ticks = min((int(NoteTable.of(t.notes).onset_ticks[0]) for t in score.tracks if len(t.notes)), default=None)
    end = max(end_ticks, score.length_ticks)
    changes = [(c.tick, c.meter) for c in score.meters]
    if assumed_meter(score):
        changes = [(changes[0][0] if changes else 0, Meter(4, 4))]
    found = _with_pickup(_joined(changes, end, score.ticks_per_beat), first_ticks, score.ticks_per_beat)
    return _counted(found, score.ticks_per_beat)


def after_pickup(segment: Segment, ticks_per_beat: int) -> Segment:
    """The segment without its pickup, so that bars of 2/4 are paired from the first whole one."""
    if not segment.has_pickup:
        return segment
    start = segment.start + round(segment.meter.beats_per_bar * ticks_per_beat)
    low_ticks = start - ticks_per_beat / STEPS_PER_BEAT / 2
    return replace(
        segment, start=start, has_pickup=False, start_bar=segment.start_bar + 1, num_bars=segment.num_bars - 1, low_ticks=low_ticks
    )


def assumed_meter(score: Score) -> str:
    """Why `segments` assumes 4/4, as `NO_METER` or `ONE_BEAT`; "" where it takes the score at its word."""
    if not score.meters:
        return NO_METER
    return ONE_BEAT if all(change.meter == Meter(1, 4) for change in score.meters) else ""


def _joined(changes: Sequence[tuple[int, Meter]], end: int, ticks_per_beat: int) -> list[Segment]:
    found: list[Segment] = []
    slack = ticks_per_beat // 32
    last_tick = changes[-1][0]
    for (tick, meter), (until, _) in pairwise([*changes, (max(end, last_tick + 1), changes[-1][1])]):
        last = found[-1] if found else None
        if last and last.meter == meter:
            bar = _bar_ticks(meter, ticks_per_beat)
            if min((tick - last.start) % bar, -(tick - last.start) % bar) <= slack:
                found[-1] = replace(last, end=until)
                continue
        if until > tick:
            found.append(Segment(tick, until, meter))
    return found


def _with_pickup(found: list[Segment], first_ticks: int | None, ticks_per_beat: int) -> list[Segment]:
    # A first bar of its own, shorter than those that follow, is how MIDI files write a pickup.
    first, *others = found
    if others and others[0].meter.is_supported and first.end - first.start < _bar_ticks(others[0].meter, ticks_per_beat):
        found = others
    first = found[0]
    if first_ticks is not None and (lead := first.start - first_ticks) > ticks_per_beat // 32:
        bar = _bar_ticks(first.meter, ticks_per_beat)
        found = [replace(first, start=first.start + -(-lead // bar) * -bar, has_pickup=True), *found[1:]]
    return found


def _counted(found: list[Segment], ticks_per_beat: int) -> list[Segment]:
    """The segments with their bars counted and the onsets they take."""
    half_step = ticks_per_beat / STEPS_PER_BEAT / 2
    counted = []
    bar_number = 1
    for i, segment in enumerate(found):
        is_first, is_last = i == 0, i + 1 == len(found)
        length, bar = segment.end - segment.start, _bar_ticks(segment.meter, ticks_per_beat)
        num_bars = max(1, -(-length // bar))
        # A last note that rings a hair over the bar line opens no new bar, nor does a meter that comes a hair late.
        if num_bars > 1 and 1 <= length % bar <= int(half_step):
            num_bars -= 1
        counted.append(replace(
            segment, start_bar=bar_number, num_bars=num_bars, has_partial_end=not is_last and length % bar > half_step,
            low_ticks=-np.inf if is_first else segment.start - half_step, high_ticks=np.inf if is_last else segment.end - half_step,
        ))  # fmt: skip
        bar_number += num_bars
    return counted


def _bar_ticks(meter: Meter, ticks_per_beat: int) -> int:
    return max(1, round(meter.beats_per_bar * ticks_per_beat))


def tempo_at(score: Score, tick: int) -> float:
    """The tempo that holds at a tick, in quarter notes a minute; 120 where none in (0, 10000) is known."""
    return next((t.qpm for t in reversed(score.tempi) if t.tick <= max(0, tick) and 0 < t.qpm < 10_000), DEFAULT_TEMPO_QPM)


def stated_key(score: Score, segment: Segment) -> Key | None:
    """The key that the score states for the longest time in a segment; None where it states none there."""
    held: Counter[Key] = Counter()
    for i, change in enumerate(score.keys):
        until = score.keys[i + 1].tick if i + 1 < len(score.keys) else segment.end
        held[change.key] += max(0, min(until, segment.end) - max(change.tick, segment.start))
    return held.most_common(1)[0][0] if held and max(held.values()) > 0 else None
