"""Drums: the hits of a score on a sixteenth grid.

Conventions: a *hit* is a class of a drum map (`music.drum_maps`) sounding at a step; hits are stored as (B, 16) uint64 over
model bars, bit c standing for class c (meters of 12 steps use the first 12 columns). Classes count from 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drum_maps import DrumMap
from musicvae.music.grid import MOVED, OFF_GRID_STEPS
from musicvae.music.melody import DEFAULT_VELOCITY
from musicvae.music.meter import MAX_STEPS_PER_BAR, STEPS_PER_BEAT, Meter
from musicvae.music.score import MeterChange, NoteTable, Score, TempoChange, Track
from musicvae.music.segments import Segment, assumed_meter, segments, tempo_at

__all__ = ["MERGED", "DrumExtraction", "DrumLine", "PlacedHits", "cut_rows", "drum_notes", "drum_score", "drum_tracks", "extract_drums",
           "hit_steps", "hits_from_notes", "hits_to_notes", "lay_out_rows", "placed_hits", "supported_segments"]  # fmt: skip

Hits = NDArray[np.uint64]
_Value = TypeVar("_Value", bound=np.generic)
MERGED = "hits of one class on the same sixteenth merged"
_DRUM_NAMES = re.compile(r"\bdrum|percuss|\bkit\b", re.IGNORECASE)
_MOST_NAMED = 12
_MAX_BARS = 20_000


@dataclass(frozen=True)
class DrumLine:
    """Drums of a stretch of constant meter.

    hits: (B, 16) uint64 over model bars. num_bars, start_bar: written bars, counted from 1 in the file;
    start_ticks: where the first begins. has_pickup, has_partial_end: as in `music.extract.Line`.
    """

    hits: Hits
    meter: Meter
    num_bars: int
    start_bar: int
    start_ticks: int
    tempo_qpm: float
    has_pickup: bool = False
    has_partial_end: bool = False

    def to_score(self, drums: DrumMap, *, ticks_per_beat: int = 480, velocity: int = DEFAULT_VELOCITY) -> Score:
        """The line as a score of one drum track, beginning at tick 0."""
        notes = hits_to_notes(self.hits, drums, self.meter, ticks_per_beat=ticks_per_beat, velocity=velocity)
        return drum_score(notes, self.meter, self.tempo_qpm, self.num_bars, ticks_per_beat)


@dataclass(frozen=True)
class DrumExtraction:
    """Lines in the order of the file, the tracks they come from (from 1), why those, and what was lost."""

    lines: tuple[DrumLine, ...]
    tracks: tuple[int, ...]
    why: str
    losses: Mapping[str, int] = field(default_factory=dict)


def extract_drums(score: Score, drums: DrumMap, *, track: int | str | None = None) -> DrumExtraction:
    """The hits of all drum tracks together, a line for each stretch of constant, supported meter.

    Onsets go to the nearest sixteenth (half up). track: a number (from 1) or part of a name, to take one
    track only. Pitches in no class are counted by pitch. ValueError where there are no drums, or none that
    the map knows, or none in a supported meter.
    """
    numbers, why = drum_tracks(score, track)
    losses: Counter[str] = Counter(score.losses)
    lines = []
    for placed in placed_hits(score, numbers, drums, losses):
        losses[MOVED] += int((np.abs(placed.exact - placed.step) > OFF_GRID_STEPS).sum())
        losses[MERGED] += len(placed.step) - len(np.unique(placed.step * len(drums) + placed.classes))
        hits = hits_from_notes(placed.step, placed.classes, placed.segment.meter, placed.segment.num_bars)
        lines.append(DrumLine(hits, *placed.place))
    return DrumExtraction(tuple(lines), numbers, why, dict(+losses))


@dataclass(frozen=True)
class PlacedHits:
    """The hits in a segment, at least one: nearest step and exact place in steps, class and velocity of each, (N,)."""

    segment: Segment
    tempo_qpm: float
    step: NDArray[np.int64]
    exact: NDArray[np.float64]
    classes: NDArray[np.int64]
    velocity: NDArray[np.int64]

    @property
    def place(self) -> tuple[Meter, int, int, int, float, bool, bool]:
        """Meter, bars, first bar, its tick, tempo, pickup and partial end, in the order in which lines have them."""
        s = self.segment
        return s.meter, s.num_bars, s.start_bar, s.start, self.tempo_qpm, s.has_pickup, s.has_partial_end


def placed_hits(score: Score, numbers: Sequence[int], drums: DrumMap, losses: Counter[str]) -> Iterator[PlacedHits]:
    """The hits of these tracks in each segment of supported meter that has any; ValueError in the end if there was none."""
    losses["notes in other tracks"] += sum(len(t.notes) for i, t in enumerate(score.tracks, 1) if i not in numbers)
    notes, classes = drum_notes(score, numbers, drums, losses)
    found = False
    for segment in _drum_segments(score, notes, losses):
        inside, step, exact = hit_steps(notes, segment, score.ticks_per_beat)
        if len(step):
            found = True
            yield PlacedHits(segment, tempo_at(score, segment.start), step, exact, classes[inside], notes.velocity[inside])
    if not found:
        raise ValueError(_why_no_line(losses))


def drum_tracks(score: Score, track: int | str | None = None) -> tuple[tuple[int, ...], str]:
    """Numbers (from 1) of the tracks that hold the drums, and why those; ValueError if there are none.

    They are those on the drum channel or, where none is, those with the name of drums. track: a number or part of a
    name settles it, on whatever channel the track is.
    """
    filled = [i for i, t in enumerate(score.tracks, 1) if t.notes]
    drums = [i for i in filled if score.tracks[i - 1].is_drum]
    named = ", ".join(f"{i} {t.name!r}" for i, t in enumerate(score.tracks[:_MOST_NAMED], 1)) or "none"
    if isinstance(track, int):
        if track not in filled:
            raise ValueError(f"no track {track} with notes; tracks count from 1 and are: {named}")
        return (track,), "asked for by number"
    if isinstance(track, str):
        found = [i for i in filled if track.lower() in score.tracks[i - 1].name.lower()]
        if not found:
            raise ValueError(f"no track with notes is named like {track!r}; tracks are: {named}")
        return tuple(found), f"named like {track!r}"
    if not drums and (drums := [i for i in filled if _DRUM_NAMES.search(score.tracks[i - 1].name)]):
        return tuple(drums), "no track is on the drum channel, but this is the name of drums"
    if not drums:
        raise ValueError("no drums in it (MIDI keeps them on channel 10)" if filled else "no notes in it")
    return tuple(drums), "the only track of drums" if len(drums) == 1 else f"all {len(drums)} tracks of drums together"


def drum_notes(score: Score, numbers: Sequence[int], drums: DrumMap, losses: Counter[str]) -> tuple[NoteTable, NDArray[np.int64]]:
    """Notes of these tracks that are in a class, and their classes; the others are counted by pitch."""
    tables = [NoteTable.of(score.tracks[i - 1].notes) for i in numbers]
    columns = ("onset_ticks", "pitch", "duration_ticks", "velocity")
    notes = tables[0] if len(tables) == 1 else NoteTable(*(np.concatenate([getattr(t, name) for t in tables]) for name in columns))
    classes = drums.class_of[np.clip(notes.pitch, 0, 127)].astype(np.int64)
    for pitch, count in zip(*np.unique(notes.pitch[classes < 0], return_counts=True), strict=True):
        losses[f"hits of pitch {pitch}, which is in no class of the drum map"] += int(count)
    if not (classes >= 0).any():
        raise ValueError(f"no hits that the drum map {drums.name} knows")
    known = classes >= 0
    return (notes, classes) if known.all() else (NoteTable(*(getattr(notes, name)[known] for name in columns)), classes[known])


def _drum_segments(score: Score, notes: NoteTable, losses: Counter[str]) -> list[Segment]:
    """Segments of supported meter as far as drums are hit (how long a drum note is held means nothing); others are counted."""
    # A last hit opens the bar that it is nearest to: `segments` forgives an end half a step after a bar line, but no more.
    end = int(notes.onset_ticks[-1]) + 2 * int(score.ticks_per_beat / STEPS_PER_BEAT / 2) + 1
    return supported_segments(score, end, int(notes.onset_ticks[0]), losses)


def supported_segments(score: Score, end_ticks: int, first_ticks: int, losses: Counter[str]) -> list[Segment]:
    """The segments of supported meter; bars of others are counted. ValueError for more bars than any music has."""
    if reason := assumed_meter(score):
        losses[reason] += 1
    every = segments(score, end_ticks, first_ticks)
    if (bars := sum(segment.num_bars for segment in every)) > _MAX_BARS:
        raise ValueError(f"{bars} bars in the file; at most {_MAX_BARS} are read: is its meter or its resolution damaged?")
    for segment in every:
        if not segment.meter.is_supported:
            losses[f"bars in unsupported meter {segment.meter}"] += segment.num_bars
    return [segment for segment in every if segment.meter.is_supported]


def hit_steps(notes: NoteTable, segment: Segment, ticks_per_beat: int) -> tuple[slice, NDArray[np.int64], NDArray[np.float64]]:
    """Which notes a segment takes, the nearest step of each (half up) from its first bar line, and the exact place in steps."""
    first, end = np.searchsorted(notes.onset_ticks, (segment.low_ticks, segment.high_ticks)).tolist()
    exact = (notes.onset_ticks[first:end] - segment.start) / (ticks_per_beat / STEPS_PER_BEAT)
    last = segment.num_bars * segment.meter.steps_per_bar - 1
    return slice(first, end), np.clip(np.floor(exact + 0.5).astype(np.int64), 0, last), exact


def _why_no_line(losses: Mapping[str, int]) -> str:
    """Why nothing could be taken from drums that are there."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in losses.items() if count and "meter" in reason)
    return f"no drums in a meter with a grid{f' ({reasons})' if reasons else ''}"


