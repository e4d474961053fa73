"""What a feel does to the notes of a file: new onsets, ends and velocities, none lost and none out of order.

A hit moves by what its drum moves at its step, so that it keeps its place beside the step (a flam stays a flam), and hits of one drum
on one step keep their relative loudness. Played *afresh*, what was played before is taken away first: the loudest hit of a drum at a step
is moved onto it, the others with it, unless it is further away than played hits are (triplets are). Such hits have their own place in a
feel too, which is told no more of them than their sixteenth: as far as they lie there already, they are not moved there once more.

Notes that belong to no drum move as the beat does around them: by what its loudest hit at their step moves, and between steps that have
hits by what lies between (a piecewise linear bending of time).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.grooving.beats import Beat, step_ticks
from musicvae.compose.grooving.feel import Played
from musicvae.music.drum_maps import DRUM_MAPS
from musicvae.music.midi_editing import OpenMidi
from musicvae.music.score import Ints

__all__ = ["Moves", "moves_of"]

_CLOSEST_STEPS = 0.25
"""Hits of one drum that come further apart than this are not brought nearer."""
_PLAYED_STEPS = 0.28
"""Hits further from their sixteenth than this belong to another grid."""


@dataclass(frozen=True, eq=False)
class Moves:
    """Where the notes of a file start and end after playing, in ticks of `factor` times its resolution, and their velocities; (N,) each.

    onset may be below 0. ended: how many end sooner, where the next of their drum now begins.
    """

    onset: Ints
    end: Ints
    velocity: Ints
    factor: int
    ended: int


def moves_of(
    file: OpenMidi, beats: Sequence[Beat], played: Sequence[Played], amount: float, *,
    afresh: bool = False, followers: Sequence[int] = (), pitch: Ints | None = None,
) -> Moves:  # fmt: skip
    """The notes after playing each beat with `amount` (0 to 1) of its feel.

    afresh: as told above. followers: tracks (from 1) that take its timing. pitch: (N,), the note numbers that will be written (default:
    those of the file).
    """
    notes, factor = file.notes, file.finer
    onset = notes.onset.astype(np.float64)
    end = notes.end.astype(np.float64)
    velocity = notes.velocity.copy()
    for beat, wanted in zip(beats, played, strict=True):
        feel = _what_is_missing(beat, wanted)
        bend = _Bend.of(beat, feel, amount)
        here = beat.notes
        shift = np.where(beat.known, amount * _own_shift(beat, feel, afresh), bend.at(beat.exact)) * step_ticks(file)
        onset[here] += shift
        end[here] += shift
        velocity[here] = np.where(beat.known, _loudness(beat, feel, amount), beat.velocity)
        _follow(file, beat, bend, followers, onset, end)
    new_onset = np.rint(onset * factor).astype(np.int64)
    _keep_order(file, beats, new_onset, factor)
    # Hits keep their length to the tick; what follows the beat ends where what came next begins.
    struck = np.isin(np.arange(len(notes)), np.concatenate([beat.notes for beat in beats]))
    bent_end = np.maximum(np.rint(end * factor).astype(np.int64), new_onset + (notes.end > notes.onset))
    new_end = np.where(struck, new_onset + (notes.end - notes.onset) * factor, bent_end)
    ended = _end_before_the_next(file, file.notes.pitch if pitch is None else pitch, new_onset, new_end)
    return Moves(new_onset, new_end, velocity, factor, ended)


def _cells(beat: Beat, values: Floats) -> Floats:
    """What a column (B, 16, 9) has for each note, (n,); anything for notes of no class."""
    width = beat.segment.meter.steps_per_model_bar
    return np.asarray(values[:, :width].reshape(-1, values.shape[-1])[beat.step, beat.classes])


def _what_is_missing(beat: Beat, feel: Played) -> Played:
    """The feel without what hits of another grid, such as triplets, have of it by where they are written."""
    before = beat.offsets
    way = np.where(np.abs(before) > _PLAYED_STEPS, np.sign(before), 0.0)
    there = np.clip(feel.offset * way, 0.0, np.abs(before)) * way
    return replace(feel, offset=feel.offset - there)


def _own_shift(beat: Beat, feel: Played, afresh: bool) -> Floats:
    """How far hits move, (n,), in steps."""
    shift = _cells(beat, feel.offset)
    if not afresh:
        return shift
    before = _cells(beat, beat.offsets)
    return shift - np.where(np.abs(before) <= _PLAYED_STEPS, before, 0.0)


def _loudness(beat: Beat, feel: Played, amount: float) -> Ints:
    """New velocities (n,): the loudest of a drum at a step goes towards what is played, the others with it."""
    own = beat.columns["bars"].astype(np.float64)
    loudest = np.maximum(_cells(beat, own), 1)
    target = _cells(beat, feel.velocity) * beat.velocity / loudest
    return np.clip(np.rint(beat.velocity + amount * (target - beat.velocity)), 1, 127).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Bend:
    """How far each place moves: at `steps` by `shift`, both in steps, in between by what lies between."""

    steps: Floats
    shift: Floats

    @classmethod
    def of(cls, beat: Beat, feel: Played, amount: float) -> _Bend:
        """The bending of a beat: at each step with hits what the loudest moves."""
        width = beat.segment.meter.steps_per_model_bar
        loud = feel.velocity[:, :width].reshape(-1, feel.velocity.shape[-1])
        late = feel.offset[:, :width].reshape(loud.shape)
        steps = np.flatnonzero(loud.any(axis=1))
        if not len(steps):
            return cls(np.zeros(1), np.zeros(1))
        shift = amount * late[steps, loud[steps].argmax(axis=1)]
        # Neighbours that would meet or change places come to lie a little apart.
        bent = np.maximum.accumulate(steps + shift - _CLOSEST_STEPS * np.arange(len(steps))) + _CLOSEST_STEPS * np.arange(len(steps))
        return cls(steps.astype(np.float64), bent - steps)

    def at(self, places: Floats) -> Floats:
        """How far places in steps move, in steps."""
        return np.interp(places, self.steps, self.shift)


def _follow(file: OpenMidi, beat: Beat, bend: _Bend, followers: Sequence[int], onset: Floats, end: Floats) -> None:
    """Let the notes of other tracks that lie in the beat's bars bend with it, in place: what was joined stays so."""
    notes, step = file.notes, step_ticks(file)
    theirs = np.isin(notes.part, followers)
    low, high = beat.segment.low_ticks, beat.segment.high_ticks
    for place, old in ((onset, notes.onset), (end, notes.end)):
        inside = theirs & (old >= low) & (old < high)
        place[inside] += bend.at((old[inside] - beat.segment.start) / step) * step


