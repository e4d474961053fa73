"""The events of a track, each in the light of those before it and of the melody that is expected in it.

Conventions: every method codes one thing: given it is written, given None it is read; both return it.
"""

from __future__ import annotations

from musicvae.compose.compressing.expecting import Agenda, Expected
from musicvae.compose.compressing.history import History
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_flag, code_natural, code_signed
from musicvae.compose.compressing.syntax import META, SYSEX, Written
from musicvae.compose.compressing.texts import code_bytes

__all__ = ["EventCoder"]

_TEXTS = range(1, 16)


class EventCoder:
    """Codes tracks one after another; what one taught serves the next."""

    def __init__(self, mixer: Mixer, ticks_per_beat: int) -> None:
        self._mixer = mixer
        self._beat = ticks_per_beat
        self._outcomes = 0  # of the last four expectations: a bit each
        self._shifts = {True: 0, False: 0}
        self._past = History(ticks_per_beat)

    def track(self, events: tuple[Written, ...] | None, end_delta: int | None, agenda: Agenda) -> tuple[tuple[Written, ...], int]:
        """The events of a track and the ticks from the last to its end."""
        self._past = History(self._beat)
        found: list[Written] = []
        end = None if end_delta is None else Written(end_delta, META, b"\x2f", False)
        while True:
            event = None if events is None else events[len(found)] if len(found) < len(events) else end
            event = self._event(event, agenda)
            if event[1:3] == (META, b"\x2f"):
                return tuple(found), event.delta
            found.append(event)

    def _event(self, event: Written | None, agenda: Agenda) -> Written:
        came = self._expected(event, agenda)
        if came is None:
            came = self._any(event)
            if came.status & 0xE0 == 0x80 and came.status & 0x0F == agenda.channel:
                agenda.heard(_starts(came), came.data[0])
        self._past.add(came)
        return came

    # -- what is expected

    def _expected(self, event: Written | None, agenda: Agenda) -> Written | None:
        """The event if it is one of the next expectations."""
        past, recent = self._past, self._outcomes
        for place, hope in enumerate(agenda.next()):
            meets = None if event is None else _meets(event, hope, agenda.channel)
            ahead = hope.tick - past.tick
            seen = (place, hope.starts, (ahead > 0) - (ahead < 0))
            meets = code_flag(self._mixer, meets, "hope", [place, (place, recent & 3), (recent, *seen), (past.before().status, *seen)])
            self._outcomes = (self._outcomes << 1 | meets) & 15
            if meets:
                agenda.met(hope)
                return self._hoped(event, hope, agenda.channel)
        return None

    def _hoped(self, event: Written | None, hope: Expected, channel: int) -> Written:
        past, mixer, last = self._past, self._mixer, self._shifts[hope.starts]
        shift = None if event is None else past.tick + event.delta - hope.tick
        known = [hope.starts, (hope.starts, last), (hope.starts, hope.steps), (hope.starts, self._shifts[not hope.starts], last)]
        shift = code_signed(mixer, shift, "shift", known)
        self._shifts[hope.starts] = shift
        delta = hope.tick + shift - past.tick
        if delta < 0:
            raise ValueError("an event comes before the one before it")
        status = 0x90 | channel
        if not hope.starts:
            is_off = None if event is None else event.status < 0x90
            status -= 0x10 * code_flag(mixer, is_off, "off status", [(), past.before().status])
        running = self._running(None if event is None else event.running, status)
        if not hope.starts and status >= 0x90:
            return Written(delta, status, bytes((hope.pitch, 0)), running)
        velocity = self._velocity(None if event is None else event.data[1], status, hope.pitch, delta, (-1, 0))
        return Written(delta, status, bytes((hope.pitch, velocity)), running)

    # -- anything

    def _any(self, event: Written | None) -> Written:
        past = self._past
        likely, sure = past.likely()
        delta = self._delta(None if event is None else event.delta, likely.delta if sure else -1, sure)
        sure = sure if likely.delta == delta else 0
        status = self._status(None if event is None else event.status, delta, likely.status if sure else -1, sure)
        running = self._running(None if event is None else event.running, status)
        sure = sure if likely.status == status else 0
        data = None if event is None else event.data
        if status == META:
            return Written(delta, status, self._meta(data), running)
        if status in SYSEX:
            return Written(delta, status, code_bytes(self._mixer, data, ("sysex", 0)), running)
        guess = (likely.data, sure) if sure else (b"\0\0", 0)
        return Written(delta, status, self._channel_data(data, status, delta, *guess), running)

    def _delta(self, delta: int | None, guess: int, sure: int) -> int:
        past, one, two = self._past, self._past.before(), self._past.before(2)
        kind = one.status & 0xF0 if one.status < 0xF0 else one.status
        count = min(len(past.sounding), 6)
        end = past.oldest[1] + past.length - past.tick if past.sounding and past.length >= 0 else -1
        pitch = one.data[:1] if kind in (0x80, 0x90) else b""
        known = [
            (), (kind, count > 0), (kind, one.delta), (kind, one.delta, two.delta, two.status), (kind, past.phase, count),
            (kind, pitch, one.delta), (kind, count, past.length), (one.delta, two.delta, past.before(3).delta, past.before(4).delta),
        ]  # fmt: skip
        return code_natural(self._mixer, delta, "delta", known, guesses=[(guess, sure), (end if end >= 0 else -1, 1)])

    def _status(self, status: int | None, delta: int, guess: int, sure: int) -> int:
        past, one, two = self._past, self._past.before().status, self._past.before(2).status
        count = min(len(past.sounding), 6)
        known = [
            one, (one, two), (delta > 0, one, count), (delta, one, count), (one, two, past.before(3).status, delta > 0),
            (past.before().data[:1], one, delta > 0), (past.oldest[1] + past.length == past.tick + delta, count > 0, one),
        ]  # fmt: skip
        found = code_class(self._mixer, status, "status", known, width=8, guesses=[(guess, sure)])
        if found < 0x80 or 0xF0 < found < 0xF7 or 0xF7 < found < META:
            raise ValueError("no event begins so")
        return found

    def _running(self, running: bool | None, status: int) -> bool:
        """Whether a status is left out, which only one that is the same as the last may be."""
        if status >= 0xF0 or status != self._past.running:
            return False
        return code_flag(self._mixer, running, "running", [(), self._past.before().running, self._past.before().status])

    def _channel_data(self, data: bytes | None, status: int, delta: int, likely: bytes, sure: int) -> bytes:
        kind, given = status & 0xF0, data or b""
        first = given[0] if data is not None else None
        second = given[1] if len(given) > 1 else None
        guess = (likely[0], sure)
        if kind in (0x80, 0x90):
            pitch = self._pitch(first, status, delta, guess)
            sure = sure if likely[0] == pitch else 0
            return bytes((pitch, self._velocity(second, status, pitch, delta, (likely[1] if sure else -1, sure))))
        past, site = self._past, f"data {kind >> 4}"
        last = past.values.get((status, -1), -1)
        number = code_class(self._mixer, first, site, [(), status, (status, last), past.before().data[:1]], width=7, guesses=[guess])
        past.values[status, -1] = number
        if kind in (0xC0, 0xD0):
            return bytes((number,))
        last, sure = past.values.get((status, number), -1), sure if likely[0] == number else 0
        known = [kind, (kind, number), (kind, number, last), (kind, number, delta)]
        value = code_class(self._mixer, second, f"{site} value", known, width=7, guesses=[(likely[1] if sure else -1, sure)])
        past.values[status, number] = value
        return bytes((number, value))

    def _pitch(self, pitch: int | None, status: int, delta: int, guess: tuple[int, int]) -> int:
        past = self._past
        if status & 0xF0 == 0x80:
            return self._ending(pitch, delta, guess)
        started, count, oldest = past.started, min(len(past.sounding), 6), past.oldest[0]
        known = [
            (), started[-1], tuple(started[-2:]), tuple(started[-3:]), (past.released, started[-1], count), (started[-4], count),
            (oldest, count), ((past.tick + delta) % past.beat, started[-1]), (past.lowest, count, delta > 0),
        ]  # fmt: skip
        return code_class(self._mixer, pitch, "pitch", known, width=7, guesses=[guess, (oldest, count)])

    def _ending(self, pitch: int | None, delta: int, guess: tuple[int, int]) -> int:
        past = self._past
        count, oldest = min(len(past.sounding), 6), past.oldest[0]
        known = [(oldest, count), (past.released, past.lowest), (past.lowest, count, delta > 0), (past.released, past.started[-1])]
        return code_class(self._mixer, pitch, "end", known, width=7, guesses=[guess, (oldest, count), (past.lowest, count)])

    def _velocity(self, velocity: int | None, status: int, pitch: int, delta: int, guess: tuple[int, int]) -> int:
        past, kind = self._past, status & 0xF0
        if kind == 0x80:
            last = past.values.get((status, -2), -1)
            found = code_class(self._mixer, velocity, "release", [(), last, past.before().status], width=7)
            past.values[status, -2] = found
            return found
        one, two = past.loud[1], past.loud[0]
        sounds = (status & 0x0F, pitch) in past.sounding
        known = [
            (sounds, status), (sounds, one), (sounds, one, two), (sounds, (past.tick + delta) % past.beat, one), (sounds, pitch),
            (sounds, one, delta > 0, min(len(past.sounding), 4)),
        ]  # fmt: skip
        return code_class(self._mixer, velocity, "velocity", known, width=7, guesses=[guess])

    def _meta(self, data: bytes | None) -> bytes:
        one = self._past.before()
        last = one.data[:1] if one.status == META else b""
        kind = code_class(self._mixer, None if data is None else data[0], "meta kind", [(), last, (last, self._past.tick == 0)], width=8)
        if kind == 0x2F:
            return b"\x2f"
        site = ("text", 0) if kind in _TEXTS else ("meta", kind)
        return bytes((kind,)) + code_bytes(self._mixer, None if data is None else data[1:], site)


def _starts(event: Written) -> bool:
    return event.status >= 0x90 and event.data[1] > 0


def _meets(event: Written, hope: Expected, channel: int) -> bool:
    if event.status & 0xE0 != 0x80 or event.status & 0x0F != channel:
        return False
    return event.data[0] == hope.pitch and _starts(event) == hope.starts
