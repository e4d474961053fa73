"""Chords: a root and a quality, read from the symbols people write.

Conventions: roots and basses are pitch classes 0 (C) to 11 (B). `Chord.code` numbers all chords from 1,
so that a byte holds one and 0 can stand for none. A symbol is turned into the notes it asks for; those
beyond the seventh that make no quality of `QUALITIES` (the flat ninth of E7b9, the 13th of G13) are left out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

__all__ = ["QUALITIES", "Chord", "looks_like_chord", "symbol_of_kind"]

# quality -> semitones above the root
QUALITIES = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus2": (0, 2, 7), "sus4": (0, 5, 7), "5": (0, 7),
    "6": (0, 4, 7, 9), "min6": (0, 3, 7, 9), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11), "dim7": (0, 3, 6, 9), "hdim7": (0, 3, 6, 10), "aug7": (0, 4, 8, 10), "7sus4": (0, 5, 7, 10),
    "9": (0, 2, 4, 7, 10), "maj9": (0, 2, 4, 7, 11), "min9": (0, 2, 3, 7, 10), "add9": (0, 2, 4, 7),
}  # fmt: skip
_INDEX = {quality: i for i, quality in enumerate(QUALITIES)}
_BY_NOTES = {frozenset(notes): quality for quality, notes in QUALITIES.items()}
_SYMBOLS = {"maj": "", "min": "m", "min6": "m6", "min7": "m7", "minmaj7": "m(maj7)", "hdim7": "m7b5", "min9": "m9"}
_ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1, "+": 1}  # a plus in a bass note is how the Nottingham collection writes a sharp
_DEGREES = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11, 9: 14, 10: 16, 11: 17, 13: 21}
_NO_CHORD = {"N", "NC", "N.C.", "NO CHORD", "NONE", "TACET"}
_SIGNS = str.maketrans({"♯": "#", "♭": "b", "Δ": "^", "△": "^", "°": "o", "º": "o", "Ø": "ø", "–": "-", "−": "-"})
_SYMBOL = re.compile(r"([A-G])((?:##|bb|x)(?![0-9])|[#b]?):?(.*)")
_FAMILY = re.compile(
    r"half-?dim(?:inished)?|hdim|maj(?:or)?|Maj(?:or)?|MAJ|ma|M|\^|min(?:or)?|Min(?:or)?|MIN|mi|m|dim(?:inished)?|aug(?:mented)?|[-+oø]|[ad](?=\d|$)"
)
_WORD = re.compile(
    r"maj|Maj|MAJ|ma|M|\^|aug|sus(?:24|42|[24])?|alt|add[#b]?\d{1,2}|(?:no|omit)\d"
    r"|[#b+-](?:13|11|9|7|6|5|4)|13|11|69|9|7|6|5|4|2|\+"
)
_FAMILIES = {
    "maj": ("maj", "major", "ma", "M", "^"), "min": ("min", "minor", "mi", "m", "-"), "dim": ("dim", "diminished", "o", "d"),
    "aug": ("aug", "augmented", "+", "a"), "hdim": ("half-dim", "halfdim", "half-diminished", "halfdiminished", "hdim", "ø"),
}  # fmt: skip
_FAMILY_OF = {word: family for family, words in _FAMILIES.items() for word in words}
_STACKS = {
    "2": (9,), "4": (), "5": (), "6": (6,), "69": (6, 9), "7": (7,), "9": (7, 9), "11": (7, 9, 11), "13": (7, 9, 13),
}  # fmt: skip
_TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "hdim": (0, 3, 6)}
_KINDS = {
    "major": "", "minor": "m", "augmented": "aug", "diminished": "dim", "dominant": "7", "major-seventh": "maj7",
    "minor-seventh": "m7", "diminished-seventh": "dim7", "augmented-seventh": "aug7", "half-diminished": "m7b5",
    "major-minor": "m(maj7)", "major-sixth": "6", "minor-sixth": "m6", "dominant-ninth": "9", "major-ninth": "maj9",
    "minor-ninth": "m9", "dominant-11th": "11", "major-11th": "maj11", "minor-11th": "m11", "dominant-13th": "13",
    "major-13th": "maj13", "minor-13th": "m13", "suspended-second": "sus2", "suspended-fourth": "sus4", "power": "5",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chord:
    """A root (pitch class 0-11), a quality (one of `QUALITIES`) and, where another note is lowest, a bass."""

    root: int
    quality: str = "maj"
    bass: int | None = None

    def __post_init__(self) -> None:
        for name, note in (("root", self.root), ("bass", self.bass)):
            if note is not None and not 0 <= note <= 11:
                raise ValueError(f"{name} {note} is outside 0-11 (was a MIDI pitch meant? take it modulo 12)")
        if self.quality not in QUALITIES:
            raise ValueError(f"unknown quality {self.quality!r}; allowed are {', '.join(QUALITIES)}")

    @classmethod
    def parse(cls, text: str) -> Chord | None:
        """Read ``"Am7/G"``, ``"F#m7b5"``, ``"Bbmaj7"``, ``"C#:min7/b3"``; None for ``"N"`` or ``"N.C."``.

        A bass is a note or, as in Harte et al. (2005), a degree above the root; one that is the root is dropped.
        ValueError for anything else, with the nearest chord there is.
        """
        return _parse(text)

    @classmethod
    def from_code(cls, code: int) -> Chord | None:
        """The chord with this `code`; None for 0. ValueError above 252."""
        if not 0 <= code <= 12 * len(QUALITIES):
            raise ValueError(f"chord code {code} is outside 0-{12 * len(QUALITIES)}")
        root, quality = divmod(code - 1, len(QUALITIES))
        return cls(root, list(QUALITIES)[quality]) if code else None

    @property
    def code(self) -> int:
        """1 to 252: 1 + root * 21 + place of the quality in `QUALITIES`; the bass is not in it."""
        return 1 + self.root * len(QUALITIES) + _INDEX[self.quality]

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes of its notes, the bass included."""
        notes = {(self.root + n) % 12 for n in QUALITIES[self.quality]}
        return frozenset(notes if self.bass is None else notes | {self.bass})

    def transposed(self, semitones: int) -> Chord:
        """The chord `semitones` higher."""
        bass = None if self.bass is None else (self.bass + semitones) % 12
        return replace(self, root=(self.root + semitones) % 12, bass=bass)

    def __str__(self) -> str:
        bass = "" if self.bass is None else f"/{_ROOTS[self.bass]}"
        return f"{_ROOTS[self.root]}{_SYMBOLS.get(self.quality, self.quality)}{bass}"


