"""Kits: which note a sound module has for each drum, for files that are written; General MIDI, Roland TD-11, or a user's own file.

Conventions: classes are those of the drum map "nine". A kit changes note numbers only. Sounds that a kit has are kept, so that writing
for the same kit again changes nothing; others become its note for their class. A user's kit is a TOML file::

    name = "my module"          # optional
    [classes]                   # kick, snare, closed hi-hat, open hi-hat, low tom, mid tom, high tom, crash, ride
    kick = 36
    closed-hi-hat = 8           # spaces may be written - or _
    [pitches]                   # single General MIDI notes, where they differ from their class
    39 = 40
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.score import NoteTable, Score

__all__ = ["KITS", "Kit", "kit_of", "read_kit"]

_NINE = DRUM_MAPS["nine"]
_WORDS = {name.replace(" ", "").replace("-", ""): number for number, name in enumerate(_NINE.names)}
_MAX_FILE_BYTES = 2**20


@dataclass(frozen=True, eq=False)
class Kit:
    """of_class: the note of each class, (9,); of_pitch: what each General MIDI note becomes, (128,)."""

    name: str
    of_class: NDArray[np.int64]
    of_pitch: NDArray[np.int64]

    def written(self, score: Score) -> Score:
        """The score with the drums that the map "nine" writes, a note for each class, as this kit's notes; others by `of_pitch`."""
        table = self.of_pitch.copy()
        table[_NINE.pitch_of] = self.of_class
        tracks = tuple(replace(track, notes=_renumbered(NoteTable.of(track.notes), table)) if track.is_drum else track
                       for track in score.tracks)  # fmt: skip
        return replace(score, tracks=tracks)


def kit_of(name: str | Path | Kit) -> Kit:
    """The kit of a name in `KITS`, or that of a TOML file; errors as `read_kit`, ValueError for an unknown name."""
    if isinstance(name, Kit):
        return name
    if str(name).lower() in KITS:
        return KITS[str(name).lower()]
    if Path(name).suffix.lower() == ".toml" or Path(name).is_file():
        return read_kit(name)
    near = difflib.get_close_matches(str(name), KITS, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"unknown drum map {str(name)!r}{hint}; allowed are {', '.join(KITS)}, or the path of a .toml file")


def read_kit(path: str | Path) -> Kit:
    """The kit in a TOML file as told above: what it does not name is as in General MIDI.

    FileNotFoundError if it is missing; a one-line ValueError that begins with the path for what is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: was it misspelled, or is it in another folder?")
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size / 2**20:.0f} MiB: no drum map is that large")
    try:
        return _kit(tomllib.loads(path.read_bytes().decode("utf-8")), path.stem)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; a TOML file is needed here") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _kit(found: Mapping[str, Any], name: str) -> Kit:
    if unknown := sorted(set(found) - {"name", "classes", "pitches"}):
        raise ValueError(f"unknown entry {unknown[0]!r}; a drum map has name, [classes] and [pitches]")
    classes, pitches = (_table(found, what) for what in ("classes", "pitches"))
    if not classes and not pitches:
        raise ValueError("it names no notes: write them below [classes], as in kick = 36, or below [pitches], as in 39 = 40")
    of_class, of_pitch = KITS["gm"].of_class.copy(), KITS["gm"].of_pitch.copy()
    for word, note in classes.items():
        number = _class_number(word)
        of_class[number] = of_pitch[list(_NINE.classes[number])] = _note(note, word)
    for word, note in pitches.items():
        of_pitch[_note(int(word) if word.isdecimal() and word.isascii() else word, "a pitch")] = _note(note, word)
    return Kit(str(found.get("name", name)), _frozen(of_class), _frozen(of_pitch))


def _table(found: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    table = found.get(what, {})
    if not isinstance(table, dict):
        raise ValueError(f"{what} is no table: write [{what}] on a line of its own, and the notes below it")
    return table


def _class_number(word: str) -> int:
    plain = word.lower().replace(" ", "").replace("-", "").replace("_", "")
    if plain not in _WORDS:
        near = difflib.get_close_matches(plain, _WORDS, n=1)
        hint = f" (did you mean {_NINE.names[_WORDS[near[0]]]!r}?)" if near else ""
        raise ValueError(f"unknown class {word!r}{hint}; allowed are {', '.join(_NINE.names)}")
    return _WORDS[plain]


def _note(value: Any, word: str) -> int:
    if type(value) is not int or not 0 <= value <= 127:
        raise ValueError(f"{value!r} for {word} is no note: whole numbers from 0 to 127 are")
    return value


def _renumbered(notes: NoteTable, table: NDArray[np.int64]) -> NoteTable:
    return NoteTable(notes.onset_ticks, table[np.clip(notes.pitch, 0, 127)], notes.duration_ticks, notes.velocity)


def _frozen(array: NDArray[np.int64]) -> NDArray[np.int64]:
    array.flags.writeable = False
    return array


def _made(name: str, of_class: tuple[int, ...], kept: set[int]) -> Kit:
    """A kit that has the sounds `kept`; what is in no class stays too."""
    notes = np.array(of_class)
    pitches = np.arange(128)
    moved = np.array([pitch not in kept for pitch in range(128)]) & (_NINE.class_of >= 0)
    pitches[moved] = notes[_NINE.class_of[moved]]
    return Kit(name, _frozen(notes), _frozen(pitches))


KITS: Mapping[str, Kit] = {
    "gm": _made("gm", tuple(_NINE.pitch_of.tolist()), set(range(35, 82))),
    "td11": _made(
        "td11",
        (36, 38, 42, 46, 43, 45, 48, 49, 51),
        {36, 38, 37, 40, 42, 22, 44, 46, 26, 43, 58, 45, 47, 48, 50, 49, 55, 52, 57, 51, 53, 59},
    ),
}
"""gm: General MIDI's percussion, 35-81; td11: a Roland TD-11 as it is delivered, its three toms at 43, 45 and 48."""
