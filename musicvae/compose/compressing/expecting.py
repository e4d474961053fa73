"""What is known of a track before its events are read: the notes of a melody, as the starts and ends that they should have.

Conventions: an *expectation* is a tick at which a note of a pitch should start or end. The events of a file come out one by one; each is
either one of the next few expectations, perhaps some ticks away from it, or something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Agenda", "Expected"]

_IN_SIGHT = 2
_FORGIVEN = 4


class Expected(NamedTuple):
    """A note's start or end. steps: how long the note lasts on the grid."""

    tick: int
    starts: bool
    pitch: int
    steps: int


class Agenda:
    """The expectations of one track and channel, in order of time, struck off as they are met."""

    def __init__(self, expected: Iterable[Expected] = (), channel: int = 0) -> None:
        self._left = sorted(expected)[::-1]
        self.channel = channel

    def next(self) -> list[Expected]:
        """The next ones, at most two."""
        return self._left[: -_IN_SIGHT - 1 : -1]

    def met(self, expected: Expected) -> None:
        """Strike off one of the next."""
        self._left.remove(expected)

    def heard(self, starts: bool, pitch: int) -> None:
        """Something else came; if it is one of the next few after all, that is not waited for any more."""
        for expected in self._left[: -_FORGIVEN - 1 : -1]:
            if (expected.starts, expected.pitch) == (starts, pitch):
                self._left.remove(expected)
                return
