"""Melody, bass and drums together, for networks with a stream for each."""

from __future__ import annotations

import numpy as np

from musicvae.music.converters.converter import Array, Columns, Converter, Shift, column_of, in_bars, in_steps
from musicvae.music.converters.melodies import OUT_OF_RANGE, Voice, moved_chord_column, moved_tokens
from musicvae.music.drum_maps import drum_map
from musicvae.music.meter import MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import MIN_PITCH, VOCABULARY_SIZE

__all__ = ["TrioConverter"]

_ROW = (MAX_STEPS_PER_BAR,)


class TrioConverter(Converter):
    """Three streams: the melody's classes, the bass's, and one of 512 for the drums; the encoder reads them side by side."""

    def __init__(self, name: str, *, drums: str, min_pitch: int = MIN_PITCH, outputs: tuple[int, ...] = ()) -> None:
        self.name, self.material, self.drum_map = name, "trio", drums
        self._strikes = 2 ** len(drum_map(drums))
        self.outputs = outputs or (VOCABULARY_SIZE, VOCABULARY_SIZE, self._strikes)
        if len(self.outputs) != 3 or self.outputs[2] != self._strikes:
            raise ValueError(f"a trio has streams for melody, bass and {self._strikes} drums, got {self.outputs}")
        self.input_depth = sum(self.outputs)
        self._melody, self._bass = Voice(min_pitch, self.outputs[0]), Voice(min_pitch, self.outputs[1])
        self._first_rows = np.array([0, self.outputs[0], self.outputs[0] + self.outputs[1]])

    def inputs(self, columns: Columns) -> Array:
        """A row of the one-hot input for each stream."""
        rows: Array = self.targets(columns) + self._first_rows
        return rows

    def targets(self, columns: Columns) -> Array:
        """A class for each stream."""
        melody, bass, hits = (column_of(columns, name, _ROW) for name in ("bars", "bass", "drums"))
        if hits.size and int(hits.max()) >= self._strikes:
            raise ValueError(f"hits of classes beyond those of the drum map {self.drum_map}: drums of another map?")
        parts = self._melody.classes(in_steps(melody)), self._bass.classes(in_steps(bass)), in_steps(hits).astype(np.int64)
        return np.stack(parts, axis=2)

    def columns(self, events: Array) -> dict[str, Array]:
        """The columns ``bars`` (of the melody), ``bass`` and ``drums``."""
        hits = events[..., 2]
        if hits.size and not 0 <= int(hits.min()) <= int(hits.max()) < self._strikes:
            raise ValueError(f"drum events from {int(hits.min())} to {int(hits.max())} are outside 0 to {self._strikes - 1}")
        return {
            "bars": in_bars(self._melody.tokens(events[..., 0]), _ROW),
            "bass": in_bars(self._bass.tokens(events[..., 1]), _ROW),
            "drums": in_bars(hits.astype(np.uint64), _ROW),
        }

    def losses(self, columns: Columns) -> dict[str, int]:
        """Notes of melody and bass outside the network's range."""
        lost = self._melody.lost(column_of(columns, "bars", _ROW)) + self._bass.lost(column_of(columns, "bass", _ROW))
        return {OUT_OF_RANGE: lost} if lost else {}

    def transposed(self, columns: Columns, semitones: Shift) -> dict[str, Array]:
        """Melody, bass and chords moved; a note that leaves 21-108 becomes a note-off."""
        voices = {name: moved_tokens(column_of(columns, name, _ROW), semitones) for name in ("bars", "bass")}
        return moved_chord_column({**columns, **voices}, semitones)
