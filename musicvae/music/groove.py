"""Grooves: drums with how hard and how early or late each hit is played.

Conventions: velocity is (B, 16, 9) uint8 over model bars, 1-127, 0 for no hit; offset (B, 16, 9) float32 is
the played onset minus that of its step, in sixteenths from -0.5 to 0.5, positive being late, 0 where nothing is
hit. Of several hits of one class that fall on one step the loudest is kept (Gillick et al. 2019, "Learning to Groove").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drum_maps import DRUM_MAPS, DrumMap
from musicvae.music.drums import MERGED, drum_score, drum_tracks, lay_out_rows, placed_hits
from musicvae.music.meter import MAX_STEPS_PER_BAR, STEPS_PER_BEAT, Meter
from musicvae.music.score import NoteTable, Score

__all__ = ["GROOVE_CLASSES", "GrooveExtraction", "GrooveLine", "extract_grooves", "groove_from_notes", "groove_to_notes"]

GROOVE_CLASSES = 9
Velocity = NDArray[np.uint8]
Offset = NDArray[np.float32]


@dataclass(frozen=True)
class GrooveLine:
    """A groove of a stretch of constant meter; velocity and offset as above, the rest as in `music.drums.DrumLine`."""

    velocity: Velocity
    offset: Offset
    meter: Meter
    num_bars: int
    start_bar: int
    start_ticks: int
    tempo_qpm: float
    has_pickup: bool = False
    has_partial_end: bool = False

    def to_score(self, drums: DrumMap = DRUM_MAPS["nine"], *, ticks_per_beat: int = 480) -> Score:
        """The line as a score of one drum track, beginning at tick 0."""
        notes = groove_to_notes(self.velocity, self.offset, self.meter, drums, ticks_per_beat=ticks_per_beat)
        return drum_score(notes, self.meter, self.tempo_qpm, self.num_bars, ticks_per_beat)


@dataclass(frozen=True)
class GrooveExtraction:
    """Lines in the order of the file, the tracks they come from (from 1), why those, and what was lost."""

    lines: tuple[GrooveLine, ...]
    tracks: tuple[int, ...]
    why: str
    losses: Mapping[str, int] = field(default_factory=dict)


def extract_grooves(score: Score, drums: DrumMap = DRUM_MAPS["nine"], *, track: int | str | None = None) -> GrooveExtraction:
    """Hits, velocities and microtiming of all drum tracks together, a line for each stretch of constant, supported meter.

    An onset up to half a step before the first bar line belongs to step 0, early. ValueError for a drum map
    of other than nine classes, and as in `music.drums.extract_drums`.
    """
    _require_nine(drums)
    numbers, why = drum_tracks(score, track)
    losses: Counter[str] = Counter(score.losses)
    lines = []
    for placed in placed_hits(score, numbers, drums, losses):
        where = placed.segment.meter, placed.segment.num_bars
        velocity, offset = groove_from_notes(placed.step, placed.exact, placed.classes, placed.velocity, *where)
        losses[MERGED] += len(placed.step) - int(np.count_nonzero(velocity))
        lines.append(GrooveLine(velocity, offset, *placed.place))
    return GrooveExtraction(tuple(lines), numbers, why, dict(+losses))


def groove_from_notes(
    step: NDArray[np.int64],
    exact: NDArray[np.float64],
    classes: NDArray[np.int64],
    velocity: NDArray[np.int64],
    meter: Meter,
    num_bars: int,
) -> tuple[Velocity, Offset]:
    """Velocity and offset arrays of `num_bars` written bars; step and exact: onsets on and off the grid, in steps."""
    # Sorted so that the loudest of a cell, and of equally loud ones the earliest, is written last.
    order = np.lexsort((-exact, velocity))
    cell = (step[order], classes[order])
    steps = num_bars * meter.steps_per_bar
    loudness = np.zeros((steps, GROOVE_CLASSES), np.uint8)
    offset = np.zeros((steps, GROOVE_CLASSES), np.float32)
    loudness[cell] = np.clip(velocity[order], 1, 127)
    offset[cell] = np.clip((exact - step)[order], -0.5, 0.5)
    return lay_out_rows(loudness, meter), lay_out_rows(offset, meter)


def groove_to_notes(
    velocity: Velocity, offset: NDArray[np.floating], meter: Meter, drums: DrumMap = DRUM_MAPS["nine"], *,
    ticks_per_beat: int = 480, lead_in_bars: int = 0,
) -> NoteTable:  # fmt: skip
    """Notes a sixteenth long for a groove, after so many silent model bars.

    Without any, an early hit on the very first step is put on tick 0, since no file goes below it. One half a step late is written a tick
    earlier, where it is still nearest to its own step. velocity, offset: (B, 16, 9). ValueError for other shapes or another number of
    classes.
    """
    _require_nine(drums)
    wanted = (len(velocity), MAX_STEPS_PER_BAR, GROOVE_CLASSES)
    if velocity.shape != wanted or offset.shape != wanted:
        raise ValueError(
            f"velocity and offset have shape (bars, {MAX_STEPS_PER_BAR}, {GROOVE_CLASSES}), got {velocity.shape} and {offset.shape}"
        )
    width = meter.steps_per_model_bar
    loudness = velocity[:, :width].reshape(-1, GROOVE_CLASSES)
    late = offset[:, :width].reshape(-1, GROOVE_CLASSES)
    step, classes = np.nonzero(loudness)
    step_ticks = ticks_per_beat / STEPS_PER_BEAT
    first = lead_in_bars * width
    onset = np.rint((first + step + late[step, classes].astype(np.float64)) * step_ticks).astype(np.int64)
    onset = np.minimum(onset, np.ceil((first + step + 0.5) * step_ticks).astype(np.int64) - 1)
    length = np.full(len(step), round(step_ticks))
    return NoteTable(np.maximum(onset, 0), drums.pitch_of[classes], length, loudness[step, classes].astype(np.int64))


def _require_nine(drums: DrumMap) -> None:
    if len(drums) != GROOVE_CLASSES:
        nine = ", ".join(name for name, m in DRUM_MAPS.items() if len(m) == GROOVE_CLASSES)
        raise ValueError(f"a groove has {GROOVE_CLASSES} classes, the drum map {drums.name} {len(drums)}; those that fit are {nine}")
