"""Piano-roll pictures of melodies, through matplotlib (the optional extra ``plot``).

Conventions: one panel a melody, all with the same axes; time runs in written bars, counted from 1;
colour tells the pitch class, in the order of fifths so that related ones look alike, and its strength
the velocity. matplotlib's global state (backend, open figures, settings) is not changed, no window
is opened, and the same melodies give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musicvae.music.files import atomic_path
from musicvae.music.melody import Melody, Note

__all__ = ["MAX_PANELS", "SUFFIXES", "write_piano_roll"]

SUFFIXES = (".png", ".svg", ".pdf")
"""The kinds of picture; the suffix of the path chooses."""
MAX_PANELS = 64

_FONT = "DejaVu Sans"  # comes with matplotlib
_INK, _FAINT = "#333333", "#8a8a8a"
_BLACK_KEYS = frozenset((1, 3, 6, 8, 10))
_MIN_ROWS = 13  # an octave, so that a flat melody is not drawn as fat blocks
_TITLE_INCHES, _BOTTOM_INCHES, _SIDE_INCHES = 0.34, 0.5, 0.55
# What matplotlib would write of time and machine, by suffix
_METADATA: dict[str, dict[str, None]] = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def write_piano_roll(melodies: Sequence[Melody], path: str | Path, *, titles: Sequence[str] | None = None, force: bool = False) -> Path:
    """Draw melodies above one another into a .png, .svg or .pdf file; returns the path.

    titles: one a melody; by default their names. ValueError for no or more than `MAX_PANELS` melodies, another
    suffix, a wrong number of titles, or where matplotlib is not installed; else as `music.files.atomic_path`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} should end in {', '.join(SUFFIXES)}: that chooses the kind of picture")
    if not 1 <= len(melodies) <= MAX_PANELS:
        raise ValueError(f"a picture shows 1 to {MAX_PANELS} melodies, got {len(melodies)}")
    if titles is not None and len(titles) != len(melodies):
        raise ValueError(f"{len(titles)} titles for {len(melodies)} melodies; one each is needed")
    try:
        figure = _draw(melodies, titles if titles is not None else [melody.name for melody in melodies])
    except ImportError as error:
        raise ValueError(f"pictures need matplotlib, which is not installed ({error}): pip install 'musicvae[plot]'") from error
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], dpi=150, facecolor="white", bbox_inches=None, metadata=_METADATA[suffix])
    data = _stable_ids(buffer.getvalue()) if suffix == ".svg" else buffer.getvalue()
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def _draw(melodies: Sequence[Melody], titles: Sequence[str]) -> Any:
    # A bare Figure, not pyplot: it belongs to nobody, and its canvas is made by savefig.
    from matplotlib.figure import Figure

    low, high = _pitch_range(melodies)
    num_bars = max(melody.num_bars for melody in melodies)
    width = min(24.0, max(7.0, 0.6 * num_bars + 1.5))
    panel = min(3.2, max(1.1, (high - low) * (0.085 if len(melodies) == 1 else 0.055)))
    height = len(melodies) * (panel + _TITLE_INCHES) + _BOTTOM_INCHES
    figure = Figure(figsize=(width, height))
    for index, (melody, title) in enumerate(zip(melodies, titles, strict=True)):
        bottom = height - (index + 1) * (panel + _TITLE_INCHES)
        box = (_SIDE_INCHES / width, bottom / height, 1 - 1.5 * _SIDE_INCHES / width, panel / height)
        axes = figure.add_axes(box)
        _draw_grid(axes, melody, low, high, num_bars)
        _draw_notes(axes, melody)
        _draw_titles(axes, melody, title)
        is_last = index == len(melodies) - 1
        axes.tick_params(axis="both", length=0, labelsize=7, labelcolor=_FAINT, labelbottom=is_last, labelfontfamily=_FONT)
        if is_last:
            axes.set_xlabel("bar", fontsize=8, color=_FAINT, fontfamily=_FONT)
    return figure


def _pitch_range(melodies: Sequence[Melody]) -> tuple[int, int]:
    """Lowest row and the row after the highest, with one row to spare at each end."""
    pitches = [note.pitch for melody in melodies for note in melody.notes] or [60, 71]
    low, high = min(pitches) - 1, max(pitches) + 2
    missing = max(0, _MIN_ROWS - (high - low))
    return low - missing // 2, high + missing - missing // 2


