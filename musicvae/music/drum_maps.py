"""Drum maps: which percussion sounds count as one.

Conventions: classes count from 0; pitches are those of General MIDI percussion. The classes and their order are those of
Magenta's MusicVAE and GrooVAE networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRUM_MAPS", "DrumMap", "drum_map"]


@dataclass(frozen=True)
class DrumMap:
    """Classes of General MIDI percussion pitches, at most 64; the first pitch of a class is written for it."""

    name: str
    classes: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.classes)

    @cached_property
    def class_of(self) -> NDArray[np.int8]:
        """Class of each MIDI pitch, (128,); -1: in no class."""
        table = np.full(128, -1, np.int8)
        for number, pitches in enumerate(self.classes):
            table[list(pitches)] = number
        table.flags.writeable = False
        return table

    @cached_property
    def pitch_of(self) -> NDArray[np.int64]:
        """The pitch that is written for each class."""
        pitches = np.array([pitches[0] for pitches in self.classes], dtype=np.int64)
        pitches.flags.writeable = False
        return pitches


_KIT = ("kick", "snare", "closed hi-hat", "open hi-hat", "low tom", "mid tom", "high tom", "crash", "ride")
_NINE = (
    (36, 35),
    (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
    (42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22),
    (46, 67, 72, 74, 79, 81, 26),
    (45, 29, 41, 43, 61, 64, 84),
    (48, 47, 60, 63, 77, 86, 87),
    (50, 30, 62, 76, 83),
    (49, 52, 55, 57, 58),
    (51, 53, 59, 82),
)  # fmt: skip
# Until April 2019: a Roland kit's 22 and 26 unknown, the high floor tom with the high toms, the Chinese cymbal with the rides.
_NINE_OLD = (
    *_NINE[:2],
    _NINE[2][:-1],
    _NINE[3][:-1],
    (45, 29, 41, 61, 64, 84),
    _NINE[5],
    (50, 30, 43, 62, 76, 83),
    (49, 55, 57, 58),
    (51, 52, 53, 59, 82),
)
_ROLAND = ((36,), (38, 37, 40), (42, 22, 44), (46, 26), (43, 58), (47, 45), (50, 48), (49, 52, 55, 57), (51, 53, 59))
_SINGLE = tuple((pitch,) for pitches in _NINE_OLD for pitch in pitches)

DRUM_MAPS: Mapping[str, DrumMap] = {
    "nine": DrumMap("nine", _NINE, _KIT),
    "nine-old": DrumMap("nine-old", _NINE_OLD, _KIT),
    "sixty-one": DrumMap("sixty-one", _SINGLE, tuple(f"pitch {pitch}" for (pitch,) in _SINGLE)),
    "roland": DrumMap("roland", _ROLAND, _KIT),
}
"""nine: MusicVAE's classes; nine-old: those before April 2019, of its published networks; sixty-one: each pitch of
nine-old by itself; roland: what a TD-11 kit sends, GrooVAE's classes in training."""


def drum_map(name: str) -> DrumMap:
    """The map of this name, of `DRUM_MAPS`; ValueError for an unknown one."""
    if name not in DRUM_MAPS:
        raise ValueError(f"unknown drum map {name!r}; allowed are {', '.join(DRUM_MAPS)}")
    return DRUM_MAPS[name]
