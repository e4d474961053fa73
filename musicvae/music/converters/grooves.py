"""Grooves for the networks of Gillick et al. (2019), "Learning to Groove with Inverse Sequence Transformations".

Conventions: a step is 27 numbers, nine each of hit (0 or 1), velocity / 127 and timing. Timing is 2 (grid - played) in sixteenths,
-1 to 1, *positive when early*: -2 times the offset that a corpus stores. What a network is to fill in is hidden from its encoder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.music.converters.converter import Array, Columns, Converter, column_of, in_bars, in_steps
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["HIDDEN", "TAP_CLASS", "GrooveConverter"]

HIDDEN = ("", "feel", "all but taps", "closed hi-hat")
TAP_CLASS = 3
"""The class under which taps are given: the open hi-hat's."""
_CLOSED_HAT = 2
_MAX_VELOCITY = 127
_ROW = (MAX_STEPS_PER_BAR, GROOVE_CLASSES)
Floats = NDArray[np.float32]


class GrooveConverter(Converter):
    """Hits with velocity and timing.

    hidden: what the encoder is not shown, one of `HIDDEN`: nothing; velocities and timing, for a beat to be humanised; all but one
    rhythm of taps with its timing (of what is struck together the loudest); or the closed hi-hat.
    hits: the hits condition encoder and decoder, so that the code holds the feel alone.
    """

    def __init__(self, name: str, *, hidden: str = "", hits: bool = False, drums: str = "nine") -> None:
        if hidden not in HIDDEN:
            raise ValueError(f"unknown part {hidden!r} to hide; allowed are {', '.join(map(repr, HIDDEN))}")
        if len(DRUM_MAPS[drums]) != GROOVE_CLASSES:
            raise ValueError(f"a groove has {GROOVE_CLASSES} classes, the drum map {drums} has {len(DRUM_MAPS[drums])}")
        self.name, self.material, self.drum_map = name, "groove", drums
        self.input_depth = 3 * GROOVE_CLASSES
        self.outputs = (3 * GROOVE_CLASSES,)
        self.control_depth = GROOVE_CLASSES if hits else 0
        self._hidden = hidden

    def inputs(self, columns: Columns) -> Array:
        """27 numbers at each step, without what is hidden."""
        hits, velocity, timing = self._parts(columns)
        if self._hidden == "feel":
            velocity, timing = np.zeros_like(velocity), np.zeros_like(timing)
        elif self._hidden == "all but taps":
            hits, velocity, timing = _taps(hits, velocity, timing)
        elif self._hidden == "closed hi-hat":
            for part in (hits, velocity, timing):
                part[..., _CLOSED_HAT] = 0
        return np.concatenate([hits, velocity, timing], axis=2)

    def targets(self, columns: Columns) -> Array:
        """27 numbers at each step."""
        return np.concatenate(self._parts(columns), axis=2)

    def controls(self, columns: Columns) -> Array | None:
        """The hits, where they condition the network."""
        return self._parts(columns)[0] if self.control_depth else None

    def columns(self, events: Array) -> dict[str, Array]:
        """As in `Converter`: a hit is what lies above one half, at least of velocity 1; where nothing is hit, all is 0."""
        if events.shape[-1] != self.outputs[0]:
            raise ValueError(f"a step of a groove is {self.outputs[0]} numbers, got {events.shape[-1]}")
        hits, velocity, timing = np.split(np.asarray(events, np.float64), 3, axis=-1)
        struck = hits > 0.5
        loudness = np.where(struck, np.clip(np.rint(velocity * _MAX_VELOCITY), 1, _MAX_VELOCITY), 0).astype(np.uint8)
        late = np.where(struck, np.clip(timing, -1, 1) / -2, 0).astype(np.float16)
        return {"bars": in_bars(loudness, _ROW), "offsets": in_bars(late, _ROW)}

    def _parts(self, columns: Columns) -> tuple[Floats, Floats, Floats]:
        """Hits, velocities and timing, (N, T, 9) each; without a column of offsets all is on the grid."""
        loudness = column_of(columns, "bars", _ROW)
        late = column_of(columns, "offsets", _ROW) if "offsets" in columns else np.zeros(loudness.shape, np.float32)
        hits = (loudness > 0).astype(np.float32)
        velocity = loudness.astype(np.float32) / np.float32(_MAX_VELOCITY)
        timing = hits * np.clip(late.astype(np.float32) * -2, -1, 1)
        return in_steps(hits), in_steps(velocity), in_steps(timing)


def _taps(hits: Floats, velocity: Floats, timing: Floats) -> tuple[Floats, Floats, Floats]:
    """The loudest hit of each step, of class `TAP_CLASS` and without velocity, with its timing."""
    loudest = velocity.argmax(axis=2)[..., None]
    taps, felt = np.zeros_like(hits), np.zeros_like(timing)
    taps[..., TAP_CLASS] = hits.max(axis=2)
    felt[..., TAP_CLASS] = np.take_along_axis(timing, loudest, axis=2)[..., 0]
    return taps, np.zeros_like(velocity), felt
