"""Parts of drums or of a trio found anew, everything else locked hit for hit and note for note.

A note belongs to a part if it begins there, as in `compose.revising.repairing`. In a trio any of its lines can be found, such as a bass
for a given melody and drums; the search is done in C major or its relative minor (`compose.revising.pieces.filling`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.intake import Source
from musicvae.compose.judging.events.changes import WRONG_SHARE
from musicvae.compose.judging.events.corrections import LINES, PieceCorrection, corrected_columns, found_corrections
from musicvae.compose.judging.events.keys import canonical_shift, transposed_columns
from musicvae.compose.judging.events.odds import shipped_odds
from musicvae.compose.limits import check_seed, check_temperature
from musicvae.compose.pieces.coding import check_piece, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.intake import TakenPiece
from musicvae.compose.revising.pieces.denoising import righted
from musicvae.compose.revising.pieces.evidence import FillingEngine, Rows
from musicvae.compose.revising.pieces.filling import PieceHole, PieceSearch, fill_piece
from musicvae.compose.revising.spans import Part, Steps, span_text, steps_of
from musicvae.compose.revising.windows import runs_of_bars, window_around
from musicvae.compose.seeds import window_seed
from musicvae.compose.styled import LoadedModel
from musicvae.music.piece import FOUR_FOUR, Piece, is_hits
from musicvae.music.vocabulary import from_tokens, to_tokens

__all__ = ["LINES", "PieceRepair", "RepairingPieces", "asked_steps", "doubted_steps", "repair_piece", "require_filling"]


@dataclass(frozen=True, eq=False)
class PieceRepair:
    """What is to be found: free: by column, (B, 16), true for the steps of a line that are found anew."""

    free: Mapping[str, NDArray[np.bool_]]
    search: PieceSearch = PieceSearch()


class RepairingPieces(LoadedModel[PieceEngine, Piece]):
    """The part of a model of pieces that finds parts of them anew."""

    @abstractmethod
    def take(self, source: Source) -> TakenPiece:
        """What a file or an object holds for this network."""

    def repair(
        self,
        source: Source,
        mask: Part | None = None,
        *,
        only: str | Iterable[str] | None = None,
        lock: Part | None = None,
        seed: int = 0,
        temperature: float = 0.0,
        wrong_share: float = WRONG_SHARE,
        first_bar: int = 1,
    ) -> Piece:
        """The piece with what is masked found anew, or without mask and lines with its wrong hits and notes put right; all else stays.

        mask: bars, beats or sixteenths as in `compose.revising.spans`; all bars where only a line is named. only: lines of a trio that
        are found, of "melody", "bass" and "drums" (default: all that are not locked). lock: what stays though it is in the mask, places
        and lines, as in ``"8,melody"``. temperature: 0 for the filling that is expected to be right most often, 1 for a draw.
        wrong_share: of hits and notes that are expected to be wrong, above 0 and below 1. first_bar: what the first bar is called.
        ValueError for networks other than this project's own of drums and trios, and where nothing is left to be found.
        """
        piece = self.take(source).music
        require_filling(self.engine)
        if mask is None and (only is None or piece.material == "drums"):
            found = self.propose_repairs(piece, lock=lock, wrong_share=wrong_share, only=only, first_bar=first_bar)
            return self.apply_repairs(piece, found)
        free = asked_steps(piece, mask, only, lock, first_bar)
        story = self._story(
            "repair", seed=check_seed(seed), temperature=check_temperature(temperature),
            mask=None if mask is None else span_text(_steps(mask, piece, first_bar, "mask"), FOUR_FOUR, first_bar),
            only=None if only is None else ",".join(_words(only)), lock=None if lock is None else ",".join(_words(lock)),
            inputs=[{"name": piece.name, "fingerprint": piece.fingerprint}],
        )  # fmt: skip
        asked = PieceRepair(free, PieceSearch(temperature=temperature))
        return replace(repair_piece(self.engine, piece, asked, seed=story["seed"]), provenance=story)

    def propose_repairs(
        self,
        source: Source,
        *,
        lock: Part | None = None,
        wrong_share: float = WRONG_SHARE,
        only: str | Iterable[str] | None = None,
        first_bar: int = 1,
    ) -> tuple[PieceCorrection, ...]:
        """The hits and notes that sound wrong, the surest first, each with what is better (`compose.judging.events.changes`).

        only: lines in which they are looked for (default: all that are not locked); other options as those of `repair`. ValueError as
        there, and for a share of wrong ones that is not above 0 and below 1.
        """
        piece = self.take(source).music
        require_filling(self.engine)
        check_piece(self.engine, piece)
        if not 0 < wrong_share < 1:
            raise ValueError(f"the share of wrong notes lies above 0 and below 1, got {wrong_share:g}: 0.1 is one in ten")
        free = doubted_steps(piece, only, lock, first_bar)
        return found_corrections(piece, lambda columns: righted(shipped_odds(), columns, free, wrong_share))

    def apply_repairs(self, source: Source, found: Sequence[PieceCorrection]) -> Piece:
        """The piece with these hits and notes put right, all else as it is; found: of the same piece."""
        piece = self.take(source).music
        columns = {**piece.columns, **corrected_columns(piece, found)}
        story = self._story(
            "repair", notes_changed=len(found), inputs=[{"name": piece.name, "fingerprint": piece.fingerprint}]
        )  # fmt: skip
        facts = {"tempo_qpm": piece.tempo_qpm, "name": piece.name, "key": piece.key}
        return piece_of(self.engine, columns, **facts, provenance=story)


def doubted_steps(piece: Piece, only: str | Iterable[str] | None, lock: Part | None, first_bar: int = 1) -> dict[str, NDArray[np.bool_]]:
    """By column the steps (B, 16) whose hits and notes may be wrong; ValueError where these are none, and for what is no line or place."""
    columns = LINES[piece.material]
    wanted = list(columns) if only is None else _lines(only, columns, "only")
    words = [] if lock is None else _words(lock)
    places = [word for word in words if word not in columns]
    chosen = np.ones(piece.num_steps, np.bool_)
    if places:
        chosen &= ~_steps(places, piece, first_bar, "lock")
    wanted = [line for line in wanted if line not in words]
    if not wanted or not chosen.any():
        raise ValueError("nothing is left to look at: all is locked")
    none = np.zeros_like(chosen)
    return {column: (chosen if line in wanted else none).reshape(piece.num_bars, -1) for line, column in columns.items()}


def require_filling(engine: PieceEngine) -> None:
    """ValueError for a network that fills no holes."""
    if engine.material not in LINES or engine.guide or not hasattr(engine, "bar_log_probs"):
        raise ValueError(f"{engine.title} finds no bars anew: models of melodies, drums and trios of this project do")


def asked_steps(
    piece: Piece, mask: Part | None, only: str | Iterable[str] | None, lock: Part | None, first_bar: int = 1
) -> dict[str, NDArray[np.bool_]]:
    """By column the steps (B, 16) that are to be found; ValueError where these are none, and for what is no line or place."""
    columns = LINES[piece.material]
    wanted = list(columns) if only is None else _lines(only, columns, "only")
    words = [] if lock is None else _words(lock)
    places = [word for word in words if word not in columns]
    wanted = [line for line in wanted if line not in words]
    if mask is None and (only is None or piece.material == "drums"):
        raise ValueError("say what to find anew: bars, as in mask='7-10', or lines of a trio")
    chosen = np.ones(piece.num_steps, np.bool_) if mask is None else _steps(mask, piece, first_bar, "mask")
    if places:
        chosen = chosen & ~_steps(places, piece, first_bar, "lock")
    if not wanted or not chosen.any():
        raise ValueError("nothing is to be found anew: all that is masked is locked")
    none = np.zeros_like(chosen)
    return {column: (chosen if line in wanted else none).reshape(piece.num_bars, -1) for line, column in columns.items()}


def _steps(part: Part, piece: Piece, first_bar: int, what: str) -> Steps:
    return steps_of(part, FOUR_FOUR, piece.num_bars, first_bar=first_bar, what=what)


def _words(part: Part) -> list[str]:
    words = [part] if isinstance(part, str | int) else list(part)
    return [text.strip() for word in words for text in str(word).split(",")]


def _lines(only: str | Iterable[str], columns: Mapping[str, str], what: str) -> list[str]:
    words = _words(only)
    for word in words:
        if word not in columns:
            raise ValueError(f"{what} {word!r} is no line of it: there {'is' if len(columns) == 1 else 'are'} {', '.join(columns)}")
    return words


def repair_piece(engine: PieceEngine, piece: Piece, asked: PieceRepair, *, seed: int) -> Piece:
    """The piece with the free steps found anew; ValueError for a piece of another material or drum map."""
    check_piece(engine, piece)
    own = {name: piece.columns[name] for name in LINES[piece.material].values()}
    hole = opened(own, asked.free)
    semitones = canonical_shift(hole.columns, piece.key)
    moved = PieceHole(transposed_columns(hole.columns, semitones), hole.free)
    filled = transposed_columns(_filled(cast(FillingEngine, engine), moved, asked.search, seed), -semitones)
    found = hole.put({name: rows[None] for name, rows in filled.items()})
    columns = {**piece.columns, **{name: found[name][0] for name in hole.lines}}
    return piece_of(engine, columns, tempo_qpm=piece.tempo_qpm, name=piece.name, key=piece.key)


def opened(columns: Columns, free: Mapping[str, NDArray[np.bool_]]) -> PieceHole:
    """The columns (B, 16) without the notes that begin in free steps; notes that begin elsewhere keep their length."""
    found, steps = dict(columns), dict(free)
    for name, rows in columns.items():
        if is_hits(rows):
            found[name] = np.where(free[name], 0, rows).astype(rows.dtype)
        elif free[name].any():
            line, flat = from_tokens(np.asarray(rows, np.uint8), FOUR_FOUR), free[name].reshape(-1).copy()
            kept = tuple(note for note in line.notes if not flat[note.onset_steps])
            for note in kept:
                flat[note.onset_steps : note.end_steps] = False
            found[name], steps[name] = to_tokens(replace(line, notes=kept)), flat.reshape(rows.shape)
    return PieceHole(found, steps)


def _filled(engine: FillingEngine, hole: PieceHole, search: PieceSearch, seed: int) -> Rows:
    """The columns with all free steps found, one stretch of bars after another."""
    columns = {name: np.asarray(rows).copy() for name, rows in hole.columns.items()}
    free = {name: steps.copy() for name, steps in hole.free.items()}
    together, most = _any(free), engine.bars // 2
    if not all(steps.any(axis=1).sum() == together.any(axis=1).sum() for steps in free.values()):
        most = engine.bars if len(together) <= engine.bars else 3 * engine.bars // 4  # a line with others beside it
    for number, (first, bars) in enumerate(runs_of_bars(together, max(1, most))):
        later = [bar for bar in np.flatnonzero(_any(free).any(axis=1)).tolist() if bar >= first + bars]
        window = window_around(first, bars, len(together), engine.bars, later)
        inside = slice(window.start_bar, window.start_bar + window.num_bars)
        part = PieceHole({name: rows[inside] for name, rows in columns.items()}, {name: steps[inside] for name, steps in free.items()})
        found = fill_piece(engine, part, search, window_seed(seed, number))
        for name, steps in free.items():
            columns[name][inside] = np.where(steps[inside], found[name], columns[name][inside])
            steps[inside] = False
    return columns


def _any(free: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    every: NDArray[np.bool_] = np.any(list(free.values()), axis=0)
    return every
