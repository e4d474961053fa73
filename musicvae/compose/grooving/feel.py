"""How hits are played: velocities and timing of a whole piece, window by window.

Conventions: B bars of the piece, W windows of at most `engine.bars` bars. Windows overlap by up to eight bars, of which each gives the
half that lies further from its edges, so that every bar is played knowing what comes before and after it, and no seam is a jump.
What the windows share (z of the piece and of the bars in common) is handed on from one to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import BarEngine, Columns
from musicvae.compose.seeds import window_seed

__all__ = ["Chance", "Played", "Reach", "decoded", "drawn_z", "encoded_z", "joined", "moved_z", "play", "reaches", "shown"]

_CONTEXT_BARS = 4
_BATCH = 64


@dataclass(frozen=True)
class Reach:
    """A window: it begins at bar `start_bar` (from 0) of the piece, skips `skip_bars` and gives the `num_bars` after."""

    start_bar: int
    skip_bars: int
    num_bars: int


@dataclass(frozen=True)
class Chance:
    """What decides chance: a seed, and how much of it there is (0: none, the expected way; 1: as learned)."""

    seed: int
    temperature: float
    centred: bool = False
    """Whether what drummers play ahead of the click on the whole is left out, so that the beat stays with other tracks."""


@dataclass(frozen=True, eq=False)
class Played:
    """Velocity, 1 to 127 at hits, and offset in sixteenths, of each class at each step: (B, 16, 9) float64."""

    velocity: Floats
    offset: Floats


def reaches(total: int, engine: BarEngine) -> tuple[Reach, ...]:
    """The windows of a piece of `total` bars, as told above; one where the piece is short enough."""
    span = engine.bars
    if total <= span:
        return (Reach(0, 0, total),)
    context = min(_CONTEXT_BARS, span // 4)
    starts = [*range(0, total - span, span - 2 * context), total - span]
    edges = [0, *(start + _half(start, before, span) for before, start in zip(starts, starts[1:], strict=False)), total]
    return tuple(Reach(start, edges[i] - start, edges[i + 1] - edges[i]) for i, start in enumerate(starts))


def _half(start: int, before: int, span: int) -> int:
    """Half of the bars that a window has in common with the one before."""
    return (before + span - start) // 2


def shown(engine: BarEngine, columns: Columns, windows: Sequence[Reach]) -> dict[str, NDArray[np.generic]]:
    """Columns (W, bars, ...) of each window of columns (B, ...); a network of fixed windows sees a short piece again and again."""
    total = len(next(iter(columns.values())))
    span = engine.bars if engine.fixed_window else min(total, engine.bars)
    rows = np.array([(window.start_bar + np.arange(span)) % total for window in windows])
    return {name: np.asarray(column[rows]) for name, column in columns.items()}


def joined(columns: Columns, windows: Sequence[Reach], name: str) -> NDArray[np.generic]:
    """A column (B, ...) of the piece from that of its windows (W, bars, ...)."""
    parts = [part[w.skip_bars : w.skip_bars + w.num_bars] for part, w in zip(columns[name], windows, strict=True)]
    return np.concatenate(parts)


def drawn_z(engine: BarEngine, windows: Sequence[Reach], chance: Chance, told: Columns) -> Floats:
    """Codes (W, Z) from the prior, each window going on from the one before; told: as `shown` gives it.

    At temperature 0 they are 0, from which these networks are taught to write what is to be expected for what they are told.
    """
    if chance.temperature == 0:
        return np.zeros((len(windows), engine.config.z_size))
    bars = next(iter(told.values())).shape[1]
    rows: list[Floats] = []
    for number, window in enumerate(windows):
        seed = [window_seed(chance.seed, 0 if engine.fixed_window else number)]
        given, common = (None, 0) if not rows or engine.fixed_window else _handed_on(engine, rows[-1], windows[number - 1], window, bars)
        row = {name: column[number : number + 1] for name, column in told.items()}
        rows.append(engine.sample_prior(seed, bars=bars, temperature=chance.temperature, given=given, given_bars=common, told=row))
    return np.concatenate(rows)


def _handed_on(engine: BarEngine, z: Floats, before: Reach, window: Reach, bars: int) -> tuple[Floats, int]:
    """A code (1, Z) of a window as far as the one before settles it, and of how many bars it does."""
    first, size = engine.config.z_global, engine.config.z_bar
    moved = window.start_bar - before.start_bar
    common = max(0, bars - moved)
    given = np.zeros_like(z)
    given[:, :first] = z[:, :first]
    given[:, first : first + common * size] = z[:, first + moved * size : first + (moved + common) * size]
    return given, common


def encoded_z(engine: BarEngine, windows: Sequence[Reach], columns: Columns) -> Floats:
    """Codes (W, Z) of a performance, columns (B, ...), as it is in each window."""
    rows = shown(engine, columns, windows)
    parts = [{name: column[i : i + _BATCH] for name, column in rows.items()} for i in range(0, len(windows), _BATCH)]
    return np.concatenate([engine.encode(part)[0] for part in parts])


def decoded(
    engine: BarEngine, z: Floats, bars: int, temperature: float, seeds: Sequence[int] | None, told: Columns
) -> dict[str, NDArray[np.generic]]:
    """What `engine.decode` gives for W windows, some at a time, which bounds the memory."""
    parts = []
    for first in range(0, len(z), _BATCH):
        rows = slice(first, first + _BATCH)
        some = {name: column[rows] for name, column in told.items()}
        parts.append(engine.decode(z[rows], bars=bars, temperature=temperature, seeds=None if seeds is None else seeds[rows], told=some))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def moved_z(engine: BarEngine, z: Floats, vector: Floats, bars: int) -> Floats:
    """Codes z (W, Z) with a vector (Z,) added where windows of so many bars have numbers."""
    moved = z + vector
    moved[:, engine.z_used(bars) :] = 0
    return moved


def play(
    engine: BarEngine, hits: NDArray[np.uint64], tempo: Floats, chance: Chance, *,
    like: Columns | None = None, vector: Floats | None = None,
) -> Played:  # fmt: skip
    """Play hits (B, 16) at tempi (B,), in quarter notes a minute.

    like: columns (B, ...) of a performance whose feel is taken as it is; default: the expected feel at temperature 0, else a drawn one.
    vector: (Z,), added to every z.
    """
    windows = reaches(len(hits), engine)
    told = shown(engine, {"hits": hits, "tempo": tempo}, windows)
    bars = told["hits"].shape[1]
    if like is not None:
        z = encoded_z(engine, windows, like)
    elif chance.temperature > 0:
        z = drawn_z(engine, windows, chance, told)
    else:
        z = np.zeros((len(windows), engine.config.z_size))
    if vector is not None:
        z = moved_z(engine, z, vector, bars)
    seeds = [window_seed(chance.seed, number) for number in range(len(windows))] if chance.temperature > 0 else None
    found = decoded(engine, z, bars, chance.temperature, seeds, told)
    struck = ((hits[..., None] >> np.arange(9, dtype=np.uint64)) & np.uint64(1)) > 0
    velocity = np.clip(joined(found, windows, "bars").astype(np.float64), 1, 127)
    offset = joined(found, windows, "offsets").astype(np.float64)
    if chance.centred and like is None and struck.any():
        expected = decoded(engine, np.zeros_like(z), bars, 0.0, None, told)
        offset = offset - joined(expected, windows, "offsets").astype(np.float64)[struck].mean()
    offset = np.clip(offset, -0.5, 0.5)
    return Played(np.where(struck, velocity, 0.0), np.where(struck, offset, 0.0))
