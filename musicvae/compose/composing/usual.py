"""How many notes music has, so that moods ask for what there is.

A strength of density is a normal deviate: -0.5 asks for as many notes as the 31st of a hundred passages has, ordered by their notes,
1 for as many as the 84th. Passages are eight model bars of the tunes by which choices were made for the shipped corpus (its validation
split).
"""

from __future__ import annotations

import numpy as np

from musicvae.compose.engine import Floats

__all__ = ["MOST_STRENGTH", "notes_a_bar"]

MOST_STRENGTH = 2.0
"""The strength of an attribute beyond which hardly any music lies: of a hundred passages the second and the 98th."""
_DEVIATES = np.arange(-2.0, 2.1, 0.5)
_NOTES = {
    "4/4": (2.12, 2.75, 3.5, 4.38, 5.5, 7.0, 7.88, 8.75, 14.22),
    "3/4": (1.25, 1.5, 1.88, 2.25, 2.75, 3.25, 3.88, 4.75, 5.62),
    "6/8": (2.0, 2.62, 3.38, 4.38, 4.88, 5.38, 5.75, 6.0, 6.12),
}


def notes_a_bar(kind: str, strengths: Floats | float) -> Floats:
    """Notes of a model bar of a kind of meter at strengths (...) of density; those beyond `MOST_STRENGTH` ask for no more."""
    return np.exp(np.interp(strengths, _DEVIATES, np.log(_NOTES[kind])))
