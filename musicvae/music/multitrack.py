"""Whole scores as performances: every instrument of every bar in 4/4, and back to tracks.

Conventions: rows of tokens are those of `music.performance`; bars are model bars unless said otherwise, so that two bars of 2/4 are one.
Pedals are not in a `Score`: a note lasts as long as its key is held down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drums import supported_segments
from musicvae.music.key import Key, estimate_key
from musicvae.music.meter import KINDS, Meter
from musicvae.music.performance import (
    MAX_EVENTS,
    MAX_PARTS,
    STEPS_PER_PERFORMED_BAR,
    STEPS_PER_PERFORMED_BEAT,
    PartNotes,
    empty_bars,
    part_tokens,
    parts_of_bar,
)
from musicvae.music.score import NoteTable, Score, Track
from musicvae.music.segments import Segment, after_pickup, stated_key, tempo_at

__all__ = ["MIN_PARTS", "PerformanceExtraction", "PerformanceLine", "extract_performances", "performed_tracks"]

MIN_PARTS = 2
"""Instruments that a bar has at least, to be learnt from."""
_MOST = MAX_EVENTS - 2
_FAMILIES = (
    "Piano", "Chromatic percussion", "Organ", "Guitar", "Bass", "Strings", "Ensemble", "Brass", "Reed", "Pipe", "Synth lead", "Synth pad",
    "Synth effects", "Ethnic", "Percussive", "Sound effects",
)  # fmt: skip
_PROGRAMS_PER_FAMILY = 8
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PerformanceLine:
    """Bars (B, 8, 64) of tokens in one meter. num_bars, start_bar: written bars, from 1; start_ticks: where the first begins."""

    bars: NDArray[np.int16]
    meter: Meter
    num_bars: int
    start_bar: int
    start_ticks: int
    tempo_qpm: float
    key: Key
    has_pickup: bool = False
    has_partial_end: bool = False


@dataclass(frozen=True)
class PerformanceExtraction:
    """Lines in the order of the file, and what was lost."""

    lines: tuple[PerformanceLine, ...]
    losses: Mapping[str, int] = field(default_factory=dict)


def extract_performances(score: Score, *, whole: bool = False) -> PerformanceExtraction:
    """All instruments of a score, a line for each run of bars of one meter of 16 sixteenths that a performance can hold.

    Those are bars of 2 to 8 instruments, none with more than 62 events; pickups and bars cut short are left out.
    whole: keep every bar; of more than 8 instruments those with most events stay, and what an instrument plays beyond 62 events is left
    out. ValueError where nothing is left.
    """
    losses: Counter[str] = Counter(score.losses)
    tables = [NoteTable.of(track.notes) for track in score.tracks]
    onsets = [int(table.onset_ticks[0]) for table in tables if len(table)]
    if not onsets:
        raise ValueError("no notes in it")
    lines: list[PerformanceLine] = []
    for segment in supported_segments(score, score.end_ticks, min(onsets), losses):
        if segment.meter.kind != KINDS[0]:
            losses[f"bars in {segment.meter}, not 4/4"] += segment.num_bars
            continue
        if not whole:
            losses["bars in pickups or cut short"] += int(segment.has_pickup) + int(segment.has_partial_end)
            segment = after_pickup(segment, score.ticks_per_beat)
        if segment.num_bars > 0:
            lines += _lines(score, tables, segment, whole, losses)
    if not lines:
        reasons = ", ".join(f"{count} {reason}" for reason, count in losses.items() if count and reason.startswith("bars"))
        raise ValueError(f"no bar of several instruments in 4/4{f' ({reasons})' if reasons else ''}")
    return PerformanceExtraction(tuple(lines), dict(+losses))


def _lines(score: Score, tables: Sequence[NoteTable], segment: Segment, whole: bool, losses: Counter[str]) -> list[PerformanceLine]:
    ratio = segment.meter.written_per_model_bar
    bars = segment.meter.model_bars(segment.num_bars)
    parts = _parts(score, tables, segment, bars, losses)
    rows, counts = (np.stack(found) for found in zip(*(part_tokens(part, bars) for part in parts), strict=True))
    if whole:
        counts = _thinned(counts, losses)
        runs = [(0, bars)] if counts.any() else []
    else:
        # A bar cut short takes the model bar it lies in with it.
        last = (segment.num_bars - 1) // ratio if segment.has_partial_end else bars
        runs = _runs(_acceptable(counts, losses) & (np.arange(bars) < last))
    found = _seated(rows, counts > 0)
    key = _key(score, segment, parts)
    lines = []
    for first, end in runs:
        ticks = segment.start + round(first * STEPS_PER_PERFORMED_BAR * score.ticks_per_beat / STEPS_PER_PERFORMED_BEAT)
        written = min(end * ratio, segment.num_bars) - first * ratio
        lines.append(PerformanceLine(
            found[first:end], segment.meter, written, segment.start_bar + first * ratio, ticks, tempo_at(score, ticks), key,
            segment.has_pickup and first == 0, segment.has_partial_end and end == bars,
        ))  # fmt: skip
    return lines


def _parts(score: Score, tables: Sequence[NoteTable], segment: Segment, bars: int, losses: Counter[str]) -> list[PartNotes]:
    """The notes of each track in a segment, in the order of rows; times rounded half up, every note at least a step long."""
    step_ticks = score.ticks_per_beat / STEPS_PER_PERFORMED_BEAT
    last = bars * STEPS_PER_PERFORMED_BAR - 1
    parts = []
    for track, notes in zip(score.tracks, tables, strict=True):
        first, end = np.searchsorted(notes.onset_ticks, (segment.low_ticks, segment.high_ticks)).tolist()
        inside = slice(first, end)
        onset = _rounded((notes.onset_ticks[inside] - segment.start) / step_ticks)
        stop = _rounded((notes.end_ticks[inside] - segment.start) / step_ticks)
        pitch, velocity = notes.pitch[inside], np.clip(notes.velocity[inside], 1, 127)
        onset = np.clip(onset, 0, last)
        order = np.lexsort((pitch, onset))
        order = order[notes.duration_ticks[inside][order] > 0]
        losses["zero-length notes"] += len(onset) - len(order)
        length = np.maximum(stop - onset, 1)
        parts.append(PartNotes(track.program, track.is_drum, onset[order], pitch[order], length[order], velocity[order]))
    return sorted(parts, key=lambda part: part.program_token)


def _rounded(steps: NDArray[np.float64]) -> Ints:
    return np.floor(steps + 0.5).astype(np.int64)


def _acceptable(counts: Ints, losses: Counter[str]) -> NDArray[np.bool_]:
    """Which bars can be learnt from, for the events (parts, bars) in them; the others are counted."""
    playing = (counts > 0).sum(axis=0)
    reasons = {
        f"bars of fewer than {MIN_PARTS} instruments": playing < MIN_PARTS,
        f"bars of more than {MAX_PARTS} instruments": playing > MAX_PARTS,
        f"bars of more than {_MOST} events in one instrument": counts.max(axis=0) > _MOST,
    }
    left: NDArray[np.bool_] = np.ones(counts.shape[1], np.bool_)
    for reason, failed in reasons.items():
        losses[reason] += int((left & failed).sum())
        left &= ~failed
    return left


def _thinned(counts: Ints, losses: Counter[str]) -> Ints:
    """The events (parts, bars) of the eight fullest parts of each bar; 0 for the others."""
    rank = np.argsort(np.argsort(-counts, axis=0, kind="stable"), axis=0)
    kept: Ints = np.where(rank < MAX_PARTS, counts, 0)
    losses[f"instruments beyond {MAX_PARTS} in a bar"] += int((counts > 0).sum() - (kept > 0).sum())
    losses[f"events beyond {_MOST} of an instrument in a bar"] += int(np.maximum(kept - _MOST, 0).sum())
    return kept


def _seated(rows: NDArray[np.int16], playing: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Rows (parts, bars, 64) of those that play in each bar as the first of (bars, 8, 64); those past the eighth are left out."""
    found = empty_bars(rows.shape[1])
    seat = np.cumsum(playing, axis=0) - 1
    for part, (plays, place) in enumerate(zip(playing, seat, strict=True)):
        where = np.flatnonzero(plays & (place < MAX_PARTS))
        found[where, place[where]] = rows[part, where]
    return found


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _key(score: Score, segment: Segment, parts: Sequence[PartNotes]) -> Key:
    """The key stated in the segment, else the one estimated from what is not drums."""
    pitched = [part for part in parts if not part.is_drum]
    none = np.zeros(0, np.int64)
    pitch, length = (np.concatenate([none, *(getattr(part, name) for part in pitched)]) for name in ("pitch", "duration_steps"))
    return stated_key(score, segment) or estimate_key(pitch, length)


