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
from numpy.typing import NDArray

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import played_notes, with_velocities
from musicvae.compose.coding import place
from musicvae.compose.engine import Engine
from musicvae.compose.revising.filling import Hole, Search, fill
from musicvae.compose.revising.spans import Steps
from musicvae.compose.revising.windows import runs_of_bars, window_around
from musicvae.compose.seeds import window_seed
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import HOLD, VOCABULARY_SIZE, Tokens

__all__ = ["Repair", "fill_melody", "repair"]


@dataclass(frozen=True)
class Repair:
    """What was asked for: mask and lock are steps (num_steps,) that are found anew, and that stay though they are in the mask."""

    mask: Steps
    lock: Steps
    search: Search = Search()


def repair(engine: Engine, melody: Melody, asked: Repair, *, seed: int, provenance: Mapping[str, Any] | None = None) -> Melody:
    """The melody with the masked steps found anew; every other note is the very same."""
    free = asked.mask & ~asked.lock
    found = fill_melody(engine, melody, free, asked.search, seed)
    return replace(found, provenance=dict(provenance or {}))


def fill_melody(engine: Engine, melody: Melody, free: Steps, search: Search, seed: int) -> Melody:
    """The melody with the notes that begin in free steps (num_steps,) replaced by what the engine finds there."""
    placed, _ = place(engine, melody)
    tokens, open_steps, ends = _opened(melody, placed.tokens, free)
    bias = np.zeros((*tokens.shape, VOCABULARY_SIZE))
    bias[ends, HOLD] = -np.inf
    most = max(1, engine.config.max_bars // 2)
    for number, (first, bars) in enumerate(runs_of_bars(open_steps, most)):
        later = [bar for bar in np.flatnonzero(open_steps.any(axis=1)).tolist() if bar >= first + bars]
        window = window_around(first, bars, len(tokens), engine.config.max_bars, later)
        inside = slice(window.start_bar, window.start_bar + window.num_bars)
        hole = Hole(tokens[inside], open_steps[inside], melody.meter.kind_index, bias[inside])
        tokens[inside] = fill(engine, hole, search, window_seed(seed, number))
        open_steps[inside] = False
    new = from_coordinates(tokens, melody.meter, shift_semitones=placed.shift_semitones, num_bars=melody.num_bars)
    return _merged(melody, with_velocities(new, played_notes(melody)), free)


def _opened(melody: Melody, tokens: Tokens, free: Steps) -> tuple[Tokens, NDArray[np.bool_], NDArray[np.bool_]]:
    """Tokens (B, S), the steps of them that are to be found, and those of them at which a locked note ends."""
    open_steps = np.zeros(tokens.size, np.bool_)
    open_steps[: len(free)] = free
    ends = np.zeros_like(open_steps)
    for note in melody.notes:
        if not free[note.onset_steps]:
            open_steps[note.onset_steps : note.end_steps] = False
            if note.end_steps < len(open_steps) and open_steps[note.end_steps]:
                ends[note.end_steps] = True
    return tokens.copy(), open_steps.reshape(tokens.shape), ends.reshape(tokens.shape)


def _merged(melody: Melody, new: Melody, free: Steps) -> Melody:
    """The melody's own notes that begin outside the free steps, and the new ones inside, cut where the next note begins."""
    kept = [note for note in melody.notes if not free[note.onset_steps]]
    added = [note for note in new.notes if free[note.onset_steps]]
    notes = sorted([*kept, *added], key=lambda note: note.onset_steps)
    return replace(melody, notes=tuple(notes))
