"""Drums without velocities: for networks that choose among 512 ways to strike nine classes, or write a bit for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.converters.converter import Array, Columns, Converter, column_of, in_bars, in_steps
from musicvae.music.drum_maps import drum_map
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["DrumConverter", "bits_of", "hits_of"]

_ROW = (MAX_STEPS_PER_BAR,)


class DrumConverter(Converter):
    """Hits of a drum map. The encoder reads a bit for each class and one more where nothing is struck.

    rolls: the decoder writes a bit for each class; otherwise one class of 2 ** classes, the bits read as a number.
    """

    def __init__(self, name: str, *, drums: str, rolls: bool) -> None:
        self.name, self.material, self.drum_map = name, "drums", drums
        self._classes = len(drum_map(drums))
        self._rolls = rolls
        self.input_depth = self._classes + 1
        self.outputs = (self._classes if rolls else 2**self._classes,)

    def inputs(self, columns: Columns) -> Array:
        """A bit for each class, and one that says that nothing is struck."""
        bits = self._bits(columns)
        nothing = 1 - bits.max(axis=2, keepdims=True, initial=0)
        return np.concatenate([bits, nothing], axis=2)

    def targets(self, columns: Columns) -> Array:
        """Bits, float32 (N, T, classes), or the number they make."""
        if self._rolls:
            return self._bits(columns)
        hits = self._hits(columns)
        return in_steps(hits)[..., None].astype(np.int64)

    def columns(self, events: Array) -> dict[str, Array]:
        """The column ``bars``; of bits, what is above one half is struck."""
        if self._rolls:
            hits = hits_of(events)
        else:
            if events.size and not 0 <= int(events.min()) <= int(events.max()) < self.outputs[0]:
                raise ValueError(f"events from {int(events.min())} to {int(events.max())} are outside 0 to {self.outputs[0] - 1}")
            hits = events[..., 0].astype(np.uint64)
        return {"bars": in_bars(hits, _ROW)}

    def _hits(self, columns: Columns) -> NDArray[Any]:
        hits = column_of(columns, "bars", _ROW)
        if hits.size and int(np.bitwise_or.reduce(hits, axis=None)) >> self._classes:
            raise ValueError(f"hits of classes beyond the {self._classes} of the drum map {self.drum_map}: drums of another map?")
        return hits

    def _bits(self, columns: Columns) -> NDArray[np.float32]:
        hits = self._hits(columns)
        return bits_of(in_steps(hits), self._classes)


def bits_of(hits: NDArray[Any], classes: int) -> NDArray[np.float32]:
    """A 1 for each class that is struck, (..., classes), of hits (...)."""
    places = np.arange(classes, dtype=np.uint64)
    return ((hits.astype(np.uint64)[..., None] >> places) & np.uint64(1)).astype(np.float32)


def hits_of(bits: NDArray[Any]) -> NDArray[np.uint64]:
    """`bits_of` backwards: what is above one half is struck."""
    struck = (np.asarray(bits) > 0.5).astype(np.uint64)
    hits: NDArray[np.uint64] = np.bitwise_or.reduce(struck << np.arange(bits.shape[-1], dtype=np.uint64), axis=-1)
    return hits
