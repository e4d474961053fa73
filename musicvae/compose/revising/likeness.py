"""A first guess by copying: each bar to be found is the known one whose neighbours are most like its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.music.vocabulary import Tokens

__all__ = ["PHRASE", "likeness", "most_alike"]

PHRASE = 4
"""Bars that begin at a multiple of this from each other stand alike in their phrases."""

_REACH = 3  # bars on each side that are compared


def most_alike(tokens: Tokens, free: NDArray[np.bool_]) -> Tokens:
    """The tokens (B, S) with every bar that has free steps replaced by the known bar that stands most alike, if any is known."""
    known = np.flatnonzero(~free.any(axis=1)).tolist()
    filled = tokens.copy()
    for bar in np.flatnonzero(free.any(axis=1)).tolist() if known else ():
        filled[bar] = tokens[max(known, key=lambda other: (likeness(tokens, free, bar, other), -abs(bar - other)))]
    return filled


def likeness(tokens: Tokens, free: NDArray[np.bool_], bar: int, other: int) -> float:
    """The share of equal tokens, of known ones, in the bars around two bars and in these themselves."""
    equal, counted = 0, 0
    for away in range(-_REACH, _REACH + 1):
        a, b = bar + away, other + away
        if 0 <= a < len(tokens) and 0 <= b < len(tokens):
            both = ~free[a] & ~free[b]
            equal += int((tokens[a] == tokens[b])[both].sum())
            counted += int(both.sum())
    return equal / counted if counted else 0.0
