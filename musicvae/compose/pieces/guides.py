"""What a conditioned network is told beside z: the chords that a piece is played over, or the hits that a groove is for.

Conventions: a *guide* holds, for the bars of a piece, ``chords`` (B, 8) uint8 as `music.chords.Chord.code`, or ``hits`` (B, 16)
uint64, a bit for each class of drums; it is {} for a network that is told nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.harmony import Chords, spread_chords
from musicvae.compose.pieces.engine import Columns, PieceEngine, converter_of
from musicvae.compose.pieces.windows import Reading
from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.performance import empty_bars

__all__ = ["asked_guide", "controls_of", "guide_kind", "own_guide", "window_guides", "with_guide"]


def guide_kind(engine: PieceEngine) -> str:
    """What the network is told: "hits", "chords", or "" for nothing."""
    if not engine.config.control_depth:
        return ""
    return "hits" if engine.material == "groove" else "chords"


def own_guide(engine: PieceEngine, columns: Columns) -> dict[str, NDArray[Any]]:
    """The guide that a piece's own columns (B, ...) make; no chord where it states none."""
    kind = guide_kind(engine)
    if kind == "hits":
        bits = (columns["bars"] > 0).astype(np.uint64) << np.arange(columns["bars"].shape[-1], dtype=np.uint64)
        return {"hits": np.bitwise_or.reduce(bits, axis=-1)}
    if kind == "chords":
        bars = len(columns["bars"])
        return {"chords": columns.get("chords", np.zeros((bars, EIGHTHS_PER_ROW), np.uint8)).astype(np.uint8)}
    return {}


def asked_guide(engine: PieceEngine, bars: int, *, chords: Chords | None = None, hits: Columns | None = None) -> dict[str, NDArray[Any]]:
    """The guide for `bars` bars that is asked for; hits: columns of a groove, repeated or cut to that length.

    Where nothing is asked for there are no chords. ValueError for what the network cannot be told, and for one
    that plays given hits where none are given.
    """
    kind = guide_kind(engine)
    name = engine.config.preset
    if chords is not None and kind != "chords":
        raise ValueError(f"{name} knows no chords: leave them out, or load a model whose name ends in _chords")
    if hits is not None and kind != "hits":
        raise ValueError(f"{name} chooses its own hits: leave them out, or load groovae_2bar_hits_control_tfds")
    if kind == "hits":
        if hits is None:
            raise ValueError(f"{name} plays given hits with its own feel: say which, a file or piece of drums (hits)")
        own = own_guide(engine, hits)["hits"]
        return {"hits": own[np.arange(bars) % len(own)]}
    if kind == "chords":
        return {"chords": np.zeros((bars, EIGHTHS_PER_ROW), np.uint8) if chords is None else spread_chords(chords, bars)}
    return {}


def with_guide(engine: PieceEngine, columns: Columns, guide: Columns) -> dict[str, NDArray[Any]]:
    """The columns with what of the guide is a column too: the chords."""
    return {**columns, "chords": guide["chords"]} if guide_kind(engine) == "chords" else dict(columns)


def window_guides(guide: Columns, windows: Sequence[Reading], span: int) -> dict[str, NDArray[Any]]:
    """The guide (W, span, ...) of each window; past the end of the piece it begins anew."""
    return {name: rows[np.array([(window.start_bar + np.arange(span)) % len(rows) for window in windows])] for name, rows in guide.items()}


def controls_of(engine: PieceEngine, guides: Columns) -> NDArray[Any] | None:
    """The network's controls (N, T, C) for guides (N, B, ...) of whole windows; None where it has none."""
    kind = guide_kind(engine)
    if not kind:
        return None
    if kind == "chords":
        # What will be played is not known yet: with empty bars every step is told the chord that its bar has longest.
        count, bars = guides["chords"].shape[:2]
        columns = {**guides, "bars": np.stack([empty_bars(bars)] * count)}
    else:
        bits = (guides["hits"][..., None] >> np.arange(engine.config.control_depth, dtype=np.uint64)) & np.uint64(1)
        columns = {"bars": bits.astype(np.uint8), "offsets": np.zeros(bits.shape, np.float16)}
    return converter_of(engine).controls(columns)
