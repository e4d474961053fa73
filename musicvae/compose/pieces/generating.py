"""New pieces of drums, grooves, trios and performances.

Conventions: a network of this project draws a piece of up to its most bars at once, from its learned prior. A longer one goes on from
its own last bars, half a window at a time, as melodies do (`compose.generating`): they are encoded, their blocks kept, and those of
the bars that follow drawn given them; new bars that return to a given one are the same bar.

A published network draws its whole span from N(0, I). A longer piece is drawn in as many windows as it takes, each with its
own idea z: that of the first is drawn, z_k of window k is ``KINSHIP * z_0 + sqrt(1 - KINSHIP ** 2) * e_k`` with e_k
from the prior. Every window is thus a fair draw from the prior and a variation of the first, so that a beat keeps its groove
however long it plays, and the first bars of a longer piece are those of a shorter one. A style is added to every z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.coding import decode_windows, encode_windows, piece_of
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.guides import window_guides, with_guide
from musicvae.compose.pieces.windows import Reading, cut_columns, join_columns, plain_readings
from musicvae.compose.seeds import window_seed
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.piece import Piece

__all__ = ["KINSHIP", "PieceOrder", "draw", "go_on"]

KINSHIP = 0.9
"""Correlation of a later window's z with that of the first, in networks of a fixed window."""
_BATCH = 64  # pieces that are drawn at once: bounds memory, changes no result
_Found = list[dict[str, NDArray[Any]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class PieceOrder:
    """What to generate. vector: bars of a window -> (Z,), what styles add to its z. guide: (bars, ...), as in `compose.pieces.guides`."""

    bars: int
    temperature: float = 1.0
    prior_temperature: float = 1.0
    tempo_qpm: float = DEFAULT_TEMPO_QPM
    vector: Callable[[int], Floats] | None = None
    guide: Columns = field(default_factory=dict)

    def added(self, z: Floats, bars: int) -> Floats:
        """The z (N, Z) of windows of so many bars with the styles."""
        return z if self.vector is None else z + self.vector(bars)


def draw(engine: PieceEngine, seeds: Sequence[int], order: PieceOrder) -> list[Piece]:
    """One piece for each seed; piece i depends on `seeds[i]` and the order only."""
    made = _chained if engine.fixed_window else _continued
    batches = (list(seeds)[start : start + _BATCH] for start in range(0, len(seeds), _BATCH))
    drawn = [columns for batch in batches for columns in made(engine, batch, order)]
    return [piece_of(engine, with_guide(engine, columns, order.guide), tempo_qpm=order.tempo_qpm) for columns in drawn]


def _chained(engine: PieceEngine, seeds: Sequence[int], order: PieceOrder) -> _Found:
    """Columns (bars, ...) for each seed, from kindred windows of fixed length."""
    windows = plain_readings(order.bars, engine.bars)
    first = engine.sample_prior(seeds, bars=engine.bars, temperature=order.prior_temperature)
    z = np.stack([first, *(_varied(engine, first, seeds, window, order) for window in range(1, len(windows)))], axis=1)
    z = order.added(z.reshape(len(seeds) * len(windows), -1), engine.bars)
    every = [window_seed(seed, window) for seed in seeds for window in range(len(windows))]
    guides = window_guides(order.guide, windows) * len(seeds)
    parts = decode_windows(engine, z, windows * len(seeds), guides, temperature=order.temperature, seeds=every)
    return [join_columns(parts[row : row + len(windows)], windows, engine.material) for row in range(0, len(parts), len(windows))]


def _varied(engine: PieceEngine, first: Floats, seeds: Sequence[int], window: int, order: PieceOrder) -> Floats:
    """The z (N, Z) of a later window."""
    drawn = [window_seed(seed, window) for seed in seeds]
    fresh = engine.sample_prior(drawn, bars=engine.bars, temperature=order.prior_temperature)
    return np.asarray(KINSHIP * first + np.sqrt(1 - KINSHIP**2) * fresh)


def _continued(engine: PieceEngine, seeds: Sequence[int], order: PieceOrder) -> _Found:
    """Columns (bars, ...) for each seed, each window going on from the last bars of those before."""
    bars = min(order.bars, engine.bars)
    return go_on(engine, seeds, order, _window(engine, seeds, order, None, Reading(0, 0, bars, bars)))


def go_on(engine: PieceEngine, seeds: Sequence[int], order: PieceOrder, given: Sequence[Columns]) -> _Found:
    """Columns (order.bars, ...) for each seed that begin with the given ones, (bars, ...) each; not for engines with a fixed window."""
    total, most, window = order.bars, engine.bars, 0
    found = [dict(columns) for columns in given]
    while (done := len(found[0]["bars"])) < total:
        window += 1
        keep = min(most // 2, done)
        new = min(most - keep, total - done)
        place = Reading(done - keep, keep, new, keep + new)
        added = _window(engine, [window_seed(seed, window) for seed in seeds], order, found, place)
        found = [{name: np.concatenate([old[name], part[name]]) for name in part} for old, part in zip(found, added, strict=True)]
    return found


def _window(engine: PieceEngine, seeds: Sequence[int], order: PieceOrder, before: _Found | None, place: Reading) -> _Found:
    """The bars that a window gives, those that it skips being there already, at the end of `before`."""
    keep, bars = place.skip_bars, place.read_bars
    # A guide is read to its end at most, as all of these windows lie inside of the piece.
    told = window_guides(order.guide, [place])[0]
    stacked = {name: np.stack([rows] * len(seeds)) for name, rows in told.items()}
    given, fixed = None, None
    if before is not None and keep:
        context = Reading(place.start_bar, 0, keep, keep)
        cut = [cut_columns(columns, [context], engine.material)[0] for columns in before]
        extra: dict[str, NDArray[Any]] = {name: told[name][:keep] for name in told if name != "hits"}
        given = encode_windows(engine, [{**columns, **extra} for columns in cut])[0]
        given = given if order.vector is None else given - order.vector(keep)
        fixed = {name: np.stack([columns[name] for columns in cut]) for name in cut[0]}
    known = stacked if engine.guide else None
    z = engine.sample_prior(
        seeds, bars=bars, temperature=order.prior_temperature, given=given, given_bars=0 if given is None else keep, told=known
    )
    played = engine.decode(order.added(z, bars), bars=bars, temperature=order.temperature, seeds=seeds, told=known, given=fixed)
    return [{name: column[row, keep:] for name, column in played.items()} for row in range(len(seeds))]
