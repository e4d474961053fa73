"""What generated melodies are like beside held-out ones, and how much of them is copied.

Conventions: tokens are (N, B, S) of N pieces of one kind of meter, without note-offs in silence
(`canonical`). A *passage* is four consecutive bars at any bar of a piece; it counts when at least four notes
start in it. Generated pieces are independent of each other, windows of one tune are not: `tunes`
(N,) says which belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicvae.evaluate.metrics import Estimate, bootstrap, mean_estimate
from musicvae.music.attributes import different_bars, repeat_lags, scale_share
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, Tokens, canonical_tokens, from_tokens

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus

__all__ = ["LagRow", "Passages", "SampleRow", "canonical", "lag_row", "sample_row"]

PASSAGE_BARS = 4
PASSAGE_NOTES = 4
MAX_LAG = 15
_SEVERAL = -1


@dataclass(frozen=True)
class SampleRow:
    """Figures of one set of pieces; shares lie in [0, 1].

    copied: counted passages that occur in (other) training tunes token for token. copied_transposed: the same
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
    """Where each four-bar passage of a corpus's training tunes of one kind comes from: the tune, or -1 for several.

    exact: as it is; transposed: moved to one pitch.
    """

    exact: Mapping[bytes, int]
    transposed: Mapping[bytes, int]

    @classmethod
    def of_training(cls, corpus: Corpus, kind: int) -> Passages:
        """Index every bar offset of every training tune of this kind of meter."""
        steps = Meter.parse(KINDS[kind]).steps_per_model_bar
        exact: dict[bytes, int] = {}
        transposed: dict[bytes, int] = {}
        for tune in map(int, corpus.select("train", kind=kind)):
            start = int(corpus.start[tune])
            for passage in _passages(corpus.bars[start : start + int(corpus.num_bars[tune]), :steps]):
                for index, key in ((exact, passage.tobytes()), (transposed, _on_one_pitch(passage).tobytes())):
                    index[key] = tune if index.get(key, tune) == tune else _SEVERAL
        return cls(exact, transposed)

    def count(self, tokens: Tokens, tunes: Sequence[int] | None = None) -> NDArray[np.float64]:
        """By piece, (N, 3): passages found as they are, found when transposed, and all that count.

        tunes: where the pieces are training tunes themselves, which ones; then only other tunes count.
        """
        counts = np.zeros((len(tokens), 3))
        for number, piece in enumerate(tokens):
            own = None if tunes is None else int(tunes[number])
            for passage in _passages(piece):
                owners = self.exact.get(passage.tobytes()), self.transposed.get(_on_one_pitch(passage).tobytes())
                counts[number] += (*(owner is not None and owner != own for owner in owners), 1)
        return counts


def canonical(tokens: Tokens) -> Tokens:
    """Tokens (N, B, S) with note-offs in silence removed, piece by piece."""
    return np.stack([canonical_tokens(piece) for piece in tokens]) if len(tokens) else tokens


def lag_row(tokens: Tokens, *, meter: str, source: str) -> LagRow:
    """Histogram of repeat lags over all bars of canonical tokens; zeros without bars."""
    counts = sum((repeat_lags(piece, MAX_LAG) for piece in tokens), np.zeros(MAX_LAG + 1, np.int64))
    return LagRow(meter, source, tuple(float(share) for share in counts / max(int(counts.sum()), 1)))


def sample_row(
    tokens: Tokens, tunes: Sequence[int], *, kind: int, source: str, passages: Passages, real_lags: LagRow, in_training: bool = False
) -> SampleRow:
    """All figures of a set of canonical pieces; lag_distance is the total variation to the lags of real tunes, in [0, 1].

    in_training: the pieces are training tunes, and `copied` asks whether another tune has the passage.
    """
    meter, bars = Meter.parse(KINDS[kind]), tokens.shape[1]
    scale = [scale_share(from_tokens(piece, meter)) for piece in tokens]
    different = np.array([different_bars(piece) for piece in tokens])
    lags = lag_row(tokens, meter=KINDS[kind], source=source)
    found = passages.count(tokens, tunes if in_training else None)
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
        onsets = (passage >= FIRST_PITCH_TOKEN).reshape(-1)
        if onsets.sum() >= PASSAGE_NOTES:
            # The end of a note from before the passage is no part of it.
            first = int(onsets.argmax())
            flat = passage.reshape(-1).copy()
            flat[:first] = HOLD
            yield flat.reshape(passage.shape)


def _on_one_pitch(passage: Tokens) -> NDArray[np.int16]:
    """The passage with every pitch as the distance from the first one; other tokens below all of them."""
    onsets = passage >= FIRST_PITCH_TOKEN
    moved = passage.astype(np.int16)
    moved[onsets] -= moved[onsets][0]
    moved[~onsets] -= 1000
    return moved
