"""Chords: a root and a quality, read from the symbols people write.

Conventions: roots are pitch classes 0 (C) to 11 (B). `Chord.code` numbers all chords from 1, so that a
byte holds one and 0 can stand for none.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUALITIES", "Chord"]

# quality -> semitones above the root
QUALITIES = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "5": (0, 7),
    "6": (0, 4, 7, 9), "min6": (0, 3, 7, 9), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10), "aug7": (0, 4, 8, 10), "7sus4": (0, 5, 7, 10),
    "9": (0, 2, 4, 7, 10), "maj9": (0, 2, 4, 7, 11), "min9": (0, 2, 3, 7, 10), "add9": (0, 2, 4, 7),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chord:
    """A root (pitch class 0-11), a quality (one of `QUALITIES`) and, where another note is lowest, a bass."""

    root: int
    quality: str = "maj"
    bass: int | None = None

    @property
    def code(self) -> int:
        """1 to 252: 1 + root * 21 + place of the quality in `QUALITIES`; the bass is not in it."""
        return 1 + self.root * len(QUALITIES) + list(QUALITIES).index(self.quality)
