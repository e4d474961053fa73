"""The plan of a piece: which section is played when, and for how many bars.

Conventions: bars are written bars from 0. A form is a word of letters, each a section, with as many primes as one likes
("AABA", "AA'BA'"): a later A is the same section again. Where no letter has a prime, every return is varied; where some have, only
those are. The form is played from its beginning; for longer pieces again and again, at last from where its own end comes out right, as
players go back to the bridge ("AABA" in six sections: AABA BA). What is left at the end, less than a section, is a coda
made of the last section's closing bars.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import count
from numbers import Real

from musicvae.compose.limits import MAX_BARS
from musicvae.music.meter import Meter

__all__ = ["SECTION_BARS", "Plan", "Section", "Sign", "bars_in", "parse_form", "plan_of"]

SECTION_BARS = (16, 8, 4)
"""Lengths of a section, the longest first."""
_USUAL_BARS = 8
_SIGN = re.compile(r"([A-Z])([’']*)")
MAX_SIGNS = 64


@dataclass(frozen=True)
class Sign:
    """One letter of a form. primes: how many follow it."""

    letter: str
    primes: int = 0

    def __str__(self) -> str:
        return self.letter + "'" * self.primes


@dataclass(frozen=True)
class Section:
    """A stretch of the piece.

    letter: its material. turn: how often that was heard before. start_bar, num_bars: where it lies. varied: whether it
    differs from its first turn. is_coda: whether it is but the closing bars of its material. is_last: whether the piece ends with it.
    """

    letter: str
    turn: int
    start_bar: int
    num_bars: int
    varied: bool = False
    is_coda: bool = False
    is_last: bool = False

    @property
    def name(self) -> str:
        """The letter with a prime for a varied return, or "coda"."""
        return "coda" if self.is_coda else self.letter + "'" * self.varied


@dataclass(frozen=True)
class Plan:
    """Sections one after another. section_bars: the length of all but a coda."""

    sections: tuple[Section, ...]
    section_bars: int

    @property
    def num_bars(self) -> int:
        """Length of the piece."""
        return self.sections[-1].start_bar + self.sections[-1].num_bars

    def at(self, bar: int) -> Section:
        """The section in which a bar lies; IndexError past the end."""
        if not 0 <= bar < self.num_bars:
            raise IndexError(f"bar {bar} is not among {self.num_bars} bars")
        return self.sections[min(bar // self.section_bars, len(self.sections) - 1)]


def parse_form(text: str) -> tuple[Sign, ...]:
    """Read a form such as ``"AABA"`` or ``"A A' B A'"``; ValueError for anything else, and for more than 64 letters."""
    bare = re.sub(r"[\s,|-]", "", text).replace("′", "'")
    signs = tuple(Sign(match[1], len(match[2])) for match in _SIGN.finditer(bare))
    if not signs or "".join(map(str, signs)) != bare.replace("’", "'"):
        hint = f": try {bare.upper()}" if bare and parse_or_none(bare.upper()) else ""
        raise ValueError(f"{text!r} is no form: write capital letters for sections, as in AABA or AA'BA'{hint}")
    if len(signs) > MAX_SIGNS:
        raise ValueError(f"a form has at most {MAX_SIGNS} letters, got {len(signs)}: it is repeated where a piece is longer")
    return signs


def parse_or_none(text: str) -> bool:
    """Whether the text is a form."""
    return re.fullmatch(rf"(?:{_SIGN.pattern})+", text) is not None


def bars_in(minutes: float, meter: Meter, tempo_qpm: float) -> int:
    """Written bars that take this long, to the nearest; ValueError for none and for more than 10,000."""
    if isinstance(minutes, bool) or not isinstance(minutes, Real) or not math.isfinite(minutes):
        raise ValueError(f"minutes must be a number above 0, got {minutes!r}")
    bars = round(float(minutes) * tempo_qpm / meter.beats_per_bar)
    if not 1 <= bars <= MAX_BARS:
        raise ValueError(
            f"{minutes:g} minutes at {tempo_qpm:g} quarter notes a minute are {bars} bars of {meter}; 1 to {MAX_BARS} can be made"
        )
    return bars


def plan_of(form: tuple[Sign, ...], num_bars: int, section_bars: int | None = None) -> Plan:
    """Sections of a form that fill exactly so many bars.

    section_bars: 4, 8 or 16 (default: the longest of which the whole form fits, 8 rather than 16 where 16 leave more than
    half a section over). ValueError where not even one round fits.
    """
    if section_bars is not None and section_bars not in SECTION_BARS:
        raise ValueError(f"sections have {', '.join(map(str, sorted(SECTION_BARS)))} bars, got {section_bars!r}")
    fits = [size for size in SECTION_BARS if size * len(form) <= num_bars]
    if not fits or (section_bars is not None and section_bars not in fits):
        size = section_bars or SECTION_BARS[-1]
        raise ValueError(
            f"{len(form)} sections of {size} bars need {len(form) * size} bars, and {num_bars} are asked for: "
            "give it more minutes, or a shorter form" + (", or shorter sections" if section_bars and size > SECTION_BARS[-1] else "")
        )
    size = section_bars or fits[0]
    if section_bars is None and size > _USUAL_BARS and num_bars % size > size // 2:
        size = _USUAL_BARS
    played = _played(form, num_bars // size)
    return Plan(_sections(played, size, num_bars % size), size)


def _played(form: tuple[Sign, ...], number: int) -> list[Sign]:
    rounds, rest = divmod(number, len(form))
    return [*form * rounds, *(form[-rest:] if rest else ())]


def _sections(played: list[Sign], size: int, coda_bars: int) -> tuple[Section, ...]:
    marked = any(sign.primes for sign in played)
    turns = {sign.letter: count() for sign in played}
    sections = []
    for index, sign in enumerate(played):
        turn = next(turns[sign.letter])
        varied = turn > 0 and (sign.primes > 0 if marked else True)
        sections.append(Section(sign.letter, turn, index * size, size, varied, is_last=index == len(played) - 1 and not coda_bars))
    if coda_bars:
        last = played[-1].letter
        sections.append(Section(last, next(turns[last]), len(played) * size, coda_bars, is_coda=True, is_last=True))
    return tuple(sections)
