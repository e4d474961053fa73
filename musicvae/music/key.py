"""Keys: a tonic and a mode, their signature, a key finder, and the canonical transposition.

Conventions: pitch classes run from 0 (C) to 11 (B). The *signature* of a key is the number of
sharps (positive) or flats (negative), -6 to 6. The *canonical* form of a tune is the one whose
signature has no accidentals (C major, A minor, D dorian, G mixolydian stay as they are) and whose
mean pitch lies as near as possible to `CANONICAL_MEAN_PITCH`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CANONICAL_MEAN_PITCH", "MODES", "Key", "canonical_shift", "estimate_key"]

CANONICAL_MEAN_PITCH = 71.0
"""B4, in the middle of the treble staff."""

# mode -> semitones from its tonic down to the tonic of the major key with the same signature
MODES = {"major": 0, "minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "locrian": 11}
_ALIASES = {
    "": "major", "maj": "major", "ionian": "major", "ion": "major", "m": "minor", "min": "minor",
    "aeolian": "minor", "aeo": "minor", "dor": "dorian", "phr": "phrygian", "lyd": "lydian",
    "mix": "mixolydian", "loc": "locrian",
}  # fmt: skip
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)

# Key profiles of Temperley, "What's Key for Key?" (1999), major and minor, tonic first.
_PROFILES = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
}


@dataclass(frozen=True)
class Key:
    """A tonic (pitch class 0-11) and a mode (one of `MODES`)."""

    tonic: int
    mode: str = "major"

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11:
            raise ValueError(f"tonic {self.tonic} is outside 0-11 (was a MIDI pitch meant? take it modulo 12)")
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}; allowed are {', '.join(MODES)}")

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``"D dorian"``, ``"Bb"``, ``"F# minor"``, ``"Am"`` or ``"Edor"``; ValueError otherwise."""
        match = re.fullmatch(r"\s*([A-Ga-g])(#|b|♯|♭)?\s*([A-Za-z]*)\s*", text)
        word = match[3] if match else ""
        mode = _ALIASES.get(word if word in ("m", "M") else word.lower(), word.lower())
        mode = "major" if word == "M" else mode
        if not match or mode not in MODES:
            raise ValueError(f'{text!r} is no key: write a letter and a mode, as in "D dorian"; modes are {", ".join(MODES)}')
        shift = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(match[2] or "", 0)
        return cls((_LETTERS[match[1].upper()] + shift) % 12, mode)

    @classmethod
    def from_signature(cls, sharps: int, mode: str = "major") -> Key:
        """The key of this mode with `sharps` sharps (negative: flats), -7 to 7."""
        if not -7 <= sharps <= 7:
            raise ValueError(f"a key signature has -7 to 7 sharps, got {sharps}")
        return cls(7 * sharps % 12, mode).transposed(MODES[mode])

    @property
    def major_tonic(self) -> int:
        """Pitch class of the major key that shares this key's signature."""
        return (self.tonic - MODES[self.mode]) % 12

    @property
    def sharps(self) -> int:
        """Sharps in the signature, -5 to 6 (six flats are written as six sharps)."""
        sharps = 7 * self.major_tonic % 12
        return sharps - 12 if sharps > 6 else sharps

    @property
    def scale(self) -> frozenset[int]:
        """The seven pitch classes of the key."""
        return frozenset((self.major_tonic + step) % 12 for step in _MAJOR_SCALE)

    def transposed(self, semitones: int) -> Key:
        """The key `semitones` higher."""
        return Key((self.tonic + semitones) % 12, self.mode)

    def __str__(self) -> str:
        names = _FLAT_NAMES if self.sharps < 0 else _SHARP_NAMES
        return f"{names[self.tonic]} {self.mode}"


def estimate_key(pitches: Sequence[int] | NDArray[np.int64], durations: Sequence[float] | NDArray[Any]) -> Key:
    """Find the major or minor key of a melody by key-profile correlation.

    pitches: MIDI numbers; durations: the same count, any unit, > 0. Returns C major for no notes.
    Krumhansl & Schmuckler's method with the profiles of Temperley (1999); on a tie the key with
    fewer accidentals, then major, wins.
    """
    if len(pitches) != len(durations):
        raise ValueError(f"{len(pitches)} pitches but {len(durations)} durations")
    weights = np.bincount(np.asarray(pitches, dtype=int) % 12, np.asarray(durations, dtype=float), minlength=12)
    if not len(pitches) or np.ptp(weights) == 0:
        return Key(0)
    keys, shapes, places = _key_shapes()
    centred = weights - weights.mean()
    fits = np.round(shapes @ (centred / np.sqrt(centred @ centred)), 9)
    return keys[min(np.flatnonzero(fits == fits.max()), key=places.__getitem__)]


@cache
def _key_shapes() -> tuple[tuple[Key, ...], NDArray[np.float64], tuple[tuple[int, bool, int], ...]]:
    """The 24 keys, their profiles (24, 12) with mean 0 and length 1, and their order on a tie."""
    keys = tuple(Key(tonic, mode) for mode in _PROFILES for tonic in range(12))
    profiles = np.array([np.roll(_PROFILES[key.mode], key.tonic) for key in keys])
    profiles -= profiles.mean(axis=1, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    return keys, profiles, tuple((abs(key.sharps), key.mode != "major", i) for i, key in enumerate(keys))


def canonical_shift(key: Key, mean_pitch: float) -> int:
    """Semitones to add so that a tune of this key and mean pitch becomes canonical.

    Of all shifts that lead to a signature without accidentals, the one whose mean pitch comes
    nearest to `CANONICAL_MEAN_PITCH`; on a tie the lower.
    """
    shift = -key.major_tonic
    octaves = np.ceil((CANONICAL_MEAN_PITCH - mean_pitch - shift) / 12 - 0.5)
    return int(shift + 12 * octaves)
