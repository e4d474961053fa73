"""Which part of a melody is meant: bars, and beats in them, as musicians write them.

Conventions: a *place* is ``7`` (bar 7) or ``7:2.5`` (bar 7, the second half of its second beat), a *span* is a place or
``7-10`` from one to another, both included; several are written with commas between them: ``7-10,13,15:1-15:2``. Bars and beats count
from 1; a beat is a quarter note in every meter, and a place with a beat means that beat or, where it has a
fraction, one sixteenth. Inside the library a part is an array of steps (num_steps,), true where it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT, Meter

__all__ = ["Part", "Steps", "first_bar_of", "note_indices", "place_text", "span_text", "steps_of"]

Part: TypeAlias = str | int | Iterable[int | str]
"""Spans in text, a bar, or several of either."""
Steps: TypeAlias = NDArray[np.bool_]

_PLACE = re.compile(r"(\d+)(?::(\d+(?:\.\d+)?))?")


def steps_of(part: Part, meter: Meter, num_bars: int, *, first_bar: int = 1, what: str = "mask") -> Steps:
    """The steps (num_steps,) of a part of so many written bars, the first of which is called `first_bar`.

    ValueError, naming `what`, for a part that is not in them.
    """
    chosen = np.zeros(num_bars * meter.steps_per_bar, np.bool_)
    bars = range(first_bar, first_bar + num_bars)
    for span in _spans(part, what):
        first, dash, last = span.partition("-")
        start, end = _reach(first, span, meter, bars, what)
        if dash:
            end = _reach(last, span, meter, bars, what)[1]
        if end <= start:
            raise ValueError(f"{what} {span!r} ends before it begins: write the earlier place first")
        chosen[start:end] = True
    return chosen


def first_bar_of(part: Part, what: str = "mask") -> int:
    """The bar that a part names first; ValueError for what names none."""
    match = re.match(r"\d+", _spans(part, what)[0])
    if match is None:
        raise ValueError(_unreadable(what, str(part)))
    return int(match[0])


def _spans(part: Part, what: str) -> list[str]:
    if not isinstance(part, str | int | Iterable):
        raise ValueError(_unreadable(what, str(part)))
    words = [part] if isinstance(part, str | int) else list(part)
    spans = [span.strip() for word in words for span in str(word).split(",")]
    if not spans or not all(spans):
        raise ValueError(f"{what} {part!r} names no bars: write it as in 7-10,13 or 9:3 (bar 9, beat 3)")
    return spans


def _unreadable(what: str, span: str) -> str:
    return f"{what} {span!r} is no bar, beat or stretch of them: write it as in 7-10,13 or 9:3 (bar 9, beat 3)"


def _reach(text: str, span: str, meter: Meter, bars: range, what: str) -> tuple[int, int]:
    """First step of a place and the first after it."""
    match = _PLACE.fullmatch(text.strip())
    if match is None:
        raise ValueError(_unreadable(what, span))
    bar, beat = int(match[1]), match[2]
    if bar not in bars:
        raise ValueError(f"{what} {span!r}: there is no bar {bar}, the melody has bars {bars[0]} to {bars[-1]} (bars count from 1)")
    start, width = (bar - bars[0]) * meter.steps_per_bar, meter.steps_per_bar
    if beat is None:
        return start, start + width
    step = (float(beat) - 1) * STEPS_PER_BEAT
    if step != int(step) or not 0 <= step < width:
        allowed = f"beats of {meter} are 1 to below {1 + width / STEPS_PER_BEAT:g}, in quarter notes and sixteenths of .25"
        raise ValueError(f"{what} {span!r}: bar {bar} has no beat {beat}; {allowed}")
    return start + int(step), start + int(step) + (1 if "." in beat else STEPS_PER_BEAT)


def place_text(step: int, meter: Meter, first_bar: int = 1) -> str:
    """The place of one step, as in ``9:3.5``; ``9:3.0`` is the first sixteenth of a beat."""
    bar, inside = divmod(step, meter.steps_per_bar)
    beat = f"{1 + inside / STEPS_PER_BEAT:.2f}".rstrip("0")
    return f"{bar + first_bar}:{beat}{'0' if beat.endswith('.') else ''}"


def span_text(steps: Steps, meter: Meter, first_bar: int = 1) -> str:
    """A part as text; whole bars as bars."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], steps.astype(np.int8), [0]])))
    width, words = meter.steps_per_bar, []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if start % width == 0 and end % width == 0:
            first, last = start // width + first_bar, end // width - 1 + first_bar
            words.append(str(first) if first == last else f"{first}-{last}")
        else:
            first_place, last_place = place_text(start, meter, first_bar), place_text(end - 1, meter, first_bar)
            words.append(first_place if end - start == 1 else f"{first_place}-{last_place}")
    return ",".join(words)


def note_indices(melody: Melody, steps: Steps) -> list[int]:
    """Notes of the melody that start in a part."""
    return [index for index, note in enumerate(melody.notes) if steps[note.onset_steps]]
