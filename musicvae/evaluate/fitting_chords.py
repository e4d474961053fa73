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
from musicvae.compose.constraints.plan import Plan
from musicvae.evaluate.chord_ways import CHORD_WAYS, Way, chord_counts
from musicvae.evaluate.codec import piece_seeds, select_windows
from musicvae.evaluate.metrics import Estimate, bootstrap, mean_estimate
from musicvae.evaluate.pricing import bits_and_cost, canonical_rows, piece_bits, ratio
from musicvae.music.chords import Chord
from musicvae.music.lead_sheet import ChordSpan
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.corpus.store import Corpus

__all__ = ["ChordRow", "HarmonizedTunes", "borrowed_chords", "harmonized_tunes", "measure_chords"]

_KNOWN = 0.9  # share of eighths whose chord must be known


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


def borrowed_chords(corpus: Corpus, kind: int, *, bars: int = 16, limit: int = 40, split: str = "test", seed: int = 0) -> HarmonizedTunes:
    """Windows of any held-out tunes of a kind over the chords of tunes in 4/4, a chord for each written bar, that at its beginning."""
    windows = select_windows(corpus, split, kind, bars=bars, limit=limit, one_per_tune=True, seed=seed)
    lenders = harmonized_tunes(corpus, 0, bars=bars, limit=limit, split=split, seed=seed)
    width, own = lenders.meter.steps_per_bar, Meter.parse(KINDS[kind])
    spans = []
    for number in range(len(windows.tokens)):
        lent = lenders.spans[number % len(lenders.spans)]
        at = np.searchsorted([span.onset_steps for span in lent], np.arange(bars) * width, side="right") - 1
        chords = [lent[place].chord for place in at.tolist()]
        starts = [bar for bar in range(bars) if not bar or chords[bar] != chords[bar - 1]]
        spans.append(tuple(ChordSpan(bar * own.steps_per_model_bar, chords[bar]) for bar in starts))
    return HarmonizedTunes(kind, windows.tokens, windows.tunes, tuple(spans))


def _spans(codes: NDArray[np.uint8]) -> tuple[ChordSpan, ...]:
    starts = [0, *(np.flatnonzero(np.diff(codes.astype(np.int64))) + 1).tolist()]
    return tuple(ChordSpan(2 * start, Chord.from_code(int(codes[start]))) for start in starts)


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


def _chord_row(way: str, engine: Engine, tokens: Tokens, free: Tokens, plans: Sequence[Plan], tunes: NDArray[np.int64]) -> ChordRow:
    kind = plans[0].meter.kind_index
    counts = np.concatenate([chord_counts(row[None], plan) for row, plan in zip(tokens, plans, strict=True)]).astype(np.float64)
    notes, free_notes = ((rows >= FIRST_PITCH_TOKEN).sum(axis=(1, 2)).astype(np.float64) for rows in (tokens, free))
    columns = np.stack([piece_bits(engine, tokens, kind), notes, piece_bits(engine, free, kind), free_notes], axis=1)
    return ChordRow(
        way, bootstrap(counts[:, :2], tunes, ratio), bootstrap(counts[:, 2:], tunes, ratio), *bits_and_cost(columns, tunes),
        mean_estimate(notes / tokens.shape[1], tunes),
    )  # fmt: skip
