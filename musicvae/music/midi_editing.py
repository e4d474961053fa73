"""A MIDI file opened for editing: notes are moved, made louder or struck on other drums, and all else stays as it is.

Conventions: N notes in the order of the file; ticks as in `music.score`. What a `Score` does not hold (controllers, bends, markers,
lyrics, program changes along the way, channels) is kept, event for event, and so is the order of events at one tick in tracks of
which nothing is changed.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicvae.music.events import END_OF_TRACK, META, Event, read_events, read_header, split_tracks
from musicvae.music.midi import score_from_bytes
from musicvae.music.provenance import entry_of, story_text
from musicvae.music.score import Ints, Score

__all__ = ["FINE_TICKS", "AddedNote", "Changes", "FoundNotes", "OpenMidi", "open_midi"]

FINE_TICKS = 480
"""Ticks a beat below which timing is too coarse to be played with: 1 ms at 125 quarter notes a minute."""
_TEXT, _TRACK_NAME = 0x01, 0x03
_WITH_THE_MUSIC = (0x05, 0x06, 0x07)
"""Lyrics, markers and cue points: at tick 0 too they belong to what sounds there."""
_SYSEX = (0xF0, 0xF7)
_MAX_DELTA = 2**28 - 1
_MAX_TICKS_PER_BEAT = 0x7FFF
# At one tick: the ends of lasting notes, what is no note, notes without length from start to end, then starts.
_ENDS, _OTHERS, _SHORT, _STARTS = range(4)


@dataclass(frozen=True, eq=False)
class FoundNotes:
    """Columns (N,): part is the number of the score's track, from 1; end is that of the track where the file gives none."""

    part: Ints
    pitch: Ints
    onset: Ints
    end: Ints
    velocity: Ints
    chunk: Ints
    """The track chunk, from 0, and in it the number of the event that starts the note and of the one that ends it (-1: none)."""
    start: Ints
    stop: Ints

    def __len__(self) -> int:
        return len(self.pitch)


class AddedNote(NamedTuple):
    """A note to come, in ticks of the new file. part: number of the score's track whose channel and chunk it goes to, from 1."""

    part: int
    pitch: int
    onset: int
    end: int
    velocity: int


@dataclass(frozen=True, eq=False)
class Changes:
    """What becomes of the notes, (N,) each, in ticks of the new file, which has `factor` times as many a beat.

    lead_in: ticks of silence before what was the start, `lead_in_bars` bars; set-up at tick 0 stays there. removed: notes that are left
    out. added: notes that are put in. text: put at the start of the first track, after its other texts. tracks: contents of further
    track chunks.
    """

    onset: Ints
    end: Ints
    velocity: Ints
    pitch: Ints
    removed: NDArray[np.bool_]
    factor: int = 1
    lead_in: int = 0
    lead_in_bars: int = 0
    text: str = ""
    tracks: Sequence[bytes] = ()
    added: Sequence[AddedNote] = ()