def lay_out_rows(flat: NDArray[_Value], meter: Meter) -> NDArray[_Value]:
    """Steps (T, ...) of written bars as rows of model bars (B, 16, ...), the rest filled with zeros."""
    width = meter.steps_per_model_bar
    bars = -(-len(flat) // width)
    rows = np.zeros((bars, MAX_STEPS_PER_BAR, *flat.shape[1:]), flat.dtype)
    padded = np.zeros((bars * width, *flat.shape[1:]), flat.dtype)
    padded[: len(flat)] = flat
    rows[:, :width] = padded.reshape(bars, width, *flat.shape[1:])
    return rows


def cut_rows(rows: NDArray[_Value], meter: Meter, start_bar: int, num_bars: int) -> NDArray[_Value]:
    """Written bars from `start_bar` (0-based) of rows (B, 16, ...), laid out anew."""
    flat = rows[:, : meter.steps_per_model_bar].reshape(-1, *rows.shape[2:])
    return lay_out_rows(flat[start_bar * meter.steps_per_bar : (start_bar + num_bars) * meter.steps_per_bar], meter)


def hits_from_notes(step: NDArray[np.int64], classes: NDArray[np.int64], meter: Meter, num_bars: int) -> Hits:
    """Hits (B, 16) of `num_bars` written bars; step: of each note, from the first bar."""
    flat = np.zeros(num_bars * meter.steps_per_bar, np.uint64)
    np.bitwise_or.at(flat, step, np.uint64(1) << classes.astype(np.uint64))
    return lay_out_rows(flat, meter)


def hits_to_notes(hits: Hits, drums: DrumMap, meter: Meter, *, ticks_per_beat: int = 480, velocity: int = DEFAULT_VELOCITY) -> NoteTable:
    """Notes a sixteenth long for hits (B, 16); ValueError for a shape or a class that does not fit."""
    if hits.ndim != 2 or hits.shape[1] != MAX_STEPS_PER_BAR:
        raise ValueError(f"hits have shape (bars, {MAX_STEPS_PER_BAR}), got {hits.shape}")
    if hits.size and int(np.bitwise_or.reduce(hits, axis=None)) >> len(drums):
        raise ValueError(f"hits of classes beyond the {len(drums)} of the drum map {drums.name}: another map?")
    width = meter.steps_per_model_bar
    bits = (hits[:, :width].reshape(-1, 1) >> np.arange(len(drums), dtype=np.uint64)) & np.uint64(1)
    step, classes = np.nonzero(bits)
    step_ticks = ticks_per_beat // STEPS_PER_BEAT
    return NoteTable(step * step_ticks, drums.pitch_of[classes], np.full(len(step), step_ticks), np.full(len(step), velocity))


def drum_score(notes: NoteTable, meter: Meter, tempo_qpm: float, num_bars: int, ticks_per_beat: int) -> Score:
    """A score of one drum track."""
    length = round(num_bars * meter.beats_per_bar * ticks_per_beat)
    track = Track(notes, "Drums", is_drum=True)
    return Score(ticks_per_beat, (track,), (TempoChange(0, tempo_qpm),), (MeterChange(0, meter),), length_ticks=length)
