"""How a section comes back: known again, and farther from what it was each time that it is heard.

A return keeps its opening. What follows is varied in one of three ways, by turns: some bars are *reworded* (decoded from z that lies some
standard deviations of q(z | section) away), the line is *adorned* (its notes, or those on its beats, stay and others come between them; a
section that has many notes already is thinned instead), or its second half is played an *octave* higher or lower. Of several draws the one
is taken that is as far from the section as this return should be and has the fewest faults.

Conventions: as in `compose.composing.rendering`, N draws; distance is 1 - likeness (`compose.composing.hearing`), octaves set aside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.composing.hearing import HIGHEST, LOWEST, likeness, onsets_of, roughness, theme_faults
from musicvae.compose.composing.moods import Course
from musicvae.compose.composing.rendering import FREE, Forced, Part, Stage, Theme, leading, on_beat, render
from musicvae.compose.constraints.plan import FORBIDDEN
from musicvae.compose.engine import Floats
from musicvae.compose.seeds import derived_seed
from musicvae.model.noise import generator
from musicvae.music.key import Key
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, VOCABULARY_SIZE, Tokens, canonical_tokens

__all__ = ["WAYS", "Material", "Return", "developed", "distance_of"]

WAYS = ("reworded", "adorned", "octave")
DRAWS = 12
_FIRST_DISTANCE, _MORE_DISTANCE = 0.35, 0.16
"""Distance of the first return, and how much farther each one is, for a full variation."""
_SIGMAS = (1.0, 2.0, 3.5)
_LOOSE = (1.0, 1.7, 2.5, 3.5)
"""How many bars may change, in shares of the distance."""
_NATS = (1.0, 2.5, 4.0)
_OFF_TARGET, _ROUGH, _OCTAVE_BONUS = 16.0, 0.05, 1.5
_BARS_FOR_OCTAVES = 8
_MANY_NOTES = {"4/4": 7.0, "3/4": 3.5, "6/8": 5.5}
"""Notes a model bar that three in four passages of held-out tunes have fewer of."""


@dataclass(frozen=True)
class Return:
    """A return of a section: which variation of it, from 1, and how much returns vary, 0 to 1."""

    variation: int
    vary: float

    @property
    def way(self) -> str:
        """How it is varied."""
        return WAYS[(self.variation - 1) % len(WAYS)]


@dataclass(frozen=True, eq=False)
class Material:
    """What returns: tokens (n, S) of a theme in the moods of `course`, from this model bar of the piece on, in the key `home`.

    settled: (n, S), what must stay as it is, -1 where nothing does.
    """

    stage: Stage
    theme: Theme
    course: Course
    tokens: Tokens
    start_bar: int
    home: Key | None
    settled: Forced | None = None


def distance_of(again: Return) -> float:
    """How far a return is from the section, 0 to 1: growing from one to the next, up to `vary`."""
    return again.vary * min(1.0, _FIRST_DISTANCE + _MORE_DISTANCE * (again.variation - 1))


def developed(material: Material, again: Return, seed: int) -> Tokens:
    """Tokens (n, S) of a return."""
    tokens, distance = material.tokens, distance_of(again)
    bars = len(tokens)
    keep = max(1, bars // (4 if again.variation <= len(WAYS) else 8))
    if distance <= 0 or bars <= keep:
        return tokens
    noise = generator(seed, "variation")
    loose = _loosened(noise, bars, keep, distance)
    seeds = [derived_seed(seed, f"variation {draw}") for draw in range(DRAWS)]
    drawn = (_adorned if again.way == "adorned" else _reworded)(material, loose, seeds, noise)
    costs = [_cost(material, row, distance) for row in drawn]
    if again.way == "octave" and material.stage.plan is None and bars >= _BARS_FOR_OCTAVES:
        moved = [other for row in drawn for other in _octaves(row, material.settled)]
        costs += [_cost(material, row, distance) - _OCTAVE_BONUS for row in moved]
        drawn = np.stack([*drawn, *moved])
    best: Tokens = drawn[int(np.argmin(costs))]
    return best


def _cost(material: Material, row: Tokens, distance: float) -> float:
    """What speaks against a return: faults, leaps, and being nearer or farther than it should be."""
    away = 1 - likeness(row, material.tokens, octaves=True)
    faults = theme_faults(row, material.stage.meter, material.home)
    return faults + _ROUGH * roughness(onsets_of(row)[1]) + _OFF_TARGET * abs(away - distance)


def _loosened(noise: np.random.Generator, bars: int, keep: int, distance: float) -> NDArray[np.bool_]:
    """Which bars may change in each draw, (N, n): at least one, never the first `keep`."""
    chance = noise.random((DRAWS, bars))
    chance[:, -1] += 1  # the last to be chosen, since it is written anew for the cadence
    chance[:, :keep] = np.inf
    counts = np.array([min(bars - keep, max(1, round(distance * bars * _LOOSE[draw % len(_LOOSE)]))) for draw in range(DRAWS)])
    return np.asarray(chance.argsort(axis=1).argsort(axis=1) < counts[:, None])


def _reworded(material: Material, loose: NDArray[np.bool_], seeds: list[int], noise: np.random.Generator) -> Tokens:
    """Draws (N, n, S) whose loose bars are decoded from z near the theme's."""
    forced = np.where(loose[..., None], FREE, material.tokens.astype(np.int16))
    return _render(material, _moved(material, noise), seeds, forced, np.zeros((1, 1, 1, VOCABULARY_SIZE)))


