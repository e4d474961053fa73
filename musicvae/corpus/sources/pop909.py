"""Songs of POP909: their notes are not on the grid of their own files, but on that of the beats told beside them.

Conventions: ``beat_midi.txt`` holds a line for each beat: seconds, 1 where a group of two beats (three in triple meter)
begins, 1 where a bar of 4/4 begins. Beats are numbered from 0; the ticks of the score lie on them, 480 to a beat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chords import Chord
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.score import ChordChange, KeyChange, MeterChange, NoteTable, Score, TempoChange, Track

__all__ = ["bar_phases", "map_onto_beats", "seconds_at"]

TICKS_PER_BEAT = 480
_PARTS = ("MELODY", "BRIDGE", "PIANO")

_MARK, _CHANGE, _BREAK = 0.25, 1.0, 5.0
"""What an annotated bar line, a change of chord, and a bar of another length count; see `bar_phases`."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def map_onto_beats(score: Score, folder: Path, title: str) -> Score:
    """The MELODY, BRIDGE and PIANO tracks of a song with its notes on the beats, and its chords, keys and meter.

    folder: where beat_midi.txt, chord_midi.txt and key_audio.txt lie. Missing chords and keys are none; ValueError without a
    MELODY or beats, OSError where the beats cannot be read.
    """
    named = {t.name.strip().upper(): t for t in score.tracks if t.notes}
    if "MELODY" not in named:
        raise ValueError("no MELODY track with notes in it")
    table = _beat_table(folder / "beat_midi.txt")
    beats = table[:, 0]
    tracks = [named[name] for name in _PARTS if name in named]
    on_beats = [_on_beats(score, track, beats) for track in tracks]
    chords = list(_spans(folder / "chord_midi.txt"))
    # Beats are put before the first where notes begin earlier, but not for one that is played a little early.
    lead = max(0, -int(np.floor(min(float(onset.min()) for onset, _ in on_beats) + 0.1)))
    meters, losses = _meters(table, chords, lead)
    changes = tuple(_chord_changes(chords, beats, lead, losses))
    placed = tuple(_placed(track, onset + lead, end + lead) for track, (onset, end) in zip(tracks, on_beats, strict=True))
    return Score(
        TICKS_PER_BEAT, placed, (TempoChange(0, 60 / float(np.median(np.diff(beats)))),), meters, _keys(folder, beats, lead), title,
        losses={name: count for name, count in losses.items() if count}, chords=changes,
    )  # fmt: skip


def _beat_table(path: Path) -> Floats:
    lines = path.read_text(encoding="utf-8").split("\n")
    try:
        table = np.array([line.split()[:3] for line in lines if line.strip()], dtype=np.float64)
    except ValueError:
        raise ValueError(f"{path.name} is no table of beats: seconds and two marks are needed in each line") from None
    if table.ndim != 2 or table.shape[1] < 3 or len(table) < 2 or (np.diff(table[:, 0]) <= 0).any():
        raise ValueError(f"{path.name} is no table of beats: two or more lines of seconds, ascending, and two marks are needed")
    return table


def _on_beats(score: Score, track: Track, beats: Floats) -> tuple[Floats, Floats]:
    """Onsets and ends of a track's notes, in beats."""
    notes = NoteTable.of(track.notes)
    return _beats_at(seconds_at(score, notes.onset_ticks), beats), _beats_at(seconds_at(score, notes.end_ticks), beats)


def _placed(track: Track, onset: Floats, end: Floats) -> Track:
    start = np.maximum(0, np.rint(onset * TICKS_PER_BEAT)).astype(np.int64)
    length = np.maximum(0, np.rint(end * TICKS_PER_BEAT).astype(np.int64) - start)
    notes = NoteTable.of(track.notes)
    return Track(NoteTable(start, notes.pitch, length, notes.velocity), track.name.strip(), track.program, track.is_drum)


def _meters(table: Floats, chords: list[tuple[float, str]], lead: int) -> tuple[tuple[MeterChange, ...], Counter[str]]:
    """Where a grid of bars begins, and how many bar lines of the annotation were passed over or do not fit the grid."""
    beats, groups, bars = table[:, 0], table[:, 1] > 0, table[:, 2] > 0
    triple = _usual_distance(groups) == 3
    meter, marks = (Meter(3, 4), groups) if triple else (Meter(4, 4), bars)
    size = 3 if triple else 4
    phases = bar_phases(marks, _changes(chords, beats), size)
    lines = (np.arange(len(beats)) - phases) % size == 0
    broken = np.flatnonzero(np.diff(phases)) + 1
    starts = sorted({int(first) for at in (0, *broken) if (first := _first(lines, int(at))) is not None})
    losses = Counter({"annotated bar lines moved": int((marks & ~lines).sum()), "bar lines off the grid": max(0, len(starts) - 1)})
    return tuple(MeterChange((start + lead) * TICKS_PER_BEAT, meter) for start in starts), losses


