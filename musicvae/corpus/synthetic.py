"""Trios put together of what was never played together: a song's melody, a bass out of its piano, the drums of another performance.

Conventions: ticks as in `music.score`; steps are sixteenths from tick 0 and, like bars, count from 0. What is made here is called
*synthetic* in its titles, so that nobody takes it for an arrangement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.drums import extract_drums, hits_to_notes
from musicvae.music.meter import MAX_STEPS_PER_BAR, STEPS_PER_BEAT, Meter
from musicvae.music.score import ChordChange, NoteTable, Score, Track
from musicvae.music.segments import after_pickup, segments

__all__ = ["HIGHEST_BASS", "LOWEST_BASS", "Beat", "arranged", "bass_line", "beat_of", "synthetic_trio"]

LOWEST_BASS, HIGHEST_BASS = 28, 55
"""The pitches a bass may have: E1, the lowest string of a bass guitar, to G3."""
_MELODY, _PIANO = "MELODY", "PIANO"
_FOUR_FOUR = Meter(4, 4)
_DRUMS = DRUM_MAPS["nine"]
_ON_BEAT, _OFF_BEAT = 7, 4  # semitones above the lowest note of so many steps before and after:
_AROUND = 2 * STEPS_PER_BEAT
_GAP, _LONGEST = 2 * STEPS_PER_BEAT, MAX_STEPS_PER_BAR
_VELOCITY, _PROGRAM = 90, 33
_SPARSE = 0.5  # of the usual hits of a bar: an ending, or a count-in
_SECTION_BARS = 8
_FILLED = 0.75  # of all sections
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Beat:
    """Drums in 4/4 without empty bars at either end. hits: (B, 16) uint64, classes of the map ``nine``."""

    name: str
    tempo_qpm: float
    hits: NDArray[np.uint64]

    @property
    def num_bars(self) -> int:
        """Bars."""
        return len(self.hits)


def beat_of(score: Score, name: str) -> Beat | None:
    """The longest stretch of 4/4 drums, from its first to its last bar with half of the usual hits; None where there is none."""
    try:
        lines = [line for line in extract_drums(score, _DRUMS).lines if line.meter == _FOUR_FOUR]
    except ValueError:  # no drums in a meter that is known
        return None
    if not lines:
        return None
    line = max(lines, key=lambda found: found.num_bars)
    hits = line.hits[int(line.has_pickup) : len(line.hits) - int(line.has_partial_end)]
    counts = np.bitwise_count(hits).sum(axis=1)
    full = np.flatnonzero(counts >= _SPARSE * max(1.0, float(np.median(counts)))) if len(counts) else counts
    return Beat(name, line.tempo_qpm, hits[full[0] : full[-1] + 1]) if len(full) else None


def arranged(beats: Sequence[Beat], fills: Sequence[Beat], bars: int, rng: np.random.Generator) -> Beat:
    """Drums of `bars` bars as a song has them: a beat for every section of eight bars, most of which end with a fill.

    A section goes on with the beat of the one before or takes another of `beats`, evenly likely, from any of its bars; a fill takes
    the place of the section's last bars, as many as it has, at most two. ValueError without beats.
    """
    if not beats:
        raise ValueError("drums are arranged of at least one beat, got none")
    hits, beat, at = np.zeros((bars, MAX_STEPS_PER_BAR), np.uint64), beats[int(rng.integers(len(beats)))], 0
    for start in range(0, bars, _SECTION_BARS):
        if start and rng.random() < 0.5:
            beat = beats[int(rng.integers(len(beats)))]
            at = int(rng.integers(beat.num_bars))
        stop = min(start + _SECTION_BARS, bars)
        hits[start:stop] = beat.hits[(at + np.arange(stop - start)) % beat.num_bars]
        at += stop - start
        if fills and stop - start == _SECTION_BARS and rng.random() < _FILLED:
            fill = fills[int(rng.integers(len(fills)))].hits[-2:]
            hits[stop - len(fill) : stop] = fill
    return Beat(beat.name, beat.tempo_qpm, hits)


def synthetic_trio(song: Score, beat: Beat, *, first_bar: int = 0) -> Score:
    """A score of a song's MELODY, a bass made of its PIANO and chords (`bass_line`), and a beat, which goes round from `first_bar` on.

    The drums begin on the bar lines of every stretch of 4/4. Tempo, meter and keys are the song's. ValueError for a song without a
    MELODY, a PIANO or 4/4.
    """
    named = {track.name: track for track in song.tracks if track.notes}
    if missing := [name for name in (_MELODY, _PIANO) if name not in named]:
        raise ValueError(f"no {missing[0]} track with notes in it; tracks are {', '.join(named) or 'none'}")
    tracks = (
        Track(named[_MELODY].notes, "Melody", 0),
        Track(bass_line(NoteTable.of(named[_PIANO].notes), song.chords, song.ticks_per_beat), "Bass (synthetic)", _PROGRAM),
        Track(_drums(song, beat, first_bar), "Drums (synthetic)", is_drum=True),
    )
    title = f"{song.title}: synthetic trio with the beat of {beat.name}"
    return Score(song.ticks_per_beat, tracks, song.tempi, song.meters, song.keys, title, chords=song.chords)


def bass_line(piano: NoteTable, chords: Sequence[ChordChange], ticks_per_beat: int) -> NoteTable:
    """A bass of one note at a time on the sixteenth grid, made of the low notes of a piano.

    Of each step it takes the lowest note that is struck, if it is not above `HIGHEST_BASS` and lies at most a fifth (off the beat, where
    arpeggios are: a major third) above the lowest one that is struck within two beats. In half bars where the piano is struck, but never so
    low, it has the chord's bass or root, in the octave from `LOWEST_BASS`. Notes last to the next one, as a pedal would have them, if
    it is no further than half a bar from their end, and never above a bar.
    """
    step_ticks = ticks_per_beat // STEPS_PER_BEAT
    steps, ends, pitch = _lowest(piano, step_ticks)
    low = np.array([pitch[np.abs(steps - step) <= _AROUND].min() for step in steps], np.int64)
    kept = (pitch <= low + np.where(steps % STEPS_PER_BEAT, _OFF_BEAT, _ON_BEAT)) & (pitch <= HIGHEST_BASS)
    found = {int(s): (int(_lifted(p)), int(e)) for s, p, e in zip(steps[kept], pitch[kept], ends[kept], strict=True)}
    halves = np.setdiff1d(steps // _AROUND, steps[kept] // _AROUND)
    found |= {step: (note, step + _AROUND) for step, note in _roots(halves * _AROUND, chords, step_ticks)}
    onsets = np.array(sorted(found), np.int64)
    sounded = np.array([found[int(s)] for s in onsets], np.int64).reshape(-1, 2)
    after = np.append(onsets[1:], np.iinfo(np.int32).max)[: len(onsets)]
    end = np.where(after - sounded[:, 1] <= _GAP, after, sounded[:, 1])
    length = np.clip(np.minimum(end, after) - onsets, 1, _LONGEST)
    return NoteTable(onsets * step_ticks, sounded[:, 0], length * step_ticks, np.full(len(onsets), _VELOCITY))


def _lowest(notes: NoteTable, step_ticks: int) -> tuple[Ints, Ints, Ints]:
    """Of each step at which a note is struck: the step, the step at which the lowest note ends, its pitch."""
    steps = (notes.onset_ticks + step_ticks // 2) // step_ticks
    ends = np.maximum(steps + 1, (notes.end_ticks + step_ticks // 2) // step_ticks)
    order = np.lexsort((notes.pitch, steps))
    first = np.diff(steps[order], prepend=-1) > 0
    return steps[order][first], ends[order][first], notes.pitch[order][first]


def _roots(steps: Ints, chords: Sequence[ChordChange], step_ticks: int) -> list[tuple[int, int]]:
    """(step, pitch) of the chord's bass at each of these steps; those without a chord are left out."""
    ticks = [change.tick for change in chords]
    found = []
    for step in steps.tolist():
        # A chord that changes within the half bar is the next one's business.
        at = int(np.searchsorted(ticks, step * step_ticks + step_ticks, side="right")) - 1
        chord = chords[at].chord if at >= 0 else None
        if chord is not None:
            note = chord.root if chord.bass is None else chord.bass
            found.append((step, LOWEST_BASS + (note - LOWEST_BASS) % 12))
    return found


def _lifted(pitch: int) -> int:
    """The pitch, octaves higher where a bass does not reach so low."""
    return pitch + 12 * max(0, -(-(LOWEST_BASS - pitch) // 12))


def _drums(song: Score, beat: Beat, first_bar: int) -> NoteTable:
    """The beat on every bar of 4/4, going round."""
    tables = []
    for segment in segments(song, song.end_ticks):
        segment = after_pickup(segment, song.ticks_per_beat)
        if segment.meter != _FOUR_FOUR or segment.num_bars < 1:
            continue
        bars = segment.num_bars - int(segment.has_partial_end)
        rows = beat.hits[(first_bar + np.arange(bars)) % beat.num_bars]
        notes = hits_to_notes(rows, _DRUMS, _FOUR_FOUR, ticks_per_beat=song.ticks_per_beat)
        tables.append((notes.onset_ticks + segment.start, notes.pitch, notes.duration_ticks, notes.velocity))
        first_bar += bars
    if not tables:
        raise ValueError("no bar in 4/4")
    columns = [np.concatenate(column) for column in zip(*tables, strict=True)]
    inside = columns[0] >= 0
    return NoteTable(*(column[inside] for column in columns))