def looks_like_chord(text: str) -> bool:
    """Whether a text is made like a chord symbol (perhaps of a chord that is not known here), not of words."""
    match = _SYMBOL.fullmatch(_tidy(text))
    return _is_none(text) or (match is not None and _words(match[3].partition("/")[0]) is not None)


def symbol_of_kind(kind: str, degrees: Sequence[tuple[str, int, int]] = ()) -> str:
    """What to write after the root for a MusicXML ``<kind>`` and its degrees (add, alter or subtract; number; semitones).

    ValueError for a kind that is no chord of `QUALITIES` (a pedal, a Neapolitan sixth ...).
    """
    if kind not in _KINDS:
        raise ValueError(f"no chord for the harmony kind {kind!r}; allowed are {', '.join(_KINDS)}")
    symbol = _KINDS[kind]
    for what, degree, semitones in degrees:
        sign = "#" * semitones if semitones > 0 else "b" * -semitones
        symbol += {"add": f"add{sign}{degree}", "alter": f"{sign or '+'}{degree}", "subtract": f"no{degree}"}.get(what, "")
    return symbol


def _is_none(text: str) -> bool:
    return text.strip().upper() in _NO_CHORD


def _tidy(text: str) -> str:
    text = text.translate(_SIGNS)
    if ":" in text:  # in Harte's syntax brackets hold single notes, a star what is missing
        text = re.sub(r"\(([^)]*)\)", lambda m: "".join(f"no{d[1:]}" if d[:1] == "*" else f"add{d}" for d in m[1].split(",") if d), text)
    return re.sub(r"6/9(?!\d)", "69", re.sub(r"[\s(),]", "", text))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Chord | None:
    if _is_none(text):
        return None
    match = _SYMBOL.fullmatch(_tidy(text))
    quality, slash, low = match[3].partition("/") if match else ("", "", "")
    words = _words(quality)
    if match is None or words is None:
        raise ValueError(f"{text[:40]!r} is no chord: write a root from A to G and a quality, as in Am7/G{_nearest_text(text)}")
    root = _note(match[1] + match[2])
    notes = _notes(*words)
    found = _quality(notes)
    bass = _bass(low, root) if slash else root
    if found is None or bass is None:
        nearest = Chord(root, found or _nearest_quality(notes))
        raise ValueError(f"{text[:40]!r} is no chord known here; the nearest is {nearest}")
    return Chord(root, found, None if bass == root else bass)


