"""What generated melodies are like beside held-out ones, and how much of them is copied.

Conventions: tokens are (N, B, S) of N pieces of one kind of meter, without note-offs in silence
(`canonical`). A *passage* is four consecutive bars at any bar of a piece; it counts when at least four notes
start in it. Generated pieces are independent of each other, windows of one tune are not: `tunes`
(N,) says which belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicvae.evaluate.metrics import Estimate, bootstrap, mean_estimate
from musicvae.music.attributes import different_bars, repeat_lags, scale_share
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens, canonical_tokens, from_tokens

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus

__all__ = ["LagRow", "Passages", "SampleRow", "canonical", "lag_row", "sample_row"]

PASSAGE_BARS = 4
PASSAGE_NOTES = 4
MAX_LAG = 15


@dataclass(frozen=True)
class SampleRow:
    """Figures of one set of pieces; shares lie in [0, 1].

    copied: counted passages that occur in training tunes note for note. copied_transposed: the same
    when both are moved to start on one pitch.
    """

    meter: str
    source: str
    notes_in_scale: Estimate
    notes_per_bar: Estimate
    repeated_bars: Estimate
    different_bars: Estimate
    lag_distance: float
    copied: Estimate
    copied_transposed: Estimate


@dataclass(frozen=True)
class LagRow:
    """Shares of bars by how many bars ago they were last heard: entry 0 never (within the piece), then 1 to 15."""

    meter: str
    source: str
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Passages:
    """All four-bar passages of a corpus's training tunes of one kind, as they are and moved to one pitch."""

    exact: frozenset[bytes]
    transposed: frozenset[bytes]

    @classmethod
    def of_training(cls, corpus: Corpus, kind: int) -> Passages:
        """Index every bar offset of every training tune of this kind of meter."""
        chosen = np.flatnonzero((np.asarray(corpus.split) == 0) & (np.asarray(corpus.kind) == kind))
        steps = Meter.parse(KINDS[kind]).steps_per_model_bar
        exact: set[bytes] = set()
        transposed: set[bytes] = set()
        for tune in chosen:
            start = int(corpus.start[tune])
            bars = np.asarray(corpus.bars[start : start + int(corpus.num_bars[tune])])[:, :steps]
            for passage in _passages(bars):
                exact.add(passage.tobytes())
                transposed.add(_on_one_pitch(passage).tobytes())
        return cls(frozenset(exact), frozenset(transposed))

    def count(self, tokens: Tokens) -> NDArray[np.float64]:
        """By piece, (N, 3): passages found as they are, found when transposed, and all that count."""
        counts = np.zeros((len(tokens), 3))
        for row, piece in zip(counts, tokens, strict=True):
            for passage in _passages(piece):
                row += (passage.tobytes() in self.exact, _on_one_pitch(passage).tobytes() in self.transposed, 1)
        return counts


def canonical(tokens: Tokens) -> Tokens:
    """Tokens (N, B, S) with note-offs in silence removed, piece by piece."""
    return np.stack([canonical_tokens(piece) for piece in tokens]) if len(tokens) else tokens


def lag_row(tokens: Tokens, *, meter: str, source: str) -> LagRow:
    """Histogram of repeat lags over all bars of canonical tokens; zeros without bars."""
    counts = sum((repeat_lags(piece, MAX_LAG) for piece in tokens), np.zeros(MAX_LAG + 1, np.int64))
    return LagRow(meter, source, tuple(float(share) for share in counts / max(int(counts.sum()), 1)))


def sample_row(tokens: Tokens, tunes: ArrayLike, *, kind: int, source: str, passages: Passages, real_lags: LagRow) -> SampleRow:
    """All figures of a set of canonical pieces; lag_distance is the total variation to the lags of real tunes, in [0, 1]."""
    meter, bars = Meter.parse(KINDS[kind]), tokens.shape[1]
    scale = [scale_share(from_tokens(piece, meter)) for piece in tokens]
    different = np.array([different_bars(piece) for piece in tokens])
    lags = lag_row(tokens, meter=KINDS[kind], source=source)
    found = passages.count(tokens)
    return SampleRow(
        meter=KINDS[kind],
        source=source,
        notes_in_scale=mean_estimate(scale, tunes),
        notes_per_bar=mean_estimate((tokens >= FIRST_PITCH_TOKEN).sum(axis=(1, 2)) / bars, tunes),
        repeated_bars=mean_estimate(1 - different, tunes),
        different_bars=mean_estimate(different, tunes),
        lag_distance=float(0.5 * np.abs(np.subtract(lags.shares, real_lags.shares)).sum()),
        copied=_share(found[:, [0, 2]], tunes),
        copied_transposed=_share(found[:, [1, 2]], tunes),
    )


def _share(columns: NDArray[np.float64], tunes: ArrayLike) -> Estimate:
    """Micro share part / whole; NaN where nothing counts."""
    return bootstrap(columns, tunes, lambda sums: np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1), np.nan))


def _passages(bars: Tokens) -> Iterator[Tokens]:
    for start in range(len(bars) - PASSAGE_BARS + 1):
        passage = bars[start : start + PASSAGE_BARS]
        if (passage >= FIRST_PITCH_TOKEN).sum() >= PASSAGE_NOTES:
            yield passage


def _on_one_pitch(passage: Tokens) -> NDArray[np.int16]:
    """The passage with every pitch as the distance from the first one; other tokens below all of them."""
    onsets = passage >= FIRST_PITCH_TOKEN
    moved = passage.astype(np.int16)
    moved[onsets] -= moved[onsets][0]
    moved[~onsets] -= 1000
    return moved
