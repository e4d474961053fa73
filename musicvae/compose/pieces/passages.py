"""Pieces cut into windows and encoded: what style vectors are learnt from and measured on.

Conventions: a *passage* is one window of a piece with its own mu; R passages, Z latent numbers. Blocks of bars that a passage does not
have say nothing: they are replaced by the mean over the passages that have them, and by 0 where none has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.attributes import measured
from musicvae.compose.pieces.coding import check_piece, decode_windows, encode_windows, like_bars, readings_of, windows_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import own_guide, window_guides
from musicvae.compose.pieces.windows import Reading
from musicvae.model.noise import piece_seed
from musicvae.music.piece import Piece

__all__ = ["Passages", "decoded", "encoded", "measure", "passages_of"]


@dataclass(frozen=True, eq=False)
class Passages:
    """Encoded windows: mu (R, Z), the columns of each and what the network was told of it, (bars, ...)."""

    mu: Floats
    windows: tuple[Columns, ...]
    guides: tuple[Columns, ...]

    def __len__(self) -> int:
        return len(self.mu)

    @property
    def bars(self) -> tuple[int, ...]:
        """Bars of each passage."""
        return tuple(len(window["bars"]) for window in self.windows)

    def take(self, rows: Sequence[int]) -> Passages:
        """The passages of these rows."""
        return Passages(self.mu[list(rows)], tuple(self.windows[row] for row in rows), tuple(self.guides[row] for row in rows))

    def some(self, at_most: int) -> Passages:
        """So many passages at most, evenly spread."""
        count = min(at_most, len(self))
        return self.take([row * len(self) // count for row in range(count)])

    def filled(self, engine: PieceEngine) -> Floats:
        """The mu (R, Z) with the blocks of missing bars replaced by the mean of those that are there."""
        present = np.stack([np.arange(self.mu.shape[1]) < engine.z_used(bars) for bars in self.bars])
        mean = np.where(present, self.mu, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
        return np.where(present, self.mu, mean)


def passages_of(engine: PieceEngine, pieces: Sequence[Piece]) -> Passages:
    """Encode pieces, window by window; windows in which nothing sounds are left out. ValueError where nothing is left."""
    windows: list[Columns] = []
    guides: list[Columns] = []
    for piece in pieces:
        check_piece(engine, piece)
        chosen = readings_of(engine, piece.num_bars)
        windows += windows_of(engine, piece, chosen)
        guides += window_guides(own_guide(engine, piece.columns, piece.tempo_qpm), chosen)
    return encoded(engine, windows, guides)


def encoded(engine: PieceEngine, windows: Sequence[Columns], guides: Sequence[Columns]) -> Passages:
    """Passages of windows (bars, ...) in which something sounds; ValueError where there are none."""
    sounds = np.flatnonzero(measure(engine, "density", windows) > 0).tolist() if windows else []
    if not sounds:
        raise ValueError(f"nothing sounds in the {len(windows)} windows that were given to learn from")
    kept = [windows[row] for row in sounds]
    return Passages(encode_windows(engine, kept)[0], tuple(kept), tuple(guides[row] for row in sounds))


def decoded(engine: PieceEngine, passages: Passages, offset: Floats) -> list[Columns]:
    """Each passage decoded from mu + offset (Z,), in the blocks that it has, at temperature 0."""
    seeds = [piece_seed(0, row) for row in range(len(passages))]
    used = np.stack([np.arange(len(offset)) < engine.z_used(bars) for bars in passages.bars])
    windows = [Reading(0, 0, bars, bars) for bars in passages.bars]
    return list(decode_windows(engine, passages.mu + used * offset, windows, passages.guides, temperature=0.0, seeds=seeds))


def measure(engine: PieceEngine, name: str, windows: Sequence[Columns]) -> Floats:
    """The attribute of each window (bars, ...), (R,)."""
    values = np.zeros(len(windows))
    for _, rows in like_bars([len(window["bars"]) for window in windows]):
        names = [each for each in windows[rows[0]] if all(each in windows[row] for row in rows)]
        stacked = {each: np.stack([windows[row][each] for row in rows]) for each in names}
        values[rows] = measured(name, stacked, engine.material, engine.drum_map)
    return values
