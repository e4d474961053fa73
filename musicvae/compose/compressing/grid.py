"""Ticks as sixteenths and what is left of them.

Conventions: a *line* is the tick at which a sixteenth begins; a tick belongs to the line nearest to it, and its *rest* is how many ticks
later it is (less than 0: earlier), which is 0 in music that is written and anything in music that is played.
"""

from __future__ import annotations

__all__ = ["Grid"]


class Grid:
    """The sixteenths of a file. offset: what makes every rest positive; width: how many bits a rest plus `offset` has."""

    def __init__(self, ticks_per_beat: int) -> None:
        self.beat = max(1, ticks_per_beat)
        self.offset = self.beat // 8 + 1
        self.width = (2 * self.offset).bit_length()

    def line(self, number: int) -> int:
        """The tick of a line."""
        return number * self.beat // 4

    def nearest(self, tick: int) -> int:
        """The number of the line that a tick belongs to."""
        return (8 * tick + self.beat) // (2 * self.beat)

    def rest(self, tick: int) -> int:
        """Ticks from its line to a tick."""
        return tick - self.line(self.nearest(tick))
