"""Cutting long melodies at phrase boundaries, and joining them again without loss.

A melody of up to `max_bars` model bars is one window. A longer one is cut from its start, each time
`max_bars // 2` to `max_bars` bars further on and so that no window but a lone one is shorter than
`max_bars // 2`. Of the bar lines in reach the one with most points is taken, of equals the last:

* 2 points for a whole number of eight written bars from the start, 1 for one of four;
* half a point for each beat since the last onset before the bar line, at most 2 points: a rest or
  a long note ends a phrase;
* 2 points off where a note sounds on across the bar line.

Where several melodies are cut together, their points are added.

A model whose window has a fixed length is given windows of just that length, as it was trained: the first
begins with the first bar in which a note starts, each other with the next such bar after it, and only the last may be
shorter. Bars between them, where nothing starts, are in no window: they are rests, or a note that sounds on.
As in Magenta's data a window begins in silence: of a note held over into it, it has nothing. Where that
note ends is known from the melody (`placed_tokens`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["Window", "cut_tokens", "fixed_windows", "held_over", "join_tokens", "phrase_windows", "placed_tokens"]


@dataclass(frozen=True)
class Window:
    """A stretch of model bars; start_bar counts from 0."""

    start_bar: int
    num_bars: int


def phrase_windows(lines: Sequence[Tokens], meter: Meter, *, max_bars: int) -> tuple[Window, ...]:
    """Windows that cover lines of tokens, each (B, S), by the rule above; ValueError unless all have the same B >= 1."""
    total, start = _one_length(lines), 0
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


def fixed_windows(lines: Sequence[Tokens], *, max_bars: int) -> tuple[Window, ...]:
    """Windows of `max_bars` bars (the last one perhaps less) over the bars of lines, each (B, S), where a note starts.

    Without a note, one window at the start. ValueError unless all lines have the same B >= 1.
    """
    total = _one_length(lines)
    starts = np.any([(line >= FIRST_PITCH_TOKEN).any(axis=1) for line in lines], axis=0)
    windows: list[Window] = []
    for bar in np.flatnonzero(starts).tolist():
        if not windows or bar >= windows[-1].start_bar + max_bars:
            windows.append(Window(bar, min(max_bars, total - bar)))
    return tuple(windows) or (Window(0, min(max_bars, total)),)


def _one_length(lines: Sequence[Tokens]) -> int:
    if len({len(line) for line in lines}) != 1 or not len(lines[0]):
        raise ValueError(f"lines that are cut together have one length of at least 1 bar, got {[len(line) for line in lines]}")
    return len(lines[0])


def held_over(tokens: Tokens, windows: Sequence[Window]) -> tuple[bool, ...]:
    """For each window of tokens (B, S), whether a note sounds on from the one before."""
    flat = tokens.reshape(-1)
    sounding = _sounding(flat)
    starts = [window.start_bar * tokens.shape[1] for window in windows]
    return tuple(bool(start and sounding[start - 1] and flat[start] == HOLD) for start in starts)


def cut_tokens(tokens: Tokens, windows: Sequence[Window], *, apart: bool = False) -> list[Tokens]:
    """The tokens (bars, S) of each window; without a note-off in silence unless it ends a held-over note.

    apart: for windows of fixed length, which have none for held-over notes either.
    """
    parts = [tokens[window.start_bar : window.start_bar + window.num_bars] for window in windows]
    if apart:
        return [canonical_tokens(part) for part in parts]
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


def placed_tokens(parts: Sequence[Tokens], windows: Sequence[Window], total_bars: int, until: Callable[[int], int]) -> Tokens:
    """Tokens (total_bars, S) with the part of each window in its place, and no onset elsewhere.

    until: step at which a window ends -> step until which a note that sounds there may go on.
    """
    steps = parts[0].shape[1]
    flat = np.full(total_bars * steps, HOLD, np.uint8)
    for part, window in zip(parts, windows, strict=True):
        flat[window.start_bar * steps : (window.start_bar + window.num_bars) * steps] = part.reshape(-1)
    for window in windows:
        end = (window.start_bar + window.num_bars) * steps
        if _sounding(flat[:end])[-1]:
            stop = until(end)
            if stop < len(flat) and not flat[end : stop + 1].any():
                flat[stop] = NOTE_OFF
    return flat.reshape(total_bars, steps)


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
