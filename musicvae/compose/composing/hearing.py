"""What a composer listens for in a section: likeness, leaps, silence, its key, where it rests.

Conventions: tokens (n, S) of one section, in coordinates (`compose.canonical`); pitches are MIDI numbers there; `home` is the key of the
piece in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.music.key import Key
from musicvae.music.melody import Note
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, Tokens, from_tokens

__all__ = ["dominant", "likeness", "notes_of", "onsets_of", "opening_pitch", "roughness", "theme_faults"]

_WIDE_LEAP = 7
_USUAL_RANGE = 19
_LONG_SILENCE_BEATS = 3


def onsets_of(tokens: Tokens) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps (K,) at which notes start, counted through all bars, and their pitches (K,)."""
    flat = tokens.reshape(-1)
    steps = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    return steps, flat[steps].astype(np.int64) - FIRST_PITCH_TOKEN + MIN_PITCH


def notes_of(tokens: Tokens, meter: Meter) -> tuple[Note, ...]:
    """The notes of a section."""
    return from_tokens(tokens, meter).notes


def likeness(a: Tokens, b: Tokens) -> float:
    """Share of the notes of two sections that start together on one pitch, F1, 0 to 1; 1 for two without notes."""
    size = min(len(a), len(b))
    first, second = (set(zip(*(part.tolist() for part in onsets_of(tokens[:size])), strict=True)) for tokens in (a, b))
    return 2 * len(first & second) / (len(first) + len(second)) if first or second else 1.0


def dominant(home: Key) -> frozenset[int]:
    """Pitch classes of the chord on the fifth degree, in the scale of the key: a half cadence rests on one of them."""
    degrees = sorted((pitch_class - home.tonic) % 12 for pitch_class in home.scale)
    return frozenset((home.tonic + degrees[place]) % 12 for place in (1, 4, 6))


def opening_pitch(tokens: Tokens) -> int | None:
    """The first pitch; None without notes."""
    pitches = onsets_of(tokens)[1]
    return int(pitches[0]) if len(pitches) else None


def roughness(pitches: NDArray[np.int64] | list[int]) -> float:
    """How much a line leaps: semitones beyond a fourth of each interval, together."""
    return float(np.maximum(np.abs(np.diff(np.asarray(pitches))) - 5, 0).sum())


def theme_faults(tokens: Tokens, meter: Meter, home: Key | None) -> float:
    """What speaks against a theme: silence, wide leaps, a wide range, notes that are outside the key, no opening; 0 for nothing."""
    notes = notes_of(tokens, meter)
    if len(notes) < len(tokens):
        return 100.0
    steps, pitches = onsets_of(tokens)
    empty = sum(not (bar >= FIRST_PITCH_TOKEN).any() for bar in tokens)
    total = tokens.size
    gaps = np.diff([0, *[note.onset_steps for note in notes], total]) - np.array([0, *[note.duration_steps for note in notes]])
    silence = float(np.maximum(gaps - 4 * _LONG_SILENCE_BEATS, 0).sum()) / meter.steps_per_model_bar
    late = steps[0] / meter.steps_per_model_bar
    leaps = float((np.abs(np.diff(pitches)) > _WIDE_LEAP).mean()) if len(pitches) > 1 else 0.0
    width = max(0.0, float(pitches.max() - pitches.min()) - _USUAL_RANGE) / 12
    outside = 0.0 if home is None else float(np.mean([pitch % 12 not in home.scale for pitch in pitches]))
    own_bars = len({bar.tobytes() for bar in tokens}) / len(tokens)
    return 1.0 * empty + 2 * silence + late + 4 * leaps + width + 3 * outside + 2 * max(0.0, own_bars - 0.85) + 2 * max(0.0, 0.5 - own_bars)
