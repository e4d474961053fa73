"""Melodies among several others: a path by all of them, a grid between four, a mix, a morph from bar to bar.

Where ends are "exact", what the codes forget of the inputs is given back with each one's weight (`compose.varying.memory`), so that
a point with all its weight on one input is that input itself, note for note, and bars that are the same in all inputs stay the
same; "decoded" leaves both out, and the point is the input's reconstruction. Meter and length are aligned first, and all inputs cut
at the same bar lines. Between them the music has no key of its own: it is written in the key and octave of the input that has
most weight ("switch"), or of one of them throughout. Tempo is the weighted mean (of its logarithm); program, velocities and name
come from the input that has most weight, of equals the last. Temperature 0 takes the likeliest events; above it all points share
the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import with_folded_pitches, with_velocities
from musicvae.compose.code import Code
from musicvae.compose.coding import chords_of, decode_rows, encode, joined, place, windows_of
from musicvae.compose.engine import ChordRows, Engine
from musicvae.compose.limits import check_choice, check_temperature
from musicvae.compose.seeds import window_seed
from musicvae.compose.spacing import GRID, even_alphas
from musicvae.compose.varying.centres import centre
from musicvae.compose.varying.form import alike, with_returns
from musicvae.compose.varying.memory import Memory, memory_of, recalled
from musicvae.compose.varying.plans import ENDS, Point, check_inputs, nearest
from musicvae.compose.varying.results import Blends
from musicvae.compose.varying.together import letter, melodies_together
from musicvae.music.attributes import own_key
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import Tokens

__all__ = ["Ground", "Manner", "between_inputs", "blends_at", "ground_of", "key_notices", "manner_of", "tempo_notices", "tempo_of"]

METHODS = ("slerp", "lerp")
_ROWS = 128


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How inputs are blended.

    ends: of `plans.ENDS`. method: "slerp" or "lerp" (`compose.varying.centres`). keys: "switch" or the letter of an input. alignment,
    meters: `compose.alignment`. spacing: "even" to sound evenly spaced, "latent" to be so in the latent space. refine: gradient
    steps on the inputs' codes.
    """

    ends: str = "exact"
    method: str = "slerp"
    temperature: float = 0.0
    seed: int = 0
    alignment: str = "repeat"
    meters: str = "map"
    keys: str = "switch"
    spacing: str = "even"
    refine: int = 0

    def check(self, inputs: int) -> Manner:
        """Self; ValueError for what does not exist."""
        check_inputs(inputs)
        letters = tuple(letter(index).lower() for index in range(inputs))
        choices = (("ends", ENDS), ("method", METHODS), ("keys", ("switch", *letters)), ("spacing", ("even", "latent")))
        for what, allowed in choices:
            check_choice(what, getattr(self, what), allowed)
        check_temperature(self.temperature)
        return self


def manner_of(options: Mapping[str, Any]) -> Manner:
    """The manner with these options, "align" being another word for "alignment"; TypeError for one that does not exist."""
    return Manner(**{"alignment" if name == "align" else name: value for name, value in options.items()})


