"""Filling the free steps of a window of drums or a trio, in all lines or in some: what is to be expected there, given all that is around.

As `compose.revising.filling` does it for melodies: free bars are drawn anew one after another, over and over, each from bars heard
elsewhere in the window and from bars that the prior makes afresh, by weights that estimate p(bar | all others), and the answer at
temperature 0 is, line by line, the bar that is expected to have most in common with a draw by those weights.

Where a melody or a bass alone is to be found, its bars are tried in other transpositions too, and what the two lines say of each other
(`compose.revising.pieces.harmony`) counts: between bars that nobody has written yet the network knows too little of that. A line
that is free for the most part is written at once (`compose.revising.pieces.lines`), for the bars of it that are known tell too little.

Conventions: a window of B bars of 16 steps, columns and free as in `compose.revising.pieces.likeness`, pitches in C major or its
relative minor. A network of fixed windows draws no single bars: bars heard elsewhere are all there is then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns, Free
from musicvae.compose.revising.pieces.evidence import FillingEngine, Rows, piece_parts
from musicvae.compose.revising.pieces.harmony import harmony, suited
from musicvae.compose.revising.pieces.likeness import around, beside, like_rows
from musicvae.compose.revising.pieces.lines import written_lines
from musicvae.compose.seeds import derived_seed
from musicvae.music.piece import is_hits
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["PieceCounting", "PieceHole", "PieceSearch", "fill_piece"]

_PHRASE = 4  # bars
_PITCHED = ("bass", "bars")  # of a trio
_MOST_HEARD = 10


@dataclass(frozen=True)
class PieceHole:
    """A window with free steps. columns: what stands in free steps counts for nothing. free: of the lines that have free steps or may."""

    columns: Columns
    free: Free

    @property
    def lines(self) -> list[str]:
        """Lines with free steps."""
        return [name for name, steps in self.free.items() if steps.any()]

    @property
    def bars(self) -> list[int]:
        """Bars with free steps."""
        return [int(bar) for bar in np.flatnonzero(np.any([steps.any(axis=1) for steps in self.free.values()], axis=0))]

    def put(self, columns: Mapping[str, NDArray[Any]]) -> Rows:
        """Windows (N, B, 16) with these columns in the free steps.

        Known notes become neither longer nor shorter.
        """
        found = {name: np.asarray(rows).copy() for name, rows in columns.items()}
        for name, free in self.free.items():
            placed = np.where(free, columns[name], self.columns[name])
            found[name] = placed if is_hits(placed) else np.stack([_ended(row, self.columns[name], free) for row in placed])
        return found

    def start(self) -> Rows:
        """The window with each free bar as the known one that stands most alike, line by line; silence where none is known."""
        filled = {name: np.asarray(rows).copy() for name, rows in self.columns.items()}
        for name in self.lines:
            known = [bar for bar in range(len(filled[name])) if not self.free[name][bar].any()]
            for bar in np.flatnonzero(self.free[name].any(axis=1)).tolist():
                filled[name][bar] = 0
                if known:
                    best = max(known, key=lambda other: (self.liking(bar, other), -abs(bar - other)))
                    filled[name][bar] = self.columns[name][best]
        return {name: rows[0] for name, rows in self.put({name: rows[None] for name, rows in filled.items()}).items()}

    def liking(self, bar: int, other: int) -> float:
        """How alike two bars stand."""
        return around(self.columns, self.free, bar, other) + beside(self.columns, self.free, bar, other)


def _ended(row: Tokens, own: Tokens, free: NDArray[np.bool_]) -> Tokens:
    """One line (B, 16) whose known notes end where they do, and whose new ones do not sound into known silence."""
    flat, given, open_ = row.reshape(-1), own.reshape(-1), free.reshape(-1)
    sounds = _sounding(given)
    for step in range(1, len(flat)):
        edge = open_[step] != open_[step - 1]
        if edge and flat[step] == HOLD and _sounding(flat[: step + 1])[-1] and (open_[step] or not sounds[step]):
            flat[step] = NOTE_OFF
    return canonical_tokens(flat.reshape(row.shape))


def _sounding(flat: Tokens) -> NDArray[np.bool_]:
    """Whether a note sounds in each step."""
    latest = np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))
    return np.asarray(flat[latest] >= FIRST_PITCH_TOKEN)


@dataclass(frozen=True)
class PieceCounting:
    """What a candidate's log-weight is made of, as `filling.Counting`: around and beside are likenesses of the places.

    moved: taken off for being heard elsewhere in another transposition. harmony: of each nat of `harmony.harmony`.
    """

    own: float
    others: float
    copied: float
    around: float
    beside: float
    phrase: float
    moved: float = 6.0
    harmony: float = 1.0


_COUNTING = {
    "drums": PieceCounting(own=0.06, others=0.03, copied=9.0, around=5.0, beside=8.0, phrase=0.3),
    "trio": PieceCounting(own=0.015, others=0.015, copied=13.0, around=11.5, beside=6.0, phrase=0.8),
}
"""Fitted to holes in held-out beats and songs of validation."""


@dataclass(frozen=True)
class PieceSearch:
    """How to look. rounds: over all free bars, the first of which does not count. draws: of the prior for each bar and round.

    temperature: 0 for the answer that is expected to be right most often, else that of the draw that is the answer.
    """

    rounds: int = 3
    draws: int = 8
    temperature: float = 0.0


def fill_piece(engine: FillingEngine, hole: PieceHole, search: PieceSearch, seed: int) -> Rows:
    """The columns (B, 16) of the window with its free steps filled."""
    if not hole.lines:
        return {name: np.asarray(rows).copy() for name, rows in hole.columns.items()}
    hole = _with_new_lines(engine, hole, search, seed)
    filling = _Filling(engine, hole, search, _COUNTING[engine.material])
    now = hole.start()
    beliefs: dict[int, dict[str, dict[bytes, float]]] = {bar: defaultdict(lambda: defaultdict(float)) for bar in hole.bars}
    for turn in range(search.rounds):
        for bar in hole.bars:
            own = derived_seed(seed, f"fill {turn} {bar}")
            windows, weights = filling.expected(now, bar, own)
            chosen = int(np.random.default_rng(own).choice(len(weights), p=weights))
            now = {name: rows[chosen] for name, rows in windows.items()}
            if turn:
                for name in hole.lines:
                    for row, weight in zip(windows[name][:, bar], weights.tolist(), strict=True):
                        beliefs[bar][name][row.tobytes()] += weight
    return now if search.temperature else _expected_right(hole, now, beliefs)


@dataclass(frozen=True)
class _Filling:
    """One search in one hole."""

    engine: FillingEngine
    hole: PieceHole
    search: PieceSearch
    counting: PieceCounting

    @property
    def alone(self) -> str | None:
        """The melody or bass that is the only line to be found, of a trio."""
        lines = self.hole.lines
        return lines[0] if self.engine.material == "trio" and len(lines) == 1 and lines[0] in _PITCHED else None

    def expected(self, now: Rows, bar: int, seed: int) -> tuple[Rows, Floats]:
        """Windows (N, B, 16) that differ in one bar, and the probability (N,) of each given the other bars."""
        fresh = self._fresh(now, bar, seed)
        heard, liking = self._heard(now, bar)
        windows = {name: np.concatenate([fresh[name], heard[name]]) for name in now}
        count = len(fresh["bars"])
        parts = piece_parts(self.engine, windows, bar, self._streams)
        scores = self.counting.others * parts.others
        scores[:count] -= np.log(max(1, count))
        scores[count:] += self.counting.own * parts.own[count:] + liking
        if self.alone is not None:
            scores += self.counting.harmony * self._harmony(windows, bar)
        scores /= self.search.temperature or 1.0
        weights = np.exp(scores - scores.max())
        return windows, weights / weights.sum()

    @property
    def _streams(self) -> list[str]:
        """What the engine calls the lines that are looked for."""
        melody = "melody" if self.engine.material == "trio" else "drums"
        return [melody if name == "bars" else name for name in self.hole.lines]

    def _harmony(self, windows: Columns, bar: int) -> Floats:
        assert self.alone is not None
        other = windows["bars" if self.alone == "bass" else "bass"]
        return harmony(self.alone, windows[self.alone][:, bar], other[0, bar])

    def _heard(self, now: Rows, bar: int) -> tuple[Rows, Floats]:
        """Windows with other bars of the free lines in the place of one, and what speaks for each (N,) besides the network."""
        best: dict[bytes, tuple[int, float]] = {}
        for other in (other for other in range(len(now["bars"])) if other != bar):
            row = b"".join(now[name][other].tobytes() for name in self.hole.lines)
            liking = self._liking(bar, other)
            best[row] = (other, max(liking, best.get(row, (other, liking))[1]))
        chosen = sorted(best.values(), key=lambda entry: -entry[1])[:_MOST_HEARD] or [(bar, 0.0)]
        rows = [{name: now[name][other] for name in self.hole.lines} for other, _ in chosen]
        liking_of = [liking for _, liking in chosen]
        rows, places = self._moved(now, bar, rows)
        moved = np.arange(len(rows)) >= len(chosen)
        return self._with(now, bar, rows), np.array([liking_of[place] for place in places]) - self.counting.moved * moved

    def _liking(self, bar: int, other: int) -> float:
        away = self.counting.phrase if (other - bar) % _PHRASE == 0 else 0.0
        columns, free = self.hole.columns, self.hole.free
        likeness = self.counting.around * around(columns, free, bar, other) + self.counting.beside * beside(columns, free, bar, other)
        return self.counting.copied + likeness + away - (self.counting.around + self.counting.beside) / 2

    def _fresh(self, now: Rows, bar: int, seed: int) -> Rows:
        """Windows with a bar that the prior makes of those before it; none for an engine with a fixed window."""
        engine, total, draws = self.engine, len(now["bars"]), self.search.draws
        if engine.fixed_window:
            return {name: rows[None][:0] for name, rows in now.items()}
        seeds = [derived_seed(seed, f"draw {k}") for k in range(draws)]
        mu = np.repeat(engine.encode({name: rows[None] for name, rows in now.items()})[0], draws, axis=0)
        z = engine.sample_prior(seeds, bars=total, given=mu, given_bars=bar)
        after = slice(engine.z_used(bar + 1), engine.z_used(total))
        z[:, after] = mu[:, after]
        drawn = engine.decode_bar(z, bars=total, bar=bar)
        rows = [{name: drawn[name][k, 0] for name in self.hole.lines} for k in range(draws)]
        return self._with(now, bar, self._moved(now, bar, rows)[0])

    def _moved(self, now: Rows, bar: int, rows: Sequence[Rows]) -> tuple[list[Rows], list[int]]:
        """Rows of one bar and, of a melody or bass alone, the transposition of each that suits the other line best; whose each is."""
        found, places = list(rows), list(range(len(rows)))
        if self.alone is None:
            return found, places
        other = now["bars" if self.alone == "bass" else "bass"][bar]
        for place, row in enumerate(rows):
            best, _ = suited(self.alone, row[self.alone], other)
            if not np.array_equal(best, row[self.alone]):
                found.append({self.alone: best})
                places.append(place)
        return found, places

    def _with(self, now: Rows, bar: int, rows: Sequence[Rows]) -> Rows:
        """Windows (N, B, 16) with the free steps of one bar from rows, all else as it is."""
        windows = {name: np.repeat(column[None], len(rows), axis=0) for name, column in now.items()}
        for name in self.hole.lines:
            free = self.hole.free[name][bar]
            windows[name][:, bar] = np.where(free, np.stack([row[name] for row in rows]), windows[name][:, bar])
        return self.hole.put(windows)


def _with_new_lines(engine: FillingEngine, hole: PieceHole, search: PieceSearch, seed: int) -> PieceHole:
    """The hole without the lines that are free for the most part: these are written."""
    if engine.fixed_window:
        return hole
    new = [name for name in hole.lines if 2 * hole.free[name].any(axis=1).sum() > len(hole.free[name])]
    if not new:
        return hole
    lines = written_lines(engine, hole.columns, hole.free, new, search.temperature, seed)
    written = hole.put({name: rows[None] for name, rows in lines.items()})
    columns = {name: written[name][0] if name in new else rows for name, rows in hole.columns.items()}
    return PieceHole(columns, {name: np.zeros_like(steps) if name in new else steps for name, steps in hole.free.items()})


def _expected_right(hole: PieceHole, now: Rows, beliefs: Mapping[int, Mapping[str, Mapping[bytes, float]]]) -> Rows:
    """The window whose free bars are expected to have most in common with the true ones, line by line."""
    best = {name: rows.copy() for name, rows in now.items()}
    for bar, lines in beliefs.items():
        for name, found in lines.items():
            rows = np.stack([np.frombuffer(row, now[name].dtype) for row in found])
            weights = np.array(list(found.values()))
            expected = like_rows(rows[:, None], rows[None]) @ weights
            best[name][bar] = rows[int(expected.argmax())]
    return {name: rows[0] for name, rows in hole.put({name: rows[None] for name, rows in best.items()}).items()}
