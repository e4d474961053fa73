"""How pieces among several tunes measure up: grids between four, mixes of three, and morphs from bar to bar, against exchange at random.

Conventions: windows (B, S) of held-out tunes in the model's coordinates, as in `evaluate.variations`; distance is `note_distance`. Grid:
``follows`` is the rank correlation of a cell's weight of a corner with its likeness to it, the mean of the four corners;
``largest_jump`` the greatest distance between neighbours over the mean one; ``own_corners`` the share of corners that are the inputs
themselves. Mix: a third of each; ``likeness`` to the inputs (1 - distance) and ``unevenness``, the greatest less the least. Morph: the
melodies are played four times over; ``follows`` is the rank correlation of a bar's place with its likeness to B less that to A, and
leaps (semitones) are those across bar lines. Bits per note and in-key share are of inner cells, the mix, or windows of the morph.
The rival takes each step (of a morph: each bar) from one of the inputs, drawn at random by its weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.varying.vary import note_distance
from musicvae.evaluate.codec import Windows
from musicvae.evaluate.metrics import Estimate, mean_estimate, spearman
from musicvae.evaluate.variations import Yardsticks, tokens_of, window_melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["GridRow", "MixRow", "MorphRow", "grid_rows", "mix_rows", "morph_rows"]

_SIDE, _ROUNDS = 5, 4
Figures = dict[str, float]


@dataclass(frozen=True)
class GridRow:
    """Grids of 5 by 5, each between windows of four tunes."""

    way: str
    grids: int
    own_corners: Estimate
    follows: Estimate
    largest_jump: Estimate
    in_key: Estimate
    ngram_bits: Estimate
    model_bits: Estimate


@dataclass(frozen=True)
class MixRow:
    """Mixes, each of windows of three tunes."""

    way: str
    mixes: int
    likeness: Estimate
    unevenness: Estimate
    in_key: Estimate
    ngram_bits: Estimate
    model_bits: Estimate


@dataclass(frozen=True)
class MorphRow:
    """Morphs, each between windows of two tunes."""

    way: str
    morphs: int
    follows: Estimate
    leaps: Estimate
    in_key: Estimate
    ngram_bits: Estimate
    model_bits: Estimate


def groups_of(parts: Sequence[Windows], size: int) -> Iterator[tuple[list[Tokens], Windows]]:
    """Windows in groups of `size`, each window once, with what they come from."""
    for part in parts:
        for start in range(0, len(part) - size + 1, size):
            yield list(part.tokens[start : start + size]), part


def grid_rows(yard: Yardsticks, parts: Sequence[Windows], *, seed: int = 0, progress: Callable[[str], None]) -> list[GridRow]:
    """Rows for `Model.grid` and for steps exchanged at random."""
    found: dict[str, list[Figures]] = {}
    x, y = np.meshgrid(np.linspace(0, 1, _SIDE), np.linspace(0, 1, _SIDE))
    weights = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], axis=-1).reshape(-1, 4)
    for number, (corners, part) in enumerate(groups_of(parts, 4)):
        made = yard.model.grid([window_melody(tokens, part.meter) for tokens in corners], _SIDE)
        ways = {"grid": [tokens_of(piece) for piece in made], "steps exchanged at random": _exchanged(corners, weights, seed + number)}
        for way, cells in ways.items():
            found.setdefault(way, []).append(_grid_figures(yard, corners, cells, weights, part.kind))
        progress(f"{part.meter} grids: {number + 1}")
    return [GridRow(way, len(rows), *_estimates(rows, GridRow)) for way, rows in found.items()]


def mix_rows(yard: Yardsticks, parts: Sequence[Windows], *, seed: int = 0, progress: Callable[[str], None]) -> list[MixRow]:
    """Rows for `Model.mix` and for steps exchanged at random."""
    found: dict[str, list[Figures]] = {}
    for number, (inputs, part) in enumerate(groups_of(parts, 3)):
        (made,) = yard.model.mix([window_melody(tokens, part.meter) for tokens in inputs], [1, 1, 1])
        ways = {"mix": tokens_of(made), "steps exchanged at random": _exchanged(inputs, np.full((1, 3), 1 / 3), seed + number)[0]}
        for way, tokens in ways.items():
            alike = [1 - note_distance(own, tokens) for own in inputs]
            row = {"likeness": float(np.mean(alike)), "unevenness": max(alike) - min(alike)}
            found.setdefault(way, []).append(row | _quality(yard, [tokens], part.kind))
        progress(f"{part.meter} mixes: {number + 1}")
    return [MixRow(way, len(rows), *_estimates(rows, MixRow)) for way, rows in found.items()]


def morph_rows(yard: Yardsticks, parts: Sequence[Windows], *, seed: int = 0, progress: Callable[[str], None]) -> list[MorphRow]:
    """Rows for `Model.morph`, for bars exchanged at random, and for the inputs as they are, whose leaps are those inside."""
    found: dict[str, list[Figures]] = {}
    for number, ((a, b), part) in enumerate(groups_of(parts, 2)):
        (made,) = yard.model.morph([window_melody(tokens, part.meter) for tokens in (a, b)], _ROUNDS)
        total = _ROUNDS * len(a)
        turns = np.random.default_rng([seed, number]).random(total) < np.linspace(0, 1, total)
        cut = np.stack([(b if turn else a)[bar % len(a)] for bar, turn in enumerate(turns.tolist())])
        for way, tokens in {"morph": tokens_of(made), "bars exchanged at random": cut}.items():
            row = {"follows": _bars_follow(tokens, a, b), "leaps": _leaps(tokens)}
            windows = [tokens[start : start + len(a)] for start in range(0, total, len(a))]
            found.setdefault(way, []).append(row | _quality(yard, windows, part.kind))
        row = {"follows": float("nan"), "leaps": float(np.nanmean([_leaps(a), _leaps(b)]))}
        found.setdefault("the inputs", []).append(row | _quality(yard, [a, b], part.kind))
        progress(f"{part.meter} morphs: {number + 1}")
    return [MorphRow(way, len(rows), *_estimates(rows, MorphRow)) for way, rows in found.items()]


def _estimates(rows: Sequence[Figures], kind: type[GridRow] | type[MixRow] | type[MorphRow]) -> list[Estimate]:
    """The means of the figures that a row has, in its order, with intervals over groups."""
    names = [name for name in kind.__dataclass_fields__ if name in rows[0]]
    return [mean_estimate([row[name] for row in rows], range(len(rows))) for name in names]


def _quality(yard: Yardsticks, windows: Sequence[Tokens], kind: int) -> Figures:
    measured = [yard.of(tokens, tokens, kind) for tokens in windows]
    return {name: float(np.mean([row[name] for row in measured])) for name in ("in_key", "ngram_bits", "model_bits")}


def _grid_figures(yard: Yardsticks, corners: Sequence[Tokens], cells: Sequence[Tokens], weights: NDArray[np.float64], kind: int) -> Figures:
    alike = np.array([[1 - note_distance(corner, cell) for corner in corners] for cell in cells])
    follows = [spearman(weights[:, i], alike[:, i]) for i in range(4)]
    places = np.arange(_SIDE * _SIDE).reshape(_SIDE, _SIDE)
    across, down = (places[:, :-1], places[:, 1:]), (places[:-1], places[1:])
    beside = [pair for first, second in (across, down) for pair in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)]
    jumps = [note_distance(cells[first], cells[second]) for first, second in beside]
    ends = places[[0, 0, -1, -1], [0, -1, 0, -1]].tolist()
    figures = {
        "own_corners": float(np.mean([alike[end, i] == 1 for i, end in enumerate(ends)])), "follows": float(np.mean(follows)),
        "largest_jump": max(jumps) / float(np.mean(jumps)),
    }  # fmt: skip
    return figures | _quality(yard, [cell for place, cell in enumerate(cells) if place not in ends], kind)


def _exchanged(inputs: Sequence[Tokens], weights: NDArray[np.float64], seed: int) -> list[Tokens]:
    """For each row of weights (P, N) tokens each step of which comes from one of the inputs, by one draw for all rows."""
    drawn = np.random.default_rng(seed).random(inputs[0].shape)
    return [
        np.choose(np.minimum((drawn[..., None] >= row.cumsum()).sum(axis=-1), len(row) - 1), inputs).astype(np.uint8) for row in weights
    ]


def _bars_follow(tokens: Tokens, a: Tokens, b: Tokens) -> float:
    size = len(a)
    lean = [float((bar == b[i % size]).mean() - (bar == a[i % size]).mean()) for i, bar in enumerate(tokens)]
    return float(spearman(np.arange(len(tokens)), np.array(lean)))


def _leaps(tokens: Tokens) -> float:
    """Mean semitones from the last note of a bar to the first of the next, of bars with notes."""
    notes = [bar[bar >= FIRST_PITCH_TOKEN].astype(int) for bar in tokens]
    pairs = [(before[-1], after[0]) for before, after in zip(notes, notes[1:], strict=False) if len(before) and len(after)]
    return float(np.mean([abs(x - y) for x, y in pairs])) if pairs else float("nan")
