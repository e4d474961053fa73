"""Stretches of constant meter: where their bars lie, and which onsets and steps belong to them.

Conventions: ticks as in `music.score`; bars are written bars, counted from 1 in the file; steps are
sixteenths from the start of the stretch.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.extract import _segments
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.score import Score, ScoreNote

__all__ = ["Stretch", "stretches", "tempo_at"]

Ints = NDArray[np.int64]
_MAX_BARS = 20_000


@dataclass(frozen=True)
class Stretch:
    """Bars of one supported meter: it takes onsets from low_ticks up to, not including, high_ticks.

    start_ticks: where its first bar begins (below 0 before a pickup). has_pickup, has_partial_end: as in
    `music.extract.Line`.
    """

    start_ticks: int
    meter: Meter
    start_bar: int
    num_bars: int
    tempo_qpm: float
    low_ticks: float
    high_ticks: float
    has_pickup: bool = False
    has_partial_end: bool = False

    def takes(self, onset_ticks: Ints) -> NDArray[np.bool_]:
        """Which onsets belong to it: those from half a step before its first bar line to half a step before the next one."""
        return (onset_ticks >= self.low_ticks) & (onset_ticks < self.high_ticks)

    def steps(self, onset_ticks: Ints, ticks_per_beat: int) -> tuple[Ints, NDArray[np.float64]]:
        """The nearest step of each onset (half up), inside the stretch, and its exact place in steps."""
        exact = (onset_ticks - self.start_ticks) / (ticks_per_beat / STEPS_PER_BEAT)
        nearest = np.floor(exact + 0.5).astype(np.int64)
        return np.clip(nearest, 0, self.num_bars * self.meter.steps_per_bar - 1), exact

    def bar_ticks(self, ticks_per_beat: int) -> float:
        """Length of a written bar."""
        return self.meter.beats_per_bar * ticks_per_beat


def stretches(score: Score, first_ticks: int, end_ticks: int, losses: Counter[str]) -> list[Stretch]:
    """Stretches of supported meter from the first onset to the end of the last note.

    Bars of other meters are counted in `losses`. ValueError for more bars than a sound file has.
    """
    half_step = score.ticks_per_beat / STEPS_PER_BEAT / 2
    marks = (ScoreNote(first_ticks, 60, 0, 1), ScoreNote(end_ticks, 60, 0, 1))
    segments = _segments(score, marks, losses)
    found = []
    bar_number = 1
    for i, segment in enumerate(segments):
        is_last = i + 1 == len(segments)
        bar_ticks = max(1, round(segment.meter.beats_per_bar * score.ticks_per_beat))
        length = segment.end - segment.start
        num_bars = max(1, -(-length // bar_ticks))
        if is_last and num_bars > 1 and length % bar_ticks in range(1, int(half_step) + 1):
            num_bars -= 1
        start_bar, bar_number = bar_number, bar_number + num_bars
        if not segment.meter.is_supported:
            losses[f"bars in unsupported meter {segment.meter}"] += num_bars
            continue
        if num_bars > _MAX_BARS:
            raise ValueError(f"{num_bars} bars in the file; at most {_MAX_BARS} are read: is its meter or its resolution damaged?")
        low = -float("inf") if i == 0 else segment.start - half_step
        high = float("inf") if is_last else segment.end - half_step
        partial = not is_last and length % bar_ticks > half_step
        tempo = tempo_at(score, segment.start)
        found.append(Stretch(segment.start, segment.meter, start_bar, num_bars, tempo, low, high, segment.has_pickup, partial))
    return found


def tempo_at(score: Score, tick: int) -> float:
    """The tempo that holds at a tick, in quarter notes a minute; 120 where none is known."""
    return next((t.qpm for t in reversed(score.tempi) if t.tick <= max(0, tick) and 0 < t.qpm < 10_000), DEFAULT_TEMPO_QPM)
