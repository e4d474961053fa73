"""Ways of fitting a melody to chords with a network that knows none: what is shipped, and what was measured beside it.

Conventions: a way makes one piece of a whole window, tokens (B, S), in the model's coordinates, for a seed and a plan that has chords.
A bias is told in nats, taken off notes at strong places that are not of the chord.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.leaning import Leaning, chord_places
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.generating import Order, draw_tokens
from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.pricing import canonical_rows
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, Tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine, Floats

__all__ = ["CHORD_WAYS", "Way", "chord_counts"]

Way = Callable[["Engine", int, Plan], Tokens]
_MANY, _DRAWS, _GROUP, _STEPS = 16, 8, 2, 30


def chord_counts(tokens: Tokens, plan: Plan, start_bar: int = 0) -> NDArray[np.int64]:
    """Of each row (N, B, S) from a bar on, (N, 4): strong notes on the chord, strong notes over any, all notes on it, all over any."""
    flat = tokens.reshape(len(tokens), -1).astype(np.int64)
    at, strong, _ = chord_places(plan.spans, plan.meter, start_bar * tokens.shape[2], flat.shape[1])
    chords = [span.chord for span in plan.spans]
    holds = np.array([[chord is not None and pc in chord.pitch_classes for pc in range(12)] for chord in chords])
    known = np.array([chord is not None for chord in chords])[at]
    starts = (flat >= FIRST_PITCH_TOKEN) & known
    inside = starts & holds[at, (flat - FIRST_PITCH_TOKEN + MIN_PITCH) % 12]
    return np.stack([(inside & strong).sum(1), (starts & strong).sum(1), inside.sum(1), starts.sum(1)], axis=1)


def _leaning(strong: float, medium: float = 0.0, outside: float | None = None, hearings: int = 0) -> Leaning:
    return Leaning(strong, medium, min(strong, 2.0) if outside is None else outside, hearings)


_FREE = _leaning(0.0)


def _drawn(engine: Engine, seeds: list[int], plan: Plan, leaning: Leaning) -> Tokens:
    placed = replace(plan, major_tonic=0, leaning=leaning)
    return draw_tokens(engine, seeds, Order(bars=plan.num_bars, meter=plan.meter, plan=placed))


def _written(engine: Engine, z: Floats, seeds: list[int], plan: Plan, leaning: Leaning) -> Tokens:
    bars = plan.meter.model_bars(plan.num_bars)
    placed = replace(plan, leaning=leaning)
    return decode_under(engine, z, placed, start_bar=0, bars=bars, shift_semitones=0, temperature=1.0, seeds=seeds)


def _bias(leaning: Leaning) -> Way:
    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        tokens: Tokens = _drawn(engine, [seed], plan, leaning)[0]
        return tokens

    return way


def _best_piece(leaning: Leaning) -> Way:
    """Of many pieces the one with the largest share of strong notes on the chord."""

    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        tokens = _drawn(engine, [seed, *piece_seeds(seed, _MANY - 1)], plan, leaning)
        counts = chord_counts(tokens, plan)
        best: Tokens = tokens[int(np.argmax(counts[:, 0] / np.maximum(counts[:, 1], 1)))]
        return best

    return way


def _best_bars(leaning: Leaning) -> Way:
    """Many draws of one z, and of each bar the one that fits best."""

    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        kind, bars = plan.meter.kind_index, plan.meter.model_bars(plan.num_bars)
        z = np.repeat(engine.sample_prior([seed], bars=bars, kind=kind), _MANY, axis=0)
        tokens = _written(engine, z, [seed, *piece_seeds(seed, _MANY - 1)], plan, leaning)
        best = [int(np.argmax(_fit(tokens[:, bar : bar + 1], plan, bar))) for bar in range(bars)]
        taken: Tokens = tokens[best, np.arange(bars)]
        return taken

    return way


def _best_z(leaning: Leaning) -> Way:
    """Bars in groups, each group's z drawn several times from the prior, given all before, and kept where it fits best unled."""

    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        kind, bars = plan.meter.kind_index, plan.meter.model_bars(plan.num_bars)
        z: Floats | None = None
        for first in range(0, bars, _GROUP):
            seeds = [seed, *piece_seeds(seed, _DRAWS - 1)] if z is None else piece_seeds(seed + first, _DRAWS)
            given = None if z is None else np.repeat(z, _DRAWS, axis=0)
            drawn = engine.sample_prior(seeds, bars=bars, kind=kind, given=given, given_bars=first)
            tokens = _written(engine, drawn, [seed] * _DRAWS, plan, _FREE)
            best = int(np.argmax(_fit(tokens[:, first : first + _GROUP], plan, first)))
            z = drawn[best : best + 1]
        assert z is not None
        tokens = _written(engine, z, [seed], plan, leaning)
        return np.asarray(tokens[0], np.uint8)

    return way


def _gradient(leaning: Leaning) -> Way:
    """Gradient steps on z towards what a strong bias writes."""

    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        kind, bars = plan.meter.kind_index, plan.meter.model_bars(plan.num_bars)
        goal = _drawn(engine, [seed], plan, _leaning(12.0))
        z = engine.refine(engine.sample_prior([seed], bars=bars, kind=kind), canonical_rows(goal), kind=kind, steps=_STEPS)
        tokens: Tokens = _written(engine, z, [seed], plan, leaning)[0]
        return tokens

    return way


def _fit(tokens: Tokens, plan: Plan, start_bar: int) -> NDArray[np.int64]:
    """Strong notes on the chord minus those that are not, (N,)."""
    counts = chord_counts(tokens, plan, start_bar)
    fit: NDArray[np.int64] = 2 * counts[:, 0] - counts[:, 1]
    return fit


CHORD_WAYS: Mapping[str, Way] = {
    "free": _bias(_FREE),
    "free, heard again": _bias(_leaning(0.0, hearings=1)),
    "bias 4": _bias(_leaning(4.0)),
    "bias 8": _bias(_leaning(8.0)),
    "bias 8, on beats 3": _bias(_leaning(8.0, 3.0)),
    f"best of {_MANY} pieces": _best_piece(_FREE),
    f"best of {_MANY} pieces, bias 4": _best_piece(_leaning(4.0)),
    f"best of {_MANY} draws of each bar": _best_bars(_FREE),
    f"best of {_MANY} draws of each bar, bias 4": _best_bars(_leaning(4.0)),
    f"best of {_DRAWS} z for every {_GROUP} bars": _best_z(_FREE),
    f"best of {_DRAWS} z for every {_GROUP} bars, bias 4": _best_z(_leaning(4.0)),
    "z by gradient": _gradient(_FREE),
    "z by gradient, bias 4": _gradient(_leaning(4.0)),
    "bias 4, heard again": _bias(_leaning(4.0, hearings=1)),
    "bias 8, heard again": _bias(_leaning(8.0, hearings=1)),
    "bias 8, heard twice": _bias(_leaning(8.0, hearings=2)),
    "as shipped": _bias(Leaning()),
}
"""The first is to let them be."""