def performed_tracks(bars: NDArray[np.integer], ticks_per_beat: int = 480) -> tuple[Track, ...]:
    """Tracks of bars (B, 8, 64), from tick 0: rows of one program go on in one track, several of it in a bar in as many.

    No two have the same name, whatever programs of a family there are.
    """
    tick = ticks_per_beat // STEPS_PER_PERFORMED_BEAT
    notes: dict[tuple[bool, int, int], list[Ints]] = {}
    for bar, rows in enumerate(bars):
        met: Counter[tuple[bool, int]] = Counter()
        for part in parts_of_bar(rows):
            sort = part.is_drum, part.program
            onset = part.onset_steps + bar * STEPS_PER_PERFORMED_BAR
            notes.setdefault((*sort, met[sort]), []).append(np.stack([onset * tick, part.pitch, part.duration_steps * tick, part.velocity]))
            met[sort] += 1
    tracks, named = [], Counter[str]()
    for (is_drum, program, _), found in sorted(notes.items(), key=lambda entry: entry[0]):
        name = "Drums" if is_drum else _FAMILIES[program // _PROGRAMS_PER_FAMILY]
        named[name] += 1
        title = f"{name} {named[name]}" if named[name] > 1 else name
        tracks.append(Track(NoteTable(*np.concatenate(found, axis=1)), title, program, is_drum))
    return tuple(tracks)
