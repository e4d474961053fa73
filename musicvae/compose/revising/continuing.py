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
from musicvae.compose.seeds import window_seed
from musicvae.music.lead_sheet import LeadSheet
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import Tokens, canonical_tokens

__all__ = ["Going", "continue_melody", "open_end"]


@dataclass(frozen=True)
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
    tokens = placed.tokens.copy()
    given_steps = open_end(melody)
    free = np.arange(tokens.size).reshape(tokens.shape) >= given_steps
    most, window = engine.config.max_bars, 0
    keep = most // 2
    first = int(np.flatnonzero(free.any(axis=1))[0])
    while first < len(tokens):
        start = max(0, first - keep)
        end = min(len(tokens), start + most)
        tokens[start:end] = _drawn(
            engine, tokens[start:end], free[start:end], first - start, melody, going, window_seed(seed, window),
            start_bar=start, shift_semitones=placed.shift_semitones,
        )  # fmt: skip
        first, window = end, window + 1
    new = from_coordinates(tokens, melody.meter, shift_semitones=placed.shift_semitones, num_bars=longer.num_bars)
    new = with_velocities(new, played_notes(melody))
    if going.plan is not None:
        new = going.plan.finish(new)
    added = tuple(note for note in new.notes if note.onset_steps >= given_steps)
    result = replace(longer, notes=(*melody.notes, *added), provenance=dict(provenance or {}))
    return LeadSheet.over(result, new.spans) if isinstance(new, LeadSheet) else result


def open_end(melody: Melody) -> int:
    """The step from which on music is to be found: the end of the last note if that is in the last bar, else that bar's end."""
    last = melody.notes[-1].end_steps if melody.notes else 0
    return last if last > (melody.num_bars - 1) * melody.meter.steps_per_bar else melody.num_steps


def _drawn(
    engine: Engine,
    tokens: Tokens,
    free: Any,
    given_bars: int,
    melody: Melody,
    going: Going,
    seed: int,
    start_bar: int,
    shift_semitones: int,
) -> Tokens:  # fmt: skip
    """A window (B, S) whose free steps are drawn; the first `given_bars` bars have none."""
    kind, bars = melody.meter.kind_index, len(tokens)
    known = canonical_tokens(tokens)
    given = engine.encode(known[None, :given_bars], kind)[0] if given_bars else None
    z = engine.sample_prior([seed], bars=bars, kind=kind, temperature=going.prior_temperature, given=given, given_bars=given_bars)
    forced = np.where(free, -1, known.astype(np.int16))[None]
    if going.plan is None:
        drawn = engine.decode(z, bars=bars, kind=kind, temperature=going.temperature, seeds=[seed], forced=forced)[0]
    else:
        drawn = decode_under(
            engine, z, going.plan, start_bar=start_bar, bars=bars, shift_semitones=shift_semitones, temperature=going.temperature,
            seeds=[seed], forced=forced,
        )[0]  # fmt: skip
    return canonical_tokens(np.where(free, drawn, tokens))
