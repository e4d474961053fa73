"""How variations of beats and trios measure up against real ones and against hits moved at random.

Distance is the share of hits and notes that are not in both, 1 - F1 over all lanes. Bits a bar: of the drums, by a table fitted on training
tunes that knows nothing of z: the chance of each hit given class, step, whether the class was hit there one bar before, and whether it
was hit one step before (Laplace's rule). Different bars: of all bars, by their drums. Intervals are over tunes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.coding import piece_of
from musicvae.compose.varying.piece_vary import note_share
from musicvae.evaluate.metrics import Estimate, mean_estimate
from musicvae.evaluate.pieces.hits import Flags, hit_bits, struck
from musicvae.evaluate.pieces.windows import PieceWindows
from musicvae.music.piece import PIECE_COLUMNS

if TYPE_CHECKING:
    from musicvae.compose.pieces.model import PieceModel

__all__ = ["BeatTable", "PieceVariationRow", "edited_hits", "piece_variation_rows"]

AMOUNTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class PieceVariationRow:
    """One way of changing pieces, by one amount. off: mean absolute difference of distance and amount."""

    way: str
    amount: float
    tunes: int
    distance: Estimate
    off: float
    bits_a_bar: Estimate
    different_bars: Estimate


@dataclass(frozen=True, eq=False)
class BeatTable:
    """Chances of hits (16, C, 3, 2): by step, class, what was one bar before (2: no bar), and one step before."""

    chances: NDArray[np.float64]

    @classmethod
    def fitted(cls, hits: Flags) -> BeatTable:
        """By the hits (W, B, 16, C) of training windows."""
        before, last = _contexts(hits)
        step, lane = np.indices(hits.shape)[2:]
        counts = np.zeros((*hits.shape[2:], 3, 2, 2))
        np.add.at(counts, (step, lane, before, last, hits.astype(int)), 1)
        return cls((counts[..., 1] + 1) / (counts.sum(axis=-1) + 2))

    def bits(self, hits: Flags) -> NDArray[np.float64]:
        """Of each bar (B,) of the hits (B, 16, C) of one piece."""
        before, last = _contexts(hits[None])
        step, lane = np.indices(hits.shape)[1:]
        chance = self.chances[step, lane, before[0], last[0]]
        return np.asarray(-np.log2(np.where(hits, chance, 1 - chance)).sum(axis=(1, 2)))

    def bits_a_bar(self, hits: Flags) -> float:
        """The mean of `bits`."""
        return float(self.bits(hits).mean())


def _contexts(hits: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    before = np.full(hits.shape, 2)
    before[:, 1:] = hits[:, :-1]
    flat = hits.reshape(len(hits), -1, hits.shape[-1])
    last = np.zeros(flat.shape, int)
    last[:, 1:] = flat[:, :-1]
    return before, last.reshape(hits.shape)


def edited_hits(hits: NDArray[np.uint64], amount: float, *, classes: int, seed: int) -> NDArray[np.uint64]:
    """Hits (B, 16) of which a share went to another place of their bar, step and class, at random."""
    rng = np.random.default_rng(seed)
    flags = struck({"bars": hits[None]}, classes)[0].copy()
    places = np.argwhere(flags)
    for bar, step, lane in places[rng.permutation(len(places))[: round(amount * len(places))]].tolist():
        free = np.argwhere(~flags[bar])
        to_step, to_lane = free[rng.integers(len(free))].tolist()
        flags[bar, step, lane], flags[bar, to_step, to_lane] = False, True
    return hit_bits(flags)


def piece_variation_rows(
    model: PieceModel, train: PieceWindows, windows: PieceWindows, *, amounts: Sequence[float] = AMOUNTS, progress: Callable[[str], None]
) -> list[PieceVariationRow]:
    """Rows for the pieces themselves, their variations, and hits moved at random; train: windows that the table is fitted on."""
    table, drums = BeatTable.fitted(struck(train.columns)), "drums" if model.material == "trio" else "bars"
    found: dict[tuple[str, float], list[tuple[int, tuple[float, float, float]]]] = {}
    for row, tune in enumerate(windows.tunes.tolist()):
        own = {name: windows.columns[name][row] for name in PIECE_COLUMNS[model.material]}
        piece = piece_of(model.engine, own, tempo_qpm=float(windows.tempo_qpm[row]))
        results: list[tuple[str, float, Columns]] = [("held-out pieces", 0.0, own)]
        varied = model.vary(piece, amounts, seed=tune)
        results += [("vary", amount, dict(made.columns)) for amount, made in zip(amounts, varied, strict=True)]
        for amount in amounts:
            moved = edited_hits(own[drums], amount, classes=9, seed=tune)
            results.append(("hits moved at random", amount, {**own, drums: moved}))
        for way, amount, columns in results:
            hits = struck({name: column[None] for name, column in columns.items()})[0]
            different = len({bar.tobytes() for bar in hits}) / len(hits)
            measures = (note_share(own, columns, model.material), table.bits_a_bar(hits), different)
            found.setdefault((way, amount), []).append((tune, measures))
        progress(f"{model.material}: {row + 1} of {len(windows)}")
    order = list(dict.fromkeys(way for way, _ in found))
    return [_row(way, amount, found[way, amount]) for way in order for name, amount in found if name == way]


def _row(way: str, amount: float, measured: Sequence[tuple[int, tuple[float, float, float]]]) -> PieceVariationRow:
    tunes = [tune for tune, _ in measured]
    distance, bits, different = (mean_estimate([values[i] for _, values in measured], tunes) for i in range(3))
    off = float(np.mean([abs(values[0] - amount) for _, values in measured]))
    return PieceVariationRow(way, amount, len(set(tunes)), distance, off, bits, different)
