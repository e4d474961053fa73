"""What varying and blending several pieces give: pieces in order, with a word on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

__all__ = ["Blends", "Variations"]

Music = TypeVar("Music")


@dataclass(frozen=True, eq=False)
class _Pieces(Sequence[Music], Generic[Music]):
    """Pieces as a sequence, with notices of what was chosen and lost."""

    pieces: tuple[Music, ...]
    notices: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pieces)

    @overload
    def __getitem__(self, index: int) -> Music: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Music]: ...
    def __getitem__(self, index: int | slice) -> Music | Sequence[Music]:
        return self.pieces[index]

    def __iter__(self) -> Iterator[Music]:
        return iter(self.pieces)


@dataclass(frozen=True, eq=False)
class Variations(_Pieces[Music]):
    """Variations: of each way every amount, one way after another.

    amounts, distances: what was asked for and what each variation is, in [0, 1].
    """

    amounts: tuple[float, ...]
    distances: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Blends(_Pieces[Music]):
    """Pieces among several inputs.

    weights: what of each input is in each piece, in the latent space, summing to 1. inputs: as they were blended, in one meter and
    of one length. columns: pieces in a row of a grid, row by row; 1 where there is no grid.
    """

    weights: tuple[tuple[float, ...], ...]
    inputs: tuple[Music, ...]
    columns: int = 1
