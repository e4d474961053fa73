"""Decoding under a plan: as any engine decodes, and what is drawn keeps to it.

Conventions: N rows of the same B model bars. Over chords each bar is drawn several times, and the draw that fits them best is taken:
a network of this project writes its bars apart from one another, given z, so that no bar minds which draw of another one was taken.
Where a note would last too long, the model is asked again, with the hold that is too many forbidden: what came before stays, and
what follows is the model's own answer, a rest or a new note.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.leaning import chord_fit
from musicvae.compose.constraints.plan import FORBIDDEN, Plan
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.seeds import derived_seed
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, Tokens

__all__ = ["decode_under"]

# Rows that are decoded at once: bounds memory, changes no result.
_BATCH = 128


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
    if not plan.spans or plan.leaning.tries == 1 or temperature == 0 or seeds is None or engine.config.fixed_window:
        return _decoded(engine, z, plan, start_bar, bars, shift_semitones, temperature, seeds, forced)
    tries, parts = plan.leaning.tries, []
    size = max(1, _BATCH // tries)
    for first in range(0, len(z), size):
        rows = slice(first, first + size)
        many = [derived_seed(seed, f"chords {number}") if number else seed for seed in seeds[rows] for number in range(tries)]
        given = None if forced is None else np.repeat(forced[rows], tries, axis=0)
        tokens = _decoded(engine, np.repeat(z[rows], tries, axis=0), plan, start_bar, bars, shift_semitones, temperature, many, given)
        parts.append(_fitting(tokens, tries, chord_fit(tokens, plan.spans, plan.meter, start_bar, shift_semitones)))
    return np.concatenate(parts)


def _fitting(tokens: Tokens, tries: int, fit: Floats) -> Tokens:
    """Of every `tries` rows of tokens (N * tries, B, S) one, each bar from the row where its fit (N * tries, B) is best."""
    bars, steps = tokens.shape[1:]
    best = fit.reshape(-1, tries, bars).argmax(axis=1)  # of equals the first, so that bars which return stay the same
    taken: Tokens = np.take_along_axis(tokens.reshape(-1, tries, bars, steps), best[:, None, :, None], axis=1)[:, 0]
    return taken


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
    kind = plan.meter.kind_index
    for _ in range(bars * plan.meter.steps_per_model_bar):
        tokens = engine.decode(z, bars=bars, kind=kind, temperature=temperature, seeds=seeds, bias=bias, forced=given)
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
