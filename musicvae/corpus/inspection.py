"""What an inspection of a file tells: tracks, maps, timing, lines and windows, as values and as tables.

Conventions: bars are written bars of the file, counted from 1, a pickup being bar 1, unless they are called model bars
(two written bars of 2/4 make one); beats are quarter notes from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from musicvae.corpus.report import Table
from musicvae.music.score import Score

_LONGEST_NAME = 32
__all__ = ["Change", "Inspection", "LineView", "TrackView", "WindowView"]


@dataclass(frozen=True)
class TrackView:
    """A track: number from 1; range of pitches, None without notes; role: what it was taken as, "" if it was not.

    melodic: its score in the choice, higher being likelier, None where there was none; terms: what that is made of, 0 to 1.
    """

    number: int
    name: str
    program: int
    is_drum: bool
    notes: int
    lowest: int | None
    highest: int | None
    melodic: float | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    role: str = ""


@dataclass(frozen=True)
class Change:
    """From this beat (a quarter note, from 0), which lies in this bar, on: this value."""

    beat: float
    bar: int
    value: str


@dataclass(frozen=True)
class WindowView:
    """A stretch of `bars` model bars, written bars first to last; reason: why it was left out, "" if it was kept."""

    bars: int
    first: int
    last: int
    reason: str = ""

    @property
    def kept(self) -> bool:
        """Whether a build takes it."""
        return not self.reason


@dataclass(frozen=True)
class LineView:
    """A stretch of constant meter, written bars first to last, as it is stored: key in the file, semitones it is moved by."""

    first: int
    last: int
    bars: int
    meter: str
    key: str
    shift: int
    tempo_qpm: float
    onsets: int
    windows: tuple[WindowView, ...]
    too_short_for: tuple[int, ...] = ()

    @property
    def kept(self) -> tuple[WindowView, ...]:
        """The windows that a build takes."""
        return tuple(window for window in self.windows if window.kept)


@dataclass(frozen=True)
class Inspection:
    """All there is to say about one tune of a file; see `corpus.inspect.inspect_file`.

    why: how the tracks were chosen. chords: how they change, none where the file names none. timing: what the grid meets, by name.
    losses: what was lost on the way, reason -> count. reason: why nothing could be taken, "" if something was. score: what was read.
    """

    path: str
    format: str
    title: str
    material: str
    hop_bars: int
    source: str
    tune_id: str
    tunes: int
    length_beats: float
    tracks: tuple[TrackView, ...]
    meters: tuple[Change, ...]
    tempi: tuple[Change, ...]
    keys: tuple[Change, ...]
    chords: tuple[Change, ...]
    timing: Mapping[str, float | None]
    timing_told: str
    lines: tuple[LineView, ...]
    why: str
    losses: Mapping[str, int]
    tags: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    reason: str = ""
    score: Score | None = field(default=None, repr=False, compare=False)

    @property
    def windows(self) -> tuple[WindowView, ...]:
        """The windows of all lines."""
        return tuple(window for line in self.lines for window in line.windows)

    def tables(self) -> tuple[Table, ...]:
        """Tracks, how they compare, lines, and windows as tables; those without rows are left out."""
        found = (_track_table(self), _choice_table(self), _line_table(self), _window_table(self))
        return tuple(table for table in found if table.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the score, as JSON can hold it."""
        words = asdict(replace(self, score=None))
        del words["score"]
        return words


def _track_table(told: Inspection) -> Table:
    rows = tuple(
        (
            track.number, track.name if len(track.name) <= _LONGEST_NAME else f"{track.name[: _LONGEST_NAME - 3]}...",
            "drums" if track.is_drum else track.program, track.notes, None if track.lowest is None else f"{track.lowest}-{track.highest}",
            track.role,
        )
        for track in told.tracks
    )  # fmt: skip
    return Table("tracks", ("track", "name", "program", "notes", "pitches", "taken as"), rows)


def _choice_table(told: Inspection) -> Table:
    """How the tracks compare, the best first; terms from 0 to 1; no rows where there is nothing to compare."""
    scored = sorted(
        (track for track in told.tracks if track.melodic is not None), key=lambda track: (-(track.melodic or 0.0), track.number)
    )
    terms = tuple(dict.fromkeys(name for track in scored for name in track.terms))
    rows = tuple(
        (track.number, f"{track.melodic:.2f}", *(f"{track.terms[name]:.2f}" if name in track.terms else None for name in terms))
        for track in scored
    )
    return Table("how the choice was made", ("track", "score", *terms), rows if len(rows) > 1 else ())


def _line_table(told: Inspection) -> Table:
    rows = tuple(
        (f"{line.first}-{line.last}", line.meter, line.key or None, line.shift, line.tempo_qpm, line.onsets, len(line.kept))
        for line in told.lines
    )
    return Table(f"lines of {told.material}", ("bars", "meter", "key", "shift", "qpm", "onsets", "windows"), rows)


def _window_table(told: Inspection) -> Table:
    """A row for each line, length and verdict, with the bars of each window."""
    rows = []
    for line in told.lines:
        for bars in dict.fromkeys((*(w.bars for w in line.windows), *line.too_short_for)):
            of_length = [w for w in line.windows if w.bars == bars]
            for reason in dict.fromkeys(["", *(w.reason for w in of_length)]):
                spans = [f"{w.first}-{w.last}" for w in of_length if w.reason == reason]
                if spans:
                    rows.append((f"{line.first}-{line.last}", bars, len(spans), reason or "kept", ", ".join(spans)))
            if not of_length:
                rows.append((f"{line.first}-{line.last}", bars, 0, "the line is shorter", ""))
    return Table("windows", ("line", "length", "windows", "verdict", "bars"), tuple(rows))
