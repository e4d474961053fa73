"""How a melody is made to lean towards chords: a bias on the pitches of its notes, by how strong their place in the bar is.

Conventions: T steps; a bias is in nats, added to log-probabilities. *Strong* places are those where a listener expects notes of the
chord: the beginning of a bar and its middle (4/4, 2/2, 6/8), and wherever a chord begins; other beats are *medium*, all else *weak*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.music.chords import QUALITIES, Chord
from musicvae.music.key import Key
from musicvae.music.lead_sheet import ChordSpan
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH

__all__ = ["Leaning", "chord_bias", "chord_places", "chord_scale", "strong_steps"]

# Semitones above a root -> those of the other form of that degree: thirds, fifths, sixths, sevenths.
_SAME_DEGREE = {3: 4, 4: 3, 6: 7, 8: 7, 9: 8, 10: 11, 11: 10}


@dataclass(frozen=True)
class Leaning:
    """Nats taken off notes outside the chord at strong and medium places, and off notes outside the chord's scale anywhere.

    hearings: how often what was written is heard by the encoder and written again (`compose.constraints.decoding`). Of many ways what
    is shipped fits best for its cost (`evaluate.fitting_chords`).
    """

    strong: float = 8.0
    medium: float = 0.0
    outside: float = 2.0
    hearings: int = 1


def strong_steps(meter: Meter) -> tuple[int, ...]:
    """Strong places of a written bar, in steps."""
    half = meter.steps_per_bar // 2
    return (0, half) if meter.kind != "3/4" and meter.steps_per_bar > 8 else (0,)


def chord_scale(chord: Chord, signature: frozenset[int]) -> frozenset[int]:
    """The scale of a signature with the chord's own notes in place of the same degrees above its root, as G# is for G in E7."""
    own = chord.pitch_classes
    replaced = {(chord.root + _SAME_DEGREE[step]) % 12 for step in QUALITIES[chord.quality] if step in _SAME_DEGREE}
    return frozenset((signature - replaced) | own)


def chord_bias(
    spans: Sequence[ChordSpan],
    meter: Meter,
    first_step: int,
    count: int,
    shift_semitones: int,
    major_tonic: int,
    leaning: Leaning,
) -> Floats:
    """The bias (T, 88) on pitches 21 to 108 of `count` steps from `first_step` on, `shift_semitones` above the written ones.

    major_tonic: of the signature that the piece is in.
    """
    at, strong, medium = chord_places(spans, meter, first_step, count)
    weight = np.where(strong, leaning.strong, np.where(medium, leaning.medium, 0.0))
    off_chord, off_scale = _outside([span.chord for span in spans], Key(major_tonic).scale)
    pitch_class = (np.arange(MIN_PITCH, MAX_PITCH + 1) - shift_semitones) % 12
    off = weight[:, None] * off_chord[at] + leaning.outside * off_scale[at]
    bias: Floats = -off[:, pitch_class]
    return bias


def chord_places(
    spans: Sequence[ChordSpan], meter: Meter, first_step: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """For each of `count` steps which span it is in, whether it is a strong place, and whether a beat."""
    steps = first_step + np.arange(count)
    starts = np.array([span.onset_steps for span in spans])
    at = np.maximum(np.searchsorted(starts, steps, side="right") - 1, 0)
    place = steps % meter.steps_per_bar
    beat = 6 if meter.kind == "6/8" else STEPS_PER_BEAT
    return at, np.isin(place, strong_steps(meter)) | np.isin(steps, starts), place % beat == 0


def _outside(chords: Sequence[Chord | None], signature: frozenset[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each chord the pitch classes (C, 12) that are not in it, and that are not in its scale; none where there is no chord."""
    every = np.arange(12)
    off_chord = [np.zeros(12, np.bool_) if chord is None else ~np.isin(every, sorted(chord.pitch_classes)) for chord in chords]
    off_scale = [np.zeros(12, np.bool_) if chord is None else ~np.isin(every, sorted(chord_scale(chord, signature))) for chord in chords]
    return np.stack(off_chord), np.stack(off_scale)
