"""The events of a track so far, as far as they say what comes next."""

from __future__ import annotations

from musicvae.compose.compressing.syntax import META, Written

__all__ = ["History"]

_REACHES = (8, 5, 3)
_NOTHING = Written(-1, 0, b"\0\0", False)


class History:
    """What has happened in one track.

    tick: now; running: the status that may be left out (0: none); sounding: onset by (channel, pitch), in the order of starting.
    """

    def __init__(self, ticks_per_beat: int) -> None:
        self.beat = max(1, ticks_per_beat)
        self.tick = self.running = 0
        self.events: list[Written] = []
        self.sounding: dict[tuple[int, int], int] = {}
        self.started = [-1] * 4  # pitches, the latest last
        self.loud = [-1, -1]
        self.released = -1
        self.length = -1  # ticks of the note that ended last
        self.values: dict[tuple[int, int], int] = {}  # of controllers
        self._places: dict[tuple[object, ...], int] = {}
        self._followed = -1

    def before(self, count: int = 1) -> Written:
        """The event so many places back."""
        return self.events[-count] if len(self.events) >= count else _NOTHING

    def likely(self) -> tuple[Written, int]:
        """What followed when the latest events were last as they are now, and for how long that has gone well (0: nothing known)."""
        if self._followed < 0:
            return _NOTHING, 0
        return self.events[self._followed], min(self._good, 12)

    _good = 0

    def add(self, event: Written) -> None:
        """An event came."""
        expected = self.events[self._followed] if self._followed >= 0 else None
        self.events.append(event)
        self.tick += event.delta
        if event.status < 0xF0:
            self.running = event.status
        self._note(event)
        if expected is not None and _alike(expected, event):
            self._followed += 1
            self._good += 1
        else:
            self._followed, self._good = -1, 0
        here = len(self.events)
        for reach in _REACHES:
            if here >= reach:
                key = (reach, *((e.delta, e.status, e.data[:1]) for e in self.events[-reach:]))
                if self._followed < 0 and key in self._places:
                    self._followed, self._good = self._places[key], 1
                self._places[key] = here
        if self._followed >= here:
            self._followed, self._good = -1, 0

    def _note(self, event: Written) -> None:
        kind, channel = event.status & 0xF0, event.status & 0x0F
        if event.status == META or kind not in (0x80, 0x90):
            return
        pitch, velocity = event.data
        if kind == 0x90 and velocity:
            self.sounding[channel, pitch] = self.tick
            self.started = [*self.started[1:], pitch]
            self.loud = [self.loud[1], velocity]
        else:
            self.released = pitch
            onset = self.sounding.pop((channel, pitch), None)
            self.length = -1 if onset is None else self.tick - onset

    @property
    def phase(self) -> int:
        """Ticks since the last quarter note began."""
        return self.tick % self.beat

    @property
    def oldest(self) -> tuple[int, int]:
        """Pitch and onset of the note that has sounded longest, -1 for none."""
        for (_, pitch), onset in self.sounding.items():
            return pitch, onset
        return -1, -1

    @property
    def lowest(self) -> int:
        """The lowest sounding pitch, -1 for none."""
        return min((pitch for _, pitch in self.sounding), default=-1)


def _alike(one: Written, other: Written) -> bool:
    return one[:2] == other[:2] and one.data[:1] == other.data[:1]
