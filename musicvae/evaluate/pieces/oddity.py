"""Whether `musicvae score` finds what is wrong in beats and trios: the area under the ROC curve on held-out pieces that were spoiled.

Spoiled are windows of 16 bars, one of each piece: hits that went to another step or class of their bar, onsets of melody and bass that
were moved by 1 to 6 semitones, four bars (all lines of them, or the bass alone) exchanged for those of another piece. Each is told from
all windows as they were. The rival judges without the network: melody and bass by n-grams of them, drums by a table of what follows what
(`evaluate.pieces.variations.BeatTable`). Intervals come from drawing pieces again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.ensembles import judge_piece
from musicvae.compose.judging.ngram import NGram, fit_ngram
from musicvae.compose.judging.piece_yardstick import PieceYardstick
from musicvae.compose.pieces.coding import piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.evaluate.metrics import Estimate
from musicvae.evaluate.oddity import area, with_wrong_notes
from musicvae.evaluate.pieces.hits import struck
from musicvae.evaluate.pieces.variations import BeatTable, edited_hits
from musicvae.evaluate.pieces.windows import PieceWindows
from musicvae.music.piece import PIECE_COLUMNS
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["EnsembleRow", "PieceRival", "ensemble_rows", "spoiled_pieces"]

Floats = NDArray[np.float64]
_KIND = 0  # 4/4, the only meter of beats and trios
_SWAPPED_BARS = 4
_WRONG = 0.1
_ALL = "score: all"


@dataclass(frozen=True)
class EnsembleRow:
    """One kind of spoiling, one judge: the area under the curve over pieces, and where it says so the share that is called odd."""

    material: str
    spoiled: str
    judge: str
    area: Estimate
    odd: float = float("nan")


@dataclass(frozen=True, eq=False)
class PieceRival:
    """What follows what in training pieces: n-grams of the lines of notes, by their columns, and a table of hits."""

    lines: Mapping[str, NGram]
    beats: BeatTable

    @classmethod
    def fitted(cls, train: PieceWindows) -> PieceRival:
        """By training windows of beats or trios."""
        lines = {
            name: fit_ngram([(column, _KIND)]) for name, column in train.columns.items() if name in ("bars", "bass") and _is_line(column)
        }
        return cls(lines, BeatTable.fitted(struck(train.columns)))

    def bar_bits(self, columns: Columns) -> Floats:
        """Bits (B,) of each bar of one piece, all lines together."""
        bits = self.beats.bits(struck({name: rows[None] for name, rows in columns.items()})[0])
        for name, ngram in self.lines.items():
            bits = bits - ngram.log_probs(columns[name][None], _KIND)[0].sum(axis=1) / np.log(2)
        return np.asarray(bits)


def spoiled_pieces(windows: PieceWindows, material: str, *, seed: int = 0) -> dict[str, list[Columns]]:
    """The windows, each as columns (B, ...), as they were ("") and by what was done to them."""
    rng, count = np.random.default_rng([seed, len(windows)]), len(windows)
    own: list[Columns] = [{name: windows.columns[name][row] for name in PIECE_COLUMNS[material]} for row in range(count)]
    others = (np.arange(count) + rng.integers(1, max(count, 2), count)) % count
    starts = rng.integers(windows.bars - _SWAPPED_BARS + 1, size=count)
    drums = "drums" if material == "trio" else "bars"
    found: dict[str, list[Columns]] = {"": own}
    found["a tenth of the hits elsewhere"] = [
        {**piece, drums: edited_hits(piece[drums], _WRONG, classes=9, seed=seed + row)} for row, piece in enumerate(own)
    ]
    if material == "trio":
        found["a tenth of the notes wrong"] = [
            {**piece, **{name: with_wrong_notes(piece[name], _WRONG, rng)[0] for name in ("bars", "bass") if _sounds(piece[name])}}
            for piece in own
        ]
        found["four bars of another bass"] = _mixed(own, others, starts, ("bass",))
    found["four bars of another piece"] = _mixed(own, others, starts, tuple(own[0]))
    return found


def ensemble_rows(
    engine: PieceEngine, windows: PieceWindows, rival: PieceRival, yardstick: PieceYardstick | None = None, *, threshold: float = 0.05,
    seed: int = 0, tell: Callable[[str], None] = lambda text: None,
) -> list[EnsembleRow]:  # fmt: skip
    """Rows of one material for each kind of spoiling and each judge; first the pieces as they were, of which some are called odd."""
    found: dict[str, list[Mapping[str, float]]] = {}
    for name, pieces in spoiled_pieces(windows, engine.material, seed=seed).items():
        tell(f"{engine.material}: {name or 'as they were'}")
        found[name] = [_statistics(engine, columns, rival, yardstick) for columns in pieces]

    def column(name: str, judge: str) -> Floats:
        return np.array([statistics[judge] for statistics in found[name]])

    def row(name: str, judge: str) -> EnsembleRow:
        values, usual = column(name, judge), column("", judge)
        odd = float((values >= -threshold).mean()) if judge == _ALL else float("nan")
        return EnsembleRow(engine.material, name or "as they were", judge, area(values, usual, paired=True), odd)

    return [row(name, judge) for name in found for judge in found[""][0] if name or judge == _ALL]


def _statistics(engine: PieceEngine, columns: Columns, rival: PieceRival, yardstick: PieceYardstick | None) -> Mapping[str, float]:
    score = judge_piece(engine, piece_of(engine, columns), yardstick)
    simple, events = rival.bar_bits(columns), max(score.events, 1)
    told = {} if yardstick is None else {_ALL: -score.chance}
    return {
        **told, "score: wrong hits and notes": score.statistics()["events"], "score: most foreign passage": score.statistics()["passages"],
        "score: bits each": score.bits / events, "score: oddest bar": float(score.bar_bits.max()),
        "n-gram: bits each": float(simple.sum()) / events, "n-gram: oddest bar": float(simple.max()),
    }  # fmt: skip


def _mixed(own: Sequence[Columns], others: NDArray[np.int64], starts: NDArray[np.int64], lines: Sequence[str]) -> list[Columns]:
    """Pieces with four bars in a row of some lines from the same place of others."""
    made: list[Columns] = []
    for row, (other, start) in enumerate(zip(others.tolist(), starts.tolist(), strict=True)):
        piece = {name: rows.copy() for name, rows in own[row].items()}
        for name in lines:
            piece[name][start : start + _SWAPPED_BARS] = own[other][name][start : start + _SWAPPED_BARS]
        made.append(piece)
    return made


def _is_line(column: NDArray[Any]) -> bool:
    return column.dtype == np.uint8


def _sounds(tokens: NDArray[Any]) -> bool:
    return bool((tokens >= FIRST_PITCH_TOKEN).any())
