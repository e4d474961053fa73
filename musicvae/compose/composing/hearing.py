"""What a composer listens for in a section: likeness, leaps, silence, its key, where it rests.

Conventions: tokens (n, S) of one section, in coordinates (`compose.canonical`); pitches are MIDI numbers there; `home` is the key of the
piece in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.music.key import Key
from musicvae.music.melody import Note
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, Tokens, from_tokens

__all__ = ["HIGHEST", "LOWEST", "dominant", "likeness", "notes_of", "onsets_of", "opening_pitch", "roughness", "theme_faults"]

LOWEST, HIGHEST = 55, 86
"""Pitches beyond which nothing is moved by an octave."""
_WIDE_LEAP = 7
_USUAL_RANGE = 19
_LONG_SILENCE_BEATS = 3
_FEWEST_PITCHES = 7
_COMMONEST_PITCH, _REPEATED_PITCH = 0.3, 0.3
_MOST_DIFFERENT, _FEWEST_DIFFERENT = 0.85, 0.6
_HARDLY_ANY_NOTES = 100.0


def onsets_of(tokens: Tokens) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps (K,) at which notes start, counted through all bars, and their pitches (K,)."""
    flat = tokens.reshape(-1)
    steps = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    return steps, flat[steps].astype(np.int64) - FIRST_PITCH_TOKEN + MIN_PITCH


def notes_of(tokens: Tokens, meter: Meter) -> tuple[Note, ...]:
    """The notes of a section."""
    return from_tokens(tokens, meter).notes


def likeness(a: Tokens, b: Tokens, *, octaves: bool = False) -> float:
    """Share of the notes of two sections that start together on one pitch, F1, 0 to 1; 1 for two without notes.

    octaves: whether pitches an octave apart count as one.
    """
    size = min(len(a), len(b))
    found = [onsets_of(tokens[:size]) for tokens in (a, b)]
    first, second = (set(zip(steps.tolist(), (pitches % (12 if octaves else 128)).tolist(), strict=True)) for steps, pitches in found)
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
    """What speaks against a theme, 0 for nothing: silence, wide leaps, few or unvaried pitches, notes outside the key, hardly any form.

    Limits are those that nine in ten phrases of eight bars of held-out tunes keep to.
    """
    pitches = onsets_of(tokens)[1]
    if len(pitches) < len(tokens):
        return _HARDLY_ANY_NOTES
    return _silence(tokens, meter) + _dullness(pitches) + _wildness(pitches, home) + _formlessness(tokens)


def _silence(tokens: Tokens, meter: Meter) -> float:
    """Bars without an onset, bars of silence beyond three beats, and how late the theme begins."""
    notes = notes_of(tokens, meter)
    empty = sum(not (bar >= FIRST_PITCH_TOKEN).any() for bar in tokens)
    starts = [note.onset_steps for note in notes] + [tokens.size]
    gaps = np.array(starts) - np.array([0, *(note.end_steps for note in notes)])
    silent_bars = np.maximum(gaps - _LONG_SILENCE_BEATS * STEPS_PER_BEAT, 0).sum() / tokens.shape[1]
    return float(empty + 2 * silent_bars + starts[0] / tokens.shape[1])


def _dullness(pitches: NDArray[np.int64]) -> float:
    """Few different pitches, one of them too often, or often the same twice."""
    counts = np.bincount(pitches)
    few = max(0, _FEWEST_PITCHES - int((counts > 0).sum()))
    often = max(0.0, float(counts.max()) / len(pitches) - _COMMONEST_PITCH)
    again = max(0.0, float((np.diff(pitches) == 0).mean()) - _REPEATED_PITCH) if len(pitches) > 1 else 0.0
    return 0.5 * few + 6 * often + 4 * again


def _wildness(pitches: NDArray[np.int64], home: Key | None) -> float:
    """Leaps beyond a fifth, a range of more than an octave and a half, notes outside the key."""
    leaps = float((np.abs(np.diff(pitches)) > _WIDE_LEAP).mean()) if len(pitches) > 1 else 0.0
    octaves = max(0.0, float(np.ptp(pitches)) - _USUAL_RANGE) / 12
    outside = 0.0 if home is None else float(np.mean([pitch % 12 not in home.scale for pitch in pitches.tolist()]))
    return 6 * leaps + 2 * octaves + 3 * outside


def _formlessness(tokens: Tokens) -> float:
    """No bar that comes back, or hardly any other."""
    different = len({bar.tobytes() for bar in tokens}) / len(tokens)
    return 2 * max(0.0, different - _MOST_DIFFERENT) + 4 * max(0.0, _FEWEST_DIFFERENT - different)
