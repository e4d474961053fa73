"""From a score or a file to pieces of a material: what a musician means by "this beat", with what was chosen and what was lost.

Conventions: bars count from 1 at this door, as musicians count, and are written bars; a notice is one sentence for the user. Every bar
is kept, silent ones and a pickup (as a first bar with rests) too: what is not learnt from can still be played on. Meters without
16 sixteenths in a model bar are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from musicvae.music.meter import KINDS, STEPS_PER_BEAT
from musicvae.music.piece import PIECE_MATERIALS, Piece
from musicvae.music.provenance import piece_facts
from musicvae.music.score import NoteTable, Score
from musicvae.music.segments import tempo_at
from musicvae.music.stretches import FINDERS, Stretch

__all__ = ["take_piece"]

_SHOWN = 4
_WITH_DRUMS = ("drums", "groove", "trio")


def take_piece(
    source: Score | str | Path, material: str, *, drum_map: str = "nine", track: int | str | None = None,
    start_bar: int = 1, bars: int | None = None, name: str = "",
) -> tuple[Piece, ...]:  # fmt: skip
    """The pieces of a material in a score or a file of any format read here: one for each stretch of one meter, the longest first.

    track: a number (from 1) or part of a name, for melodies, drums and grooves. start_bar, bars: written bars of the file to take
    (default all); a silent bar before an early first hit, which our own files have, does not count. name: what to call it (default:
    the score's title, or the file's name). FileNotFoundError for a path that is not there; ValueError, beginning with the path if
    there is one, for what holds none.
    """
    if material not in PIECE_MATERIALS:
        raise ValueError(f"unknown material {material!r}; allowed are {', '.join(PIECE_MATERIALS)}")
    if start_bar < 1 or (bars is not None and bars < 1):
        raise ValueError(f"bars count from 1, got start_bar={start_bar}, bars={bars}")
    if track is not None and material in ("trio", "performance"):
        raise ValueError(f"a {material} is of several tracks: track={track!r} chooses nothing here")
    if isinstance(source, Score):
        return _taken(source, material, drum_map, track, start_bar, bars, name or source.title or f"the {material}")
    from musicvae.music.reading import read_score

    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: was it misspelled, or is it in another folder?")
    score = read_score(path)
    try:
        return _taken(score, material, drum_map, track, start_bar, bars, name or path.name)
    except ValueError as error:  # with several inputs it must be clear which one is meant
        raise ValueError(f"{path}: {error}") from error


def _taken(
    score: Score, material: str, drums: str, track: int | str | None, start_bar: int, bars: int | None, name: str
) -> tuple[Piece, ...]:
    losses: Counter[str] = Counter()
    why, every = FINDERS[material](score, drums, track, losses)
    lead = 1 if piece_facts(score).get("lead_in") == 1 else 0
    first, end = start_bar + lead, None if bars is None else start_bar + lead + bars
    found: list[tuple[Stretch, int, int]] = []
    for stretch in every:
        if stretch.meter.kind != KINDS[0]:
            losses[f"bars in {stretch.meter}, where these networks know 4/4 only"] += stretch.num_bars
        elif (place := _overlap(stretch, first, end)) is not None:
            found.append((stretch, *place))
    if not found:
        raise ValueError(_why_nothing(every, losses, start_bar, lead))
    found.sort(key=lambda entry: -entry[2])
    if start_bar > 1 or bars is not None:
        losses = _inside(score, material, drums, track, found)
    left_out = ", ".join(f"{reason}: {count}" for reason, count in losses.items() if count)
    pieces = []
    for stretch, skipped, length in found:
        notices = [f"{name}: {why}, {_bars(stretch, skipped, length, lead)}"]
        notices += [f"{name}: left out: {left_out}"] if left_out else []
        others = [_bars(*other, lead) for other in found if other[0] is not stretch]
        notices += [f"{name}: left out: {other}" for other in others[:_SHOWN]]
        if len(others) > _SHOWN:
            notices.append(f"{name}: left out: {len(others) - _SHOWN} more stretches, as meter or bar lines change")
        bar_ticks = stretch.meter.beats_per_bar * score.ticks_per_beat
        ticks = stretch.start_ticks + round(skipped * bar_ticks)
        inside = {tempo_at(score, c.tick) for c in score.tempi if ticks < c.tick < ticks + round(length * bar_ticks)} - {
            tempo_at(score, ticks)
        }
        notices += (
            [f"{name}: left out: changes of tempo, so that all is at {tempo_at(score, ticks):g} quarter notes a minute"] if inside else []
        )
        pieces.append(Piece(
            material, stretch.rows(skipped, length), tempo_at(score, ticks), drums if material in _WITH_DRUMS else "nine", stretch.key,
            name, notices=tuple(notices),
        ))  # fmt: skip
    return tuple(pieces)


def _inside(score: Score, material: str, drums: str, track: int | str | None, found: Sequence[tuple[Stretch, int, int]]) -> Counter[str]:
    """What is lost in the bars that are taken alone, by reason."""
    early = score.ticks_per_beat / STEPS_PER_BEAT / 2  # a hit may be played before the step it belongs to
    tracks = []
    for each in score.tracks:
        notes = NoteTable.of(each.notes)
        columns = (notes.onset_ticks, notes.pitch, notes.duration_ticks, notes.velocity)
        kept = np.zeros(len(notes), bool)
        for stretch, skipped, length in found:
            bar_ticks = stretch.meter.beats_per_bar * score.ticks_per_beat
            place = notes.onset_ticks - (stretch.start_ticks + skipped * bar_ticks - early)
            kept |= (place >= 0) & (place < length * bar_ticks)
        tracks.append(replace(each, notes=NoteTable(*(column[kept] for column in columns))))
    losses: Counter[str] = Counter()
    with suppress(ValueError):  # nothing but silence
        FINDERS[material](replace(score, tracks=tuple(tracks)), drums, track, losses)
    return losses


def _overlap(stretch: Stretch, first: int, end: int | None) -> tuple[int, int] | None:
    """How many of its bars lie before written bar `first` of the file, and how many from there to `end` - 1; None for none."""
    start, stop = max(first, stretch.start_bar), stretch.start_bar + stretch.num_bars
    stop = stop if end is None else min(end, stop)
    return (start - stretch.start_bar, stop - start) if start < stop else None


def _bars(stretch: Stretch, skipped: int, length: int, lead: int) -> str:
    first = stretch.start_bar + skipped - lead
    return f"bar {first} in {stretch.meter}" if length == 1 else f"bars {first}-{first + length - 1} in {stretch.meter}"


def _why_nothing(every: Sequence[Stretch], losses: Mapping[str, int], start_bar: int, lead: int) -> str:
    last = max((stretch.start_bar + stretch.num_bars - 1 - lead for stretch in every), default=0)
    if start_bar > last:
        return f"bar {start_bar} is past the end: there are {last} bar{'' if last == 1 else 's'}"
    reasons = ", ".join(f"{count} {reason}" for reason, count in losses.items() if count and reason.startswith("bars"))
    return f"nothing left from bar {start_bar} on{f' ({reasons})' if reasons else ''}"
