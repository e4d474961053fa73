"""Parts of a melody found anew, everything else locked note for note.

A note belongs to a part if it begins there. Notes that begin before and sound into it keep their length, those that begin in
it go, with all of their sound. What is found lies on the sixteenth grid; the rest of the melody is not touched, not even where
the model knows it less exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import played_notes, with_velocities
from musicvae.compose.coding import place
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import Engine
from musicvae.compose.revising.demands import Opened, bound_by, finished
from musicvae.compose.revising.filling import Search, fill
from musicvae.compose.revising.hole import Hole
from musicvae.compose.revising.spans import Steps
from musicvae.compose.revising.windows import runs_of_bars, window_around
from musicvae.compose.seeds import window_seed
from musicvae.music.melody import Melody
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["Repair", "repair"]


@dataclass(frozen=True, eq=False)
class Repair:
    """What was asked for: mask and lock are steps (num_steps,) that are found anew, and that stay though they are in the mask.

    keep_rhythm: onsets and lengths of masked notes stay, and only their pitches are found. plan: of the whole melody, for what is found.
    """

    mask: Steps
    lock: Steps
    search: Search = Search()
    keep_rhythm: bool = False
    plan: Plan | None = None


def repair(engine: Engine, melody: Melody, asked: Repair, *, seed: int, provenance: Mapping[str, Any] | None = None) -> Melody:
    """The melody with the masked steps found anew; every other note is the very same.

    ValueError for a mask of which nothing is left or that has no room for a note that must be there, and where the rhythm stays but no
    note is masked.
    """
    free = asked.mask & ~asked.lock
    if not free.any():
        raise ValueError("nothing is to be found anew: all that is masked is locked")
    if asked.keep_rhythm and not any(free[note.onset_steps] for note in melody.notes):
        raise ValueError("no note begins in what is masked, so that there is no rhythm to keep: leave 'rhythm' out of the lock")
    placed, _ = place(engine, melody)
    opened = Opened.of(melody, placed.tokens, free)
    if asked.plan is not None:
        _require_room(asked.plan, opened.free.reshape(-1))
    shift = placed.shift_semitones - (asked.plan.lift_semitones(melody) if asked.plan is not None else 0)
    opened = bound_by(asked.plan, opened, shift)
    if asked.keep_rhythm:
        opened = _same_rhythm(opened, placed.tokens)
    tokens = _filled(engine, opened, melody.meter.kind_index, asked.search, seed)
    new = from_coordinates(tokens, melody.meter, shift_semitones=shift, num_bars=melody.num_bars)
    merged = _merged(melody, with_velocities(new, played_notes(melody)), free)
    return replace(finished(asked.plan, merged, free), provenance=dict(provenance or {}))


def _require_room(plan: Plan, free: Steps) -> None:
    """ValueError for a note that must be there and would begin in what stays, or while a note that stays sounds."""
    for step in np.flatnonzero((plan.pitches >= 0) & ~free[: len(plan.pitches)]).tolist():
        bar, inside = divmod(step, plan.meter.steps_per_bar)
        where = f"bar {bar + 1} of the melody at beat {1 + inside / STEPS_PER_BEAT:g}"
        raise ValueError(f"there is no room for the note that must be there in {where}: mask its place, and the note that sounds into it")


def _filled(engine: Engine, opened: Opened, kind: int, search: Search, seed: int) -> Tokens:
    """Tokens (B, S) with the free steps found, one stretch of bars after another."""
    tokens, free = opened.tokens.copy(), opened.free.copy()
    most = max(1, engine.config.max_bars // 2)
    for number, (first, bars) in enumerate(runs_of_bars(free, most)):
        later = [bar for bar in np.flatnonzero(free.any(axis=1)).tolist() if bar >= first + bars]
        window = window_around(first, bars, len(tokens), engine.config.max_bars, later)
        inside = slice(window.start_bar, window.start_bar + window.num_bars)
        hole = Hole(tokens[inside], free[inside], kind, opened.bias[inside])
        tokens[inside] = fill(engine, hole, search, window_seed(seed, number))
        free[inside] = False
    return tokens


def _same_rhythm(opened: Opened, tokens: Tokens) -> Opened:
    """Free are only the pitches of notes that begin in free steps."""
    onset = (tokens >= FIRST_PITCH_TOKEN) & opened.free
    bias = opened.bias.copy()
    bias[onset, :FIRST_PITCH_TOKEN] = -1e9
    return Opened(np.where(opened.free & ~onset, tokens, opened.tokens), onset, bias)


def _merged(melody: Melody, new: Melody, free: Steps) -> Melody:
    """The melody's own notes that begin outside the free steps, and the new ones inside."""
    kept = [note for note in melody.notes if not free[note.onset_steps]]
    added = [note for note in new.notes if free[note.onset_steps]]
    notes = sorted([*kept, *added], key=lambda note: note.onset_steps)
    return replace(melody, notes=tuple(notes))
