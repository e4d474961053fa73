"""Whether pieces keep to constraints, and what that costs.

Conventions: the demands are those of held-out tunes, one window each: their range, rhythm, some of their notes. Pieces are drawn from the
prior with a seed for each tune. The cost is the bits (`evaluate.pricing`) that a piece has more than the free one of the same
seed, over the notes of the free ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.constraints import Constraints, RequiredNote
from musicvae.compose.constraints.plan import Plan
from musicvae.compose.generating import Order, draw
from musicvae.evaluate.codec import piece_seeds, select_windows
from musicvae.evaluate.metrics import Estimate, mean_estimate
from musicvae.evaluate.pricing import bits_and_cost, canonical_rows, piece_bits
from musicvae.music.melody import Melody
from musicvae.music.meter import KINDS, STEPS_PER_BEAT, Meter
from musicvae.music.vocabulary import Tokens, from_tokens, to_tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.corpus.store import Corpus

__all__ = ["DEMANDS", "ConstraintRow", "measure_constraints"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ConstraintRow:
    """One demand: the share of pieces that keep to it, of free pieces that happen to, bits per note and cost."""

    demand: str
    kept: Estimate
    kept_by_chance: Estimate
    bits_per_note: Estimate
    cost: Estimate


def measure_constraints(
    engine: Engine,
    corpus: Corpus,
    kind: int,
    *,
    limit: int = 40,
    split: str = "test",
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Iterator[ConstraintRow]:
    """A row for each demand that held-out tunes give, and one for several together."""
    tell = progress or (lambda text: None)
    windows = select_windows(corpus, split, kind, bars=engine.config.max_bars, limit=limit, one_per_tune=True, seed=seed)
    meter = Meter.parse(KINDS[kind])
    melodies = [from_tokens(tokens, meter) for tokens in windows.tokens]
    kept = [i for i, melody in enumerate(melodies) if len(melody.notes) > 1]
    melodies, tunes = [melodies[i] for i in kept], windows.tunes[kept]
    seeds = piece_seeds(seed, len(melodies))
    order = Order(bars=windows.bars * meter.written_per_model_bar, meter=meter)
    free = draw(engine, seeds, order)
    free_bits = piece_bits(engine, _tokens_of(free, None, engine), kind)
    for name, demand in DEMANDS.items():
        tell(f"constraints: {name}")
        plans = [demand(melody).over(meter, order.bars) for melody in melodies]
        drawn = [draw(engine, [s], replace(order, plan=plan))[0] for s, plan in zip(seeds, plans, strict=True)]
        bits = piece_bits(engine, _tokens_of(drawn, plans, engine), kind)
        columns = np.stack([bits, _notes(drawn), free_bits, _notes(free)], axis=1)
        yield ConstraintRow(
            name,
            mean_estimate([not plan.broken(piece) for plan, piece in zip(plans, drawn, strict=True)], tunes),
            mean_estimate([not plan.broken(piece) for plan, piece in zip(plans, free, strict=True)], tunes),
            *bits_and_cost(columns, tunes),
        )


def _octave(melody: Melody) -> tuple[int, int]:
    middle = int(np.median([note.pitch for note in melody.notes]))
    return middle - 6, middle + 6


def _some_notes(melody: Melody) -> tuple[RequiredNote, ...]:
    """The first note of every fourth bar, as long as it is."""
    width = melody.meter.steps_per_bar
    chosen: dict[int, RequiredNote] = {}
    for note in melody.notes:
        bar, step = divmod(note.onset_steps, width)
        if bar % 4 == 0 and bar not in chosen:
            chosen[bar] = RequiredNote(bar + 1, 1 + step / STEPS_PER_BEAT, note.pitch, note.duration_steps / STEPS_PER_BEAT)
    return tuple(chosen.values())


def _of_all(melody: Melody) -> Constraints:
    pitches = [note.pitch for note in melody.notes]
    low, high = min(pitches), max(pitches)
    return Constraints(
        scale=frozenset(p % 12 for p in pitches), lowest=low, highest=high, rhythm=melody, notes=_some_notes(melody)
    )  # fmt: skip


DEMANDS: Mapping[str, Callable[[Melody], Constraints]] = {
    "scale: C D E G A": lambda melody: Constraints.of(scale="C D E G A"),
    "range: an octave": lambda melody: Constraints.of(range=_octave(melody)),
    "no note longer than a beat": lambda melody: Constraints.of(longest=1),
    "notes: one in four bars": lambda melody: Constraints(notes=_some_notes(melody)),
    "rhythm of a held-out tune": lambda melody: Constraints(rhythm=melody),
    "its notes, range, rhythm and some notes": _of_all,
}
"""What is asked for of a piece, by a held-out tune in coordinates."""


def _notes(melodies: Sequence[Melody]) -> Floats:
    return np.array([len(melody.notes) for melody in melodies], np.float64)


def _tokens_of(melodies: Sequence[Melody], plans: Sequence[Plan] | None, engine: Engine) -> Tokens:
    """Tokens (N, B, S) in coordinates of melodies that were drawn under plans."""
    shifts = [0] * len(melodies) if plans is None else [plan.shift(engine.config) for plan in plans]
    return canonical_rows(np.stack([to_tokens(melody.transposed(shift)) for melody, shift in zip(melodies, shifts, strict=True)]))