@dataclass(frozen=True)
class Ground:
    """Melodies of one meter and length, as the engine knows them. tokens: (B, S) of each. memories: () where ends are decoded."""

    engine: Engine
    inputs: tuple[Melody, ...]
    tokens: tuple[Tokens, ...]
    codes: tuple[Code, ...]
    memories: tuple[Memory, ...]
    manner: Manner
    notices: tuple[str, ...]

    @property
    def bars(self) -> list[int]:
        """Model bars of each window."""
        return [int(bars) for bars in self.codes[0].bars]

    def rows(self, asked: Sequence[tuple[Point, int]], temperature: float) -> list[Tokens]:
        """The tokens (bars, S) of a window at a point, for each (point, window), some at a time, which bounds memory."""
        starts = range(0, len(asked), _ROWS)
        return [tokens for start in starts for tokens in self._rows(asked[start : start + _ROWS], temperature)]

    def _rows(self, asked: Sequence[tuple[Point, int]], temperature: float) -> list[Tokens]:
        code, manner = self.codes[0], self.manner
        z = [centre([own.mu[w] for own in self.codes], point.in_latent, manner.method) for point, w in asked]
        bias = [recalled(self.memories, point.in_latent, w) for point, w in asked] if self.memories else None
        seeds = [window_seed(manner.seed, w) for _, w in asked]
        over = chords_of(code.chords, code.windows)
        chords = None if over is None else [over[w] for _, w in asked]
        bars = [self.bars[w] for _, w in asked]
        return decode_rows(self.engine, np.stack(z), bars, code.meter, temperature=temperature, seeds=seeds, bias=bias, chords=chords)

    def whole(self, points: Sequence[Point], temperature: float) -> list[Tokens]:
        """The tokens (B, S) at each point; a note sounds on into a window where it does in the input that has most weight."""
        windows = range(len(self.bars))
        parts = self.rows([(point, w) for point in points for w in windows], temperature)
        size = len(self.bars)
        homes = [nearest(point.in_order) for point in points]
        whole = [joined(self.codes[home], parts[i * size : (i + 1) * size]) for i, home in enumerate(homes)]
        if not self.memories:
            return whole
        return [with_returns(tokens, self.tokens[home], self.origins) for tokens, home in zip(whole, homes, strict=True)]

    @cached_property
    def origins(self) -> list[int]:
        """For each bar the first one that is the same in every input."""
        found = zip(*(alike(list(tokens)) for tokens in self.tokens), strict=True)
        first: dict[tuple[int, ...], int] = {}
        return [first.setdefault(same, bar) for bar, same in enumerate(found)]

    def home(self, point: Point) -> int:
        """The input in whose key and octave a point is written."""
        keys = self.manner.keys
        return nearest(point.in_order) if keys == "switch" else [letter(i).lower() for i in range(len(self.inputs))].index(keys)

    def notes(self, tokens: Tokens, home: int, dress: int) -> Melody:
        """The notes of tokens (B, S) in one input's key, as loud as those of another."""
        code = self.codes[home]
        melody = from_coordinates(tokens, code.meter, shift_semitones=code.shift_semitones, num_bars=code.num_bars)
        if self.memories:
            melody = with_folded_pitches(melody, self.inputs[home], code.shift_semitones, self.engine.config)
        return with_velocities(melody, self.codes[dress].played)

    def written(self, tokens: Tokens, point: Point) -> Melody:
        """The melody of one point, dressed as this module's head says."""
        home, dress = self.home(point), nearest(point.in_order)
        melody = self.notes(tokens, home, dress)
        tempo_qpm = tempo_of([own.tempo_qpm for own in self.inputs], point.in_order)
        own = self.inputs[dress]
        return replace(melody, tempo_qpm=tempo_qpm, key=self.inputs[home].key, program=own.program, name=own.name)

    def even(self, start: int, end: int, steps: int) -> tuple[float, ...]:
        """A `plans.Evener`, by the greedy decodings on the way from one input to another."""
        if steps == 2 or self.manner.spacing == "latent":
            return tuple(np.linspace(0, 1, steps).tolist())
        grid = np.linspace(0, 1, GRID * (steps - 1) + 1)
        points = [between_inputs(start, end, float(alpha), len(self.inputs)) for alpha in grid]
        flat = [tokens.reshape(-1) for tokens in self._parts(points)]
        to_start, to_end = (np.array([np.count_nonzero(x != flat[i]) for x in flat], np.float64) for i in (0, -1))
        return even_alphas(to_start, to_end, steps)

    def _parts(self, points: Sequence[Point]) -> list[Tokens]:
        """The greedy tokens of all windows at each point, one after another."""
        windows = range(len(self.bars))
        parts = self.rows([(point, w) for point in points for w in windows], 0.0)
        return [np.concatenate(parts[i : i + len(windows)]) for i in range(0, len(parts), len(windows))]


