"""What the tracks of a file that are known already say of the next one: when something begins there, and what sounds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["Ensemble", "Sounding"]

_MOST_TRACKS = 64
_MOST_BACK = 48
"""Notes that are looked at for what sounds: those that began last."""

Sounding = tuple[int, int, int]
"""Classes of the pitches that sound, a bit each; the highest and the lowest of them, -1 for none."""


class Ensemble:
    """Notes of tracks, added track by track."""

    def __init__(self) -> None:
        self._tracks = 0
        self._notes: list[tuple[int, int, int]] = []  # onset, end, pitch
        self._onsets: list[int] = []
        self._times: list[int] = []
        self._last: tuple[int, Sounding] = (-1, (0, -1, -1))

    def add(self, notes: list[tuple[int, int, int]]) -> None:
        """A track is known: onset, end and pitch of its notes. After many tracks the next ones are not listened to."""
        self._tracks += bool(notes)
        if not notes or self._tracks > _MOST_TRACKS:
            return
        self._notes = sorted(self._notes + notes)
        self._onsets = [note[0] for note in self._notes]
        self._times = sorted({*self._times, *(tick for note in notes for tick in note[:2])})
        self._last = (-1, (0, -1, -1))

    def next_onset(self, tick: int) -> int:
        """The first tick from here on at which a note begins, -1 for none."""
        place = bisect_left(self._onsets, tick)
        return self._onsets[place] if place < len(self._onsets) else -1

    def next_time(self, tick: int) -> int:
        """The first tick from here on at which a note begins or ends, -1 for none."""
        place = bisect_left(self._times, tick)
        return self._times[place] if place < len(self._times) else -1

    def sounding(self, tick: int) -> Sounding:
        """What sounds at a tick."""
        if self._last[0] != tick:
            place = bisect_right(self._onsets, tick)
            pitches = [pitch for _, end, pitch in self._notes[max(0, place - _MOST_BACK) : place] if end > tick]
            classes = 0
            for pitch in pitches:
                classes |= 1 << pitch % 12
            self._last = tick, (classes, max(pitches, default=-1), min(pitches, default=-1))
        return self._last[1]
