"""When the next event comes: how many sixteenths ahead, and how far from the line.

Conventions: as `compressing.grid`; a guess is a tick and how often guesses of its kind were right of late (bits, the latest lowest).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from musicvae.compose.compressing.grid import Grid
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_flag, code_natural

__all__ = ["Timing"]

_KEPT = 7
"""Bits that say how guesses went."""


class Timing:
    """The times of the events of a file; what one track taught serves the next."""

    def __init__(self, mixer: Mixer, grid: Grid) -> None:
        self._mixer, self._grid = mixer, grid
        self._right: dict[Hashable, int] = {}
        self._rests: dict[str, int] = {}
        self._written = 7  # whether the last three events stood on their line

    @property
    def is_played(self) -> bool:
        """Whether one of the last events stood beside its line."""
        return self._written != 7

    def code(
        self, tick: int | None, now: int, site: str, known: Sequence[Hashable], near: Sequence[Hashable], guesses: Sequence[int]
    ) -> int:
        """The tick of an event, from `now` on. site: what kind of event; known: what says how many lines ahead; near: how many ticks.

        guesses: ticks, -1 for none; every kind of event has as many.
        """
        grid, mixer = self._grid, self._mixer
        line = grid.nearest(now)
        hoped = [(grid.nearest(guess) - line if guess >= now else -1, self._right.get((site, i), 0)) for i, guess in enumerate(guesses)]
        ahead = code_natural(mixer, None if tick is None else grid.nearest(tick) - line, f"{site} lines", known, guesses=hoped)
        hints = [(guess if lines == ahead else -1, right) for guess, (lines, right) in zip(guesses, hoped, strict=True)]
        if ahead:
            rest = self._rest(None if tick is None else grid.rest(tick), site, hints, line + ahead)
            found = grid.line(line + ahead) + rest
        else:
            shown = [(guess - now if guess >= 0 else -1, right) for guess, right in hints]
            found = now + code_natural(mixer, None if tick is None else tick - now, f"{site} ticks", near, guesses=shown)
        if found < now:
            raise ValueError("an event comes before the one before it")
        for i, guess in enumerate(guesses):
            if guess >= now:
                self._right[site, i] = (self._right.get((site, i), 0) << 1 | (guess == found)) & _KEPT
        return found

    def _rest(self, rest: int | None, site: str, hints: Sequence[tuple[int, int]], line: int) -> int:
        """Ticks after the line."""
        grid, last = self._grid, self._rests.get(site, 0)
        rests = [(grid.rest(guess) if guess >= 0 else None, right) for guess, right in hints]
        said = [None if guess is None else (guess == 0, right) for guess, right in rests]
        is_written = code_flag(
            self._mixer, None if rest is None else rest == 0, f"{site} on line", [self._written, (last == 0, line % 4), *said]
        )
        self._written = (self._written << 1 | is_written) & 7
        if is_written:
            self._rests[site] = 0
            return 0
        known = [(), last, (line % 4, last == 0), line % 16]
        shown = [(grid.offset + guess if guess is not None else -1, right) for guess, right in [*rests, (last, self._written)]]
        given = None if rest is None else rest + grid.offset
        found = code_class(self._mixer, given, f"{site} rest", known, width=grid.width, guesses=shown) - grid.offset
        self._rests[site] = found
        return found
