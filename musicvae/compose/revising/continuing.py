"""Going on from given music: every given note stays, what follows grows out of it.

A window holds as many of the last bars as leave room for what is new, and the prior, which knows how bars return, draws the blocks of the
bars that follow given those. Where the last given bar is not full, its rest belongs to what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import played_notes, with_velocities
from musicvae.compose.coding import place
from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import Engine
from musicvae.compose.revising.demands import Opened, finished
from musicvae.compose.seeds import window_seed
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import Tokens, canonical_tokens

__all__ = ["Going", "continue_melody", "open_end"]


@dataclass(frozen=True, eq=False)
class Going:
    """How to go on: for so many written bars; temperatures as in `compose.generating.Order`. plan: of the whole result, for what is new."""

    bars: int
    temperature: float = 1.0
    prior_temperature: float = 1.0
    plan: Plan | None = None


def continue_melody(engine: Engine, melody: Melody, going: Going, *, seed: int, provenance: Mapping[str, Any] | None = None) -> Melody:
    """The melody, and `going.bars` bars more."""
    longer = replace(melody, num_bars=melody.num_bars + going.bars)
    placed, _ = place(engine, longer)
    free = np.arange(longer.num_steps) >= open_end(melody)
    opened = Opened.of(longer, placed.tokens, free)
    shift = placed.shift_semitones
    tokens, most, window = opened.tokens.copy(), engine.config.max_bars, 0
    first = int(np.flatnonzero(opened.free.any(axis=1))[0])
    while first < len(tokens):
        start = 0 if len(tokens) <= most else max(0, first - most // 2)
        end = min(len(tokens), start + most)
        inside = slice(start, end)
        part = Opened(tokens[inside], opened.free[inside], opened.bias[inside])
        place_of = _Place(start, first - start, melody.meter.kind_index, shift)
        tokens[inside] = _drawn(engine, part, place_of, going, window_seed(seed, window))
        first, window = end, window + 1
    new = from_coordinates(tokens, melody.meter, shift_semitones=shift, num_bars=longer.num_bars)
    new = with_velocities(new, played_notes(melody))
    added = tuple(note for note in new.notes if free[note.onset_steps])
    found = finished(going.plan, replace(longer, notes=(*melody.notes, *added)), free)
    return replace(found, provenance=dict(provenance or {}))


def open_end(melody: Melody) -> int:
    """The step from which on music is to be found: the end of the last note if that is in the last bar, else that bar's end."""
    last = melody.notes[-1].end_steps if melody.notes else 0
    return last if last > (melody.num_bars - 1) * melody.meter.steps_per_bar else melody.num_steps


@dataclass(frozen=True)
class _Place:
    """A window: its first model bar, how many of its bars are given, the kind of meter, and the shift to coordinates."""

    start_bar: int
    given_bars: int
    kind: int
    shift_semitones: int


def _drawn(engine: Engine, part: Opened, place: _Place, going: Going, seed: int) -> Tokens:
    """A window (B, S) whose free steps are drawn; the first `given_bars` bars have none."""
    bars, known, given = len(part.tokens), canonical_tokens(part.tokens), None
    if place.given_bars:
        given = engine.encode(known[None, : place.given_bars], place.kind)[0]
    z = engine.sample_prior(
        [seed], bars=bars, kind=place.kind, temperature=going.prior_temperature, given=given, given_bars=place.given_bars
    )
    forced = np.where(part.free, -1, known.astype(np.int16))[None]
    if going.plan is None:
        drawn = engine.decode(
            z, bars=bars, kind=place.kind, temperature=going.temperature, seeds=[seed], bias=part.bias[None], forced=forced
        )
    else:
        drawn = decode_under(
            engine, z, going.plan, start_bar=place.start_bar, bars=bars, shift_semitones=place.shift_semitones,
            temperature=going.temperature, seeds=[seed], forced=forced,
        )  # fmt: skip
    return canonical_tokens(np.where(part.free, drawn[0], part.tokens))
