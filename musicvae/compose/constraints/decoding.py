"""Decoding under a plan: as any engine decodes, and what is drawn keeps to it.

Conventions: N rows of the same B model bars. Where a note would last too long, the model is asked again, with the hold that is too many
forbidden: what came before stays, and what follows is the model's own answer, a rest or a new note.

Over chords what the bias made is heard by the encoder, and written once more from what it heard, under the bias again. A z that was
drawn without chords means other notes than the bias lets through; one that was heard means melodies that fit, and has to be bent less.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.plan import FORBIDDEN, Plan
from musicvae.compose.engine import Engine, Floats
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, Tokens, canonical_tokens

__all__ = ["decode_under"]


def decode_under(
    engine: Engine,
    z: Floats,
    plan: Plan,
    *,
    start_bar: int,
    bars: int,
    shift_semitones: int,
    temperature: float,
    seeds: Sequence[int] | None = None,
    forced: NDArray[np.int16] | None = None,
) -> Tokens:
    """Tokens (N, bars, S) of z (N, Z) for model bars `start_bar` on of the plan's piece.

    forced: (N, bars, S), tokens that are set whatever the plan says, -1 where it decides.
    """
    tokens = _decoded(engine, z, plan, start_bar, bars, shift_semitones, temperature, seeds, forced)
    for _ in range(plan.leaning.hearings if plan.spans else 0):
        heard = engine.encode(np.stack([canonical_tokens(row) for row in tokens]), plan.meter.kind_index)[0]
        tokens = _decoded(engine, heard, plan, start_bar, bars, shift_semitones, temperature, seeds, forced)
    return tokens


def _decoded(
    engine: Engine,
    z: Floats,
    plan: Plan,
    start_bar: int,
    bars: int,
    shift_semitones: int,
    temperature: float,
    seeds: Sequence[int] | None,
    forced: NDArray[np.int16] | None,
) -> Tokens:
    """As `decode_under`, each row drawn once."""
    bound = plan.bound(start_bar, bars, shift_semitones)
    bias = np.repeat(bound.bias[None], len(z), axis=0)
    given = np.repeat(bound.forced[None], len(z), axis=0)
    if forced is not None:
        given = np.where(forced >= 0, forced, given).astype(np.int16)
    for _ in range(bars * plan.meter.steps_per_model_bar):
        tokens = engine.decode(z, bars=bars, kind=plan.meter.kind_index, temperature=temperature, seeds=seeds, bias=bias, forced=given)
        too_long = _first_too_long(tokens, plan.longest_steps, given >= 0)
        if not too_long.any():
            break
        bias[too_long, HOLD] = FORBIDDEN
    return tokens


def _first_too_long(tokens: Tokens, longest_steps: int | None, settled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The first free step (N, B, S) of each bar at which a note has lasted longer than it may; none for None."""
    flat = tokens.reshape(len(tokens), -1)
    if longest_steps is None:
        return np.zeros(tokens.shape, np.bool_)
    steps = np.arange(flat.shape[1])
    latest = np.maximum.accumulate(np.where(flat != HOLD, steps, -1), axis=1)
    sounds = (latest >= 0) & (np.take_along_axis(flat, np.maximum(latest, 0), axis=1) >= FIRST_PITCH_TOKEN)
    over = (sounds & (steps - latest >= longest_steps)).reshape(tokens.shape) & ~settled
    first: NDArray[np.bool_] = over & (over.cumsum(-1) == 1)
    return first
