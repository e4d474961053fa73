"""How well holes in held-out beats and trios are filled, and how like the true one a line is that was written for the others.

Conventions: one window of 16 bars of each piece. Holes: bars 7 to 10 are taken away, in all lines or in one; lines: one is taken away
throughout. Figures are of what was taken away only: ``notes``: F1 of hits by class, or of onsets with their pitch; ``pitch classes``:
the same whatever the octave; ``onsets``: whatever their pitch; ``steps``: share of steps with the very same hits or token. Micro-averages
over windows with intervals over pieces; *gain*: of notes, over another way on the same windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.revising.pieces.evidence import FillingEngine
from musicvae.compose.revising.pieces.filling import PieceHole, PieceSearch, fill_piece
from musicvae.compose.revising.pieces.likeness import like_rows
from musicvae.compose.revising.pieces.repairing import LINES
from musicvae.evaluate.metrics import Estimate, bootstrap, f1_score
from musicvae.evaluate.pieces.windows import PieceWindows
from musicvae.model.noise import piece_seed
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["RepairRow", "measure_holes", "measure_lines"]

HOLE_BARS = slice(6, 10)
_Way = Callable[[PieceHole, int], Columns]
_CLASSES = np.arange(9, dtype=np.uint64)


@dataclass(frozen=True)
class RepairRow:
    """One way of finding a line again. gain: over `than`, the first way; NaN for itself."""

    taken: str
    line: str
    way: str
    notes: Estimate
    pitch_classes: Estimate
    onsets: Estimate
    steps: Estimate
    gain: Estimate
    than: str


def measure_holes(
    engine: PieceEngine, windows: PieceWindows, lines: Sequence[str], *, seed: int = 0, tell: Callable[[str], None] = lambda text: None
) -> Iterator[RepairRow]:
    """Rows for bars 7 to 10 of these lines: copying, and `repair`."""
    ways: dict[str, _Way] = {
        "most alike bar": lambda hole, number: hole.start(),
        "four bars before": _four_before,
        "commonest bar": _commonest,
        "repair": lambda hole, number: fill_piece(cast(FillingEngine, engine), hole, PieceSearch(), piece_seed(seed, number)),
    }
    columns = [LINES[engine.material][line] for line in lines]
    holes = _holes(windows, engine.material, columns, HOLE_BARS)
    yield from _rows(windows, engine.material, "bars 7-10 of " + ", ".join(lines), columns, HOLE_BARS, holes, ways, tell)


def measure_lines(
    engine: PieceEngine, windows: PieceWindows, train: PieceWindows, line: str, *, seed: int = 0,
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[RepairRow]:  # fmt: skip
    """Rows for a whole line of trios: the line of the training song whose others are most alike, the commonest bar there, and `repair`."""
    column = LINES[engine.material][line]
    rows = train.columns[column].reshape(-1, 16)
    bars, counts = np.unique(rows[_counts_of(rows) > 0], axis=0, return_counts=True)
    common = bars[counts.argmax()]
    ways: dict[str, _Way] = {
        "line of the song most alike": lambda hole, number: {column: train.columns[column][_nearest(hole, train, column)]},
        "commonest bar": lambda hole, number: {column: np.repeat(common[None], windows.bars, axis=0)},
        "repair": lambda hole, number: fill_piece(cast(FillingEngine, engine), hole, PieceSearch(), piece_seed(seed, number)),
    }
    every = slice(0, windows.bars)
    yield from _rows(
        windows, engine.material, f"all of {line}", [column], every, _holes(windows, engine.material, [column], every), ways, tell
    )


def _holes(windows: PieceWindows, material: str, columns: Sequence[str], bars: slice) -> list[PieceHole]:
    names = list(LINES[material].values())
    free = {name: np.zeros((windows.bars, 16), np.bool_) for name in names}
    for name in columns:
        free[name][bars] = True
    return [
        PieceHole({name: np.where(free[name], 0, windows.columns[name][row]).astype(windows.columns[name].dtype) for name in names}, free)
        for row in range(len(windows))
    ]


def _rows(
    windows: PieceWindows, material: str, taken: str, columns: Sequence[str], bars: slice, holes: Sequence[PieceHole],
    ways: Mapping[str, _Way], tell: Callable[[str], None],
) -> Iterator[RepairRow]:  # fmt: skip
    """A row for each of the columns and ways, which are measured one after another."""
    names = {column: line for line, column in LINES[material].items()}
    first = next(iter(ways))
    sums: dict[tuple[str, str], NDArray[np.float64]] = {}
    for way, filler in ways.items():
        tell(f"{taken}: {way}")
        filled = [filler(hole, number) for number, hole in enumerate(holes)]
        for column in columns:
            pairs = [(windows.columns[column][row, bars], np.asarray(found[column])[bars]) for row, found in enumerate(filled)]
            sums[way, column] = np.array([_counts(truth, guess) for truth, guess in pairs], np.float64)
    for column in columns:
        for way in ways:
            yield _row(taken, names[column], way, first, sums[way, column], sums[first, column], windows.tunes)


def _row(taken: str, line: str, way: str, than: str, own: NDArray[Any], other: NDArray[Any], tunes: NDArray[np.int64]) -> RepairRow:
    def f1(place: int) -> Estimate:
        return bootstrap(own, tunes, lambda s: f1_score(s[:, place], s[:, 3], s[:, 4]))

    both = np.concatenate([own, other], axis=1)
    gain = bootstrap(both, tunes, lambda s: f1_score(s[:, 0], s[:, 3], s[:, 4]) - f1_score(s[:, 7], s[:, 10], s[:, 11]))
    return RepairRow(taken, line, way, f1(0), f1(1), f1(2), bootstrap(own, tunes, lambda s: s[:, 5] / s[:, 6]), gain, than)


def _counts(truth: NDArray[Any], guess: NDArray[Any]) -> list[int]:
    """Notes, pitch classes and onsets in common, true and guessed ones, equal steps and steps of bars (B, 16)."""
    equal, steps = int((truth == guess).sum()), truth.size
    if truth.dtype == np.uint64:
        a, b = (((rows[..., None] >> _CLASSES) & np.uint64(1)).astype(bool) for rows in (truth, guess))
        common = int((a & b).sum())
        return [common, common, common, int(a.sum()), int(b.sum()), equal, steps]
    a, b = truth >= FIRST_PITCH_TOKEN, guess >= FIRST_PITCH_TOKEN
    same = (truth.astype(int) - guess) % 12 == 0
    return [int((a & b & (truth == guess)).sum()), int((a & b & same).sum()), int((a & b).sum()), int(a.sum()), int(b.sum()), equal, steps]


def _four_before(hole: PieceHole, number: int) -> Columns:
    return {name: np.where(hole.free[name], np.roll(rows, 4, axis=0), rows) for name, rows in hole.columns.items()}


def _commonest(hole: PieceHole, number: int) -> Columns:
    """Of the known bars of each line the one that there is most often, of equals the one with most in common with all."""
    found = {}
    for name, rows in hole.columns.items():
        known = rows[~hole.free[name].any(axis=1)]
        alike = like_rows(known[:, None], known[None])
        best = known[int(((alike == 1).sum(axis=1) + alike.mean(axis=1)).argmax())]
        found[name] = np.where(hole.free[name], best, rows)
    return found


def _nearest(hole: PieceHole, train: PieceWindows, column: str) -> int:
    """The training window whose other lines are most alike, bar by bar."""
    others = [name for name in hole.columns if name != column]
    return int(np.mean([like_rows(train.columns[name], hole.columns[name][None]).mean(axis=1) for name in others], axis=0).argmax())


def _counts_of(rows: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray((rows > (1 if rows.dtype == np.uint8 else 0)).sum(axis=1))