def ground_of(engine: Engine, melodies: Sequence[Melody], manner: Manner, chords: Callable[[int], ChordRows] | None = None) -> Ground:
    """The melodies aligned and encoded; chords: model bars -> (bars, 8), for an engine that takes chords. ValueError as `Manner.check`."""
    manner.check(len(melodies))
    inputs, notices = melodies_together(melodies, how=manner.alignment, meters=manner.meters)
    placed = [place(engine, melody) for melody in inputs]
    windows = windows_of(engine, [found.tokens for found, _ in placed], inputs[0].meter)
    over = None if chords is None else chords(len(placed[0][0].tokens))
    codes = tuple(encode(engine, melody, refine=manner.refine, windows=windows, chords=over) for melody in inputs)
    memories = tuple(memory_of(engine, code, found.tokens) for code, (found, _) in zip(codes, placed, strict=True))
    told = [f"{letter(i)}: {text}" for i, (_, seen) in enumerate(placed) for text in seen]
    chosen = (f"{inputs[0].num_bars} bars were blended in {len(windows)} windows",) if len(windows) > 1 else ()
    tokens = tuple(found.tokens for found, _ in placed)
    return Ground(engine, inputs, tokens, codes, memories if manner.ends == "exact" else (), manner, (*told, *notices, *chosen))


def blends_at(ground: Ground, points: Sequence[Point], *, columns: int = 1, provenance: Mapping[str, Any] | None = None) -> Blends[Melody]:
    """The melody of each point."""
    whole = ground.whole(points, ground.manner.temperature)
    pieces = [ground.written(tokens, point) for tokens, point in zip(whole, points, strict=True)]
    numbered = tuple(replace(piece, provenance={**(provenance or {}), "step": k + 1}) for k, piece in enumerate(pieces))
    tempi = tempo_notices([melody.tempo_qpm for melody in ground.inputs])
    told = (*ground.notices, *key_notices(ground, "piece"), *tempi, *_program_notices(ground.inputs))
    return Blends(numbered, told, tuple(point.in_latent for point in points), ground.inputs, columns)


def tempo_of(tempi_qpm: Sequence[float], weights: Sequence[float]) -> float:
    """The mean tempo, of its logarithm; exactly an input's where all that count have the same."""
    counted = {tempo for tempo, weight in zip(tempi_qpm, weights, strict=True) if weight > 0}
    if len(counted) == 1:
        return counted.pop()
    return float(math.prod(tempo**weight for tempo, weight in zip(tempi_qpm, weights, strict=True)))


def between_inputs(start: int, end: int, alpha: float, inputs: int) -> Point:
    """The point a share alpha of the way from one input to another."""
    weights = tuple((1 - alpha) * (i == start) + alpha * (i == end) for i in range(inputs))
    return Point(weights, weights)


def tempo_notices(tempi_qpm: Sequence[float]) -> tuple[str, ...]:
    """A word on what is done about different tempi."""
    low, high = min(tempi_qpm), max(tempi_qpm)
    return (f"the tempo moves between {round(low, 3):g} and {round(high, 3):g} quarter notes a minute",) if low < high else ()


def key_notices(ground: Ground, each: str) -> tuple[str, ...]:
    """A word on what is done about different keys; each: "piece" or "bar", which goes by the nearest input."""
    heard = [own_key(melody) for melody in ground.inputs]
    if len(set(heard)) == 1 or not all(melody.notes for melody in ground.inputs):
        return ()
    named = ", ".join(f"{letter(i)} is in {key}" for i, key in enumerate(heard))
    keys = ground.manner.keys if ground.engine.config.canonical_key else ""
    how = {"": "the model moves among them", "switch": f"each {each} is in the key of the nearest"}
    return (f"{named}: {how.get(keys, f'all is in that of {keys.upper()}')}",)


def _program_notices(inputs: Sequence[Melody]) -> tuple[str, ...]:
    programs = list(dict.fromkeys(melody.program for melody in inputs))
    return (f"each piece is played by the program of the nearest input: {', '.join(map(str, programs))}",) if len(programs) > 1 else ()
