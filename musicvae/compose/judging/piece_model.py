"""What a model of drums or trios says of given ones."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from musicvae.compose.intake import Source
from musicvae.compose.judging.ensembles import EnsembleScore, judge_piece
from musicvae.compose.pieces.engine import PieceEngine
from musicvae.compose.pieces.intake import TakenPiece
from musicvae.compose.styled import LoadedModel
from musicvae.music.piece import Piece

__all__ = ["JudgingPieces"]


class JudgingPieces(LoadedModel[PieceEngine, Piece]):
    """The part of a model of pieces that judges them."""

    @abstractmethod
    def take(
        self, source: Source, *, track: int | str | None = None, start_bar: int = 1, bars: int | None = None, tune: int = 1
    ) -> TakenPiece:
        """What a file or an object holds for this network."""

    def score(self, source: Source) -> EnsembleScore:
        """How likely a piece is, in bits, by part and bar. ValueError for networks other than this project's own of drums and trios."""
        taken = self.take(source)
        return replace(judge_piece(self.engine, taken.music), notices=taken.notices)
