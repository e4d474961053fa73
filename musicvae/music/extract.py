"""From a score to the melody in it: which track, which notes, which bars, on a sixteenth grid.

Conventions: ticks as in `music.score`, steps as in `music.melody`; bars count from 1 at this door, a
pickup being bar 1. Whatever does not reach the melody is counted by reason in `losses`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from musicvae.music.grid import Columns, GridLine, on_grid, sane_notes, skyline
from musicvae.music.key import estimate_key
from musicvae.music.melody import Melody
from musicvae.music.meter import SUPPORTED
from musicvae.music.score import NoteTable, Score, Track
from musicvae.music.segments import Segment, assumed_meter, segments, stated_key, tempo_at
from musicvae.music.tracks import choose_track

__all__ = ["Extraction", "GridExtraction", "GridLine", "Line", "Segment", "choose_track", "extract_grid", "extract_melody",
           "read_melody", "segments"]  # fmt: skip

_UNSUPPORTED = "bars in unsupported meter"
_MAX_BARS = 20_000
_MAX_NOTES = 500_000


@dataclass(frozen=True)
class Line:
    """A stretch of constant meter; start_bar counts written bars of the file from 1.

    has_pickup: the first bar is a pickup, its missing beats filled with rests. has_partial_end: the
    last bar was cut short by a change of meter or of the bar lines and is filled with rests.
    """

    melody: Melody
    start_bar: int
    has_pickup: bool = False
    has_partial_end: bool = False

    def whole_bars(self) -> Melody | None:
        """The melody without a pickup or a bar cut short; None if nothing is left."""
        first = int(self.has_pickup)
        bars = self.melody.num_bars - first - int(self.has_partial_end)
        return self.melody.cut(first, bars) if bars > 0 else None


@dataclass(frozen=True)
class Extraction:
    """Lines in the order of the file, the track they come from (from 1), why that one, and what was lost."""

    lines: tuple[Line, ...]
    track: int
    why: str
    losses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class GridExtraction:
    """As `Extraction`, its lines as arrays."""

    lines: tuple[GridLine, ...]
    track: int
    why: str
    losses: Mapping[str, int] = field(default_factory=dict)


def extract_grid(score: Score, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None) -> GridExtraction:
    """Take one melody out of a score: a line of arrays per stretch of constant, supported meter.

    Of notes that start together the highest is kept, and one that starts under a higher note which
    goes on sounding is left out (a second voice); notes that overlap a little are cut. Onsets go to
    the nearest sixteenth (half up). A pickup becomes a first bar with leading rests. start_bar
    (from 1) and bars choose written bars of the whole file. ValueError when nothing is left.
    """
    if start_bar < 1 or (bars is not None and bars < 1):
        raise ValueError(f"start bar {start_bar} and bars {bars} must be at least 1 (bars count from 1)")
    number, why = choose_track(score, track)
    chosen = score.tracks[number - 1]
    if len(chosen.notes) > _MAX_NOTES:
        raise ValueError(f"track {number} has {len(chosen.notes)} notes; at most {_MAX_NOTES} are read: take a part of the file")
    losses: Counter[str] = Counter(score.losses)
    losses["notes in other tracks"] += sum(len(t.notes) for i, t in enumerate(score.tracks, 1) if i != number)
    notes = skyline(sane_notes(NoteTable.of(chosen.notes), losses), score.ticks_per_beat, losses)
    whole = list(_lines(score, chosen, notes, losses))
    cuts = [_chosen_bars(line, start_bar, None if bars is None else start_bar + bars) for line in whole]
    lines = [cut for cut in cuts if cut is not None and len(cut)]
    if not lines:
        raise ValueError(_why_nothing(whole, number, start_bar, bars, +losses))
    return GridExtraction(tuple(lines), number, why, dict(+losses))


def extract_melody(score: Score, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None) -> Extraction:
    """What `extract_grid` takes out of a score, each line with a `Melody`; errors as there."""
    found = extract_grid(score, track=track, start_bar=start_bar, bars=bars)
    lines = tuple(Line(line.melody(), line.start_bar, line.has_pickup, line.has_partial_end) for line in found.lines)
    return Extraction(lines, found.track, found.why, found.losses)


def read_melody(
    path: str | Path, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 0
) -> tuple[Melody, Mapping[str, int]]:
    """The longest line of a file's melody and what was lost, other lines included.

    path: MIDI, MusicXML or ABC; tune: which tune of an ABC file, from 0. ValueError as in
    `read_score` and `extract_grid`, beginning with the path.
    """
    from musicvae.music.reading import read_score

    score = read_score(path, tune=tune)
    try:
        found = extract_grid(score, track=track, start_bar=start_bar, bars=bars)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    best = max(found.lines, key=lambda line: (line.num_bars, len(line)))
    losses = Counter(found.losses)
    losses["bars in other lines"] += sum(line.num_bars for line in found.lines if line is not best)
    return best.melody(), dict(+losses)


def _why_nothing(lines: Sequence[GridLine], track: int, start_bar: int, bars: int | None, losses: Counter[str]) -> str:
    """Why nothing is left of the bars asked for, given all lines of the track and what was lost."""
    unsupported = {reason: count for reason, count in losses.items() if reason.startswith(_UNSUPPORTED)}
    total = sum(line.num_bars for line in lines) + sum(unsupported.values())
    if start_bar > total:
        return f"bar {start_bar} is past the end: the melody of track {track} has {total} bar{'' if total == 1 else 's'}"
    last = total if bars is None else min(total, start_bar + bars - 1)
    where = f"bar {start_bar}" if start_bar == last else f"bars {start_bar} to {last}"
    reasons = ", ".join(f"{count} {reason}" for reason, count in losses.items())
    allowed = f"; meters allowed are {', '.join(SUPPORTED)}" if unsupported else ""
    return f"no melody left in {where} of track {track}{f' ({reasons})' if reasons else ''}{allowed}"


def _lines(score: Score, track: Track, notes: Columns, losses: Counter[str]) -> Iterator[GridLine]:
    onset, _, duration, _ = notes
    end = int((onset + duration).max()) if len(onset) else 0
    if reason := assumed_meter(score):
        losses[reason] += 1
    first = int(onset[0]) if len(onset) else sys.maxsize  # without notes there is no pickup
    for segment in segments(score, end, first):
        if not segment.meter.is_supported:
            losses[f"{_UNSUPPORTED} {segment.meter}"] += segment.num_bars
            continue
        if segment.num_bars > _MAX_BARS:
            raise ValueError(f"{segment.num_bars} bars in the file; at most {_MAX_BARS} are read: is its meter or its resolution damaged?")
        onset_steps, pitch, duration_steps, velocity = on_grid(notes, segment, score.ticks_per_beat, losses)
        yield GridLine(
            pitch, onset_steps, duration_steps, velocity, segment.meter, segment.num_bars, segment.start_bar,
            tempo_at(score, segment.start), stated_key(score, segment) or estimate_key(pitch, duration_steps), track.program,
            track.name or score.title or "Melody", segment.has_pickup, segment.has_partial_end,
        )  # fmt: skip


def _chosen_bars(line: GridLine, first: int, end: int | None) -> GridLine | None:
    """The part of a line inside written bars first to end - 1 of the file; None if there is none."""
    start = max(first, line.start_bar)
    stop = line.start_bar + line.num_bars
    stop = stop if end is None else min(end, stop)
    return line.cut(start - line.start_bar, stop - start) if start < stop else None
