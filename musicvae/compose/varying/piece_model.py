"""What a model of drums, trios or performances makes of given pieces by moving their z: the methods of `compose.varying.model`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from musicvae.compose.harmony import Chords
from musicvae.compose.intake import Source
from musicvae.compose.limits import check_pieces, check_refine, check_seed, check_steps
from musicvae.compose.pieces.engine import PieceEngine
from musicvae.compose.pieces.intake import TakenPiece
from musicvae.compose.styled import LoadedModel
from musicvae.compose.varying.amounts import check_amounts, check_weights
from musicvae.compose.varying.mixing import manner_of
from musicvae.compose.varying.piece_mixing import PieceGround, morph_pieces, piece_blends_at, piece_ground_of
from musicvae.compose.varying.piece_vary import vary_piece
from musicvae.compose.varying.plans import check_inputs, check_path, grid_points, mix_point, path_points
from musicvae.compose.varying.results import Blends, Variations
from musicvae.music.piece import Piece

__all__ = ["VaryingPieces"]


class VaryingPieces(LoadedModel[PieceEngine, Piece]):
    """The part of a model of pieces that varies them and finds ways among several."""

    def vary(
        self, source: Source, amount: float | Sequence[float] = 0.2, n: int = 1, *, seed: int | None = None, refine: int = 0,
        chords: Chords | None = None,
    ) -> Variations[Piece]:  # fmt: skip
        """`n` variations of a piece, as `VaryingModel.vary`: amount is the share of hits and notes that become others.

        chords: for networks that are told them. ValueError for a network that plays what it is given.
        """
        amounts = check_amounts(amount)
        taken = self.take(source)
        piece = self._over(taken.music, chords)
        story = self._story(
            "vary", seed=check_seed(seed), refine=check_refine(refine) or None, chords=chords, inputs=self._inputs((piece,))
        )
        found = vary_piece(self.engine, piece, amounts, check_pieces(n), seed=story["seed"], refine=refine, provenance=story)
        return replace(found, notices=(*taken.notices, *found.notices))

    def path_through(
        self, sources: Sequence[Source], steps: int | None = None, *, chords: Chords | None = None, **manner: Any
    ) -> Blends[Piece]:
        """A path of pieces by all of these, as `VaryingModel.path_through`."""
        inputs = check_inputs(len(sources))
        count = check_path(check_steps(8 * (inputs - 1) + 1 if steps is None else steps), inputs)
        ground, story = self._ground("path_through", sources, manner, chords, steps=count)
        return piece_blends_at(ground, path_points(len(sources), count, ground.even), provenance=story)

    def grid(
        self, corners: Sequence[Source], rows: int = 5, columns: int | None = None, *, chords: Chords | None = None, **manner: Any
    ) -> Blends[Piece]:
        """A rectangle of pieces between four, as `VaryingModel.grid`."""
        wide = check_steps(rows if columns is None else columns)
        check_inputs(len(corners), exactly=4)
        ground, story = self._ground("grid", corners, manner, chords, rows=check_steps(rows), columns=wide)
        return piece_blends_at(ground, grid_points(rows, wide, ground.even), columns=wide, provenance=story)

    def mix(self, sources: Sequence[Source], weights: Sequence[float], *, chords: Chords | None = None, **manner: Any) -> Blends[Piece]:
        """The one piece that has so much of each, as `VaryingModel.mix`."""
        shares = check_weights(weights, check_inputs(len(sources)))
        ground, story = self._ground("mix", sources, manner, chords, weights=list(weights))
        return piece_blends_at(ground, [mix_point(shares)], provenance=story)

    def morph(self, sources: Sequence[Source], rounds: int = 4, *, chords: Chords | None = None, **manner: Any) -> Blends[Piece]:
        """One continuous piece from the first to the last, as `VaryingModel.morph`."""
        check_inputs(len(sources))
        ground, story = self._ground("morph", sources, manner, chords, rounds=check_pieces(rounds))
        return morph_pieces(ground, rounds, provenance=story)

    @abstractmethod
    def take(self, source: Source) -> TakenPiece:
        """What a file or an object holds for this network."""

    @abstractmethod
    def _over(self, piece: Piece, chords: Chords | None) -> Piece:
        """The piece with other chords."""

    @abstractmethod
    def _inputs(self, pieces: Sequence[Piece], hits: Source | None = None) -> list[dict[str, str]] | None:
        """What provenance says of the pieces."""

    def _ground(
        self, made_by: str, sources: Sequence[Source], manner: Mapping[str, Any], chords: Chords | None, **options: Any
    ) -> tuple[PieceGround, dict[str, Any]]:
        """What pieces are blended on, and the story that they tell."""
        how = manner_of(manner).check(len(sources))
        how = replace(how, seed=check_seed(how.seed))
        taken = [self.take(source) for source in sources]
        pieces = [self._over(found.music, chords) for found in taken]
        told = {name: value for name, value in asdict(how).items() if name not in ("keys", "meters")}
        story = self._story(made_by, chords=chords, **options, **told, inputs=self._inputs(pieces))
        ground = piece_ground_of(self.engine, pieces, how)
        return replace(ground, notices=(*(text for found in taken for text in found.notices), *ground.notices)), story