def _draw_grid(axes: Any, melody: Melody, low: int, high: int, num_bars: int) -> None:
    from matplotlib.collections import PolyCollection

    axes.set_xlim(1, num_bars + 1)
    axes.set_ylim(low, high)
    axes.set_axisbelow(True)
    end = num_bars + 1
    keys = [[(1, p), (1, p + 1), (end, p + 1), (end, p)] for p in range(low, high) if p % 12 in _BLACK_KEYS]
    axes.add_collection(PolyCollection(keys, facecolors="#f2f3f5", edgecolors="none", zorder=0), autolim=False)
    cs = [pitch for pitch in range(low, high) if pitch % 12 == 0]
    axes.hlines(cs, 1, end, colors="#d5d7db", linewidths=0.6, zorder=1)
    every = max(1, 2 ** math.ceil(math.log2(num_bars / 32)))
    bars = range(1, end + 1, every)
    phrases = [(bar - 1) % (4 * every) == 0 for bar in bars]
    axes.vlines(
        bars, low, high, colors=["#b9bdc4" if p else "#dfe1e5" for p in phrases], linewidths=[0.9 if p else 0.7 for p in phrases], zorder=1
    )
    if melody.num_bars < num_bars:  # what lies after the end of a shorter melody
        axes.axvspan(melody.num_bars + 1, end, facecolor="#e6e7ea", edgecolor="none", zorder=2)
    axes.set_yticks([pitch + 0.5 for pitch in cs], [f"C{pitch // 12 - 1}" for pitch in cs])
    axes.set_xticks(range(1, end, every))
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_notes(axes: Any, melody: Melody) -> None:
    from matplotlib.collections import PolyCollection

    width = melody.meter.steps_per_bar
    gap = 0.06  # of a step, so that repeated notes can be told apart
    boxes, colours = [], []
    for note in melody.notes:
        left, right = 1 + note.onset_steps / width, 1 + (note.end_steps - gap) / width
        bottom, top = note.pitch + 0.06, note.pitch + 0.94
        boxes.append([(left, bottom), (left, top), (right, top), (right, bottom)])
        colours.append(_colour(note))
    drawn = PolyCollection(boxes, facecolors=colours, edgecolors="white", linewidths=0.5, zorder=3)
    drawn.set_gid("notes")  # its name in an SVG
    axes.add_collection(drawn, autolim=False)


def _draw_titles(axes: Any, melody: Melody, title: str) -> None:
    whole = round(melody.tempo_qpm)  # files keep microseconds a beat, so that 174 comes back as 173.99999
    tempo = str(whole) if whole and abs(melody.tempo_qpm - whole) < 0.5 else f"{melody.tempo_qpm:g}"
    facts = [str(melody.meter), f"{tempo} quarters a minute", *([str(melody.key)] if melody.key else [])]
    above = {"transform": axes.transAxes, "va": "bottom", "fontfamily": _FONT, "parse_math": False}
    axes.text(0, 1.03, _drawable(title), fontsize=9, fontweight="bold", color=_INK, ha="left", **above)
    axes.text(1, 1.03, "  ·  ".join(facts), fontsize=7.5, color=_FAINT, ha="right", **above)


def _drawable(text: str) -> str:
    """The text with what the font cannot draw as a question mark, where matplotlib would warn; at most 80 characters."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(_FONT))
    text = text if len(text) <= 80 else text[:79] + "…"
    return "".join(letter if letter.isprintable() and font.get_char_index(ord(letter)) else "?" for letter in text)


def _colour(note: Note) -> tuple[float, float, float]:
    """Red, green and blue, 0 to 1: one hue a pitch class, a fifth apart for neighbours; paler when soft."""
    hue = 2 * math.pi * (7 * note.pitch % 12) / 12 + 0.5
    strength = 0.45 + 0.55 * note.velocity / 127
    rgb = _from_oklch(0.64, 0.125, hue)
    red, green, blue = (1 - strength * (1 - part) for part in rgb)
    return red, green, blue


def _from_oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
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


def _gamma(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _stable_ids(svg: bytes) -> bytes:
    """The picture with its random identifiers numbered instead; matplotlib takes their seed from global settings only."""
    names: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return match[1] + names.setdefault(match[2], b"id%d" % len(names)) + match[3]

    return re.sub(rb'(id="|#)([a-z][0-9a-f]{10})([")])', number, svg)
