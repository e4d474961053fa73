"""Where each material lies in a score: stretches of constant meter, any bars of which can be had as rows of columns.

Conventions: columns are those of `music.piece`; written bars count from 1 over the whole file. All bars of a stretch are there, a pickup
as a first bar with rests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chord_rows import chord_rows
from musicvae.music.drum_maps import drum_map
from musicvae.music.drums import cut_rows, drum_notes, extract_drums, hit_steps, hits_from_notes, supported_segments
from musicvae.music.extract import extract_grid
from musicvae.music.grid import GridLine, on_grid, sane_notes, skyline
from musicvae.music.groove import extract_grooves
from musicvae.music.key import Key, estimate_key
from musicvae.music.meter import MAX_STEPS_PER_BAR, Meter
from musicvae.music.multitrack import extract_performances
from musicvae.music.provenance import piece_facts
from musicvae.music.score import NoteTable, Score, Track
from musicvae.music.segments import Segment, segments, stated_key
from musicvae.music.trio import lowest_line
from musicvae.music.trio_choice import choose_trio

__all__ = ["FINDERS", "Finder", "Stretch"]

Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Written bars of one meter; rows(first, bars): the columns of some of them, `first` from 0.

    start_ticks: where the first begins. key: None for drums.
    """

    rows: Callable[[int, int], Rows]
    meter: Meter
    num_bars: int
    start_bar: int
    start_ticks: int
    key: Key | None = None


Finder = Callable[[Score, str, "int | str | None", "Counter[str]"], tuple[str, list[Stretch]]]
"""Of a score, a drum map's name and a track: what was taken and why, in words, and the stretches; losses are counted."""


def _melody(score: Score, drums: str, track: int | str | None, losses: Counter[str]) -> tuple[str, list[Stretch]]:
    found = extract_grid(score, track=track)
    losses.update(found.losses)
    notes = NoteTable.of(score.tracks[found.track - 1].notes)
    onset, _, duration, _ = sane_notes(notes, Counter())
    starts = {s.start_bar: s.start for s in segments(score, int((onset + duration).max()), int(onset[0]))}

    def stretch(line: GridLine) -> Stretch:
        start = starts[line.start_bar]
        return Stretch(lambda first, bars: _voiced(score, {"bars": line}, start, first, bars), *_place(line), start, line.key)

    return f"track {found.track} ({found.why})", [stretch(line) for line in found.lines]


def _drums(score: Score, drums: str, track: int | str | None, losses: Counter[str]) -> tuple[str, list[Stretch]]:
    found = extract_drums(score, drum_map(drums), track=track)
    losses.update(found.losses)
    stretches = [_struck(line, {"bars": line.hits}) for line in found.lines]
    return _tracks(found.tracks, found.why), stretches


def _groove(score: Score, drums: str, track: int | str | None, losses: Counter[str]) -> tuple[str, list[Stretch]]:
    found = extract_grooves(score, drum_map(drums), track=track)
    losses.update(found.losses)
    stretches = [_struck(line, {"bars": line.velocity, "offsets": line.offset.astype(np.float16)}) for line in found.lines]
    return _tracks(found.tracks, found.why), stretches


def _struck(line: Any, columns: Mapping[str, NDArray[Any]]) -> Stretch:
    def rows(first: int, bars: int) -> Rows:
        return {name: cut_rows(column, line.meter, first, bars) for name, column in columns.items()}

    return Stretch(rows, *_place(line), line.start_ticks)


def _trio(score: Score, drums: str, track: int | str | None, losses: Counter[str]) -> tuple[str, list[Stretch]]:
    losses.update(score.losses)
    score, roles, why = _roles(score)
    hits, classes = _hits(score, roles["drums"], drums, losses)
    voices = {}
    for column, one_voice in (("bars", skyline), ("bass", lowest_line)):
        columns = sane_notes(NoteTable.of(score.tracks[roles[column][0] - 1].notes), losses)
        voices[column] = one_voice(columns, score.ticks_per_beat, losses)
    taken = {number for numbers in roles.values() for number in numbers}
    losses["notes in other tracks"] += sum(len(t.notes) for i, t in enumerate(score.tracks, 1) if i not in taken)
    onsets = [int(onset[0]) for onset in (hits.onset_ticks, *(columns[0] for columns in voices.values())) if len(onset)]

    def stretch(segment: Segment) -> Stretch:
        lines = {}
        for column, columns in voices.items():
            onset, pitch, duration, velocity = on_grid(columns, segment, score.ticks_per_beat, losses)
            lines[column] = GridLine(pitch, onset, duration, velocity, segment.meter, segment.num_bars, segment.start_bar, 120.0, Key(0))
        inside, step, _ = hit_steps(hits, segment, score.ticks_per_beat)
        struck = hits_from_notes(step, classes[inside], segment.meter, segment.num_bars)
        pitch, duration = (np.concatenate([getattr(line, name) for line in lines.values()]) for name in ("pitch", "duration_steps"))

        def rows(first: int, bars: int) -> Rows:
            found = _voiced(score, lines, segment.start, first, bars)
            return {**found, "drums": cut_rows(struck, segment.meter, first, bars)}

        key = stated_key(score, segment) or estimate_key(pitch, duration)
        return Stretch(rows, segment.meter, segment.num_bars, segment.start_bar, segment.start, key)

    every = supported_segments(score, score.end_ticks, min(onsets, default=0), losses)
    return why, [stretch(segment) for segment in every]


