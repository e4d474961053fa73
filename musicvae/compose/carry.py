"""What tokens do not hold and a result takes from its input: velocities, and pitches that had to be folded.

Conventions: `played` is an (N, 3) array of onset (steps), duration (steps) and velocity of the
input's notes, in order.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.canonical import fold
from musicvae.compose.engine import Layout
from musicvae.music.melody import Melody

__all__ = ["played_notes", "with_folded_pitches", "with_velocities"]


def played_notes(melody: Melody) -> NDArray[np.int64]:
    """Onset, duration and velocity of every note, (N, 3)."""
    rows = [(note.onset_steps, note.duration_steps, note.velocity) for note in melody.notes]
    return np.array(rows, np.int64).reshape(-1, 3)


def with_velocities(melody: Melody, played: NDArray[np.int64]) -> Melody:
    """The melody with each note as loud as the input's note that sounds at its onset, else the nearest in time.

    Of two equally near the earlier; without input notes nothing changes.
    """
    if not len(played) or not melody.notes:
        return melody
    starts, ends = played[:, 0], played[:, 0] + played[:, 1]
    onsets = np.array([note.onset_steps for note in melody.notes])
    before = np.searchsorted(starts, onsets, side="right") - 1
    after = np.minimum(before + 1, len(starts) - 1)
    # Steps since the last sounding step of the note before, 0 while it sounds.
    since = np.maximum(onsets - ends[before] + 1, 0)
    nearest = np.where((before < 0) | ((starts[after] - onsets < since) & (after > before)), after, before)
    loud = played[nearest, 2].tolist()
    notes = tuple(replace(note, velocity=velocity) for note, velocity in zip(melody.notes, loud, strict=True))
    return replace(melody, notes=notes)


def with_folded_pitches(melody: Melody, source: Melody, shift_semitones: int, config: Layout) -> Melody:
    """The melody with the source's own pitch for notes that only differ from it by having been folded.

    Those start where a note of the source starts and have its pitch once that is folded into the model's
    range under the shift, so that a melody that came through unchanged is the source, octaves included.
    """
    low, high = config.lowest_pitch, config.highest_pitch
    own = {note.onset_steps: note.pitch for note in source.notes}

    def restored(onset: int, pitch: int) -> int:
        original = own.get(onset, pitch)
        return original if fold(original + shift_semitones, low, high) == pitch + shift_semitones else pitch

    return replace(melody, notes=tuple(replace(note, pitch=restored(note.onset_steps, note.pitch)) for note in melody.notes))
