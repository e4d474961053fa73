"""The plan of a piece: which section is played when, and for how many bars.

Conventions: bars are written bars from 0. A form is a word of letters, each a section, with as many primes as one likes
("AABA", "AA'BA'"): a later A is the same section again. Where no letter has a prime, every return is varied, each more than the one
before; where some have, only those are, a letter with the same primes in the same way.

A piece that is longer than its form plays it in rounds, at last from where its own end comes out right, as players go back to the bridge
("AABA" in six sections: AABA BA). Every other round opens with something new, in a neighbouring key, instead of what the form opens with
("AABA" in twelve: AABA CCBA AABA, as a trio between two minuets; "AB" in six: AB CB AB). What is left at the end is, from more than half a
section on, one more section that is cut short, else a coda made of the last section's closing bars.
"""

from __future__ import annotations

import math
import re
import string
from dataclasses import dataclass
from itertools import count
from numbers import Real

from musicvae.compose.limits import MAX_BARS
from musicvae.music.meter import Meter

__all__ = ["SECTION_BARS", "Plan", "Section", "Sign", "bars_in", "default_form", "parse_form", "plan_notices", "plan_of"]

SECTION_BARS = (16, 8, 4)
"""Lengths of a section, the longest first."""
_USUAL_BARS = 8
_SIGN = re.compile(r"([A-Z])([’']*)")
MAX_SIGNS = 64
_MOST_PRIMES = 3
_SHORT_FORMS = ((16, "AABA"), (12, "ABA"), (0, "A"))


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

    letter: its material. turn: how often that was heard before. start_bar, num_bars: where it lies; the last may be shorter than the
    others. variation: 0 where it is as at its first turn, else which variation of it, each farther away. away: whether it lies in a
    neighbouring key. is_coda: whether it is but the closing bars of its material. is_last: whether the piece ends with it.
    """

    letter: str
    turn: int
    start_bar: int
    num_bars: int
    variation: int = 0
    away: bool = False
    is_coda: bool = False
    is_last: bool = False

    @property
    def name(self) -> str:
        """The letter with a prime for each variation, from the fourth on with its number (A, A', A'4), or "coda"."""
        if self.is_coda:
            return "coda"
        return f"{self.letter}'{self.variation}" if self.variation > _MOST_PRIMES else self.letter + "'" * self.variation


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


def default_form(num_bars: int) -> str:
    """The form of a piece of so many bars whose form nobody names: AABA, and what sections of 4 bars leave room for where it is shorter."""
    return next(form for least, form in _SHORT_FORMS if num_bars >= least)


def plan_of(form: tuple[Sign, ...], num_bars: int, section_bars: int | None = None, *, extend: bool = True) -> Plan:
    """Sections of a form that fill exactly so many bars.

    section_bars: 4, 8 or 16 (default: the longest of which the whole form fits, its last section cut short by less than half if it is
    a return, 8 rather than 16 where 16 leave more than half a section over). extend: whether later rounds bring something new.
    ValueError where not even one round fits.
    """
    if section_bars is not None and section_bars not in SECTION_BARS:
        raise ValueError(f"sections have {', '.join(map(str, sorted(SECTION_BARS)))} bars, got {section_bars!r}")
    fits = [size for size in SECTION_BARS if size * len(form) - _spare(form, size) <= num_bars]
    if not fits or (section_bars is not None and section_bars not in fits):
        size = section_bars or SECTION_BARS[-1]
        needed = f"a section of {size} bars needs" if len(form) == 1 else f"{len(form)} sections of {size} bars need"
        raise ValueError(
            f"{needed} {len(form) * size} bars, and {num_bars} {'is' if num_bars == 1 else 'are'} asked for: "
            "give it more minutes"
            + (f", or a shorter form, such as {shorter}" if len(shorter := default_form(num_bars)) < len(form) else "")
            + (", or shorter sections" if section_bars and size > SECTION_BARS[-1] else "")
        )
    size = section_bars or fits[0]
    if section_bars is None and size > _USUAL_BARS and num_bars % size > size // 2:
        size = _USUAL_BARS
    left = num_bars % size
    short = left > size // 2
    played = _played(form, num_bars // size + short, extend=extend)
    return Plan(_sections(played, size, left, short=short), size)


def _spare(form: tuple[Sign, ...], size: int) -> int:
    """By how many bars the last section of a form may be cut short."""
    is_return = form[-1].letter in {sign.letter for sign in form[:-1]}
    return (size - 1) // 2 if is_return and size <= _USUAL_BARS else 0


def plan_notices(plan: Plan, form: str) -> tuple[str, ...]:
    """What was made of a form beyond what it says."""
    new = sorted({section.letter for section in plan.sections if section.away})
    if not new:
        return ()
    told = f"{', '.join(new)} {'is' if len(new) == 1 else 'are'} new"
    return (f"{form} is shorter than {plan.num_bars} bars and is played in rounds; {told}, where a round opens: write the form out, or "
            "let returns vary by 0, for nothing but its own sections",)  # fmt: skip


@dataclass(frozen=True)
class _Played:
    """A letter of the form in its place. round_: how many whole forms were heard before; away: whether it is new, in another key."""

    sign: Sign
    round_: int
    away: bool = False


def _played(form: tuple[Sign, ...], number: int, *, extend: bool) -> list[_Played]:
    rounds, rest = divmod(number, len(form))
    # How many letters the form opens with before another one comes; 0 where there is no other, and nothing to come back to.
    opening = next((place for place, sign in enumerate(form) if sign.letter != form[0].letter), 0)
    fresh = iter(sorted(set(string.ascii_uppercase) - {sign.letter for sign in form}))
    played: list[_Played] = []
    for round_ in range(rounds):
        letter = next(fresh, None) if extend and opening and round_ % 2 else None
        for place, sign in enumerate(form):
            new = letter is not None and place < opening
            played.append(_Played(Sign(letter, sign.primes), 0, away=True) if letter is not None and new else _Played(sign, round_))
    return played + [_Played(sign, rounds) for sign in (form[-rest:] if rest else ())]


def _sections(played: list[_Played], size: int, left: int, *, short: bool) -> tuple[Section, ...]:
    marked = any(own.sign.primes for own in played)
    turns = {own.sign.letter: count() for own in played}
    sections = []
    for index, own in enumerate(played):
        turn, primes = next(turns[own.sign.letter]), own.sign.primes
        # Where primes say what is varied, the A' of a later round is farther away than that of the first.
        variation = turn if not marked else primes + own.round_ if primes and turn else 0
        last = index == len(played) - 1
        bars = left if last and short else size
        sections.append(Section(own.sign.letter, turn, index * size, bars, variation, own.away, is_last=last and (short or not left)))
    if left and not short:
        letter = played[-1].sign.letter
        sections.append(Section(letter, next(turns[letter]), len(played) * size, left, is_coda=True, is_last=True))
    return tuple(sections)
