"""Colours of pictures: hues around a circle on which equal steps look equal.

Conventions: red, green and blue are 0 to 1 in sRGB; hues are in radians.
"""

from __future__ import annotations

import math

__all__ = ["hexadecimal", "of_pitch", "of_track", "paler", "polar"]

Colour = tuple[float, float, float]


def polar(lightness: float, chroma: float, hue: float) -> Colour:
    """Red, green, blue (sRGB) of a colour in Oklab's polar form, in which equal steps look equal. Ottosson (2020)."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (_gamma(min(1.0, max(0.0, part))) for part in linear)
    return red, green, blue


def of_pitch(pitch: int) -> Colour:
    """One hue a pitch class, neighbours a fifth apart, so that related ones look alike."""
    return polar(0.64, 0.125, 2 * math.pi * (7 * pitch % 12) / 12 + 0.5)


def of_track(number: int, *, strong: bool = True) -> Colour:
    """A hue a track, a golden angle apart; greyer for those that are not strong."""
    return polar(0.6, 0.13 if strong else 0.06, 2.4 * number)


def paler(colour: Colour, velocity: int) -> Colour:
    """The colour as strong as a note of this velocity is loud."""
    strength = 0.45 + 0.55 * velocity / 127
    red, green, blue = (1 - strength * (1 - part) for part in colour)
    return red, green, blue


def hexadecimal(colour: Colour) -> str:
    """The colour as ``#rrggbb``."""
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)


def _gamma(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
