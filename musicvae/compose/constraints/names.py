"""Scales and pitches from the words people write.

Conventions: pitches are MIDI numbers, middle C is C4 = 60; pitch classes are 0 (C) to 11 (B).
"""

from __future__ import annotations

import re

from musicvae.music.key import Key

__all__ = ["SCALES", "parse_pitch", "parse_range", "parse_scale", "pitch_text", "scale_key", "scale_text"]

SCALES = {
    "major pentatonic": (0, 2, 4, 7, 9), "minor pentatonic": (0, 3, 5, 7, 10), "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10), "harmonic minor": (0, 2, 3, 5, 7, 8, 11), "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "whole tone": (0, 2, 4, 6, 8, 10), "chromatic": tuple(range(12)),
}  # fmt: skip
"""Semitones above the tonic of scales that are no modes of the major one."""

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "b": -1, "♭": -1, "": 0}
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_NOTE = re.compile(r"([A-Ga-g])([#♯b♭]?)")


def parse_scale(text: str) -> frozenset[int]:
    """The pitch classes of ``"D dorian"``, ``"A minor pentatonic"``, ``"E harmonic minor"`` or ``"C D E G A"``; ValueError otherwise."""
    words = re.split(r"[\s,]+", text.strip())
    notes = [_NOTE.fullmatch(word) for word in words]
    if len(words) > 1 and all(notes):
        return frozenset(_pitch_class(match[1], match[2]) for match in notes if match)
    tonic, name = notes[0], " ".join(words[1:]).lower()
    if tonic and name in SCALES:
        return frozenset((_pitch_class(tonic[1], tonic[2]) + step) % 12 for step in SCALES[name])
    try:
        return Key.parse(text).scale
    except ValueError:
        raise ValueError(
            f'{text!r} is no scale: write a tonic and a mode or one of {", ".join(SCALES)}, as in "D dorian" or "A blues", '
            'or the notes that are allowed, as in "C D E G A"'
        ) from None


def scale_key(text: str) -> Key | None:
    """The key of a scale that has a tonic and sounds major, minor or is a mode; None for other ones and for lists of notes."""
    tonic, _, name = text.strip().partition(" ")
    modes = {"pentatonic": "major", "blues": "minor"}
    mode = next((word for word in ("major", "minor") if word in name.lower()), None) or modes.get(name.strip().lower())
    try:
        return Key.parse(f"{tonic} {mode or name}")
    except ValueError:
        return None


def parse_pitch(text: str) -> int:
    """The MIDI number of ``"C4"`` (60, middle C), ``"F#5"``, ``"Bb3"`` or ``"60"``; ValueError for anything else and outside 0-127."""
    match = re.fullmatch(r"([A-Ga-g])([#♯b♭]?)(-?\d)", text.strip())
    pitch = int(text) if re.fullmatch(r"\s*\d{1,3}\s*", text) else -1
    if match:
        pitch = _LETTERS[match[1].upper()] + _ACCIDENTALS[match[2]] + 12 * (int(match[3]) + 1)
    if not 0 <= pitch <= 127:
        raise ValueError(f"{text!r} is no pitch: write a letter and an octave, as in F#5 (C4 is middle C), or a MIDI number from 0 to 127")
    return pitch


def parse_range(text: str) -> tuple[int, int]:
    """Lowest and highest pitch of ``"C4-A5"`` or ``"60-81"``; ValueError for anything else."""
    match = re.fullmatch(r"\s*([^\s-]+?-?\d*?)\s*(?:-|\.\.|to)\s*([^\s-].*?)\s*", text)
    if not match:
        raise ValueError(f"{text!r} is no range: write the lowest and the highest pitch, as in C4-A5")
    return parse_pitch(match[1]), parse_pitch(match[2])


def pitch_text(pitch: int) -> str:
    """``"C4"`` for 60."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def scale_text(scale: frozenset[int]) -> str:
    """The notes of a scale, from C up, as `parse_scale` reads them."""
    return " ".join(_NAMES[pitch_class] for pitch_class in sorted(scale))


def _pitch_class(letter: str, accidental: str) -> int:
    return (_LETTERS[letter.upper()] + _ACCIDENTALS[accidental]) % 12
