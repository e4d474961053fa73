"""Melodies for the networks of 90 events (or fewer), with or without chords."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.converters.converter import Array, Columns, Converter, Shift, column_of, in_bars, in_steps
from musicvae.music.converters.triads import NUM_TRIADS, chord_controls, moved_chords
from musicvae.music.meter import MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MAX_PITCH, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE

__all__ = ["OUT_OF_RANGE", "MelodyConverter", "Voice", "moved_chord_column", "moved_tokens"]

OUT_OF_RANGE = "notes outside the network's range"
_ROW = (MAX_STEPS_PER_BAR,)
_STEPS_PER_EIGHTH = 2


class Voice:
    """Tokens of `music.vocabulary` as classes of a network whose lowest pitch is `min_pitch`, and back.

    width: classes; 0 hold, 1 note-off, then a class for each pitch. ValueError for pitches that a token cannot hold.
    """

    def __init__(self, min_pitch: int = MIN_PITCH, width: int = VOCABULARY_SIZE) -> None:
        top = min_pitch + width - FIRST_PITCH_TOKEN - 1
        if not MIN_PITCH <= min_pitch <= top <= MAX_PITCH:
            raise ValueError(f"a vocabulary of pitches {min_pitch} to {top} does not lie in {MIN_PITCH} to {MAX_PITCH}")
        self.width = width
        self._lower = min_pitch - MIN_PITCH

    def classes(self, tokens: NDArray[Any]) -> NDArray[np.int64]:
        """Classes (N, T) of tokens (N, T).

        A note-off before the first onset, left from a note that began before the window, becomes a hold; a note outside the range
        becomes a note-off.
        """
        _check_tokens(tokens)
        found = tokens.astype(np.int64)
        found = np.where(found >= FIRST_PITCH_TOKEN, found - self._lower, found)
        lost = (tokens >= FIRST_PITCH_TOKEN) & ((found < FIRST_PITCH_TOKEN) | (found >= self.width))
        found[lost] = NOTE_OFF
        found[(found == NOTE_OFF) & ~np.logical_or.accumulate(found >= FIRST_PITCH_TOKEN, axis=1)] = HOLD
        return found

    def tokens(self, classes: NDArray[Any]) -> NDArray[np.uint8]:
        """Tokens of classes, of any shape; ValueError for a class outside 0 to width - 1."""
        if classes.size and not 0 <= int(classes.min()) <= int(classes.max()) < self.width:
            raise ValueError(f"events from {int(classes.min())} to {int(classes.max())} are outside 0 to {self.width - 1}")
        return np.where(classes >= FIRST_PITCH_TOKEN, classes + self._lower, classes).astype(np.uint8)

    def lost(self, tokens: NDArray[Any]) -> int:
        """Notes that the network has no class for."""
        low = FIRST_PITCH_TOKEN + self._lower
        return int(((tokens >= FIRST_PITCH_TOKEN) & ((tokens < low) | (tokens >= self.width + self._lower))).sum())


class MelodyConverter(Converter):
    """One melody, a stream of classes; with chords, a triad at each step conditions the network."""

    def __init__(self, name: str, *, chords: bool = False, min_pitch: int = MIN_PITCH, outputs: tuple[int, ...] = ()) -> None:
        self.name, self.material = name, "melody"
        self.outputs = outputs or (VOCABULARY_SIZE,)
        self.input_depth = self.outputs[0]
        self.control_depth = NUM_TRIADS if chords else 0
        self._voice = Voice(min_pitch, self.outputs[0])

    def inputs(self, columns: Columns) -> Array:
        """A row of the one-hot input at each step."""
        return self.targets(columns)

    def targets(self, columns: Columns) -> Array:
        """A class at each step."""
        tokens = column_of(columns, "bars", _ROW)
        return self._voice.classes(in_steps(tokens))[..., None]

    def columns(self, events: Array) -> dict[str, Array]:
        """The column ``bars``."""
        return {"bars": in_bars(self._voice.tokens(events[..., 0]), _ROW)}

    def controls(self, columns: Columns) -> Array | None:
        """Triads, one-hot; where there is no column of chords, no chord throughout."""
        if not self.control_depth:
            return None
        tokens = column_of(columns, "bars", _ROW)
        if "chords" not in columns:
            codes = np.zeros((len(tokens), tokens.shape[1] * EIGHTHS_PER_ROW), np.uint8)
        else:
            codes = in_steps(column_of(columns, "chords", (EIGHTHS_PER_ROW,)))
        return chord_controls(codes, _STEPS_PER_EIGHTH)

    def losses(self, columns: Columns) -> dict[str, int]:
        """Notes outside the network's range."""
        lost = self._voice.lost(column_of(columns, "bars", _ROW))
        return {OUT_OF_RANGE: lost} if lost else {}

    def transposed(self, columns: Columns, semitones: Shift) -> dict[str, Array]:
        """Tokens and chords moved; a note that leaves 21-108 becomes a note-off."""
        moved = {**columns, "bars": moved_tokens(column_of(columns, "bars", _ROW), semitones)}
        return moved_chord_column(moved, semitones)


def moved_tokens(tokens: NDArray[Any], semitones: Shift) -> NDArray[Any]:
    """Tokens (N, B, 16) `semitones` higher; a note that leaves 21-108 becomes a note-off."""
    shift = np.asarray(semitones).reshape(-1, 1, 1)
    moved = tokens.astype(np.int64) + shift
    inside = (moved >= FIRST_PITCH_TOKEN) & (moved < VOCABULARY_SIZE)
    return np.where(tokens < FIRST_PITCH_TOKEN, tokens, np.where(inside, moved, NOTE_OFF)).astype(tokens.dtype)


def moved_chord_column(columns: Columns, semitones: Shift) -> dict[str, Array]:
    """The columns with their chords, if there are any, `semitones` higher."""
    if "chords" not in columns:
        return dict(columns)
    return {**columns, "chords": moved_chords(np.asarray(columns["chords"]), np.asarray(semitones).reshape(-1, 1, 1))}


def _check_tokens(tokens: NDArray[Any]) -> None:
    if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < VOCABULARY_SIZE:
        raise ValueError(f"tokens from {int(tokens.min())} to {int(tokens.max())} are outside 0 to {VOCABULARY_SIZE - 1}")
