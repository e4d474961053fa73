"""How well melodies fit chords that no network was told, and what each way of fitting them costs.

Conventions: held-out tunes, one window each, whose chords are known in nearly every bar; pieces are drawn over those chords from the
prior, with a seed for each tune, in the model's coordinates. *Strong* notes start at strong places of the bar
(`compose.constraints.leaning`). The cost is the bits (`evaluate.pricing`) that a piece has more than the free one of the same seed,
over the notes of the free ones, so that fewer notes look no dearer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.decoding import decode_under
from musicvae.compose.constraints.leaning import Leaning, chord_places
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.generating import Order, draw_tokens
from musicvae.evaluate.codec import piece_seeds
from musicvae.evaluate.metrics import Estimate, bootstrap, mean_estimate
from musicvae.evaluate.pricing import bits_and_cost, canonical_rows, piece_bits, ratio
from musicvae.music.chords import Chord
from musicvae.music.lead_sheet import ChordSpan
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, Tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.corpus.store import Corpus

__all__ = ["CHORD_WAYS", "ChordRow", "HarmonizedTunes", "harmonized_tunes", "measure_chords"]

_KNOWN = 0.9  # share of eighths whose chord must be known
_CANDIDATES, _REFINE = 16, 30
_NONE = Leaning(0.0, 0.0, 0.0, draws=1, tries=1)


@dataclass(frozen=True)
class ChordRow:
    """One way of fitting melodies to chords: shares of notes on notes of the chord, bits per note, cost, and notes a bar."""

    way: str
    strong: Estimate
    every: Estimate
    bits_per_note: Estimate
    cost: Estimate
    notes_per_bar: Estimate


@dataclass(frozen=True, eq=False)
class HarmonizedTunes:
    """Windows of one kind of meter, one a tune: tokens (W, B, S) in coordinates, the tunes (W,), and each one's chords."""

    kind: int
    tokens: Tokens
    tunes: NDArray[np.int64]
    spans: tuple[tuple[ChordSpan, ...], ...]

    @property
    def meter(self) -> Meter:
        """The meter."""
        return Meter.parse(KINDS[self.kind])


Way = Callable[["Engine", int, Plan], Tokens]
"""Tokens (B, S) of a piece for a seed and a plan that has chords."""


