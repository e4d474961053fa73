"""A feel for pieces of drums: what composing asks for, before anything is a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.grooving.feel import Chance, play
from musicvae.compose.pieces.engine import BarEngine
from musicvae.compose.seeds import derived_seed
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.piece import Piece

__all__ = ["groove_of"]


def groove_of(engine: BarEngine, piece: Piece, *, seed: int, temperature: float = 0.5, vector: Floats | None = None) -> Piece:
    """A piece of drums, played: a groove of the same hits, tempo, drum map, name and provenance.

    seed, temperature: of the feel, independent of what the same seed composes. vector: (Z,), added to every z. ValueError for another
    material or a drum map of other than nine classes.
    """
    if piece.material != "drums" or len(piece.drums) != GROOVE_CLASSES:
        raise ValueError(f"drums of {GROOVE_CLASSES} classes are played, not {piece.material} of the drum map {piece.drum_map}")
    tempo = np.full(piece.num_bars, piece.tempo_qpm)
    chance = Chance(derived_seed(seed, "feel"), temperature, centred=True)
    feel = play(engine, piece.columns["bars"], tempo, chance, vector=vector)
    columns: dict[str, Any] = {"bars": np.rint(feel.velocity).astype(np.uint8), "offsets": feel.offset.astype(np.float16)}
    return replace(piece, material="groove", columns=columns)