def _note(name: str) -> int:
    """Pitch class of a letter and accidentals."""
    return (_LETTERS[name[0].upper()] + sum(2 if c == "x" else _ACCIDENTALS[c] for c in name[1:])) % 12


def _bass(text: str, root: int) -> int | None:
    if re.fullmatch(r"[A-Ga-g](##|bb|x|[#b+]?)", text):
        return _note(text)
    match = re.fullmatch(r"([#b]*)(1[013]|[1-79]|11)", text)
    return (root + _DEGREES[int(match[2])] + sum(_ACCIDENTALS[c] for c in match[1])) % 12 if match else None


def _words(quality: str) -> tuple[str, list[str]] | None:
    """The family of a quality ("" for none) and the words that follow; None if it cannot be read."""
    match = _FAMILY.match(quality)
    rest = quality[match.end() :] if match else quality
    words = _WORD.findall(rest)
    return (_FAMILY_OF[match[0].lower() if match[0][1:] else match[0]] if match else "", words) if "".join(words) == rest else None


def _notes(family: str, words: Sequence[str]) -> dict[int, int]:
    """Degree -> semitones above the root of the chord that a quality asks for."""
    notes = dict(zip((1, 3, 5), _TRIADS[family or "maj"], strict=True))
    if family == "hdim":
        notes[7] = 10
    seventh = {"maj": 11, "dim": 9}.get(family, 10)
    for word in words:
        if word in ("maj", "Maj", "MAJ", "ma", "M", "^"):
            seventh = 11  # after the family it speaks of the seventh
            if "7" not in words:
                notes[7] = seventh
        elif word in _STACKS:
            notes |= {degree: seventh if degree == 7 else _DEGREES[degree] for degree in _STACKS[word]}
            if word == "5":
                notes.pop(3, None)
            elif word == "4":
                notes[3] = 5
        else:
            _change(notes, word)
    return notes


def _change(notes: dict[int, int], word: str) -> None:
    """Apply one alteration, omission, addition or suspension to the notes."""
    if word.startswith("sus"):
        notes[3] = 2 if word == "sus2" else 5
        if word in ("sus24", "sus42"):
            notes[9] = 14
    elif word in ("+", "aug", "alt"):
        notes[5] = 8
    elif word.startswith(("no", "omit")):
        notes.pop(int(word[-1]), None)
    else:
        sign, number = word.removeprefix("add").rstrip("0123456789"), word.lstrip("ad#b+-")
        degree = {2: 9, 4: 11}.get(int(number), int(number))
        # A degree that chords do not have (add8) changes nothing.
        if degree in _DEGREES:
            notes[degree] = _DEGREES[degree] + _ACCIDENTALS.get(sign, 0) - (sign == "-")


def _quality(notes: dict[int, int]) -> str | None:
    """The quality of these notes, the highest tensions left out until there is one."""
    left = dict(notes)
    for degree in (0, 13, 11, 9):
        left.pop(degree, None)
        if found := _BY_NOTES.get(frozenset(n % 12 for n in left.values())):
            return found
    return None


def _nearest_quality(notes: dict[int, int]) -> str:
    wanted = {n % 12 for n in notes.values()}
    return min(QUALITIES, key=lambda q: len(wanted ^ set(QUALITIES[q])))


def _nearest_text(text: str) -> str:
    names = [f"{root}{_SYMBOLS.get(q, q)}" for root in (*_ROOTS, "Db", "D#", "Gb", "G#", "A#") for q in QUALITIES]
    tidy = _tidy(text)
    found = difflib.get_close_matches(tidy[:1].upper() + tidy[1:24], names, n=1, cutoff=0.5)
    return f"; the nearest is {found[0]}" if found else ""
