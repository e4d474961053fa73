"""Chords of a long piece: a progression for each section, which returns with it.

Conventions: bars are written bars. A progression has a chord a bar and begins again until the section is over; one with more chords than
the section has bars is spread evenly over it, at most two a bar. Progressions for some letters leave the others with the first one's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from musicvae.compose.composing.form import Plan, Section
from musicvae.compose.harmony import Chords, chords_text, parsed_chords
from musicvae.music.chords import Chord
from musicvae.music.key import Key

__all__ = ["SectionChords", "chords_of_plan", "ending_notices", "ending_on", "section_chords", "section_chords_text"]

SectionChords: TypeAlias = Chords | Mapping[str, Chords]
"""Chords as elsewhere, for every section; by letter, as in ``"A: C Am F G; B: F G C C"`` or ``{"A": "C Am F G", "B": "F G C C"}``."""
_NAMED = re.compile(r"\s*([A-Z])\s*:(.*)", re.DOTALL)
_EVERY = ""
_PER_BAR = 2
Progressions: TypeAlias = Mapping[str, list[Chord | None]]


def section_chords(chords: SectionChords) -> Progressions:
    """Progressions by letter, or under "" one for all; ValueError for what is none, and for a letter that is named twice."""
    if isinstance(chords, Mapping):
        named = [(letter, own) for letter, own in chords.items()]
    elif isinstance(chords, str) and re.search(r"(^|;)\s*[A-Z]\s*:", chords):
        named = [_named(part) for part in chords.split(";") if part.strip()]
    else:
        return {_EVERY: parsed_chords(chords)}
    letters = [letter for letter, _ in named]
    if not named or not all(isinstance(letter, str) and re.fullmatch("[A-Z]", letter) for letter in letters):
        raise ValueError(f"chords are named by the letters of sections, as in 'A: C Am F G; B: F G C C', got {letters}")
    if len(set(letters)) < len(letters):
        raise ValueError(f"the chords of a section are given twice: {', '.join(letters)}")
    return {letter: parsed_chords(own) for letter, own in named}


def section_chords_text(chords: SectionChords) -> str:
    """The chords as one line that `section_chords` reads again."""
    found = section_chords(chords)
    return "; ".join((f"{letter}: " if letter else "") + chords_text(own) for letter, own in found.items())


def chords_of_plan(chords: SectionChords, plan: Plan) -> list[Chord | None]:
    """Chords of a whole piece, the same number for each bar; ValueError for letters that it has not and for too many chords."""
    found = section_chords(chords)
    letters = {section.letter for section in plan.sections}
    if unknown := sorted(found.keys() - letters - {_EVERY}):
        raise ValueError(f"chords are given for {', '.join(unknown)}, and the sections are {', '.join(sorted(letters))}")
    first = next(iter(found.values()))
    for letter, own in found.items():
        if len(own) > _PER_BAR * plan.section_bars:
            raise ValueError(
                f"{len(own)} chords are too many for section {letter or 'A'} of {plan.section_bars} bars: at most {_PER_BAR} a bar; "
                "was one progression for each letter meant, as in 'A: C Am F G; B: F G'?"
            )
    per_bar = _PER_BAR if any(len(own) > plan.section_bars for own in found.values()) else 1
    return [chord for section in plan.sections for chord in _played(found.get(section.letter, first), section, plan.section_bars, per_bar)]


def ending_on(chords: list[Chord | None], key: Key, num_bars: int) -> list[Chord | None]:
    """The same with the chord on the tonic, unless it is that, in the last bar."""
    last = len(chords) // num_bars
    tonic = Chord(key.tonic, "maj" if (key.tonic + 4) % 12 in key.scale else "min")
    return [*chords[:-last], *(chord if chord is not None and chord.root == key.tonic else tonic for chord in chords[-last:])]


def ending_notices(asked: list[Chord | None], played: list[Chord | None], num_bars: int) -> tuple[str, ...]:
    """What is said where `ending_on` made other chords of those that were asked for."""
    if asked == played:
        return ()
    last = len(asked) // num_bars
    return (f"the piece ends on its tonic: its last bar is over {played[-1]}, not {chords_text(asked[-last:])}",)


def _played(chords: list[Chord | None], section: Section, bars: int, per_bar: int) -> list[Chord | None]:
    """The chords of a section, of a coda those of its closing bars."""
    slots = bars * per_bar
    if len(chords) > bars:
        whole = [chords[slot * len(chords) // slots] for slot in range(slots)]
    else:
        whole = [chords[slot // per_bar % len(chords)] for slot in range(slots)]
    return whole[slots - section.num_bars * per_bar :]


def _named(part: str) -> tuple[str, str]:
    found = _NAMED.fullmatch(part)
    if found is None:
        raise ValueError(f"{part.strip()!r} has no letter of a section before it, as 'B: F G' has: name each progression, or give but one")
    return found[1], found[2]
