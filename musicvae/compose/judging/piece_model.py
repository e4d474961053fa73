"""What a model of drums or trios says of given ones."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from musicvae.compose.intake import Source
from musicvae.compose.judging.ensembles import EnsembleScore, judge_piece
from musicvae.compose.judging.piece_yardstick import PIECE_SCORES_SUFFIX, PieceYardstick, load_piece_yardstick
from musicvae.compose.limits import check_threshold
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

    @property
    def yardstick(self) -> PieceYardstick | None:
        """What held-out pieces score, from the file beside the model; None where there is none. ValueError for another model's."""
        if self.path is None:
            return None
        path = self.path.with_name(self.path.name.removesuffix(".safetensors") + PIECE_SCORES_SUFFIX)
        return load_piece_yardstick(path, self.hash) if path.is_file() else None

    def score(self, source: Source, *, threshold: float = 0.05, places: bool = True) -> EnsembleScore:
        """How likely a piece is, in bits, by part and bar, and which of its hits, notes and bars are odd.

        threshold: share of held-out pieces that may seem as odd, above 0 and below 1. places: also look for what is odd. ValueError for
        other thresholds, and for networks other than this project's own of drums and trios.
        """
        check_threshold(threshold)
        taken = self.take(source)
        found = judge_piece(self.engine, taken.music, self.yardstick, threshold=threshold, places=places)
        return replace(found, notices=taken.notices)
