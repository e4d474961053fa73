"""The odd places of a window, and what its oddity comes to: the statistics that a yardstick holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.evidence import SPAN, bits_of, shared_bits
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.judging.notes import REACH, own_bits, pitches_read, substituted
from musicvae.compose.judging.passages import runs_read
from musicvae.compose.reading import Reader
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["Measured", "measure"]

_FEWEST_NOTES = 4
_TAIL = 0.25  # share of the notes, the oddest ones, that stand for the whole


@dataclass(frozen=True, eq=False)
class Measured:
    """A window of B model bars with n notes, in bits.

    onsets: (n,) steps of its notes. tune, bars: as `judging.evidence.Evidence` has them, a number and (B,). simple: bits of the
    n-gram, NaN without one. notes: (n,) bits of each note given all others, moves: (n,) semitones to the pitch that would
    rather be heard; shared: (B,) bits that the passages over each bar share with the rest, those of the most foreign one (a bar,
    as `judging.evidence.shared_bits`; by a reader as `judging.passages.Runs.of_bars`). Both are NaN where they were not asked for or do
    not apply.
    """

    onsets: NDArray[np.int64]
    tune: float
    bars: Floats
    simple: float
    notes: Floats
    moves: NDArray[np.int64]
    shared: Floats

    @property
    def bits(self) -> float:
        """Of the whole window."""
        return self.tune + float(self.bars.sum())

    def statistics(self) -> Mapping[str, float]:
        """The statistics of the window, by `yardstick.STATISTICS`; NaN where there is too little music for one."""
        known = self.notes[~np.isnan(self.notes)]
        enough = len(known) >= _FEWEST_NOTES
        worst = np.sort(known)[len(known) - max(1, round(_TAIL * len(known))) :]
        return {
            "whole": float(worst.mean()) if enough else float("nan"),
            "notes": float(known.max()) if enough else float("nan"),
            "passages": -float(np.min(self.shared)),
        }


def measure(
    engine: Engine, tokens: Tokens, kind: int, ngram: NGram | None = None, *, reader: Reader | None = None, places: bool = True
) -> Measured:
    """Measure a window (B, S) in the engine's coordinates; places: also which notes and passages are odd, which takes far longer.

    reader: of damaged music, which is asked for these instead of the engine.
    """
    evidence = bits_of(engine, tokens[None], kind)
    onsets = np.flatnonzero(tokens.reshape(-1) >= FIRST_PITCH_TOKEN)
    notes, moves = np.full(len(onsets), np.nan), np.zeros(len(onsets), np.int64)
    shared = np.full(len(tokens), np.nan)
    if places and len(onsets):
        if reader is None:
            scores, passages = substituted(engine, tokens, kind, ngram=ngram), shared_bits(engine, tokens, kind)
            shared = _of_bars(passages) if len(passages) else shared
        else:
            scores, shared = pitches_read(reader, tokens, kind, ngram=ngram), runs_read(reader, tokens, kind).of_bars()
        notes, moves = own_bits(scores), scores.argmax(axis=1) - REACH
    simple = float("nan") if ngram is None else -float(ngram.log_probs(tokens[None], kind).sum() / np.log(2))
    return Measured(onsets, float(evidence.tune[0]), evidence.bars[0], simple, notes, moves, shared)


def _of_bars(passages: Floats) -> Floats:
    """The least of the passages (B - SPAN + 1,) over each bar, (B,)."""
    padded = np.pad(passages, SPAN - 1, constant_values=np.inf)
    return np.asarray(np.min([padded[start : len(padded) - SPAN + 1 + start] for start in range(SPAN)], axis=0))
