"""Piano-roll pictures of melodies, pieces and whole files, through matplotlib (the optional extra ``plot``).

Conventions for melodies and pieces (for files see `write_score_roll`): one panel each, all with the same axes; time
runs in written bars, counted from 1; colour tells the pitch class of a melody, in the order of fifths so that related ones look
alike, or the track of a piece of several, and its strength the velocity; drums have a row for each class. matplotlib's
global state (backend, open figures, settings) is not changed, no window is opened, and the same music gives the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musicvae.music.colours import hexadecimal, of_track
from musicvae.music.files import atomic_path
from musicvae.music.melody import Melody
from musicvae.music.panels import Panel, panels_of
from musicvae.music.piece import Piece
from musicvae.music.score import NoteTable, Score

__all__ = ["MAX_PANELS", "SUFFIXES", "OddPlaces", "ScoreMarks", "write_piano_roll", "write_score_roll"]

SUFFIXES = (".png", ".svg", ".pdf")
"""The kinds of picture; the suffix of the path chooses."""
MAX_PANELS = 64

_FONT = "DejaVu Sans"  # comes with matplotlib
_INK, _FAINT, _ODD = "#333333", "#8a8a8a", "#d1242f"
_BLACK_KEYS = frozenset((1, 3, 6, 8, 10))
_MIN_ROWS = 13  # an octave, so that a flat melody is not drawn as fat blocks
_NAMES_INCHES = 0.85
_NAME_INCHES = 0.105  # height of a name beside its row
_TITLE_INCHES, _BOTTOM_INCHES, _SIDE_INCHES = 0.34, 0.5, 0.55
# What matplotlib would write of time and machine, by suffix
_METADATA: dict[str, dict[str, None]] = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


@dataclass(frozen=True)
class OddPlaces:
    """What to mark in the picture of a melody: numbers of notes, from 0, which get a red frame, and of bars, from 1, which are shaded red.

    better: for some of the notes the MIDI pitch that would be less odd, drawn as a red frame without a note.
    """

    notes: Sequence[int] = ()
    bars: Sequence[int] = ()
    better: Mapping[int, int] = field(default_factory=dict)


def write_piano_roll(
    melodies: Sequence[Melody | Piece | Score],
    path: str | Path,
    *,
    titles: Sequence[str] | None = None,
    odd: Sequence[OddPlaces] | None = None,
    force: bool = False,
) -> Path:
    """Draw melodies, pieces or scores above one another into a .png, .svg or .pdf file; returns the path.

    titles: one a melody; by default their names. odd: what to mark in each. ValueError for no or more than `MAX_PANELS` melodies,
    another suffix, a wrong number of titles or marks, drums of different maps, or where matplotlib is not installed; else as
    `music.files.atomic_path`.
    """
    if not 1 <= len(melodies) <= MAX_PANELS:
        raise ValueError(f"a picture shows 1 to {MAX_PANELS} melodies, got {len(melodies)}")
    if titles is not None and len(titles) != len(melodies):
        raise ValueError(f"{len(titles)} titles for {len(melodies)} melodies; one each is needed")
    if odd is not None and len(odd) != len(melodies):
        raise ValueError(f"{len(odd)} sets of marks for {len(melodies)} melodies; one each is needed")
    names = titles if titles is not None else [m.title if isinstance(m, Score) else m.name for m in melodies]
    return _write(lambda: _draw(melodies, names, odd or [OddPlaces()] * len(melodies)), path, force)


def _write(draw: Callable[[], Any], path: str | Path, force: bool) -> Path:
    """Write the figure that `draw` makes; the errors are those of `write_piano_roll`."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} should end in {', '.join(SUFFIXES)}: that chooses the kind of picture")
    try:
        figure = draw()
    except ImportError as error:
        raise ValueError(f"pictures need matplotlib, which is not installed ({error}): pip install 'musicvae[plot]'") from error
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], dpi=150, facecolor="white", bbox_inches=None, metadata=_METADATA[suffix])
    data = _stable_ids(buffer.getvalue()) if suffix == ".svg" else buffer.getvalue()
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
    return Path(path)


@dataclass(frozen=True)
class ScoreMarks:
    """What to point out in the picture of a score; times in ticks.

    taken: numbers (from 1) of the tracks that were taken, and as what. bars: where each bar begins, and its number.
    kept: names and stretches of what is shaded, as windows of one length.
    """

    taken: Mapping[int, str] = field(default_factory=dict)
    bars: Sequence[tuple[int, int]] = ()
    kept: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)


