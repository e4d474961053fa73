"""Meters: how long a bar is, and which of the model's grids it is written on.

Conventions: a beat is a quarter note in every meter, a step is a sixteenth note. A *written* bar
is what the time signature says; a *model* bar is one row of tokens. They are the same except in
2/4, where two written bars make one model bar of 4/4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["KINDS", "MAX_STEPS_PER_BAR", "STEPS_PER_BEAT", "SUPPORTED", "Meter", "counted_bars"]

STEPS_PER_BEAT = 4
KINDS = ("4/4", "3/4", "6/8")
"""The grids a model knows; their order is the index used in position-wise tables."""
MAX_STEPS_PER_BAR = 16

# written meter -> (kind, written bars in one model bar)
_GRIDS = {"4/4": ("4/4", 1), "2/2": ("4/4", 1), "2/4": ("4/4", 2), "3/4": ("3/4", 1), "6/8": ("6/8", 1)}
SUPPORTED = tuple(_GRIDS)


@dataclass(frozen=True, order=True)
class Meter:
    """A time signature, such as 3/4.

    Any positive numerator and a power of two as denominator can be held, since files contain all
    sorts; `is_supported` tells whether a model can take it.
    """

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if self.numerator < 1 or self.denominator < 1 or self.denominator & (self.denominator - 1):
            raise ValueError(
                f"{self.numerator}/{self.denominator} is no meter: the upper number must be at least 1 "
                "and the lower one a power of two, as in 3/4"
            )

    @classmethod
    def parse(cls, text: str) -> Meter:
        """Read a meter such as ``"6/8"``, ``"C"`` (4/4) or ``"C|"`` (2/2); ValueError for anything else."""
        text = {"C": "4/4", "C|": "2/2"}.get(text.strip(), text.strip())
        if not (match := re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)):
            raise ValueError(f"{text!r} is no meter: write it as in 3/4; allowed here are {', '.join(SUPPORTED)}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def beats_per_bar(self) -> float:
        """Length of a written bar in quarter notes."""
        return 4 * self.numerator / self.denominator

    @property
    def is_supported(self) -> bool:
        """Whether a model has a grid for this meter."""
        return str(self) in _GRIDS

    def require_supported(self) -> Meter:
        """Return self, or raise ValueError naming the meters that can be used."""
        if not self.is_supported:
            raise ValueError(f"meter {self} has no grid; allowed are {', '.join(SUPPORTED)}")
        return self

    @property
    def kind(self) -> str:
        """The grid this meter is written on: one of `KINDS`."""
        return _GRIDS[str(self.require_supported())][0]

    @property
    def kind_index(self) -> int:
        """Position of `kind` in `KINDS`."""
        return KINDS.index(self.kind)

    @property
    def written_per_model_bar(self) -> int:
        """Written bars in one model bar: 2 in 2/4, else 1."""
        return _GRIDS[str(self.require_supported())][1]

    @cached_property
    def steps_per_bar(self) -> int:
        """Steps (sixteenths) in one written bar; ValueError where they are not whole."""
        steps = self.beats_per_bar * STEPS_PER_BEAT
        if steps != int(steps):
            raise ValueError(f"a bar of {self} is no whole number of sixteenths")
        return int(steps)

    @property
    def steps_per_model_bar(self) -> int:
        """Steps in one model bar: 16 for 4/4, 2/2 and 2/4, 12 for 3/4 and 6/8."""
        return self.steps_per_bar * self.written_per_model_bar

    def model_bars(self, written_bars: int) -> int:
        """Model bars needed to hold this many written bars (rounded up)."""
        return -(-written_bars // self.written_per_model_bar)


def counted_bars(count: int) -> str:
    """A number of bars in words, as in "1 bar" or "12 bars"."""
    return f"{count} bar" if count == 1 else f"{count} bars"
