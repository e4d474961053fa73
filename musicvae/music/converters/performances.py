"""Performances for the networks of eight rows of 64 tokens, with or without a chord."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.converters.converter import Array, Columns, Converter, Shift, column_of, in_bars, in_steps
from musicvae.music.converters.melodies import moved_chord_column
from musicvae.music.converters.triads import NUM_TRIADS, triads_of
from musicvae.music.performance import (
    DRUMS,
    END,
    MAX_EVENTS,
    MAX_PARTS,
    NOTE_OFF,
    NOTHING,
    NUM_TOKENS,
    STEPS_PER_PERFORMED_BAR,
    onset_steps_of,
)

__all__ = ["PerformanceConverter", "moved_rows"]

_ROW = (MAX_PARTS, MAX_EVENTS)
_STEPS = MAX_PARTS * MAX_EVENTS
_NUM_PITCHES = 128
_STEPS_PER_EIGHTH = STEPS_PER_PERFORMED_BAR // EIGHTHS_PER_ROW


class PerformanceConverter(Converter):
    """A stream of `music.performance` tokens, row after row; steps after a row's end hold nothing.

    chords: conditioned by the chord at the time of each event; the program has none. After the end of a row it is the one that the bar
    has longest, so that rows yet to be written are told it from the start.
    """

    def __init__(self, name: str, *, chords: bool = False) -> None:
        self.name, self.material, self.drum_map = name, "performance", ""
        self.input_depth = NUM_TOKENS
        self.outputs = (NUM_TOKENS,)
        self.control_depth = NUM_TRIADS if chords else 0

    def bars(self, steps: int) -> int:
        """Bars that so many steps hold, 512 in each; ValueError unless they are whole."""
        if steps < 1 or steps % _STEPS:
            raise ValueError(f"{steps} steps are no whole bars of {MAX_PARTS} rows of {MAX_EVENTS} tokens")
        return steps // _STEPS

    def inputs(self, columns: Columns) -> Array:
        """A row of the one-hot input at each step."""
        return self.targets(columns)

    def targets(self, columns: Columns) -> Array:
        """A token at each step, -1 after the end of a row."""
        rows = _ended(column_of(columns, "bars", _ROW))
        return in_steps(rows, 2)[..., None].astype(np.int64)

    def columns(self, events: Array) -> dict[str, Array]:
        """The column ``bars``; what comes after the end of a row is left out."""
        if events.size and not NOTHING <= int(events.min()) <= int(events.max()) < NUM_TOKENS:
            raise ValueError(f"events from {int(events.min())} to {int(events.max())} are outside -1 to {NUM_TOKENS - 1}")
        rows = in_bars(events[..., 0], _ROW)
        return {"bars": _ended(rows).astype(np.int16)}

    def controls(self, columns: Columns) -> Array | None:
        """Triads, one-hot; where there is no column of chords, no chord throughout."""
        if not self.control_depth:
            return None
        rows = _ended(column_of(columns, "bars", _ROW))
        triad = np.zeros(rows.shape, np.int64)
        if "chords" in columns:
            eighths = triads_of(column_of(columns, "chords", (EIGHTHS_PER_ROW,)))
            at = np.minimum(onset_steps_of(rows) // _STEPS_PER_EIGHTH, EIGHTHS_PER_ROW - 1)
            timed = np.take_along_axis(eighths, at.reshape(*rows.shape[:2], _STEPS), axis=2).reshape(rows.shape)
            triad = np.where(rows == NOTHING, _longest(eighths)[..., None, None], timed)
            triad[..., 0] = 0
        one_hot: Array = np.eye(NUM_TRIADS, dtype=np.float32)[in_steps(triad, 2)]
        return one_hot

    def lengths(self, columns: Columns) -> Array | None:
        """Tokens of each row, the end among them, int64 (N, 8 B)."""
        rows = _ended(column_of(columns, "bars", _ROW))
        counts: Array = in_steps((rows != NOTHING).sum(axis=3, dtype=np.int64))
        return counts

    def transposed(self, columns: Columns, semitones: Shift) -> dict[str, Array]:
        """Pitches and chords moved, but for rows of drums; a note that leaves 0-127 is left out."""
        moved = {**columns, "bars": moved_rows(column_of(columns, "bars", _ROW), semitones)}
        return moved_chord_column(moved, semitones)


def moved_rows(rows: NDArray[Any], semitones: Shift) -> NDArray[Any]:
    """Rows (N, B, 8, 64) with their pitches `semitones` higher, as `PerformanceConverter.transposed`."""
    shift = np.asarray(semitones).reshape(-1, 1, 1, 1)
    is_note = (rows >= 0) & (rows < NOTE_OFF + _NUM_PITCHES) & ~(rows == DRUMS).any(axis=3, keepdims=True)
    pitch = np.where(is_note, rows % _NUM_PITCHES + shift, 0)
    moved = np.where(is_note, rows + shift, rows)
    lost = (pitch < 0) | (pitch >= _NUM_PITCHES)
    if lost.any():
        moved[lost] = NOTHING
        order = np.argsort(moved == NOTHING, axis=3, kind="stable")
        moved = np.take_along_axis(moved, order, axis=3)
    return moved.astype(rows.dtype)


def _ended(rows: NDArray[Any]) -> NDArray[Any]:
    """The rows with nothing after the first end or gap; an end where a row would be empty."""
    done = (rows == END) | (rows == NOTHING)
    after = np.cumsum(done, axis=3) - done > 0
    ended = np.where(after, NOTHING, rows)
    ended[..., 0] = np.where(ended[..., 0] == NOTHING, END, ended[..., 0])
    return ended


def _longest(triads: NDArray[np.int64]) -> NDArray[np.int64]:
    """The triad that most eighths of each bar (N, B, 8) have, chords before none, the first of several; (N, B)."""
    counts = (triads[..., :, None] == triads[..., None, :]).sum(axis=3) * (triads > 0)
    first = counts.argmax(axis=2)[..., None]
    found: NDArray[np.int64] = np.take_along_axis(triads, first, axis=2)[..., 0]
    return found
