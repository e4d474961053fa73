"""The chords of a score on a grid of eighths, a row for each model bar, as they lie beside the tokens of a line.

Conventions: ticks as in `music.score`; B model bars; a chord is told by its `music.chords.Chord.code`, 0 where none is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chords import QUALITIES
from musicvae.music.meter import Meter
from musicvae.music.score import Score

__all__ = ["EIGHTHS_PER_ROW", "chord_rows"]

EIGHTHS_PER_ROW = 8
"""Meters of 12 steps use the first 6."""


def chord_rows(score: Score, start_ticks: int, meter: Meter, num_bars: int, shift: int) -> NDArray[np.uint8]:
    """Codes (B, 8) of the chords at each eighth of `num_bars` written bars from `start_ticks`, `shift` semitones higher.

    A chord that begins elsewhere is moved to the nearest eighth.
    """
    bars = meter.model_bars(num_bars)
    rows = np.zeros((bars, EIGHTHS_PER_ROW), np.uint8)
    if not score.chords:
        return rows
    codes = np.array([0, *(change.chord.code if change.chord else 0 for change in score.chords)])
    root, quality = np.divmod(codes - 1, len(QUALITIES))
    moved = np.where(codes > 0, 1 + (root + shift) % 12 * len(QUALITIES) + quality, 0)
    ticks = np.array([change.tick for change in score.chords])
    eighth = score.ticks_per_beat / 2
    at = start_ticks + np.arange(num_bars * meter.steps_per_bar // 2) * eighth
    flat = np.zeros(bars * meter.steps_per_model_bar // 2, np.uint8)
    flat[: len(at)] = moved[np.searchsorted(ticks, at + eighth / 2)]
    rows[:, : meter.steps_per_model_bar // 2] = flat.reshape(bars, -1)
    return rows
