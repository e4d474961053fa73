"""Ideas that suit chords: z drawn a few bars at a time, several times over, of which the one whose bars fit best is kept.

What a network without chords is told by nobody, its code can be searched for. A whole piece that happens to fit is rare, but a few bars
that do are not: from the first bar on, the next `Leaning.group` bars are drawn `Leaning.draws` times from the prior, given all before
them, and decoded; the draw with the best `chord_fit` stays. The best of K draws costs at most log2 K bits, where
a bias has to pay for every note that z does not mean. Conventions: N pieces, Z numbers, B model bars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.leaning import Leaning, chord_fit
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.seeds import derived_seed

__all__ = ["best_fitting", "fitting_z", "numbered_seeds"]

Draw = Callable[[Sequence[int], Floats | None, int], Floats]
"""z (N, Z) for seeds, given z (N, Z) or None, of which so many bars are kept."""


def fitting_z(
    engine: Engine,
    draw: Draw,
    seeds: Sequence[int],
    plan: Plan,
    *,
    start_bar: int,
    bars: int,
    given: Floats | None,
    given_bars: int,
    shift_semitones: int,
    temperature: float,
    vector: Floats | float,
    forced: NDArray[np.int16] | None,
) -> Floats:
    """Codes z (N, Z) of B model bars from `start_bar` on of the plan's piece, of which the first `given_bars` are those of `given`.

    vector: what styles add before decoding. forced: (N, B, S), as `decode_under` takes it.
    """
    z = given
    for first in range(given_bars, bars, plan.leaning.group):
        many = numbered_seeds(seeds, plan.leaning.draws, f"chords from bar {start_bar + first}", keep=first == given_bars)
        drawn = draw(many, None if z is None else np.repeat(z, plan.leaning.draws, axis=0), first)
        z = best_fitting(
            engine, drawn, seeds, plan, start_bar=start_bar, bars=bars, among=range(first, min(first + plan.leaning.group, bars)),
            shift_semitones=shift_semitones, temperature=temperature, vector=vector, forced=forced,
        )  # fmt: skip
    assert z is not None
    return z


def best_fitting(
    engine: Engine,
    drawn: Floats,
    seeds: Sequence[int],
    plan: Plan,
    *,
    start_bar: int,
    bars: int,
    among: range,
    shift_semitones: int,
    temperature: float,
    vector: Floats | float = 0.0,
    forced: NDArray[np.int16] | None = None,
) -> Floats:
    """Of every so many rows of z (N * K, Z) the one (N, Z) whose bars `among` these B fit the chords best; of equals the first."""
    draws = len(drawn) // len(seeds)
    unled = replace(plan, leaning=Leaning(0.0, 0.0, 0.0, tries=1, draws=1))
    tokens = decode_under(
        engine, drawn + vector, unled, start_bar=start_bar, bars=bars, shift_semitones=shift_semitones, temperature=temperature,
        seeds=[seed for seed in seeds for _ in range(draws)], forced=None if forced is None else np.repeat(forced, draws, axis=0),
    )  # fmt: skip
    fit = chord_fit(tokens, plan.spans, plan.meter, start_bar, shift_semitones)[:, among.start : among.stop].sum(axis=1)
    best: Floats = drawn[fit.reshape(-1, draws).argmax(axis=1) + np.arange(len(seeds)) * draws]
    return best


def numbered_seeds(seeds: Sequence[int], count: int, purpose: str, *, keep: bool = True) -> list[int]:
    """`count` seeds made from each; keep: the first of them is the seed itself."""
    return [seed if keep and not number else derived_seed(seed, f"{purpose}, {number}") for seed in seeds for number in range(count)]