def _roles(score: Score) -> tuple[Score, dict[str, tuple[int, ...]], str]:
    """The tracks of melody, bass and drums, and why; in a file of ours a part that is silent is a track added without notes."""
    if piece_facts(score).get("material") != "trio":
        choice = choose_trio(score)
        return score, {"bars": (choice.melody,), "bass": (choice.bass,), "drums": choice.drums}, choice.why
    tracks = [*score.tracks]
    names = [track.name for track in tracks]
    for name in ("Melody", "Bass", "Drums"):
        if name not in names:
            tracks.append(Track((), name, is_drum=name == "Drums"))
            names.append(name)
    roles: dict[str, tuple[int, ...]] = {
        column: (names.index(name) + 1,) for column, name in (("bars", "Melody"), ("bass", "Bass"), ("drums", "Drums"))
    }
    return replace(score, tracks=tuple(tracks)), roles, "melody, bass and drums by their names"


def _hits(score: Score, numbers: tuple[int, ...], drums: str, losses: Counter[str]) -> tuple[NoteTable, NDArray[np.int64]]:
    if any(len(score.tracks[number - 1].notes) for number in numbers):
        return drum_notes(score, numbers, drum_map(drums), losses)
    return NoteTable.of(()), np.zeros(0, np.int64)


def _performance(score: Score, drums: str, track: int | str | None, losses: Counter[str]) -> tuple[str, list[Stretch]]:
    found = extract_performances(score, whole=True)
    losses.update(found.losses)
    stretches = []
    for line in found.lines:
        ratio = line.meter.written_per_model_bar

        # Two bars of 2/4 stay the pair they are: there is no cutting through their events.
        def rows(first: int, bars: int, line: Any = line, ratio: int = ratio) -> Rows:
            pairs = slice(first // ratio, -(-(first + bars) // ratio))
            found = {"bars": line.bars[pairs]}
            skipped = pairs.start * ratio
            start = line.start_ticks + round(skipped * line.meter.beats_per_bar * score.ticks_per_beat)
            chords = chord_rows(score, start, line.meter, line.num_bars - skipped, 0)[: len(found["bars"])]
            return {**found, "chords": chords} if chords.any() else found

        stretches.append(Stretch(rows, *_place(line), line.start_ticks, line.key))
    count = sum(1 for t in score.tracks if len(t.notes))
    return f"all {count} tracks" if count > 1 else "its only track", stretches


FINDERS: Mapping[str, Finder] = {"melody": _melody, "drums": _drums, "groove": _groove, "trio": _trio, "performance": _performance}
"""How each material is found."""


def _voiced(score: Score, lines: Mapping[str, GridLine], start_ticks: int, first: int, bars: int) -> Rows:
    """Tokens of some bars of lines of one stretch, and their chords where there are any."""
    found: Rows = {}
    for column, line in lines.items():
        tokens = line.cut(first, bars).tokens()
        found[column] = np.zeros((len(tokens), MAX_STEPS_PER_BAR), np.uint8)
        found[column][:, : tokens.shape[1]] = tokens
    meter = next(iter(lines.values())).meter
    begin = start_ticks + round(first * meter.beats_per_bar * score.ticks_per_beat)
    chords = chord_rows(score, begin, meter, bars, 0)
    return {**found, "chords": chords} if chords.any() else found


def _place(line: Any) -> tuple[Meter, int, int]:
    return line.meter, line.num_bars, line.start_bar


def _tracks(numbers: tuple[int, ...], why: str) -> str:
    return f"track{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))} ({why})"
