"""Checks at the door of composing: moods and their strengths over the bars, and how much returns vary."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np

from musicvae.compose.composing.curves import Curve
from musicvae.compose.composing.moods import MOODS
from musicvae.compose.engine import Floats
from musicvae.compose.library import StyleLibrary
from musicvae.compose.limits import check_strengths
from musicvae.compose.styled import Styles
from musicvae.compose.styles import StyleVector

__all__ = ["asked_moods", "checked_share", "checked_strengths", "found_mood"]


def checked_strengths(mood: Styles | None) -> dict[str, float]:
    """Strengths by name, each -10 to 10; a name alone means 1. ValueError otherwise."""
    if not mood:
        return {}
    if not isinstance(mood, str | Mapping):
        raise ValueError(f"a mood is a name, or strengths by name as in {{'calm': 1.0}}, got {mood!r}")
    return check_strengths({mood: 1.0} if isinstance(mood, str) else mood)


def asked_moods(moods: Mapping[str, float], curve: Curve | None, bars: int, seconds_per_bar: float) -> dict[str, Floats]:
    """Strengths (N,) of each mood in each of N bars; ValueError for one that is asked for twice."""
    asked = {name: np.full(bars, strength) for name, strength in moods.items()}
    if curve is None:
        return asked
    if both := sorted(asked.keys() & curve.strengths.keys()):
        raise ValueError(f"{both[0]} is asked for twice, as a mood and by the curve: leave one of them out")
    return asked | curve.at(np.arange(bars), bars, seconds_per_bar)


def found_mood(library: StyleLibrary, name: str) -> StyleVector:
    """The vector of an attribute or a style; ValueError, which names the moods too, for an unknown one."""
    try:
        return library.find(name)
    except ValueError as error:
        raise ValueError(f"{name!r} is no mood; moods are {', '.join(MOODS)}, or attributes and styles of the model ({error})") from error


def checked_share(vary: object) -> float:
    """How much returns vary, 0 to 1; ValueError otherwise."""
    if isinstance(vary, bool) or not isinstance(vary, Real) or not 0 <= float(vary) <= 1:
        raise ValueError(f"vary must be a number from 0 (returns are the same) to 1, got {vary!r}: was a percentage meant?")
    return float(vary)
