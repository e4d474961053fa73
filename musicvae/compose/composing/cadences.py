"""How a section ends: resting on the dominant and leading on, or on the tonic for good.

Conventions: as in `compose.composing.hearing`. The goal is the downbeat of the last written bar. At a half cadence a note of the
dominant chord (over given chords: of the one there) starts there and rests for up to half a bar; what follows in the bar leads to the
next section. At the end of the piece the tonic starts there and lasts to the end. The bar itself, and at the end of the piece the one
before too, is drawn several times: the line that leaps least, into the goal and into the next section, is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.composing.hearing import HIGHEST, LOWEST, dominant, onsets_of, roughness
from musicvae.compose.composing.moods import Course
from musicvae.compose.composing.rendering import FREE, Stage, Theme, free, render
from musicvae.compose.constraints.plan import FORBIDDEN
from musicvae.compose.engine import Floats
from musicvae.compose.seeds import derived_seed
from musicvae.music.key import Key
from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE, Tokens

__all__ = ["CANDIDATES", "Goal", "with_cadence"]

CANDIDATES = 8
# What a plan forbids weighs more.
_NEVER = FORBIDDEN / 2
_WRONG_APPROACH = 6.0
_LEAST_LEAD = 0.5


@dataclass(frozen=True)
class Goal:
    """How a section of so many steps ends, in the key `home`.

    next_pitch: with which the next section opens, None where that is not known. final: whether the piece ends with it.
    """

    steps: int
    home: Key
    next_pitch: int | None = None
    final: bool = False


def with_cadence(
    stage: Stage, theme: Theme, course: Course, tokens: Tokens, goal: Goal, seed: int, start_bar: int, *, settled_steps: int = 0
) -> Tokens:
    """Tokens (n, S) of a section with its last bar, at the end of the piece its last two, drawn anew towards the goal.

    settled_steps: what comes before stays as it is.
    """
    width = stage.meter.steps_per_bar
    close = goal.steps - width
    if settled_steps > close:
        return tokens
    start = max(settled_steps, close - width * goal.final)
    forced = free(1, len(tokens), stage.steps)
    flat = forced.reshape(-1)
    flat[:start] = tokens.reshape(-1)[:start]
    scores = np.zeros((1, len(tokens) * stage.steps, VOCABULARY_SIZE))
    usual = float((tokens.reshape(-1)[:close] >= FIRST_PITCH_TOKEN).sum()) / max(1, close // width)
    _set_goal(
        flat, scores[0], close, _wanted(goal, stage.chord(start_bar * stage.steps + close)), close + _rest_steps(stage, usual), goal.final
    )
    flat[start:] = np.where(_demanded(stage, start_bar, len(tokens))[start:], FREE, flat[start:])
    shaped = scores.reshape(1, len(tokens), stage.steps, VOCABULARY_SIZE)
    seeds = [derived_seed(seed, f"cadence {candidate}") for candidate in range(CANDIDATES)]
    drawn = render(stage, theme, course, seeds, start_bar, forced=forced, bias=shaped)
    if stage.plan is None:
        # What was played an octave higher or lower ends there, too.
        drawn = np.concatenate([drawn, *(_raised(drawn, start, step) for step in (12, -12))])
        drawn = np.stack([_near_end(row, close) for row in drawn]) if goal.final else drawn
    costs = [_cost(row, close, start, goal, usual) for row in drawn]
    best: Tokens = drawn[int(np.argmin(costs))]
    return best


def _raised(drawn: Tokens, start: int, semitones: int) -> Tokens:
    """Draws (N, n, S) with what starts from a step on so much higher; as they are where that leaves a usual range."""
    flat = drawn.reshape(len(drawn), -1)
    moving = (flat >= FIRST_PITCH_TOKEN) & (np.arange(flat.shape[1]) >= start)
    moved = np.where(moving, flat.astype(np.int64) + semitones, flat)
    pitches = moved - FIRST_PITCH_TOKEN + MIN_PITCH
    outside = moving & ((pitches < LOWEST) | (pitches > HIGHEST))
    return np.where(outside.any(axis=1, keepdims=True), flat, moved).astype(np.uint8).reshape(drawn.shape)


def _near_end(tokens: Tokens, close: int) -> Tokens:
    """The section with its last note in the octave that is nearest to the note before it."""
    flat = tokens.reshape(-1).copy()
    before = flat[:close][flat[:close] >= FIRST_PITCH_TOKEN]
    if len(before):
        octaves = np.arange(int(flat[close] - FIRST_PITCH_TOKEN) % 12 + FIRST_PITCH_TOKEN, VOCABULARY_SIZE, 12)
        flat[close] = octaves[np.abs(octaves - int(before[-1])).argmin()]
    return flat.reshape(tokens.shape)


def _demanded(stage: Stage, start_bar: int, bars: int) -> NDArray[np.bool_]:
    """Steps (n * S,) at which constraints say whether a note starts, so that no cadence can."""
    if stage.plan is None:
        return np.zeros(bars * stage.steps, bool)
    bound = stage.plan.bound(start_bar, bars, stage.shift_semitones)
    return np.asarray(((bound.forced >= 0) | (bound.bias[..., HOLD] <= _NEVER)).reshape(-1))


def _wanted(goal: Goal, chord: frozenset[int] | None) -> frozenset[int]:
    """Pitch classes that the section may rest on: with a chord those of the dominant that are in it, else its own."""
    if goal.final:
        return frozenset({goal.home.tonic})
    rest = dominant(goal.home)
    return rest if chord is None else rest & chord or chord


def _set_goal(flat: NDArray[np.int16], scores: Floats, close: int, wanted: frozenset[int], rested: int, final: bool) -> None:
    """Force and forbid, in place, what the goal asks for."""
    pitches = np.arange(VOCABULARY_SIZE - FIRST_PITCH_TOKEN) + MIN_PITCH
    scores[close, [HOLD, NOTE_OFF]] = _NEVER
    scores[close, FIRST_PITCH_TOKEN:] = np.where(np.isin(pitches % 12, list(wanted)), 0.0, _NEVER)
    flat[close + 1 : len(flat) if final else rested] = HOLD


def _rest_steps(stage: Stage, usual_notes: float) -> int:
    """Steps that a half cadence rests for: about two of the section's usual notes, between a beat and half a bar (two beats of 3/4)."""
    width = stage.meter.steps_per_bar
    longest = 2 * STEPS_PER_BEAT if stage.meter.kind == "3/4" else max(STEPS_PER_BEAT, width // 2)
    beats = round(2 * width / max(usual_notes, 1.0) / STEPS_PER_BEAT)
    return min(longest, max(1, beats) * STEPS_PER_BEAT)


def _cost(tokens: Tokens, close: int, start: int, goal: Goal, usual_notes: float) -> float:
    """What speaks against a close: leaps, notes outside the key, a long way to the next section, fewer or more notes than usual."""
    steps, pitches = onsets_of(tokens)
    line = pitches[max(0, int(np.searchsorted(steps, start)) - 1) :].tolist()
    at_goal = int(np.searchsorted(steps, close))
    cost = 2.0 * sum(pitch % 12 not in goal.home.scale for pitch in line)
    if goal.final and 0 < at_goal < len(pitches) and abs(int(pitches[at_goal] - pitches[at_goal - 1])) not in (1, 2, 5, 7):
        cost += _WRONG_APPROACH
    if goal.next_pitch is not None:
        line.append(goal.next_pitch)
        cost += 0.25 * abs(goal.next_pitch - line[-2]) if len(line) > 1 else 0.0
        notes = len(steps) - at_goal
        cost += 2.0 * (notes < 2) + abs(notes - max(2.0, _LEAST_LEAD * usual_notes + 1))
    return cost + roughness(line)