@dataclass(frozen=True, eq=False)
class OpenMidi:
    """The events of a file by track chunk, its notes, and the score that `music.midi` reads in it."""

    data: bytes
    kind: int
    ticks_per_beat: int
    chunks: tuple[tuple[Event, ...], ...]
    notes: FoundNotes
    score: Score = field(repr=False)

    @property
    def foreign_bytes(self) -> int:
        """Bytes beside the tracks (chunks of other programs, pictures), which a changed file does not have."""
        header = read_header(self.data)
        return len(self.data) - header.end - sum(8 + len(chunk) for chunk in split_tracks(self.data, header))

    @property
    def finer(self) -> int:
        """By how much the ticks should be divided, for at least `FINE_TICKS` a beat."""
        return min(-(-FINE_TICKS // self.ticks_per_beat), _MAX_TICKS_PER_BEAT // self.ticks_per_beat)

    def unchanged(self, factor: int = 1) -> Changes:
        """The changes that leave all notes as they are."""
        n = self.notes
        none = np.zeros(len(n), np.bool_)
        return Changes(n.onset * factor, n.end * factor, n.velocity, n.pitch, none, factor)

    def written(self, changes: Changes) -> bytes:
        """The bytes of the changed file; ValueError for a note before tick 0 or times that MIDI cannot hold."""
        kept = ~changes.removed
        if len(self.notes) and kept.any() and int((changes.onset[kept]).min()) < 0:
            raise ValueError(f"a note would start at tick {int(changes.onset[kept].min())}: no file goes below 0")
        chunks = [_packed(_edited(self, number, changes)) for number in range(len(self.chunks))] + list(changes.tracks)
        kind = 1 if len(chunks) > 1 else self.kind
        header = b"MThd\0\0\0\6" + b"".join(n.to_bytes(2, "big") for n in (kind, len(chunks), self.ticks_per_beat * changes.factor))
        return header + b"".join(b"MTrk" + len(chunk).to_bytes(4, "big") + chunk for chunk in chunks)


def open_midi(data: bytes) -> OpenMidi:
    """The file in these bytes; ValueError as `music.midi.read_midi`, without the path."""
    header = read_header(data)
    losses: Counter[str] = Counter()
    chunks = tuple(tuple(read_events(chunk, i + 1, losses)) for i, chunk in enumerate(split_tracks(data, header)))
    start = 20 if data[:4] == b"RIFF" else 0
    kind = int.from_bytes(data[start + 8 : start + 10], "big")
    return OpenMidi(data, kind, header.ticks_per_beat, chunks, _found(chunks), score_from_bytes(data))


def _found(chunks: Sequence[Sequence[Event]]) -> FoundNotes:
    """Every note of the file, paired first in, first out, as `music.midi` reads them."""
    rows: list[tuple[int, ...]] = []
    for number, events in enumerate(chunks):
        last = events[-1].tick if events else 0
        sounding: dict[tuple[int, int], deque[int]] = defaultdict(deque)
        ends: dict[int, int] = {}
        for place, (_, status, data) in enumerate(events):
            message, channel = status & 0xF0, status & 0x0F
            if status == META or message not in (0x80, 0x90):
                continue
            if message == 0x90 and data[1]:
                sounding[channel, data[0]].append(place)
                ends[place] = -1
            elif starts := sounding.get((channel, data[0])):
                ends[starts.popleft()] = place
        for place, stop in ends.items():
            tick, status, data = events[place]
            rows.append((number, status & 0x0F, data[0], tick, last if stop < 0 else events[stop].tick, data[1], place, stop))
    table = np.array(rows, np.int64).reshape(-1, 8)
    places = sorted({(chunk, channel) for chunk, channel, *_ in rows})
    part = np.array([places.index((chunk, channel)) + 1 for chunk, channel, *_ in rows], np.int64).reshape(-1)
    chunk, _, pitch, onset, end, velocity, first, stop_at = table.T
    return FoundNotes(part, pitch, onset, end, velocity, chunk, first, stop_at)


def _edited(file: OpenMidi, number: int, changes: Changes) -> list[Event]:
    """The events of a chunk after the changes, in order, the end of the track last."""
    events = file.chunks[number]
    inside = np.flatnonzero(file.notes.chunk == number)
    placed = [(_moved(event, changes), _OTHERS, place, _relabelled(event, changes)) for place, event in enumerate(events)]
    gone: set[int] = set()
    for i in inside.tolist():
        start, stop = int(file.notes.start[i]), int(file.notes.stop[i])
        if changes.removed[i]:
            gone |= {start, stop}
            continue
        onset, end, pitch = int(changes.onset[i]), int(changes.end[i]), int(changes.pitch[i])
        lasts = end > onset
        struck = Event(onset, events[start].status, bytes((pitch, int(changes.velocity[i]))))
        placed[start] = (onset, _STARTS if lasts else _SHORT, start, struck)
        if stop >= 0:
            data = bytes((pitch, events[stop].data[1]))
            placed[stop] = (end, _ENDS if lasts else _SHORT, stop, Event(end, events[stop].status, data))
    found = [entry for entry in placed if entry[2] not in gone and not _is_end(entry[3])]
    added = _put_in(file, number, changes)
    found += added
    if added or _is_changed(file, inside, changes):
        found.sort(key=lambda entry: entry[:3])
    body = [event for _, _, _, event in found]
    last = max([body[-1].tick if body else 0, *(entry[0] for entry in placed if _is_end(entry[3]))])
    if changes.text and number == 0:
        body.insert(_place_of_text(body), Event(0, META, bytes((_TEXT,)) + changes.text.encode("ascii")))
    return [*body, Event(last, META, bytes((END_OF_TRACK,)))]


def _put_in(file: OpenMidi, number: int, changes: Changes) -> list[tuple[int, int, int, Event]]:
    """The events of a chunk's added notes, with tick, rank and place, which is behind all of its own."""
    home = {part: (chunk, start) for part, chunk, start in zip(file.notes.part, file.notes.chunk, file.notes.start, strict=True)}
    placed = []
    for place, note in enumerate(changes.added, len(file.chunks[number])):
        chunk, start = home[note.part]
        if chunk == number:
            channel = file.chunks[chunk][start].status & 0x0F
            placed.append((note.onset, _STARTS, place, Event(note.onset, 0x90 | channel, bytes((note.pitch, note.velocity)))))
            placed.append((note.end, _ENDS, place, Event(note.end, 0x80 | channel, bytes((note.pitch, 0)))))
    return placed


def _place_of_text(body: Sequence[Event]) -> int:
    """Where a new text comes: after those that are there at the start, else after names."""
    leading = [i for i, event in enumerate(body) if not event.tick and event.status == META and event.data[0] in (_TEXT, _TRACK_NAME)]
    return leading[-1] + 1 if leading else 0


def _is_changed(file: OpenMidi, inside: Ints, changes: Changes) -> bool:
    notes, factor = file.notes, changes.factor
    same = np.array_equal(changes.onset[inside], notes.onset[inside] * factor) and np.array_equal(
        changes.end[inside], notes.end[inside] * factor
    )
    return not same or bool(changes.removed[inside].any())


def _is_end(event: Event) -> bool:
    return event.status == META and event.data[:1] == bytes((END_OF_TRACK,))


def _moved(event: Event, changes: Changes) -> int:
    """Where an event that belongs to no note comes to lie."""
    belongs = event.status == META and event.data[0] in (*_WITH_THE_MUSIC, END_OF_TRACK)
    return event.tick * changes.factor + (changes.lead_in if event.tick or belongs else 0)


def _relabelled(event: Event, changes: Changes) -> Event:
    """The event at its new place; a text of ours says that the piece begins later."""
    tick = _moved(event, changes)
    if changes.lead_in and event.status == META and event.data[:1] == bytes((_TEXT,)):
        entry = entry_of(event.data[1:].decode("utf-8", "replace").strip("\0 \t\r\n"))
        if entry is not None and isinstance(entry.get("piece"), dict):
            return Event(tick, META, bytes((_TEXT,)) + _later(entry, changes.lead_in_bars).encode("ascii"))
    return Event(tick, event.status, event.data)


def _later(entry: Any, bars: int) -> str:
    """The text of an entry whose piece begins so many bars later."""
    before = entry["piece"].get("lead_in", 0)
    piece = {**entry["piece"], "lead_in": (before if type(before) is int else 0) + bars}
    return story_text({**entry, "piece": piece})


def _packed(events: Sequence[Event]) -> bytes:
    """Events as the contents of a track chunk; ValueError for a time that MIDI cannot hold."""
    now, parts = 0, []
    for tick, status, data in events:
        delta = tick - now
        if not 0 <= delta <= _MAX_DELTA:
            raise ValueError(f"{delta} ticks between two events cannot be written: MIDI allows 0 to {_MAX_DELTA}")
        parts.append(_number(delta) + bytes((status,)))
        if status == META:
            parts.append(data[:1] + _number(len(data) - 1) + data[1:])
        else:
            parts.append(_number(len(data)) + data if status in _SYSEX else data)
        now = tick
    return b"".join(parts)


def _number(value: int) -> bytes:
    return bytes(value >> shift & 0x7F | (0x80 if shift else 0) for shift in (21, 14, 7, 0) if value >> shift or not shift)