def harmonized_tunes(corpus: Corpus, kind: int, *, bars: int = 16, limit: int = 40, split: str = "test", seed: int = 0) -> HarmonizedTunes:
    """Windows of held-out tunes whose chords are known; none where the corpus has no chords."""
    found = np.asarray(corpus.windows(split, kind=kind, bars=bars, hop=4), np.int64).reshape(-1, 3)
    steps = Meter.parse(KINDS[kind]).steps_per_model_bar
    codes = corpus.rows(found, "chords")[:, :, : steps // 2].reshape(len(found), -1)
    found, codes = found[(codes > 0).mean(axis=1) >= _KNOWN], codes[(codes > 0).mean(axis=1) >= _KNOWN]
    order = np.random.default_rng([seed, kind]).permutation(len(found))
    rows = np.sort(order[np.unique(found[order, 0], return_index=True)[1]])
    rows = rows[np.sort(np.random.default_rng([seed, kind, 1]).permutation(len(rows))[:limit])]
    tokens = corpus.tokens(found[rows])[:, :, :steps] if len(rows) else np.zeros((0, bars, steps), np.uint8)
    return HarmonizedTunes(kind, tokens, found[rows, 0], tuple(_spans(row) for row in codes[rows]))


def _spans(codes: NDArray[np.uint8]) -> tuple[ChordSpan, ...]:
    starts = [0, *(np.flatnonzero(np.diff(codes.astype(np.int64))) + 1).tolist()]
    return tuple(ChordSpan(2 * start, Chord.from_code(int(codes[start]))) for start in starts)


def _leaning(leaning: Leaning) -> Way:
    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        tokens: Tokens = _drawn(engine, [seed], replace(plan, leaning=leaning))[0]
        return tokens

    return way


def _candidates(leaning: Leaning) -> Way:
    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        tokens = _drawn(engine, [seed, *piece_seeds(seed, _CANDIDATES - 1)], replace(plan, leaning=leaning))
        counts = _counts(tokens, plan)
        best: Tokens = tokens[int(np.argmax(counts[:, 0] / np.maximum(counts[:, 1], 1)))]
        return best

    return way


def _searched(leaning: Leaning) -> Way:
    """Gradient steps on z towards what decoding under a strong bias gives, then decoding under `leaning`."""

    def way(engine: Engine, seed: int, plan: Plan) -> Tokens:
        kind, bars = plan.meter.kind_index, plan.meter.model_bars(plan.num_bars)
        z = engine.sample_prior([seed], bars=bars, kind=kind)
        goal = _drawn(engine, [seed], replace(plan, leaning=Leaning(12.0, 0.0, 6.0, draws=1, tries=1)))
        z = engine.refine(z, canonical_rows(goal), kind=kind, steps=_REFINE)
        tokens: Tokens = decode_under(
            engine, z, replace(plan, leaning=leaning), start_bar=0, bars=bars, shift_semitones=0, temperature=1.0, seeds=[seed]
        )[0]  # fmt: skip
        return tokens

    return way


def _bias(strong: float, medium: float, outside: float, *, draws: int = 1, group: int = 2, tries: int = 1) -> Way:
    return _leaning(Leaning(strong, medium, outside, draws=draws, group=group, tries=tries))


CHORD_WAYS: Mapping[str, Way] = {
    "free": _leaning(_NONE),
    "bias 2": _bias(2.0, 0.0, 1.0),
    "bias 4": _bias(4.0, 0.0, 2.0),
    "bias 4, on beats 1.5": _bias(4.0, 1.5, 2.0),
    "bias 8": _bias(8.0, 0.0, 4.0),
    f"best of {_CANDIDATES} pieces": _candidates(_NONE),
    f"best of {_CANDIDATES} pieces, bias 4": _candidates(Leaning(4.0, 0.0, 2.0, draws=1, tries=1)),
    "z by gradient": _searched(_NONE),
    "z by gradient, bias 4": _searched(Leaning(4.0, 0.0, 2.0, draws=1, tries=1)),
    "best of 16 ways to write each bar": _bias(0.0, 0.0, 0.0, tries=16),
    "best of 16 ways to write each bar, bias 2": _bias(2.0, 0.0, 1.0, tries=16),
    "best of 16 ways to write each bar, bias 3": _bias(3.0, 0.0, 2.0, tries=16),
    "best of 16 ways to write each bar, bias 4": _bias(4.0, 0.0, 2.0, tries=16),
    "best of 8 ways to write each bar, bias 4": _bias(4.0, 0.0, 2.0, tries=8),
    "best of 8 z for every 2 bars": _bias(0.0, 0.0, 0.0, draws=8, group=2),
    "best of 8 z for every 2 bars, bias 4": _bias(4.0, 0.0, 2.0, draws=8, group=2),
    "best of 4 z for every 4 bars, 8 ways, bias 3": _bias(3.0, 0.0, 2.0, draws=4, group=4, tries=8),
    "as shipped": _leaning(Leaning()),
}
"""Ways of fitting a melody to chords without a network that knows them; the first is to let them be."""


def measure_chords(
    engine: Engine,
    found: HarmonizedTunes,
    *,
    ways: Mapping[str, Way] = CHORD_WAYS,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Iterator[ChordRow]:
    """A row for the held-out tunes themselves, one for them over the chords of the next, and one for each way."""
    tell = progress or (lambda text: None)
    plans = [replace(Constraints().over(found.meter, found.tokens.shape[1]), spans=spans, major_tonic=0) for spans in found.spans]
    seeds = piece_seeds(seed, len(plans))
    own = canonical_rows(found.tokens)
    yield _chord_row("held-out tunes", engine, own, own, plans, found.tunes)
    yield _chord_row("held-out tunes, chords of another", engine, own, own, [*plans[1:], *plans[:1]], found.tunes)
    free: Tokens | None = None
    for name, way in ways.items():
        tell(f"chords: {name}")
        tokens = canonical_rows(np.stack([way(engine, s, plan) for s, plan in zip(seeds, plans, strict=True)]))
        free = tokens if free is None else free
        yield _chord_row(name, engine, tokens, free, plans, found.tunes)


def _drawn(engine: Engine, seeds: Sequence[int], plan: Plan) -> Tokens:
    return draw_tokens(engine, seeds, Order(bars=plan.num_bars, meter=plan.meter, plan=replace(plan, major_tonic=0)))


def _counts(tokens: Tokens, plan: Plan) -> NDArray[np.int64]:
    """Of each row (N, 4): strong notes on the chord, strong notes over any chord, all notes on the chord, all notes over any."""
    flat = tokens.reshape(len(tokens), -1).astype(np.int64)
    at, strong, _ = chord_places(plan.spans, plan.meter, 0, flat.shape[1])
    chords = [span.chord for span in plan.spans]
    holds = np.array([[chord is not None and pc in chord.pitch_classes for pc in range(12)] for chord in chords])
    known = np.array([chord is not None for chord in chords])[at]
    starts = (flat >= FIRST_PITCH_TOKEN) & known
    inside = starts & holds[at, (flat - FIRST_PITCH_TOKEN + MIN_PITCH) % 12]
    return np.stack([(inside & strong).sum(1), (starts & strong).sum(1), inside.sum(1), starts.sum(1)], axis=1)


def _chord_row(way: str, engine: Engine, tokens: Tokens, free: Tokens, plans: Sequence[Plan], tunes: NDArray[np.int64]) -> ChordRow:
    kind = plans[0].meter.kind_index
    counts = np.concatenate([_counts(row[None], plan) for row, plan in zip(tokens, plans, strict=True)]).astype(np.float64)
    notes, free_notes = ((rows >= FIRST_PITCH_TOKEN).sum(axis=(1, 2)).astype(np.float64) for rows in (tokens, free))
    columns = np.stack([piece_bits(engine, tokens, kind), notes, piece_bits(engine, free, kind), free_notes], axis=1)
    return ChordRow(
        way, bootstrap(counts[:, :2], tunes, ratio), bootstrap(counts[:, 2:], tunes, ratio), *bits_and_cost(columns, tunes),
        mean_estimate(notes / tokens.shape[1], tunes),
    )  # fmt: skip
