"""Cutting pieces into the windows of a network, and joining what it writes.

A network that takes any number of bars has a short piece in one window; a longer one is cut into windows of its most bars, the last two
of which share what is left where it would be less than half of that, cut after a multiple of four bars where they are eight or more.

For a network of fixed span a piece as long as the span, or a multiple of it, is cut into spans. Otherwise the last window is the last
bars of the piece, so that the network sees real music only, and what overlaps is taken from the window before. A piece shorter
than the span is played again and again until it fills it. New pieces are drawn in whole windows, of the last of which
only the first bars may be taken (`plain_readings`).

A note of a melody or bass that sounds on across the seam is cut there for the network, which knows nothing of what was
before; how many steps it sounds on (*held*) is kept apart and given back when windows are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.engine import Columns
from musicvae.music.piece import VOICES
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["Reading", "cut_columns", "free_readings", "held_steps", "join_columns", "plain_readings", "readings"]

_PHRASE = 4  # bars


@dataclass(frozen=True)
class Reading:
    """A window: it reads `read_bars` bars from `start_bar` (0-based) on, skips the first `skip_bars` and gives the `num_bars` after.

    Past the end of the piece it reads on from its beginning.
    """

    start_bar: int
    skip_bars: int
    num_bars: int
    read_bars: int

    @property
    def first_bar(self) -> int:
        """First bar of the piece that this window gives."""
        return self.start_bar + self.skip_bars


def readings(total: int, span: int) -> tuple[Reading, ...]:
    """The windows of a given piece of `total` bars for a network of this span, as told above."""
    if total <= span:
        return (Reading(0, 0, total, span),)
    whole = [Reading(start, 0, span, span) for start in range(0, total - span + 1, span)]
    rest = total % span
    return (*whole, Reading(total - span, span - rest, rest, span)) if rest else tuple(whole)


def free_readings(total: int, most: int) -> tuple[Reading, ...]:
    """The windows of a piece of `total` bars for a network that takes 1 to `most` bars, as told above."""
    windows, start, least = [], 0, most // 2
    while total - start > most:
        left = total - start
        take = most if left - most >= least else left - least
        take -= take % _PHRASE if take >= 2 * _PHRASE else 0
        windows.append(Reading(start, 0, take, take))
        start += take
    return (*windows, Reading(start, 0, total - start, total - start))


def plain_readings(total: int, span: int) -> tuple[Reading, ...]:
    """The windows of a new piece of `total` bars from a network of this span: one after another from its start."""
    return tuple(Reading(start, 0, min(span, total - start), span) for start in range(0, total, span))


def cut_columns(columns: Columns, windows: Sequence[Reading], material: str) -> list[dict[str, NDArray[Any]]]:
    """The columns (read_bars, ...) of each window of a piece's columns (B, ...)."""
    total = len(next(iter(columns.values())))
    cut = []
    for window in windows:
        rows = (window.start_bar + np.arange(window.read_bars)) % total
        part = {name: np.asarray(column[rows]) for name, column in columns.items()}
        cut.append(part | {name: _without_ties(part[name], total) for name in VOICES.get(material, ())})
    return cut


def held_steps(columns: Columns, windows: Sequence[Reading], material: str) -> NDArray[np.int64]:
    """How many steps a note of each token column of a piece sounds on into each window, (W, columns); 0 where none does."""
    names = VOICES.get(material, ())
    held = np.zeros((len(windows), len(names)), np.int64)
    for place, name in enumerate(names):
        flat = columns[name].reshape(-1)
        sounding = _sounding(flat)
        for row, window in enumerate(windows):
            start = window.first_bar * columns[name].shape[1]
            if start and sounding[start - 1] and flat[start] == HOLD:
                held[row, place] = _run_of_holds(flat[start:])
    return held


def join_columns(
    parts: Sequence[Columns], windows: Sequence[Reading], material: str, held: NDArray[np.int64] | None = None
) -> dict[str, NDArray[Any]]:
    """A piece's columns (B, ...) from those of its windows, each (read_bars, ...); held: as `held_steps` gives it, none by default."""
    names = VOICES.get(material, ())
    joined: dict[str, NDArray[Any]] = {}
    for name in parts[0]:
        kept = [part[name][w.skip_bars : w.skip_bars + w.num_bars] for part, w in zip(parts, windows, strict=True)]
        joined[name] = np.concatenate(kept)
    for place, name in enumerate(names):
        flat = joined[name].reshape(-1)
        for row, window in enumerate(windows):
            steps = 0 if held is None else int(held[row, place])
            _end_tie(flat, window.first_bar * joined[name].shape[1], steps)
    return joined


def _without_ties(part: Tokens, total: int) -> Tokens:
    """The window (span, 16) without a note-off in silence; where a short piece begins anew, its last note ends."""
    part = part.copy()
    flat = part.reshape(-1)
    for start in range(total * part.shape[1], len(flat), total * part.shape[1]):
        _end_tie(flat, start, 0)
    return canonical_tokens(part)


def _end_tie(flat: Tokens, start: int, steps: int) -> None:
    """Let a note that sounds on across `start` do so for `steps` steps at most, in place."""
    if not start or flat[start] != HOLD or not _sounding(flat[:start])[-1]:
        return
    if steps < _run_of_holds(flat[start:]):
        flat[start + steps] = NOTE_OFF


def _run_of_holds(flat: Tokens) -> int:
    other = np.flatnonzero(flat != HOLD)
    return int(other[0]) if len(other) else len(flat)


def _sounding(flat: Tokens) -> NDArray[np.bool_]:
    """Whether a note sounds in each step."""
    latest = np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))
    return np.asarray(flat[latest] >= FIRST_PITCH_TOKEN)
