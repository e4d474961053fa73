"""The way from one melody to another.

Conventions: a blend has K pieces at positions k / (K - 1), k = 0 .. K - 1; its alphas say how far
along the latent way each lies. After MusicVAE (Roberts et al. 2018), with the ends taken at the
encoder's mean and the same noise for every piece.

* Meter and length are aligned first (`compose.alignment`), and both melodies are cut at the same bar lines.
* Key: between the ends the music is in the model's coordinates and has no key of its own. "switch"
  writes pieces before the middle in A's key and octave, the others in B's, so that both ends are
  their inputs' reconstructions; "a" and "b" write all in one key.
* Tempo moves evenly (in its logarithm); program, velocities and name come from the nearer input,
  in the very middle from B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np

from musicvae.compose.alignment import align
from musicvae.compose.canonical import from_coordinates
from musicvae.compose.carry import with_velocities
from musicvae.compose.code import Code
from musicvae.compose.coding import chords_of, decode_rows, encode, joined, place, windows_of
from musicvae.compose.engine import ChordRows, Engine
from musicvae.compose.latent import between
from musicvae.compose.limits import check_choice, check_steps, check_temperature
from musicvae.compose.seeds import window_seed
from musicvae.compose.spacing import GRID, even_alphas
from musicvae.music.attributes import own_key
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import Tokens

__all__ = ["KEY_RULES", "METHODS", "SPACINGS", "Blend", "blend"]

METHODS = ("slerp", "lerp")
KEY_RULES = ("switch", "a", "b")
SPACINGS = ("even", "latent")


@dataclass(frozen=True, eq=False)
class Blend(Sequence[Melody]):
    """The pieces on the way from A to B, ends included, as a sequence.

    notices: what was chosen and lost. alphas: how far along the latent way each piece lies, in
    [0, 1]. inputs: the two melodies as they were blended, in one meter and of one length.
    """

    melodies: tuple[Melody, ...]
    notices: tuple[str, ...]
    alphas: tuple[float, ...]
    inputs: tuple[Melody, Melody]

    def __len__(self) -> int:
        return len(self.melodies)

    @overload
    def __getitem__(self, index: int) -> Melody: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Melody]: ...
    def __getitem__(self, index: int | slice) -> Melody | Sequence[Melody]:
        return self.melodies[index]

    def __iter__(self) -> Iterator[Melody]:
        return iter(self.melodies)


@dataclass(frozen=True)
class _Way:
    """Both ends in z, and how to decode a point between."""

    engine: Engine
    a: Code
    b: Code
    method: str
    seed: int

    def tokens(self, alphas: Sequence[float], temperature: float) -> list[list[Tokens]]:
        """For each alpha the tokens of every window."""
        bars = self.a.bars.tolist()
        windows = range(len(bars))
        z = np.stack([between(self.a.mu[w], self.b.mu[w], alpha, self.method) for alpha in alphas for w in windows])
        seeds = [window_seed(self.seed, w) for w in windows] * len(alphas)
        over = chords_of(self.a.chords, self.a.windows)
        chords = None if over is None else over * len(alphas)
        parts = decode_rows(self.engine, z, bars * len(alphas), self.a.meter, temperature=temperature, seeds=seeds, chords=chords)
        return [parts[i : i + len(bars)] for i in range(0, len(parts), len(bars))]


def blend(
    engine: Engine,
    a: Melody,
    b: Melody,
    steps: int = 9,
    *,
    method: str = "slerp",
    temperature: float = 0.0,
    seed: int = 0,
    alignment: str = "repeat",
    meters: str = "map",
    keys: str = "switch",
    spacing: str = "even",
    refine: int = 0,
    chords: Callable[[int], ChordRows] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Blend:
    """Blend two melodies in `steps` pieces, both reconstructions included.

    method: `METHODS`; alignment, meters: `compose.alignment`; keys: `KEY_RULES`. spacing: "latent"
    takes even alphas; "even" decodes a grid four times finer at temperature 0 and takes those whose
    share of the distance, d(A, x) / (d(A, x) + d(x, B)) in tokens that differ, comes nearest to even.
    refine: gradient steps on the ends. chords: model bars -> (bars, 8), those of the aligned melodies, for an engine
    that takes chords. ValueError for options that do not exist.
    """
    for what, value, allowed in (("method", method, METHODS), ("keys", keys, KEY_RULES), ("spacing", spacing, SPACINGS)):
        check_choice(what, value, allowed)
    check_steps(steps)
    check_temperature(temperature)
    aligned = align(a, b, how=alignment, meters=meters)
    (placed_a, seen_a), (placed_b, seen_b) = place(engine, aligned.a), place(engine, aligned.b)
    windows = windows_of(engine, [placed_a.tokens, placed_b.tokens], aligned.a.meter)
    over = None if chords is None else chords(len(placed_a.tokens))
    codes = [encode(engine, melody, refine=refine, windows=windows, chords=over) for melody in (aligned.a, aligned.b)]
    way = _Way(engine, codes[0], codes[1], method, seed)
    alphas = _even_alphas(way, steps) if spacing == "even" else tuple(np.linspace(0, 1, steps).tolist())
    parts = way.tokens(alphas, temperature)
    pieces = [_piece(way, (aligned.a, aligned.b), tokens, k / (steps - 1), keys) for k, tokens in enumerate(parts)]
    notices = (*(f"A: {text}" for text in seen_a), *(f"B: {text}" for text in seen_b), *aligned.notices)
    melodies = tuple(replace(piece, provenance={**(provenance or {}), "step": k + 1}) for k, piece in enumerate(pieces))
    chosen = _choices(aligned.a, aligned.b, len(windows), keys if engine.config.canonical_key else "")
    return Blend(melodies, (*notices, *chosen), alphas, (aligned.a, aligned.b))


def _piece(way: _Way, inputs: tuple[Melody, Melody], tokens: list[Tokens], position: float, keys: str) -> Melody:
    """The melody of one point, dressed as the rules in the head of this module say."""
    nearer = 0 if position < 0.5 else 1
    home = {"switch": nearer, "a": 0, "b": 1}[keys]
    code, dress = (way.a, way.b)[home], inputs[nearer]
    # A note sounds on into a window where it does in the nearer input.
    whole = joined((way.a, way.b)[nearer], tokens)
    melody = from_coordinates(whole, code.meter, shift_semitones=code.shift_semitones, num_bars=code.num_bars)
    melody = with_velocities(melody, (way.a, way.b)[nearer].played)
    tempo_qpm = _tempo(way.a.tempo_qpm, way.b.tempo_qpm, position)
    return replace(melody, tempo_qpm=tempo_qpm, key=inputs[home].key, program=dress.program, name=dress.name)


def _tempo(a_qpm: float, b_qpm: float, position: float) -> float:
    """The tempo at a position in [0, 1], even in its logarithm and exactly a's and b's at the ends."""
    if a_qpm == b_qpm or position in (0.0, 1.0):
        return b_qpm if position else a_qpm
    return float(a_qpm ** (1 - position) * b_qpm**position)


def _even_alphas(way: _Way, steps: int) -> tuple[float, ...]:
    """Alphas of `steps` points whose greedy decodings advance evenly from A to B, strictly increasing."""
    if steps == 2:
        return (0.0, 1.0)
    grid = np.linspace(0, 1, GRID * (steps - 1) + 1)
    flat = [np.concatenate([part.reshape(-1) for part in parts]) for parts in way.tokens(grid.tolist(), 0.0)]
    to_a = np.array([np.count_nonzero(x != flat[0]) for x in flat], np.float64)
    to_b = np.array([np.count_nonzero(x != flat[-1]) for x in flat], np.float64)
    return even_alphas(to_a, to_b, steps)


_KEYS_CHOSEN = {
    "switch": "the first half is in A's key, the second in B's",
    "a": "all is in A's key",
    "b": "all is in B's key",
    "": "the model moves from one to the other",
}


def _choices(a: Melody, b: Melody, num_windows: int, keys: str) -> tuple[str, ...]:
    """Notices of what the blend does where its inputs differ; keys: "" where the network hears all keys as they are."""
    notices = []
    key_a, key_b = own_key(a), own_key(b)
    if key_a != key_b and a.notes and b.notes:
        chosen = _KEYS_CHOSEN[keys]
        notices.append(f"A is in {key_a}, B in {key_b}: {chosen}")
    if a.tempo_qpm != b.tempo_qpm:
        notices.append(f"the tempo moves from {a.tempo_qpm:g} to {b.tempo_qpm:g} quarter notes a minute")
    if a.program != b.program:
        notices.append(f"the first half is played by program {a.program}, the second by {b.program}")
    if num_windows > 1:
        notices.append(f"{a.num_bars} bars were blended in {num_windows} windows")
    return tuple(notices)