def _first(lines: Flags, at: int) -> int | None:
    found = np.flatnonzero(lines[at:])
    return at + int(found[0]) if len(found) else None


def _changes(chords: list[tuple[float, str]], beats: Floats) -> Flags:
    """The beats at which the chord changes; another bass is no change."""
    found = np.zeros(len(beats), dtype=bool)
    names = [name.partition("/")[0] for _, name in chords]
    for (at, _), before, name in zip(chords[1:], names, names[1:], strict=False):
        if name != before:
            found[min(int(np.searchsorted(beats, at - 0.02)), len(beats) - 1)] = True
    return found


def bar_phases(marks: Flags, changes: Flags, size: int) -> NDArray[np.int64]:
    """Where bars begin: for each beat b the p in 0..size-1 for which bar lines lie at b = p modulo `size`.

    marks: (B,) annotated bar lines; changes: (B,) changes of chord. The phases are those with the greatest sum of `_MARK` for every
    mark and `_CHANGE` for every change on a bar line, less `_BREAK` wherever the phase changes (Viterbi). The annotation of many
    songs starts anew every 50 beats, which puts half bars where there are none; chords change on bar lines. Checked against the downbeats
    of ``beat_audio.txt``, which are not used here: in the bars that move they agree three times as often with the new
    place as with the old one.
    """
    beats = np.arange(len(marks))
    gain = np.zeros((len(marks), size))
    gain[beats, beats % size] = _MARK * marks + _CHANGE * changes
    total = gain[0].copy()
    come_from = np.zeros((len(marks), size), dtype=np.int64)
    own = np.arange(size)
    for beat in range(1, len(marks)):
        best = int(total.argmax())
        stays = total >= total[best] - _BREAK
        come_from[beat] = np.where(stays, own, best)
        total = np.where(stays, total, total[best] - _BREAK) + gain[beat]
    phases = np.zeros(len(marks), dtype=np.int64)
    phase = int(total.argmax())
    for beat in range(len(marks) - 1, -1, -1):
        phases[beat] = phase
        phase = int(come_from[beat, phase])
    return phases


def _usual_distance(marks: Flags) -> int:
    gaps = np.diff(np.flatnonzero(marks))
    return int(np.bincount(gaps).argmax()) if len(gaps) else 0


def seconds_at(score: Score, ticks: Any) -> Any:
    """Seconds at these ticks by the score's tempo map; 120 quarter notes a minute where it says nothing."""
    tempi = [(t.tick, t.qpm) for t in score.tempi if t.qpm > 0]
    if not tempi or tempi[0][0] > 0:
        tempi.insert(0, (0, 120.0))
    knots = np.array([tick for tick, _ in tempi], dtype=float)
    rates = np.array([60 / (qpm * score.ticks_per_beat) for _, qpm in tempi])
    at_knots = np.concatenate([[0.0], np.cumsum(np.diff(knots) * rates[:-1])])
    index = np.clip(np.searchsorted(knots, ticks, side="right") - 1, 0, None)
    return at_knots[index] + (ticks - knots[index]) * rates[index]


def _beats_at(seconds: Any, beats: Floats) -> Any:
    """Positions in beats of times; before the first and after the last beat the nearest beat's length goes on."""
    index = np.clip(np.searchsorted(beats, seconds, side="right") - 1, 0, len(beats) - 2)
    return index + (seconds - beats[index]) / np.maximum(1e-6, np.diff(beats)[index])


def _spans(path: Path) -> Iterator[tuple[float, str]]:
    """(start in seconds, name) of each span of a table of start, end and name; none if the file is not there."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines():
        columns = line.split()
        if len(columns) == 3:
            yield float(columns[0]), columns[2]


def _keys(folder: Path, beats: Floats, lead: int) -> tuple[KeyChange, ...]:
    changes: dict[int, Key] = {}
    for at, name in _spans(folder / "key_audio.txt"):
        tonic, _, mode = name.partition(":")
        beat = round(float(_beats_at(at, beats))) + lead if changes else 0
        changes[max(0, beat) * TICKS_PER_BEAT] = Key.parse(f"{tonic} {mode}")
    return tuple(KeyChange(tick, key) for tick, key in sorted(changes.items()))


def _chord_changes(chords: list[tuple[float, str]], beats: Floats, lead: int, losses: Counter[str]) -> Iterator[ChordChange]:
    last: ChordChange | None = None
    for at, name in chords:
        try:
            chord = Chord.parse(name)
        except ValueError:
            losses["chords of an unknown kind"] += 1
            chord = None  # the chord before has ended, whatever came
        tick = max(0, round((float(_beats_at(at, beats)) + lead) * TICKS_PER_BEAT))
        if last is None or (last.chord != chord and tick > last.tick):
            last = ChordChange(tick, chord)
            yield last
