"""What is played: pitches, velocities, and which of the notes that sound ends next.

Conventions: every method codes one thing: given it is written, given None it is read; both return it.
"""

from __future__ import annotations

from musicvae.compose.compressing.ensemble import Ensemble
from musicvae.compose.compressing.history import Held, History
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_flag

__all__ = ["NoteCoder"]

_MOST_ASKED = 12
"""Sounding notes that are asked one by one whether they end."""


class NoteCoder:
    """The notes of a file's tracks."""

    def __init__(self, mixer: Mixer) -> None:
        self._mixer = mixer
        self._right = 0

    def ending(self, pitch: int | None, channel: int, past: History, likely: int, sure: int) -> tuple[int, Held | None]:
        """The pitch of a note that ends, and the note (None: there was none). likely: the pitch that is expected, -1 for none."""
        held = [(p, note) for (c, p), note in past.sounding.items() if c == channel][:_MOST_ASKED]
        count = min(len(held), 6)
        lowest = min((p for p, _ in held), default=-1)
        for place, (asked, note) in enumerate(held):
            is_twin = note.onset == past.released_onset
            length = past.lengths.get(asked, past.length)
            overdue = -9 if length < 0 else max(-3, min(3, (note.onset + length - past.tick) * 4 // past.grid.beat))
            shown = min(place, 6)
            known = [
                (shown, count), (shown, is_twin, overdue), (asked - past.released, is_twin), (asked == lowest, shown, count, is_twin),
                (overdue, count, shown), (min(past.line - note.line, 20), shown, overdue), (likely == asked, sure) if likely >= 0 else None,
            ]  # fmt: skip
            if code_flag(self._mixer, None if pitch is None else pitch == asked, "ends", known):
                return asked, note
        found = code_class(self._mixer, pitch, "end", [(), past.released], width=7, guesses=[(likely, sure)])
        return found, past.sounding.get((channel, found))

    def pitch(self, pitch: int | None, channel: int, tick: int, past: History, together: Ensemble, guess: tuple[int, int], bar: int) -> int:
        """The pitch of a note that starts at this tick; bar: how many lines one has."""
        line = past.grid.nearest(tick)
        begun = past.begun if tick == past.tick else []
        one, two, three, _ = past.started[::-1]
        last = begun[-1] if begun else -1
        place = line % bar
        classes, highest, lowest = together.sounding(tick)
        before = past.lines.get(line - bar, [])
        above = before[len(begun)] if len(before) > len(begun) else -1
        count = min(len(begun), 5)
        known = [
            channel, (channel, one, count), (one, two, count), (one, two, three), (channel, place, last), (channel, count, last, classes),
            (highest, lowest, count, channel), (above, last, channel), (past.lowest, last, past.released),
            (past.gaps[1], line - past.onset_line, one),
            tuple(begun) if begun else (past.released, one), (past.classes(), highest % 12, count), (place % 4, highest, one),
        ]  # fmt: skip
        shown = [guess, past.likely_pitch(), (above, count), past.likely_step(len(begun))]
        return code_class(self._mixer, pitch, "key", known, width=7, guesses=shown)

    def velocity(self, velocity: int | None, channel: int, pitch: int, tick: int, past: History, guess: tuple[int, int], bar: int) -> int:
        """The velocity of a note that starts at this tick."""
        line = past.grid.nearest(tick)
        one, two = past.loud[1], past.loud[0]
        same, place = past.loudness.get(pitch, -1), line % bar
        count = min(len(past.begun), 4) if tick == past.tick else 0
        known = [
            channel, (one, count), (one, two), (place, pitch), (pitch, same), (place, one, count), (same, one),
            (channel, count, line - past.onset_line),
            past.values.get(("loud", pitch, place), -1),
        ]  # fmt: skip
        found = code_class(self._mixer, velocity, "velocity", known, width=7, guesses=[guess, (same, self._right)])
        self._right = (self._right << 1 | (same == found)) & 7
        past.values["loud", pitch, place] = found
        return found

    def release(self, velocity: int | None, status: int, pitch: int, past: History) -> int:
        """How fast a key is let go."""
        last = past.values.get((status, -2), -1)
        found = code_class(self._mixer, velocity, "release", [(), last, (last, past.kinds[-1]), pitch], width=7)
        past.values[status, -2] = found
        return found
