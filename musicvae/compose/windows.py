"""Cutting long melodies at phrase boundaries, and joining them again without loss.

A melody of up to `max_bars` model bars is one window. A longer one is cut from its start, each time
`max_bars // 2` to `max_bars` bars further on and so that no window but a lone one is shorter than
`max_bars // 2`. Of the bar lines in reach the one with most points is taken, of equals the last:

* 2 points for a whole number of eight written bars from the start, 1 for one of four;
* half a point for each beat since the last onset before the bar line, at most 2 points: a rest or
  a long note ends a phrase;
* 2 points off where a note sounds on across the bar line.

Where several melodies are cut together, their points are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["Window", "cut_tokens", "held_over", "join_tokens", "phrase_windows"]


@dataclass(frozen=True)
class Window:
    """A stretch of model bars; start_bar counts from 0."""

    start_bar: int
    num_bars: int


def phrase_windows(lines: Sequence[Tokens], meter: Meter, *, max_bars: int) -> tuple[Window, ...]:
    """Windows that cover lines of tokens, each (B, S), by the rule above; ValueError unless all have the same B >= 1."""
    if len({len(line) for line in lines}) != 1 or not len(lines[0]):
        raise ValueError(f"lines that are cut together have one length of at least 1 bar, got {[len(line) for line in lines]}")
    total, start = len(lines[0]), 0
    points = np.sum([_points(line, meter) for line in lines], axis=0)
    windows = []
    while total - start > max_bars:
        nearest = max(1, max_bars // 2)
        furthest = max(nearest, min(max_bars, total - start - nearest))
        ends = range(start + nearest, start + furthest + 1)
        end = max(ends, key=lambda bar: (points[bar], bar))
        windows.append(Window(start, end - start))
        start = end
    return (*windows, Window(start, total - start))


def held_over(tokens: Tokens, windows: Sequence[Window]) -> tuple[bool, ...]:
    """For each window of tokens (B, S), whether a note sounds on from the one before."""
    flat = tokens.reshape(-1)
    sounding = _sounding(flat)
    starts = [window.start_bar * tokens.shape[1] for window in windows]
    return tuple(bool(start and sounding[start - 1] and flat[start] == HOLD) for start in starts)


def cut_tokens(tokens: Tokens, windows: Sequence[Window]) -> list[Tokens]:
    """The tokens (bars, S) of each window; without a note-off in silence unless it ends a held-over note."""
    parts = [tokens[window.start_bar : window.start_bar + window.num_bars] for window in windows]
    return [part.copy() if held else canonical_tokens(part) for part, held in zip(parts, held_over(tokens, windows), strict=True)]


def join_tokens(parts: Sequence[Tokens], held: Sequence[bool]) -> Tokens:
    """Parts (bars, S) one after another; a note sounds on into a part only where `held` says so."""
    joined = np.concatenate(parts)
    steps, start = joined.shape[1], 0
    flat = joined.reshape(-1)
    for part, sounds_on in zip(parts, held, strict=True):
        if start and not sounds_on and flat[start] == HOLD and _sounding(flat[:start])[-1]:
            flat[start] = NOTE_OFF
        start += len(part) * steps
    return flat.reshape(joined.shape)


def _sounding(flat: Tokens) -> NDArray[np.bool_]:
    """Whether a note sounds in each step."""
    latest = np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))
    return np.asarray(flat[latest] >= FIRST_PITCH_TOKEN)


def _points(tokens: Tokens, meter: Meter) -> NDArray[np.float64]:
    """Points of the bar line before each bar, (B,)."""
    bars, steps = tokens.shape
    flat, starts = tokens.reshape(-1), np.arange(bars) * steps
    onsets = np.maximum.accumulate(np.where(flat >= FIRST_PITCH_TOKEN, np.arange(len(flat)), -1))
    before = starts - 1
    since_beats = np.where(onsets[before] >= 0, starts - onsets[before], starts) / STEPS_PER_BEAT
    written = np.arange(bars) * meter.written_per_model_bar
    held = _sounding(flat)[before] & (flat[starts] == HOLD)
    whole = np.where(written % 8 == 0, 2.0, np.where(written % 4 == 0, 1.0, 0.0))
    return np.asarray(whole + np.minimum(since_beats / 2, 2.0) - 2.0 * held, np.float64)
