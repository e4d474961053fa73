"""How well a bass and a melody go together, by the intervals between them and the degrees of the scale that they use.

Log-odds counted on the training songs of the shipped model of trios (97 of Freedoom, 880 after POP909), both lines in C major or its
relative minor: how much more often the melody is so many semitones above the bass than if neither heard the other, and how often
each degree is in the bass or the melody. On held-out songs they put the true bass first among its twelve transpositions in half of
the bars. A network whose lines were exchanged in training knows less of that than these numbers do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MIN_PITCH

__all__ = ["TRANSPOSITIONS", "harmony", "suited", "transposed"]

_INTERVALS = np.array([0.55, -1.07, -0.48, 0.36, 0.51, -0.56, -0.76, 0.33, -0.75, -0.64, -0.49, -0.82])
"""Nats by (melody - bass) mod 12."""
_DEGREES = {
    "bass": np.array([0.20, -3.34, -0.18, -3.89, -0.13, -0.01, -2.76, 0.31, -3.02, 0.40, -2.98, -1.63]),
    "bars": np.array([0.26, -3.34, 0.17, -3.53, 0.31, -1.38, -3.58, 0.04, -3.20, 0.20, -3.70, -0.99]),
}
"""Nats by pitch class, C being 0, above the mean of what is played."""
TRANSPOSITIONS = tuple(range(-6, 6))
"""Semitones by which a bar is tried elsewhere."""
_INTERVAL_WORTH, _DEGREE_WORTH = 0.25, {"bass": 0.125, "bars": 0.25}  # of a sixteenth: notes last some


def harmony(line: str, tokens: NDArray[np.uint8], other: NDArray[np.uint8]) -> Floats:
    """Nats (N,) for bars (N, 16) of a line, "bass" or "bars" (the melody), beside a bar (16,) of the other one."""
    own, against = _sounding(tokens), _sounding(other[None])
    both = (own >= 0) & (against >= 0)
    interval = (against - own) if line == "bass" else (own - against)
    together = np.where(both, _INTERVALS[interval % 12], 0.0).sum(axis=1)
    alone = np.where(own >= 0, _DEGREES[line][own % 12], 0.0).sum(axis=1)
    return np.asarray(_INTERVAL_WORTH * together + _DEGREE_WORTH[line] * alone)


def transposed(tokens: NDArray[np.uint8], semitones: int) -> NDArray[np.uint8] | None:
    """A bar (16,) so much higher; None where a note would leave the 88 keys, or for a bar without notes."""
    notes = tokens >= FIRST_PITCH_TOKEN
    moved = tokens.astype(np.int64) + semitones * notes
    if not notes.any() or moved[notes].min() < FIRST_PITCH_TOKEN or moved[notes].max() > FIRST_PITCH_TOKEN + 87:
        return None
    return moved.astype(np.uint8)


def suited(line: str, tokens: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """The transposition of a bar (16,) of a line that goes best with a bar (16,) of the other one, and its harmony."""
    tried = [moved for by in TRANSPOSITIONS if (moved := transposed(tokens, by)) is not None] or [tokens]
    worth = harmony(line, np.stack(tried), other)
    best = int(worth.argmax())
    return tried[best], float(worth[best])


def _sounding(tokens: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The MIDI pitch that sounds at each step of bars (N, 16), -1 for none; what sounds before a bar is not known."""
    steps = np.maximum.accumulate(np.where(tokens != HOLD, np.arange(tokens.shape[1]), 0), axis=1)
    latest = np.take_along_axis(tokens, steps, axis=1).astype(np.int64)
    return np.where(latest >= FIRST_PITCH_TOKEN, latest - FIRST_PITCH_TOKEN + MIN_PITCH, -1)
