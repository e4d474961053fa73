"""Tokens of a section from its place in latent space, its moods and what is already settled.

Conventions: N rows, n model bars, S steps, Z latent size. A *theme* is a section's place in latent space: one z for each of its parts, a
part being as many bars as are decoded at once, perhaps after context bars that are forced. It holds no mood: the offset of the
moods is added when it is decoded, so that the same theme comes back in another mood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.composing.moods import Course
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import ChordRows, Engine, Floats, over_chords
from musicvae.compose.generating import KINSHIP
from musicvae.compose.seeds import window_seed
from musicvae.music.meter import STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE, Tokens, canonical_tokens

__all__ = ["FREE", "Part", "Stage", "Theme", "anchor", "as_dense", "draw_themes", "free", "leading", "more_onsets", "on_beat", "render"]

FREE = -1
NATS_PER_SEMITONE = 0.07
"""What a semitone of register adds to the score of each semitone of pitch; measured to move the mean pitch by about as much."""
ONSET_NATS = 0.2
"""What a strength of density adds to the score of every onset, beside what its vector does."""
REST_NATS = 2.0
"""What a strength of 1 or more of attributes takes off the score of rests, which their vectors bring along unasked."""
ANCHOR_NATS = 8.0
"""By how much a theme's own pitch is preferred where it comes back in another mood."""
_LEAP_NATS = 0.5
_STILL_A_NOTE, _BEAT_NATS = 0.5, 0.75
_MIDDLE_PITCH, _PITCH_DEVIATION = 72.0, 3.5
"""Where the networks' melodies lie, and how far the next pitch strays from what is expected, in semitones."""
Forced = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Stage:
    """What is the same for all sections.

    temperature: of the events; prior_temperature: of z. plan: what the piece must keep to, `shift_semitones` above where it is
    written. chords: (model bars of the piece, 8), for an engine that takes chords.
    """

    engine: Engine
    meter: Meter
    temperature: float
    prior_temperature: float
    plan: Plan | None = None
    shift_semitones: int = 0
    chords: ChordRows | None = None

    def over(self, start_bar: int, bars: int, rows: int) -> Engine:
        """The engine for so many rows of model bars `start_bar` on of the piece."""
        return over_chords(self.engine, None if self.chords is None else [self.chords[start_bar : start_bar + bars]] * rows)

    def chord(self, step: int) -> frozenset[int] | None:
        """The pitch classes, in coordinates, of the chord at a step of the piece; None for no chord."""
        chord = None if self.plan is None else self.plan.chord_at(step)
        return None if chord is None else frozenset((note + self.shift_semitones) % 12 for note in chord.pitch_classes)

    @property
    def steps(self) -> int:
        """S."""
        return self.meter.steps_per_model_bar


@dataclass(frozen=True, eq=False)
class Part:
    """So many bars of a theme: z, (Z,) or one for each draw, (N, Z), decoded after `context_bars` of what comes before."""

    z: Floats
    context_bars: int
    num_bars: int


@dataclass(frozen=True, eq=False)
class Theme:
    """A section's place in latent space, and how it sounded first.

    lead: tokens (L, S) that it follows, which may have no bars. seed: of its events. tokens: (n, S), as first drawn, and
    strengths, by vector, and onsets, in the mean: the moods that it was drawn in.
    """

    lead: Tokens
    parts: tuple[Part, ...]
    seed: int
    tokens: Tokens
    strengths: Mapping[str, float]
    onsets: float

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
    start_bar: int,
    *,
    forced: Forced | None = None,
    bias: Floats | None = None,
) -> Tokens:
    """Tokens (N, n, S) of a theme in the moods of `course` (n bars), a row for each seed.

    start_bar: model bar of the piece at which it begins. forced: (N or 1, n, S), -1 where the model is free; bias: (N or 1, n,
    S, 90), added to the scores. Where neither decides, the plan does.
    """
    rows, steps = len(seeds), stage.steps
    done = np.repeat(theme.lead[None], rows, axis=0)
    start = 0
    for number, part in enumerate(theme.parts):
        z = part.z + course.of(start, part.num_bars).offset(part.context_bars, stage.engine.config)
        new = _decode(
            stage,
            np.repeat(z[None], rows, axis=0) if z.ndim == 1 else z,
            done[:, done.shape[1] - part.context_bars :],
            part.num_bars,
            course.of(start, part.num_bars),
            [window_seed(seed, number) for seed in seeds],
            start_bar + start,
            None if forced is None else forced[:, start : start + part.num_bars],
            None if bias is None else bias[:, start : start + part.num_bars],
        )
        done = np.concatenate([done, new], axis=1)
        start += part.num_bars
    return done[:, len(theme.lead) :].reshape(rows, theme.num_bars, steps)


