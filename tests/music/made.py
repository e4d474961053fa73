"""Pieces of random music."""

import numpy as np

from musicvae.music.performance import END, empty_bars
from musicvae.music.piece import Piece
from musicvae.music.vocabulary import canonical_tokens


def voice(rng, bars):
    found = rng.integers(0, 90, (bars, 16))
    found[rng.random((bars, 16)) < 0.5] = 0
    return canonical_tokens(found.astype(np.uint8))


def random_piece(material, seed, bars=3, **fields):
    rng = np.random.default_rng(seed)
    hits = rng.integers(0, 512, (bars, 16)).astype(np.uint64)
    if material == "melody":
        columns = {"bars": voice(rng, bars)}
    elif material == "drums":
        columns = {"bars": hits}
    elif material == "trio":
        columns = {"bars": voice(rng, bars), "bass": voice(rng, bars), "drums": hits}
    elif material == "groove":
        velocity = rng.integers(0, 2, (bars, 16, 9)) * rng.integers(1, 128, (bars, 16, 9))
        late = np.where(velocity > 0, rng.integers(-60, 60, velocity.shape) / 120, 0)
        columns = {"bars": velocity.astype(np.uint8), "offsets": late.astype(np.float16)}
    else:
        rows = empty_bars(bars)
        for bar in range(bars):
            for row in range(rng.integers(1, 8)):
                pitch = rng.integers(30, 80)
                rows[bar, row, :6] = (360 + row, 352 + rng.integers(0, 8), pitch, 255 + 96, 128 + pitch, END)
        columns = {"bars": rows}
    if material not in ("drums", "groove"):
        columns["chords"] = rng.integers(0, 253, (bars, 8)).astype(np.uint8)
    return Piece(material, columns, **{"tempo_qpm": 96.0, "name": material, **fields})
