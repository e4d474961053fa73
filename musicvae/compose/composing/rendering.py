"""Tokens of a section from its place in latent space, its moods and what is already settled.

Conventions: N rows, n model bars, S steps, Z latent size. A *theme* is a section's place in latent space: one z for each of its parts, a
part being as many bars as are decoded at once, perhaps after context bars that are forced. It holds no mood: the offset of the
moods is added when it is decoded, so that the same theme comes back in another mood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.composing.moods import Course
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.generating import KINSHIP
from musicvae.compose.seeds import window_seed
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens, canonical_tokens

__all__ = ["FREE", "Part", "Stage", "Theme", "draw_themes", "free", "render"]

FREE = -1
NATS_PER_SEMITONE = 0.06
"""What a semitone of register adds to the score of each semitone of pitch; measured to move the mean pitch by about as much."""
MIDDLE_PITCH = 71
Forced = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Stage:
    """What is the same for all sections. temperature: of the events; prior_temperature: of z."""

    engine: Engine
    meter: Meter
    temperature: float
    prior_temperature: float

    @property
    def steps(self) -> int:
        """S."""
        return self.meter.steps_per_model_bar


@dataclass(frozen=True, eq=False)
class Part:
    """So many bars of a theme: z (Z,), decoded after `context_bars` of what comes before."""

    z: Floats
    context_bars: int
    num_bars: int


@dataclass(frozen=True, eq=False)
class Theme:
    """A section's place in latent space, and how it sounded first.

    lead: tokens (L, S) that it follows, which may have no bars. seed: of its events. tokens: (n, S), as first drawn.
    """

    lead: Tokens
    parts: tuple[Part, ...]
    seed: int
    tokens: Tokens

    @property
    def num_bars(self) -> int:
        """Number of model bars."""
        return len(self.tokens)


def free(rows: int, bars: int, steps: int) -> Forced:
    """Nothing forced, (N, n, S)."""
    return np.full((rows, bars, steps), FREE, np.int16)


def render(
    stage: Stage,
    theme: Theme,
    course: Course,
    seeds: Sequence[int],
    *,
    forced: Forced | None = None,
    bias: Floats | None = None,
) -> Tokens:
    """Tokens (N, n, S) of a theme in the moods of `course` (n bars), a row for each seed.

    forced: (N or 1, n, S), -1 where the model is free; bias: (N or 1, n, S, 90), added to the scores.
    """
    rows, steps = len(seeds), stage.steps
    done = np.repeat(theme.lead[None], rows, axis=0)
    start = 0
    for number, part in enumerate(theme.parts):
        z = part.z + course.of(start, part.num_bars).offset(part.context_bars, stage.engine.config)
        new = _decode(
            stage,
            np.repeat(z[None], rows, axis=0),
            done[:, done.shape[1] - part.context_bars :],
            part.num_bars,
            course.of(start, part.num_bars),
            [window_seed(seed, number) for seed in seeds],
            None if forced is None else forced[:, start : start + part.num_bars],
            None if bias is None else bias[:, start : start + part.num_bars],
        )
        done = np.concatenate([done, new], axis=1)
        start += part.num_bars
    return done[:, len(theme.lead) :].reshape(rows, theme.num_bars, steps)


def draw_themes(stage: Stage, course: Course, bars: int, seeds: Sequence[int], *, lead: Tokens | None = None, style: Course | None = None, bias: Floats | None = None) -> list[Theme]:  # fmt: skip
    """A theme of so many model bars for each seed, as it sounds in the moods of `course`.

    lead: tokens (L, S) that the theme goes on from, where the engine can; its mood is told by `style`, which is taken off before the prior sees it.
    """
    config, rows = stage.engine.config, len(seeds)
    before = np.zeros((0, stage.steps), np.uint8) if lead is None or config.fixed_window else lead
    done = np.repeat(before[None], rows, axis=0)
    parts: list[list[Part]] = [[] for _ in seeds]
    start, last = 0, None
    while start < bars:
        context = min(done.shape[1], config.max_bars // 2)
        count = min(bars - start, config.max_bars - context)
        part_seeds = [window_seed(seed, len(parts[0])) for seed in seeds]
        z = _draw(
            stage,
            part_seeds,
            done[:, done.shape[1] - context :],
            count,
            course.of(start, count) if style is None or start else style.of(0, count),
            last,
        )
        moods = course.of(start, count)
        new = _decode(
            stage, z + moods.offset(context, config), done[:, done.shape[1] - context :], count, moods, part_seeds, None,
            None if bias is None else bias[:, start : start + count],
        )  # fmt: skip
        for row, own in zip(parts, z, strict=True):
            row.append(Part(own, context, count))
        done, last = np.concatenate([done, new], axis=1), z
        start += count
    return [Theme(before, tuple(own), seed, row[len(before) :]) for own, seed, row in zip(parts, seeds, done, strict=True)]


def _draw(stage: Stage, seeds: Sequence[int], context: Tokens, count: int, moods: Course, last: Floats | None) -> Floats:
    """The z (N, Z) of `count` bars after the context (N, c, S), without moods; kin to the last one where a window has no context."""
    engine, kind = stage.engine, stage.meter.kind_index
    num_context = context.shape[1]
    if engine.config.fixed_window:
        fresh = engine.sample_prior(seeds, bars=engine.config.max_bars, kind=kind, temperature=stage.prior_temperature)
        return fresh if last is None else KINSHIP * last + np.sqrt(1 - KINSHIP**2) * fresh
    if not num_context:
        return engine.sample_prior(seeds, bars=count, kind=kind, temperature=stage.prior_temperature)
    given = engine.encode(np.stack([canonical_tokens(row) for row in context]), kind)[0]
    before = Course(moods.vectors, np.repeat(moods.strengths[:1], num_context, axis=0), moods.register[:1], moods.loudness[:1])
    given = given - before.offset(0, engine.config)
    return engine.sample_prior(
        seeds, bars=num_context + count, kind=kind, temperature=stage.prior_temperature, given=given, given_bars=num_context
    )


def _decode(
    stage: Stage, z: Floats, context: Tokens, count: int, moods: Course, seeds: Sequence[int], forced: Forced | None, bias: Floats | None
) -> Tokens:
    """`count` bars (N, count, S) of z (N, Z) after context bars (N, c, S)."""
    rows, num_context, steps = len(z), context.shape[1], stage.steps
    own = free(rows, count, steps) if forced is None else np.broadcast_to(forced, (rows, count, steps))
    scores = (
        np.zeros((rows, count, steps, VOCABULARY_SIZE))
        if bias is None
        else np.array(np.broadcast_to(bias, (rows, count, steps, VOCABULARY_SIZE)))
    )
    scores += tilt(moods.register)[None]
    settled = np.concatenate([context.astype(np.int16), own], axis=1)
    scores = np.concatenate([np.zeros((rows, num_context, steps, VOCABULARY_SIZE)), scores], axis=1)
    tokens = stage.engine.decode(
        z, bars=num_context + count, kind=stage.meter.kind_index, temperature=stage.temperature, seeds=seeds,
        bias=scores if scores.any() else None, forced=settled if (settled >= 0).any() else None,
    )  # fmt: skip
    return tokens[:, num_context:]


def tilt(register: Floats) -> Floats:
    """What registers (n,), in semitones, add to the scores of events, (n, 1, 90): more for higher pitches, nothing for the middle one."""
    pitches = np.zeros(VOCABULARY_SIZE)
    pitches[FIRST_PITCH_TOKEN:] = np.arange(VOCABULARY_SIZE - FIRST_PITCH_TOKEN) + 21 - MIDDLE_PITCH
    return np.asarray(NATS_PER_SEMITONE * register[:, None, None] * pitches)
