"""What follows given drums or a given trio: every given bar stays, and the prior draws the blocks of the bars after it, given its own."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from musicvae.compose.intake import Source
from musicvae.compose.limits import check_bars, check_seed, check_temperature
from musicvae.compose.pieces.coding import check_piece, piece_of
from musicvae.compose.pieces.engine import PieceEngine
from musicvae.compose.pieces.generating import PieceOrder, go_on
from musicvae.compose.pieces.intake import TakenPiece
from musicvae.compose.pieces.windows import Reading, join_columns
from musicvae.compose.styled import LoadedModel
from musicvae.music.piece import Piece

__all__ = ["RevisingPieces", "continue_piece"]


class RevisingPieces(LoadedModel[PieceEngine, Piece]):
    """The part of a model of pieces that revises given ones."""

    @abstractmethod
    def take(self, source: Source) -> TakenPiece:
        """What a file or an object holds for this network."""

    def continue_(
        self, source: Source, bars: int = 8, *, seed: int | None = None, temperature: float = 1.0, prior_temperature: float = 1.0
    ) -> Piece:
        """The piece, every bar as it is, and `bars` bars more that grow out of its last ones.

        ValueError for a network that is told what to play, and for one whose code stands for a window of fixed length.
        """
        piece = self.take(source).music
        order = PieceOrder(
            bars=piece.num_bars + check_bars(bars), temperature=check_temperature(temperature), tempo_qpm=float(piece.tempo_qpm),
            prior_temperature=check_temperature(prior_temperature, "prior_temperature"),
        )  # fmt: skip
        story = self._story(
            "continue", seed=check_seed(seed), bars=bars, temperature=temperature,
            prior_temperature=None if prior_temperature == 1 else prior_temperature,
            inputs=[{"name": piece.name, "fingerprint": piece.fingerprint}],
        )  # fmt: skip
        return replace(continue_piece(self.engine, piece, order, seed=story["seed"]), provenance=story)


def continue_piece(engine: PieceEngine, piece: Piece, order: PieceOrder, *, seed: int) -> Piece:
    """A piece of `order.bars` bars that begins with the given one; a note of it ends where it does. ValueError as `RevisingPieces`."""
    check_piece(engine, piece)
    if engine.fixed_window:
        raise ValueError(f"{engine.title} cannot go on from given bars: its code stands for a window of {engine.bars} bars as a whole")
    if engine.guide:
        raise ValueError(f"{engine.title} is told {engine.guide} to play and cannot go on by itself: use 'drums' or 'trio', or 'melody'")
    given = {name: column for name, column in piece.columns.items() if name in _kept(engine, piece)}
    found = go_on(engine, [seed], order, [given])[0]
    start, total = piece.num_bars, order.bars
    halves = [Reading(0, 0, start, start), Reading(start, 0, total - start, total - start)]
    parts = [{name: column[half.start_bar : half.start_bar + half.num_bars] for name, column in found.items()} for half in halves]
    columns = join_columns(parts, halves, engine.material)
    return piece_of(engine, columns, tempo_qpm=piece.tempo_qpm, name=piece.name, key=piece.key)


def _kept(engine: PieceEngine, piece: Piece) -> set[str]:
    """The columns that the network writes."""
    return set(piece.columns) - {"chords", "tempo", "onsets"}