def draw_themes(
    stage: Stage, course: Course, bars: int, seeds: Sequence[int], start_bar: int, *, lead: Tokens | None = None
) -> list[Theme]:
    """A theme of so many model bars from `start_bar` of the piece on for each seed, as it sounds in the moods of `course`.

    lead: tokens (L, S) that the theme goes on from, in about the same moods; engines with a fixed window cannot.
    """
    config, rows = stage.engine.config, len(seeds)
    before = np.zeros((0, stage.steps), np.uint8) if lead is None or config.fixed_window else lead
    done = np.repeat(before[None], rows, axis=0)
    parts: list[list[Part]] = [[] for _ in seeds]
    start, last = 0, None
    while start < bars:
        num_context = min(done.shape[1], config.max_bars // 2)
        count = min(bars - start, config.max_bars - num_context)
        moods, context = course.of(start, count), done[:, done.shape[1] - num_context :]
        part_seeds = [window_seed(seed, len(parts[0])) for seed in seeds]
        z = _draw(stage, part_seeds, context, count, moods, last)
        new = _decode(stage, z + moods.offset(num_context, config), context, count, moods, part_seeds, start_bar + start, None, None)
        for row, own in zip(parts, z, strict=True):
            row.append(Part(own, num_context, count))
        done, last = np.concatenate([done, new], axis=1), z
        start += count
    strengths = course.means()
    return [
        Theme(before, tuple(own), seed, row[len(before) :], strengths, float(course.onsets.mean()))
        for own, seed, row in zip(parts, seeds, done, strict=True)
    ]


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
    given = given - moods.of(0, 1).steady(num_context).offset(0, engine.config)
    return engine.sample_prior(
        seeds, bars=num_context + count, kind=kind, temperature=stage.prior_temperature, given=given, given_bars=num_context
    )


def _decode(
    stage: Stage,
    z: Floats,
    context: Tokens,
    count: int,
    moods: Course,
    seeds: Sequence[int],
    start_bar: int,
    forced: Forced | None,
    bias: Floats | None,
) -> Tokens:
    """`count` bars (N, count, S) of z (N, Z) after context bars (N, c, S)."""
    rows, num_context, steps = len(z), context.shape[1], stage.steps
    own = free(1, count, steps) if forced is None else forced
    scores = tilt(moods.register, moods.onsets) + (0.0 if bias is None else bias)
    scores[..., NOTE_OFF] -= (REST_NATS * np.minimum(moods.moved, 1.0))[:, None]
    if stage.plan is not None:
        bound = stage.plan.bound(start_bar, count, stage.shift_semitones)
        own, scores = np.where(own < 0, bound.forced, own), scores + bound.bias
    whole = np.zeros((rows, num_context + count, steps, VOCABULARY_SIZE))
    whole[:, num_context:] = scores
    settled = np.concatenate([context.astype(np.int16), np.broadcast_to(own, (rows, count, steps))], axis=1)
    over, kind = stage.over(start_bar, count, rows), stage.meter.kind_index
    options: dict[str, Any] = {
        "bars": num_context + count, "kind": kind, "temperature": stage.temperature, "seeds": seeds,
        "bias": whole if whole.any() else None, "forced": settled if (settled >= 0).any() else None,
    }  # fmt: skip
    tokens = over.decode(z, **options)
    for _ in range(stage.plan.leaning.hearings if stage.plan is not None and stage.plan.spans else 0):
        # As in `constraints.decoding`: what the bias made is heard, and written once more from what was heard.
        tokens = over.decode(over.encode(np.stack([canonical_tokens(row) for row in tokens]), kind)[0], **options)
    return tokens[:, num_context:]


def anchor(tokens: Tokens, meter: Meter, freedom: Floats) -> Floats:
    """What makes a theme's own pitches (n, S) likelier, (n, S, 90), so that it is known again when moods thin it out or adorn it.

    Where a note of the theme starts every other pitch loses some nats, more on the beat (as diminutions keep the notes on the beats),
    the fewer the freer (n,) bars are of them. Notes on the beat are somewhat likelier to start; all else is the moods' affair.
    """
    onset = tokens >= FIRST_PITCH_TOKEN
    beat = on_beat(meter, tokens.shape[1])
    kept = 1 - freedom[:, None]
    starts = np.where(onset & beat, _BEAT_NATS, np.where(onset, _STILL_A_NOTE, 0.0))
    others = np.where(onset, starts - kept * np.where(beat, ANCHOR_NATS, ANCHOR_NATS / 2), 0.0)
    scores = np.zeros((*tokens.shape, VOCABULARY_SIZE))
    scores[..., FIRST_PITCH_TOKEN:] = others[..., None]
    np.put_along_axis(scores, np.where(onset, tokens, FIRST_PITCH_TOKEN)[..., None].astype(np.int64), starts[..., None], axis=-1)
    return scores


def on_beat(meter: Meter, steps: int) -> NDArray[np.bool_]:
    """Which of the steps of a bar are on a beat, of 6/8 on a dotted one, (S,)."""
    return np.asarray(np.arange(steps) % (6 if meter.kind == "6/8" else STEPS_PER_BEAT) == 0)


def as_dense(drawn: Tokens, wanted: Floats) -> Tokens:
    """Of tokens (N, n, S) the bars whose numbers of notes are nearest to those wanted (n,), of equals the first; (n, S)."""
    away = np.abs((drawn >= FIRST_PITCH_TOKEN).sum(axis=2) - wanted)
    chosen: Tokens = drawn[away.argmin(axis=0), np.arange(drawn.shape[1])]
    return chosen


def more_onsets(nats: Sequence[float]) -> Floats:
    """What makes notes likelier by so many nats, (N, 1, 1, 90)."""
    scores = np.zeros((len(nats), 1, 1, VOCABULARY_SIZE))
    scores[..., FIRST_PITCH_TOKEN:] = np.array(nats)[:, None, None, None]
    return scores


def leading(settled: Forced | None, shape: tuple[int, ...]) -> Floats:
    """What keeps the first beat after settled steps (n, S) near the last settled pitch, (n, S, 90): nats for what leaps beyond a fourth."""
    scores = np.zeros((*shape, VOCABULARY_SIZE))
    flat = np.zeros(0) if settled is None else settled.reshape(-1)
    notes = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    after = int((flat >= 0).sum())
    if len(notes):
        leap = np.abs(np.arange(FIRST_PITCH_TOKEN, VOCABULARY_SIZE) - int(flat[notes[-1]]))
        scores.reshape(-1, VOCABULARY_SIZE)[after : after + STEPS_PER_BEAT, FIRST_PITCH_TOKEN:] = -_LEAP_NATS * np.maximum(leap - 5, 0)
    return scores


def tilt(register: Floats, onsets: Floats) -> Floats:
    """What registers (n,), in semitones, and wishes for onsets (n,), in strengths, add to the scores of events, (n, 1, 90).

    A register gives more to higher pitches. What that would add to the chance that any note starts (the logarithm of the mean of the
    factors, for normal pitches) is taken off.
    """
    slope = NATS_PER_SEMITONE * register[:, None, None]
    pitches = np.arange(VOCABULARY_SIZE - FIRST_PITCH_TOKEN) + MIN_PITCH
    scores = np.zeros((len(register), 1, VOCABULARY_SIZE))
    scores[:, :, FIRST_PITCH_TOKEN:] = slope * (pitches - _MIDDLE_PITCH) - (slope * _PITCH_DEVIATION) ** 2 / 2
    scores[:, :, FIRST_PITCH_TOKEN:] += ONSET_NATS * onsets[:, None, None]
    return scores