def write_score_roll(score: Score, path: str | Path, marks: ScoreMarks, *, title: str = "", force: bool = False) -> Path:
    """Draw all tracks of a score over one another; returns the path. Errors as in `write_piano_roll`.

    The tracks that were taken are drawn strong and on top, the others pale, each named in its colour; bar lines are where `marks` says;
    below the notes a band for each entry of ``marks.kept`` shows its stretches, and what any of them covers is shaded behind the notes.
    """
    return _write(lambda: _draw_score(score, marks, title or score.title or Path(path).stem), path, force)


def _draw_score(score: Score, marks: ScoreMarks, title: str) -> Any:
    from matplotlib.figure import Figure

    filled = [(number, NoteTable.of(track.notes)) for number, track in enumerate(score.tracks, 1) if len(track.notes)]
    begin = min([tick for tick, _ in marks.bars] + [0])
    end = max([score.end_ticks, score.length_ticks, begin + 1])
    low = min((int(notes.pitch.min()) for _, notes in filled), default=60) - 1
    high = max(max((int(notes.pitch.max()) for _, notes in filled), default=71) + 2, low + _MIN_ROWS)
    width = min(24.0, max(8.0, 0.25 * len(marks.bars) + 1.5))
    panel, band = min(5.0, max(1.6, (high - low) * 0.075)), 0.14 * len(marks.kept)
    names = _track_names(score, marks)
    legend = 0.16 * math.ceil(len(names) / 4) + 0.1
    height = _TITLE_INCHES + panel + band + _BOTTOM_INCHES + legend
    figure = Figure(figsize=(width, height))
    left, across = 2 * _SIDE_INCHES / width, 1 - 2.5 * _SIDE_INCHES / width
    roll = figure.add_axes((left, (band + _BOTTOM_INCHES + legend) / height, across, panel / height))
    roll.set_xlim(begin, end)
    roll.set_ylim(low, high)
    _draw_bar_lines(roll, marks.bars, low, high)
    for first, last in (stretch for stretches in marks.kept.values() for stretch in _merged(stretches)):
        roll.axvspan(first, last, facecolor="#eef3fa", edgecolor="none", zorder=0)
    for number, notes in sorted(filled, key=lambda entry: entry[0] in marks.taken):
        _draw_table(roll, notes, _track_colour(number, marks), taken=number in marks.taken)
    cs = [pitch for pitch in range(low, high) if pitch % 12 == 0]
    roll.hlines(cs, begin, end, colors="#d5d7db", linewidths=0.6, zorder=1)
    roll.set_yticks([pitch + 0.5 for pitch in cs], [f"C{pitch // 12 - 1}" for pitch in cs])
    roll.text(0, 1.03, _drawable(title), fontsize=9, fontweight="bold", color=_INK, transform=roll.transAxes, va="bottom",
              fontfamily=_FONT, parse_math=False)  # fmt: skip
    last_axes = roll
    if marks.kept:
        last_axes = figure.add_axes((left, (_BOTTOM_INCHES + legend) / height, across, band / height))
        last_axes.set_xlim(begin, end)
        _draw_bands(last_axes, marks.kept)
        _finish(roll, [])
    _finish(last_axes, marks.bars)
    for place, (number, name) in enumerate(names):
        at = (left + across * (place % 4) / 4, (legend - 0.16 * (place // 4 + 1)) / height)
        figure.text(*at, _drawable(name), fontsize=7, color=_track_colour(number, marks), fontfamily=_FONT, parse_math=False)
    return figure


def _draw_bar_lines(axes: Any, bars: Sequence[tuple[int, int]], low: int, high: int) -> None:
    every = max(1, 2 ** math.ceil(math.log2(max(1, len(bars)) / 96)))
    axes.vlines([tick for tick, _ in bars[::every]], low, high, colors="#dfe1e5", linewidths=0.6, zorder=1)


def _draw_table(axes: Any, notes: NoteTable, colour: str, *, taken: bool) -> None:
    from matplotlib.collections import PolyCollection

    boxes = [
        [(onset, pitch + 0.06), (onset, pitch + 0.94), (end, pitch + 0.94), (end, pitch + 0.06)]
        for onset, pitch, end in zip(notes.onset_ticks.tolist(), notes.pitch.tolist(), notes.end_ticks.tolist(), strict=True)
    ]
    drawn = PolyCollection(boxes, facecolors=colour, edgecolors="white" if taken else "none", linewidths=0.3,
                           alpha=1.0 if taken else 0.45, zorder=4 if taken else 3)  # fmt: skip
    drawn.set_gid("taken" if taken else "notes")
    axes.add_collection(drawn, autolim=False)


def _draw_bands(axes: Any, kept: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    """A row for each name, the first on top, with a bar over each stretch."""
    axes.set_ylim(len(kept), 0)
    for row, stretches in enumerate(kept.values()):
        merged = _merged(stretches)
        axes.broken_barh([(first, last - first) for first, last in merged], (row + 0.15, 0.7), facecolors="#7d9cc9", edgecolors="none")
    axes.set_yticks([row + 0.5 for row in range(len(kept))], list(kept))


def _finish(axes: Any, bars: Sequence[tuple[int, int]]) -> None:
    """Bar numbers below, or nothing; no frame."""
    every = max(1, 2 ** math.ceil(math.log2(max(1, len(bars)) / 24)))
    shown = bars[::every]
    axes.set_xticks([tick for tick, _ in shown], [str(number) for _, number in shown])
    axes.tick_params(axis="both", length=0, labelsize=7, labelcolor=_FAINT, labelfontfamily=_FONT)
    if bars:
        axes.set_xlabel("bar", fontsize=8, color=_FAINT, fontfamily=_FONT)
    for side in axes.spines.values():
        side.set_visible(False)


def _merged(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ground without overlaps."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(stretches):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _track_names(score: Score, marks: ScoreMarks) -> list[tuple[int, str]]:
    """Number and words of each track with notes, those taken first."""
    names = [
        (number, f"{number} {track.name or ('drums' if track.is_drum else f'program {track.program}')}"[:28]
         + (f": {marks.taken[number]}" if number in marks.taken else ""))
        for number, track in enumerate(score.tracks, 1) if len(track.notes)
    ]  # fmt: skip
    return sorted(names, key=lambda entry: entry[0] not in marks.taken)[:MAX_PANELS]


def _track_colour(number: int, marks: ScoreMarks) -> str:
    return hexadecimal(of_track(number, strong=number in marks.taken))


def _draw(music: Sequence[Melody | Piece | Score], titles: Sequence[str], odd: Sequence[OddPlaces]) -> Any:
    # A bare Figure, not pyplot: it belongs to nobody, and its canvas is made by savefig.
    from matplotlib.figure import Figure

    panels = panels_of(music)
    low, high = panels[0].rows
    num_bars = max(panel.num_bars for panel in panels)
    width = min(24.0, max(7.0, 0.6 * num_bars + 1.5))
    tall = min(3.2, max(1.1, (high - low) * (0.085 if len(panels) == 1 else 0.055)))
    height = len(panels) * (tall + _TITLE_INCHES) + _BOTTOM_INCHES
    side = _SIDE_INCHES if panels[0].drums is None else _NAMES_INCHES
    figure = Figure(figsize=(width, height))
    for index, (panel, title, marks) in enumerate(zip(panels, titles, odd, strict=True)):
        bottom = height - (index + 1) * (tall + _TITLE_INCHES)
        box = (side / width, bottom / height, 1 - (1.5 * _SIDE_INCHES + side - _SIDE_INCHES) / width, tall / height)
        axes = figure.add_axes(box)
        _draw_grid(axes, panel, num_bars, inches_per_row=tall / (high - low))
        _draw_boxes(axes, panel)
        _draw_odd(axes, panel, marks)
        _draw_titles(axes, panel, title)
        is_last = index == len(panels) - 1
        axes.tick_params(axis="both", length=0, labelsize=7, labelcolor=_FAINT, labelbottom=is_last, labelfontfamily=_FONT)
        if is_last:
            axes.set_xlabel("bar", fontsize=8, color=_FAINT, fontfamily=_FONT)
    return figure


def _draw_grid(axes: Any, panel: Panel, num_bars: int, *, inches_per_row: float) -> None:
    from matplotlib.collections import PolyCollection

    low, high = panel.rows
    first, last = panel.pitches or (0, 0)
    axes.set_xlim(1, num_bars + 1)
    axes.set_ylim(low, high)
    axes.set_axisbelow(True)
    end = num_bars + 1
    dark = [p for p in range(first, last) if p % 12 in _BLACK_KEYS]
    keys = [[(1, p), (1, p + 1), (end, p + 1), (end, p)] for p in dark]
    tall, names = panel.drum_height, panel.drums.names if panel.drums else ()
    classes = [(panel.first_drum_row + tall * number, name) for number, name in enumerate(names)]
    keys += [[(1, row), (1, row + tall), (end, row + tall), (end, row)] for row, _ in classes[1::2]]
    axes.add_collection(PolyCollection(keys, facecolors="#f2f3f5", edgecolors="none", zorder=0), autolim=False)
    cs = [pitch for pitch in range(first, last) if pitch % 12 == 0]
    axes.hlines(cs, 1, end, colors="#d5d7db", linewidths=0.6, zorder=1)
    every = max(1, 2 ** math.ceil(math.log2(num_bars / 32)))
    bars = range(1, end + 1, every)
    phrases = [(bar - 1) % (4 * every) == 0 for bar in bars]
    axes.vlines(
        bars, low, high, colors=["#b9bdc4" if p else "#dfe1e5" for p in phrases], linewidths=[0.9 if p else 0.7 for p in phrases], zorder=1
    )
    if panel.num_bars < num_bars:  # what lies after the end of a shorter one
        axes.axvspan(panel.num_bars + 1, end, facecolor="#e6e7ea", edgecolor="none", zorder=2)
    shown = classes[:: max(1, len(classes) // 16, math.ceil(_NAME_INCHES / (tall * inches_per_row)))]
    ticks = [*((pitch + 0.5, f"C{pitch // 12 - 1}") for pitch in cs), *((row + tall / 2, name) for row, name in shown)]
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.set_xticks(range(1, end, every))
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_boxes(axes: Any, panel: Panel) -> None:
    from matplotlib.collections import PolyCollection

    boxes, colours = [], []
    for box in panel.boxes:
        row, tall = panel.row(box)
        bottom, top = row + 0.06, row + tall - 0.06
        boxes.append([(box.begin, bottom), (box.begin, top), (box.end, top), (box.end, bottom)])
        colours.append(box.colour)
    drawn = PolyCollection(boxes, facecolors=colours, edgecolors="white", linewidths=0.5, zorder=3)
    drawn.set_gid("notes")  # its name in an SVG
    axes.add_collection(drawn, autolim=False)


def _draw_odd(axes: Any, panel: Panel, odd: OddPlaces) -> None:
    from matplotlib.collections import PolyCollection

    for bar in odd.bars:
        axes.axvspan(bar, bar + 1, facecolor=_ODD, alpha=0.13, edgecolor="none", zorder=1)
    framed = [(panel.boxes[number], panel.boxes[number].number) for number in odd.notes]
    wished = [(panel.boxes[number], pitch) for number, pitch in odd.better.items()]
    for name, boxes, style in (("odd", framed, "solid"), ("better", wished, "dotted")):
        shapes = [[(box.begin, row), (box.begin, row + 1), (box.end, row + 1), (box.end, row)] for box, row in boxes]
        if shapes:
            frames = PolyCollection(shapes, facecolors="none", edgecolors=_ODD, linewidths=1.6, linestyles=style, zorder=4)
            frames.set_gid(name)
            axes.add_collection(frames, autolim=False)


def _draw_titles(axes: Any, panel: Panel, title: str) -> None:
    whole = round(panel.tempo_qpm)  # files keep microseconds a beat, so that 174 comes back as 173.99999
    tempo = str(whole) if whole and abs(panel.tempo_qpm - whole) < 0.5 else f"{panel.tempo_qpm:g}"
    facts = [str(panel.meter), f"{tempo} quarters a minute", *([str(panel.key)] if panel.key else [])]
    above = {"transform": axes.transAxes, "va": "bottom", "fontfamily": _FONT, "parse_math": False}
    axes.text(0, 1.03, _drawable(title), fontsize=9, fontweight="bold", color=_INK, ha="left", **above)
    axes.text(1, 1.03, "  ·  ".join(facts), fontsize=7.5, color=_FAINT, ha="right", **above)
    inside = {"transform": axes.transAxes, "va": "top", "ha": "right", "fontsize": 6.5, "fontfamily": _FONT, "parse_math": False}
    for place, (name, colour) in enumerate(panel.parts):
        axes.text(0.995, 0.98 - place * 0.09, _drawable(name), color=colour, zorder=5, **inside)


def _drawable(text: str) -> str:
    """The text with what the font cannot draw as a question mark, where matplotlib would warn; at most 80 characters."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(_FONT))
    text = text if len(text) <= 80 else text[:79] + "…"
    return "".join(letter if letter.isprintable() and font.get_char_index(ord(letter)) else "?" for letter in text)


def _stable_ids(svg: bytes) -> bytes:
    """The picture with its random identifiers numbered instead; matplotlib takes their seed from global settings only."""
    names: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return match[1] + names.setdefault(match[2], b"id%d" % len(names)) + match[3]

    return re.sub(rb'(id="|#)([a-z][0-9a-f]{10})([")])', number, svg)