def _adorned(material: Material, loose: NDArray[np.bool_], seeds: list[int], noise: np.random.Generator) -> Tokens:
    """Draws (N, n, S) with more notes in their loose bars, or fewer where there are many, around those on the beats."""
    tokens, meter = material.tokens, material.stage.meter
    onset, beat = tokens >= FIRST_PITCH_TOKEN, on_beat(meter, material.stage.steps)
    many = onset.sum() / len(tokens) > _MANY_NOTES[meter.kind]
    nats = np.array([_NATS[draw % len(_NATS)] for draw in range(DRAWS)])[:, None, None]
    every = np.arange(DRAWS) % 2 == 0
    kept = onset & (beat | (every & (not many))[:, None, None])
    forced = np.where(loose[..., None] & ~kept, FREE, tokens.astype(np.int16))
    scores = np.zeros((DRAWS, *tokens.shape, VOCABULARY_SIZE))
    scores[..., FIRST_PITCH_TOKEN:] = np.where(onset, -nats, FORBIDDEN if many else 0.0)[..., None] if many else nats[..., None]
    return _render(material, _moved(material, noise), seeds, forced, scores)


def _render(material: Material, theme: Theme, seeds: list[int], forced: Forced, scores: Floats) -> Tokens:
    settled = material.settled
    if settled is not None:
        forced = np.where(settled >= 0, settled, forced)
    bias = scores + leading(settled, material.tokens.shape)
    return render(material.stage, theme, material.course, seeds, material.start_bar, forced=forced, bias=bias)


def _octaves(row: Tokens, settled: Forced | None) -> list[Tokens]:
    """The section with its second half, or what is not settled of it, an octave higher and lower, where that lies in a usual range."""
    half = np.arange(len(row))[:, None] >= len(row) // 2
    moving = (row >= FIRST_PITCH_TOKEN) & half & (True if settled is None else settled < 0)
    pitches = row[moving].astype(np.int64) - FIRST_PITCH_TOKEN + MIN_PITCH
    fits = [step for step in (12, -12) if len(pitches) and pitches.min() + step >= LOWEST and pitches.max() + step <= HIGHEST]
    return [np.where(moving, row + np.array(step).astype(np.uint8), row).astype(np.uint8) for step in fits]


def _moved(material: Material, noise: np.random.Generator) -> Theme:
    """The theme with its z, (N, Z) of each part, some posterior standard deviations away."""
    stage, theme = material.stage, material.theme
    config, start = stage.engine.config, len(theme.lead)
    sigmas = np.array([_SIGMAS[draw * len(_SIGMAS) // DRAWS] for draw in range(DRAWS)])[:, None]
    whole = np.concatenate([theme.lead, theme.tokens])
    parts = []
    for part in theme.parts:
        window = whole[start - part.context_bars : start + part.num_bars]
        engine = stage.over(material.start_bar + start - len(theme.lead), part.num_bars, 1)
        sigma = engine.encode(canonical_tokens(window)[None], stage.meter.kind_index)[1][0]
        used = np.arange(len(sigma)) < config.z_used(len(window))
        away: Floats = np.where(used, sigmas * sigma * noise.standard_normal((DRAWS, len(sigma))), 0.0)
        parts.append(Part(part.z + away, part.context_bars, part.num_bars))
        start += part.num_bars
    return replace(theme, parts=tuple(parts))
