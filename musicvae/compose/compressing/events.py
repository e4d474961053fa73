"""The events of a track, each in the light of those before it, of the other tracks, and of the melody that is expected in it.

Conventions: every method codes one thing: given it is written, given None it is read; both return it.
"""

from __future__ import annotations

from collections.abc import Hashable

from musicvae.compose.compressing.ensemble import Ensemble
from musicvae.compose.compressing.expecting import Agenda, Expected
from musicvae.compose.compressing.grid import Grid
from musicvae.compose.compressing.history import Held, History, kind_of
from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.notes import NoteCoder
from musicvae.compose.compressing.numbers import code_class, code_flag, code_natural, code_signed
from musicvae.compose.compressing.syntax import META, SYSEX, Written
from musicvae.compose.compressing.texts import TextCoder
from musicvae.compose.compressing.timing import Timing

__all__ = ["EventCoder"]

_TEXTS = range(1, 16)
_ON, _OFF = 0x90, 0x80


class EventCoder:
    """Codes tracks one after another; what one taught serves the next."""

    def __init__(self, mixer: Mixer, ticks_per_beat: int) -> None:
        self._mixer = mixer
        self._grid = Grid(ticks_per_beat)
        self._timing, self._notes, self._texts = Timing(mixer, self._grid), NoteCoder(mixer), TextCoder(mixer)
        self._outcomes = 0  # of the last four expectations: a bit each
        self._shifts = {True: 0, False: 0}
        self._bar = 16  # lines
        self._due = 0  # whether the last ends came when they should have
        self._together, self._past, self._number = Ensemble(), History(self._grid), -1

    def track(self, events: tuple[Written, ...] | None, end_delta: int | None, agenda: Agenda) -> tuple[tuple[Written, ...], int]:
        """The events of a track and the ticks from the last to its end."""
        self._together.add(self._past.notes)
        self._past = History(self._grid)
        self._number += 1
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
        other = self._shifts[not hope.starts]
        known = [
            hope.starts,
            (hope.starts, last),
            (hope.starts, hope.steps),
            (hope.starts, other, last),
            (hope.starts, other, past.before().delta),
        ]
        shift = code_signed(mixer, shift, "shift", known)
        self._shifts[hope.starts] = shift
        delta = hope.tick + shift - past.tick
        if delta < 0:
            raise ValueError("an event comes before the one before it")
        if not hope.starts:
            return self._ended(event, delta, channel, hope.pitch)
        return self._started(event, delta, channel, hope.pitch, (-1, 0))

    # -- notes

    def _started(self, event: Written | None, delta: int, channel: int, pitch: int, guess: tuple[int, int]) -> Written:
        """A note that starts, when its pitch is known."""
        running = self._running(None if event is None else event.running, _ON | channel)
        given, tick = None if event is None else event.data[1], self._past.tick + delta
        velocity = self._notes.velocity(given, channel, pitch, tick, self._past, guess, self._bar)
        return Written(delta, _ON | channel, bytes((pitch, velocity)), running)

    def _ended(self, event: Written | None, delta: int, channel: int, pitch: int) -> Written:
        """A note that ends, when its pitch is known."""
        past = self._past
        is_off = None if event is None else event.status < _ON
        status = (_OFF if code_flag(self._mixer, is_off, "off status", [(), past.values.get("off", -1)]) else _ON) | channel
        past.values["off"] = status >> 4
        running = self._running(None if event is None else event.running, status)
        if status >= _ON:
            return Written(delta, status, bytes((pitch, 0)), running)
        return Written(
            delta, status, bytes((pitch, self._notes.release(None if event is None else event.data[1], status, pitch, past))), running
        )

    # -- anything

    def _any(self, event: Written | None) -> Written:
        past = self._past
        likely, sure = past.likely()
        kind = self._kind(None if event is None else kind_of(event), kind_of(likely) if sure else -1, sure)
        sure = sure if sure and kind_of(likely) == kind else 0
        tick = None if event is None else past.tick + event.delta
        hoped = past.tick + likely.delta if sure else -1
        if kind & 0xF0 == _ON:
            return self._any_start(event, tick, kind & 0x0F, likely, sure, hoped)
        if kind & 0xF0 == _OFF:
            return self._any_end(event, tick, kind & 0x0F, likely, sure, hoped)
        return self._any_other(event, kind, likely, sure)

    def _any_other(self, event: Written | None, kind: int, likely: Written, sure: int) -> Written:
        past = self._past
        one, last, data = past.before(), past.values.get(("delta", kind), -1), None if event is None else event.data
        before, since = past.kinds[-1], min(past.tick - past.onset, 64)
        known = [
            kind, (kind, before, one.data[:1]), (kind, before, one.delta), (kind, last),
            (kind, past.line % self._bar, past.line - past.onset_line), (kind, last, before, since),
            (self._number, len(past.events), past.tick == 0),
        ]  # fmt: skip
        other = self._together.next_onset(past.tick)
        guesses = [(likely.delta if sure else -1, sure), (other - past.tick if other >= 0 else -1, 0)]
        delta = code_natural(self._mixer, None if event is None else event.delta, "delta", known, guesses=guesses)
        past.values["delta", kind] = delta
        running = self._running(None if event is None else event.running, kind)
        sure = sure if likely.delta == delta else 0
        if kind == META:
            return Written(delta, kind, self._meta(data), running)
        if kind in SYSEX:
            return Written(delta, kind, self._texts.code(data, ("sysex", 0)), running)
        return Written(delta, kind, self._control(data, kind, delta, likely.data if sure else b"", sure), running)

    def _kind(self, kind: int | None, guess: int, sure: int) -> int:
        """The status, where a note's end is one however it is written: that of the channel's notes at once, any other bit by bit."""
        past, bar = self._past, self._bar
        one, two, three, four = past.kinds[::-1]
        count, begun = min(len(past.sounding), 6), min(len(past.begun), 5)
        due = past.due()[1]
        ahead = -9 if due < 0 else max(-2, min(6, (due - past.tick) * 4 // past.grid.beat))
        other = self._together.next_onset(past.tick + (past.onset == past.tick))
        away = -1 if other < 0 else min(6, (other - past.tick) * 4 // past.grid.beat)
        latest, before = past.before(), past.before(2)
        fresh, since, early = latest.delta > 0, past.line - past.onset_line, len(past.events) if len(past.events) < 12 else -1
        known: list[Hashable] = [
            (one, count), (one, two, three, four), (one, count, ahead, begun), (away, ahead, one, begun), (past.line % bar, one, count),
            (latest.data[:1], one, count, begun), (one, two, latest.delta, before.delta), (begun, past.started[-1], count, one),
            (min(since, 20), past.gaps[1], count, fresh, one), (early, self._number if early <= 0 else 0),
        ]  # fmt: skip
        channel = past.channel
        for name, usual in (("starts", _ON | channel), ("stops", _OFF | channel)) if channel >= 0 else ():
            hint = (guess == usual, sure) if sure else None
            if code_flag(self._mixer, None if kind is None else kind == usual, name, [*known, hint]):
                return usual
        found = code_class(self._mixer, kind, "status", [*known[:3], known[5], known[9]], width=8, guesses=[(guess, sure)])
        if found < 0x80 or 0xF0 < found < 0xF7 or 0xF7 < found < META:
            raise ValueError("no event begins so")
        return found

    def _any_start(self, event: Written | None, tick: int | None, channel: int, likely: Written, sure: int, hoped: int) -> Written:
        past, bar = self._past, self._bar
        since, one, begun = past.line - past.onset_line, past.kinds[-1], min(len(past.begun), 5)
        since = min(since, 40)
        gap, before = past.gaps[::-1]
        count, place = min(len(past.sounding), 6), past.line % bar
        known = [
            (since, begun > 0), (since, gap, begun), (since, gap, before), (place, since, begun), (place, past.started[-1]),
            (since, count, one, begun),
            (one, begun, past.before().delta), (place % 4, gap, since, begun), (count, past.length_lines[1], since, begun),
        ]  # fmt: skip
        near = [one, (one, begun), (one, past.before().delta), (begun, past.started[-1]), (count, begun, since)]
        other = self._together.next_onset(past.tick + (past.onset == past.tick))
        line = past.next_line(past.line - bar)
        again = -1 if line < 0 else past.grid.line(line + bar)
        next_beat = past.onset + (past.onset - past.onset_before) if past.onset_before >= 0 else -1
        found = self._timing.code(tick, past.tick, "start", known, near, [hoped, other, again, next_beat])
        delta = found - past.tick
        sure = sure if likely.delta == delta else 0
        pitch = self._notes.pitch(
            None if event is None else event.data[0], channel, found, past, self._together, (likely.data[0] if sure else -1, sure), bar
        )
        sure = sure if sure and likely.data[0] == pitch else 0
        return self._started(event, delta, channel, pitch, (likely.data[1] if sure else -1, sure))

    def _any_end(self, event: Written | None, tick: int | None, channel: int, likely: Written, sure: int, hoped: int) -> Written:
        past = self._past
        pitch, held = self._notes.ending(None if event is None else event.data[0], channel, past, likely.data[0] if sure else -1, sure)
        hoped = hoped if sure and likely.data[0] == pitch else -1
        length = past.lengths.get(pitch, past.length)
        found = self._end(tick, pitch, held or Held(past.tick, past.line), length, hoped)
        return self._ended(event, found - past.tick, channel, pitch)

    def _end(self, tick: int | None, pitch: int, held: Held, length: int, hoped: int) -> int:
        """The tick at which a note ends that should be `length` long."""
        past, bar = self._past, self._bar
        due, is_twin = held.onset + length, held.onset == past.released_onset and past.kinds[-1] & 0xF0 == _OFF
        since, one = min(past.line - held.line, 40), past.kinds[-1]
        if length >= 0 and due + 3 >= past.tick and self._timing.is_played:
            known = [
                (self._due, is_twin),
                (pitch, self._due & 1),
                (since, length, is_twin),
                (past.before().delta, one, is_twin),
                (due - past.tick if due - past.tick < 4 else 4, one),
            ]
            is_due = code_flag(self._mixer, None if tick is None else abs(tick - due) <= 3, "due", known)
            self._due = (self._due << 1 | is_due) & 7
            if is_due:
                last = past.values.get("due", 3)
                given = None if tick is None else tick - due + 3
                shift = code_class(self._mixer, given, "due ticks", [(), last, pitch, (last, past.values.get("due before", 3))], width=3)
                past.values["due before"], past.values["due"] = last, shift
                if due + shift - 3 < past.tick:
                    raise ValueError("an event comes before the one before it")
                return due + shift - 3
        gap, place, lengths = past.gaps[1], past.line % bar, past.length_lines
        known = [
            (since, is_twin), (since, lengths[1], is_twin), (since, lengths[1], lengths[0]), (since, place), (since, pitch),
            (since, gap, is_twin),
            (len(past.sounding), one, past.before().delta, is_twin), (since, one, length),
        ]  # fmt: skip
        near = [(one, is_twin), (one, past.before().delta), (one, len(past.sounding)), (pitch, is_twin)]
        other = self._together.next_time(past.tick + (past.before().delta == 0 and one & 0xF0 == _ON))
        line = past.next_line(past.line - bar)
        again = -1 if line < 0 else past.grid.line(line + bar)
        return self._timing.code(tick, past.tick, "stop", known, near, [hoped, other, again])

    def _running(self, running: bool | None, status: int) -> bool:
        """Whether a status is left out, which only one that is the same as the last may be."""
        if status >= 0xF0 or status != self._past.running:
            return False
        return code_flag(self._mixer, running, "running", [(), self._past.before().running, self._past.before().status])

    # -- what is no note

    def _control(self, data: bytes | None, status: int, delta: int, likely: bytes, sure: int) -> bytes:
        kind, past, site = status & 0xF0, self._past, f"data {status >> 4 & 7}"
        first = None if data is None else data[0]
        last, latest = past.values.get((status, -1), -1), past.before().data[:1]
        known = [(), status, (status, last), (latest, past.kinds[-1]), len(past.events)]
        number = code_class(self._mixer, first, site, known, width=7, guesses=[(likely[0] if sure else -1, sure)])
        past.values[status, -1] = number
        if kind in (0xC0, 0xD0):
            return bytes((number,))
        second = None if data is None else data[1]
        last, before = past.values.get((status, number), -1), past.values.get((status, number, 1), -1)
        sure = sure if sure and likely[0] == number else 0
        known = [
            (kind, number),
            (kind, number, last),
            (kind, last, before),
            (kind, number, delta),
            (number, latest, past.kinds[-1]),
            (number, past.started[-1], last),
        ]
        value = code_class(
            self._mixer, second, f"{site} value", known, width=7, guesses=[(likely[1] if sure else -1, sure), (last, kind), (before, kind)]
        )
        past.values[status, number, 1], past.values[status, number] = last, value
        return bytes((number, value))

    def _meta(self, data: bytes | None) -> bytes:
        one, two = self._past.before(), self._past.before(2)
        last, latest = (e.data[:1] if e.status == META else b"" for e in (one, two))
        start = self._past.tick == 0
        known = [(), last, (last, start), (last, latest), (self._number, len(self._past.events), start)]
        kind = code_class(self._mixer, None if data is None else data[0], "meta kind", known, width=8)
        if kind == 0x2F:
            return b"\x2f"
        found = self._texts.code(None if data is None else data[1:], ("text" if kind in _TEXTS else "meta", kind))
        if kind == 0x58 and len(found) == 4 and found[0] and found[1] < 7:
            self._bar = max(1, found[0] * 16 >> found[1])
        return bytes((kind,)) + found


def _starts(event: Written) -> bool:
    return event.status >= 0x90 and event.data[1] > 0


def _meets(event: Written, hope: Expected, channel: int) -> bool:
    if event.status & 0xE0 != 0x80 or event.status & 0x0F != channel:
        return False
    return event.data[0] == hope.pitch and _starts(event) == hope.starts
