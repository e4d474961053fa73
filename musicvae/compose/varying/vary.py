"""Graded neighbours of a melody.

A variation lies on a way that begins at the melody, z = mu, and ends at a new idea drawn from the prior. Bars that are the
same in the melody go the same way, and stay the same: its form is kept. What the code forgets of the melody is given back and
fades along the way (`compose.varying.memory`); the last note, on which the melody comes to rest, is held on to longer. How far
the way is gone is searched, for every variation, so that the *distance* comes out as asked for: the share of notes that are
not in both, 1 - F1 over (pitch, onset), which is 0 for the melody itself and 1 where nothing is left of it. Amount 0.2 is
thus one note in five that is another, whatever the melody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import with_folded_pitches, with_velocities
from musicvae.compose.code import Code
from musicvae.compose.coding import chords_of, decode_rows, encode, encode_rows, joined, place
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import ChordRows, Engine, Floats
from musicvae.compose.latent import between
from musicvae.compose.seeds import window_seed
from musicvae.compose.varying.form import alike, with_returns
from musicvae.compose.varying.memory import Memory, memory_of, recalled
from musicvae.compose.varying.results import Variations
from musicvae.compose.varying.strides import Way, distinct_ways, few_notices, places_for, reach_notices
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens, canonical_tokens

__all__ = ["new_ideas", "note_distance", "vary"]


def note_distance(a: Tokens, b: Tokens) -> float:
    """Share of notes of two token arrays of one shape that are not in both, 1 - F1 over (pitch, onset); 0 where neither has any."""
    ours, theirs = a >= FIRST_PITCH_TOKEN, b >= FIRST_PITCH_TOKEN
    total = int(ours.sum() + theirs.sum())
    return 1 - 2 * int((ours & (a == b)).sum()) / total if total else 0.0


# By how much the last note, on which a melody comes to rest, is raised at the start of a way.
_CLOSING_NATS = 8.0
_ROWS = 128


@dataclass(frozen=True)
class _Ground:
    """The melody that is varied, as the engine knows it."""

    engine: Engine
    melody: Melody
    code: Code
    tokens: Tokens
    memory: Memory
    plan: Plan | None

    @cached_property
    def origins(self) -> list[int]:
        """For each bar of the melody the first one that is the same."""
        return alike(list(self.tokens))

    @cached_property
    def shift_semitones(self) -> int:
        """What is added to written pitches of variations: as of the melody, but that these may have to be octaves away from it."""
        return self.code.shift_semitones - (0 if self.plan is None else self.plan.lift_semitones(self.melody))

    def at(self, ideas: Sequence[Floats], places: Sequence[float]) -> list[Tokens]:
        """The whole tokens (B, S) at each place on the way to each idea (W, Z), some at a time, which bounds memory."""
        size = max(1, _ROWS // self.code.mu.shape[0])
        starts = range(0, len(places), size)
        return [tokens for start in starts for tokens in self._at(ideas[start : start + size], places[start : start + size])]

    def _at(self, ideas: Sequence[Floats], places: Sequence[float]) -> list[Tokens]:
        code, bars = self.code, self.code.bars.tolist()
        windows = range(len(bars))
        z = [between(code.mu[w], idea[w], t, "slerp") for idea, t in zip(ideas, places, strict=True) for w in windows]
        bias = [recalled([self.memory], [1 - t], w) for t in places for w in windows]
        self._close(bias, places)
        forced = None
        if self.plan is not None:
            bound = [self.plan.bound(window.start_bar, window.num_bars, self.shift_semitones) for window in code.windows] * len(places)
            bias = [own + asked.bias for own, asked in zip(bias, bound, strict=True)]
            forced = [asked.forced for asked in bound]
        over = chords_of(code.chords, code.windows)
        chords = None if over is None else over * len(places)
        parts = self._decoded(np.stack(z), bars * len(places), bias, forced, chords)
        for _ in range(self.plan.leaning.hearings if self.plan is not None and self.plan.spans else 0):
            # As in `constraints.decoding`: what the bias made is heard, and written once more from what was heard.
            heard, _ = encode_rows(self.engine, [canonical_tokens(part) for part in parts], code.meter)
            parts = self._decoded(heard, bars * len(places), bias, forced, chords)
        whole = [joined(code, parts[i : i + len(bars)]) for i in range(0, len(parts), len(bars))]
        # What is asked of a bar may not hold in one that was the same.
        return whole if self.plan is not None else [with_returns(tokens, self.tokens, self.origins) for tokens in whole]

    def _decoded(
        self, z: Floats, bars: list[int], bias: list[Floats], forced: list[Any] | None, chords: list[ChordRows] | None
    ) -> list[Tokens]:
        return decode_rows(
            self.engine, z, bars, self.code.meter, temperature=0.0, seeds=[0] * len(z), bias=bias, forced=forced, chords=chords
        )

    def _close(self, bias: Sequence[Floats], places: Sequence[float]) -> None:
        """Let the last note stay longer than others: add to what windows are given, for each place one after another, in place."""
        onsets = np.argwhere(self.tokens >= FIRST_PITCH_TOKEN)
        if not len(onsets):
            return
        bar, step = onsets[-1].tolist()
        window = max(w for w, own in enumerate(self.code.windows) if own.start_bar <= bar)
        for number, t in enumerate(places):
            row = bias[number * len(self.code.windows) + window]
            row[bar - self.code.windows[window].start_bar, step, int(self.tokens[bar, step])] += _CLOSING_NATS * (1 - t)

    def written(self, tokens: Tokens) -> Melody:
        """The melody of whole tokens, dressed as the one that is varied."""
        code = self.code
        moved = from_coordinates(tokens, code.meter, shift_semitones=self.shift_semitones, num_bars=code.num_bars)
        if self.plan is None or self.plan.allowed.all():
            moved = with_folded_pitches(moved, self.melody, code.shift_semitones, self.engine.config)
        moved = replace(self.melody, notes=with_velocities(moved, code.played).notes)
        return moved if self.plan is None else self.plan.finish(moved)


def vary(
    engine: Engine,
    melody: Melody,
    amounts: Sequence[float],
    n: int = 1,
    *,
    seed: int = 0,
    refine: int = 0,
    chords: ChordRows | None = None,
    plan: Plan | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Variations[Melody]:
    """`n` ways away from a melody, on each of them a variation for each of the amounts.

    Variation k has a seed of its own, with which it is the only one that comes out. chords: (model bars, 8), for an engine that
    takes chords. plan: what variations must keep to; at amount 0 nothing is asked. provenance: to which seed and amount are added.
    """
    placed, notices = place(engine, melody)
    code = encode(engine, melody, refine=refine, chords=chords)
    ground = _Ground(engine, melody, code, placed.tokens, memory_of(engine, code, placed.tokens), plan)
    ways, repeated = distinct_ways(lambda seeds: _ways(ground, seeds, amounts), n, seed, any(amounts))
    found = [(way.seed, amount, step) for way in ways for amount, step in zip(amounts, way.steps, strict=True)]
    melodies = tuple(
        replace(ground.written(tokens) if amount else melody, provenance={**(provenance or {}), "seed": own, "amount": amount})
        for own, amount, (tokens, _) in found
    )
    told = (*dict.fromkeys((*notices, *code.notices)), *few_notices(repeated))
    came_out = tuple(distance for _, _, (_, distance) in found)
    asked = tuple(amount for _, amount, _ in found)
    return Variations(melodies, (*told, *reach_notices(asked, came_out)), asked, came_out)


def _ways(ground: _Ground, seeds: Sequence[int], amounts: Sequence[float]) -> list[Way[Tokens]]:
    """For each seed what it comes to at each amount."""
    ideas = [new_ideas(ground.engine, ground.code, ground.memory.parts, own) for own in seeds]
    seen: dict[tuple[int, float], Tokens] = {(way, 0.0): ground.tokens for way in range(len(seeds))}

    def measured(asked: Sequence[tuple[int, float]]) -> list[float]:
        decoded = ground.at([ideas[way] for way, _ in asked], [t for _, t in asked])
        seen.update(zip(asked, decoded, strict=True))
        return [note_distance(ground.tokens, tokens) for tokens in decoded]

    places = places_for(measured, len(seeds), amounts)
    chosen = [[canonical_tokens(seen[way, float(t)]) for t in row] for way, row in enumerate(places)]
    return [
        Way(own, tuple((tokens, note_distance(ground.tokens, tokens)) for tokens in row)) for own, row in zip(seeds, chosen, strict=True)
    ]


def new_ideas(engine: Engine, code: Code, parts: Sequence[Tokens], seed: int) -> Floats:
    """An idea from the prior for each window of a code, (W, Z); bars that are the same in the parts (bars, S) have one idea.

    Window w is drawn with `compose.seeds.window_seed(seed, w)`.
    """
    ideas = np.zeros_like(code.mu)
    kind = code.meter.kind_index
    for window, bars in enumerate(code.bars.tolist()):
        asked = engine.config.max_bars if engine.config.fixed_window else bars
        ideas[window] = engine.sample_prior([window_seed(seed, window)], bars=asked, kind=kind)[0]
    if engine.config.fixed_window:
        return _like_windows(ideas, parts)
    places = [(window, bar) for window, part in enumerate(parts) for bar in range(len(part))]
    for (window, bar), origin in zip(places, alike([parts[w][bar] for w, bar in places]), strict=True):
        first_window, first_bar = places[origin]
        ideas[window, _block(engine, bar)] = ideas[first_window, _block(engine, first_bar)]
    return ideas


def _like_windows(ideas: Floats, parts: Sequence[Tokens]) -> Floats:
    """The same with one idea for windows that are the same."""
    met: dict[bytes, int] = {}
    return ideas[[met.setdefault(part.tobytes(), window) for window, part in enumerate(parts)]]


def _block(engine: Engine, bar: int) -> slice:
    """Where in z the numbers of a bar are."""
    layout = engine.config
    end = layout.z_used(bar + 1)
    width = layout.z_used(2) - layout.z_used(1) if layout.max_bars > 1 else 0
    return slice(end - width, end)
