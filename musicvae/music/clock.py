"""Ticks as seconds, through all changes of tempo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.score import Score

__all__ = ["seconds_at"]


def seconds_at(score: Score, ticks: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float64]:
    """Seconds from tick 0 to each tick, fractions of ticks too; before tick 0 they are negative.

    120 quarter notes a minute until the file says otherwise, and where it states none in (0, 10000).
    """
    changes = [(0, DEFAULT_TEMPO_QPM), *((t.tick, t.qpm) for t in score.tempi if 0 < t.qpm < 10_000)]
    places = np.array([max(0, tick) for tick, _ in changes], np.float64)
    second_per_tick = 60 / score.ticks_per_beat / np.array([qpm for _, qpm in changes])
    passed = np.concatenate([[0.0], np.cumsum(np.diff(places) * second_per_tick[:-1])])
    last = np.searchsorted(places, np.maximum(ticks, 0), side="right") - 1
    return np.asarray(passed[last] + (ticks - places[last]) * second_per_tick[last])