def _keep_order(file: OpenMidi, beats: Sequence[Beat], onset: Ints, factor: int) -> None:
    """Put off hits that would overtake the one before of the same drum, or fall together with it, in place."""
    notes = file.notes
    closest = _CLOSEST_STEPS * step_ticks(file) * factor
    before: dict[int, int] = {}
    for beat in beats:
        drums = np.where(beat.known, beat.classes, notes.pitch[beat.notes] + len(DRUM_MAPS["nine"]))
        for i, drum in zip(beat.notes.tolist(), drums.tolist(), strict=True):
            if drum in before:
                last = before[drum]
                gap = int(min((notes.onset[i] - notes.onset[last]) * factor, closest))
                onset[i] = max(onset[i], onset[last] + gap)
            before[drum] = i


def _end_before_the_next(file: OpenMidi, pitch: Ints, onset: Ints, end: Ints) -> int:
    """End notes where the next of the same pitch now begins, unless they overlapped before, in place; returns how many.

    Notes that overlap keep the order of their ends, by which readers tell them apart.
    """
    notes = file.notes
    order = np.lexsort((np.arange(len(notes)), notes.onset, onset, pitch, notes.part))
    ended = 0
    following = -1
    for i in order[::-1].tolist():
        j, following = following, i
        if j < 0 or (notes.part[i], pitch[i]) != (notes.part[j], pitch[j]):
            continue
        overlapped = notes.pitch[i] == notes.pitch[j] and notes.end[i] > notes.onset[j]
        limit = int(end[j]) if overlapped else int(onset[j])
        if end[i] > limit:
            end[i] = max(limit, int(onset[i]) + int(notes.end[i] > notes.onset[i]))
            ended += 1
    return ended
