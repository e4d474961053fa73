"""MIDI files as what is written in them, so exactly that the very same bytes come out again.

Conventions: a chunk that follows the plainest way of writing is a list of `Written` events; any other is kept as bytes, and so is a whole
file that is no sequence of chunks. `parse` never fails and `render(parse(data)) == data` for every data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["META", "SYSEX", "Chunk", "MidiFile", "Written", "parse", "render", "size_of"]

META, SYSEX = 0xFF, (0xF0, 0xF7)
_END = (META, b"\x2f")
_HEADER_BYTES = 6


class Written(NamedTuple):
    """An event as it is written. delta: ticks since the one before; data: as `music.events.Event`; running: its status is left out."""

    delta: int
    status: int
    data: bytes
    running: bool


@dataclass(frozen=True)
class Chunk:
    """A part of a file. events: of a track, without its end (`end_delta` ticks after the last); None where `raw` is all that is known."""

    name: bytes
    events: tuple[Written, ...] | None = None
    end_delta: int = 0
    raw: bytes = b""


@dataclass(frozen=True)
class MidiFile:
    """The header's numbers, the chunks after it, and bytes after the last. header: None where the file is bytes only, all in `tail`."""

    header: tuple[int, int, int] | None
    chunks: tuple[Chunk, ...] = ()
    tail: bytes = b""


def parse(data: bytes) -> MidiFile:
    """What is written in a file; files that are otherwise written than is usual come out as bytes."""
    file = _parsed(data)
    return file if render(file) == data else MidiFile(None, (), data)


def _parsed(data: bytes) -> MidiFile:
    if data[:4] != b"MThd" or len(data) < 14 or int.from_bytes(data[4:8], "big") != _HEADER_BYTES:
        return MidiFile(None, (), data)
    kind, tracks, division = (int.from_bytes(data[i : i + 2], "big") for i in (8, 10, 12))
    chunks, place = [], 14
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        if place + 8 + size > len(data):
            break
        chunks.append(_chunk(name, data[place + 8 : place + 8 + size]))
        place += 8 + size
    return MidiFile((kind, tracks, division), tuple(chunks), data[place:])


def _chunk(name: bytes, raw: bytes) -> Chunk:
    if name == b"MTrk":
        try:
            events = _events(raw)
        except (IndexError, ValueError):
            events = []
        if events and (events[-1].status, events[-1].data) == _END:
            found = Chunk(name, tuple(events[:-1]), events[-1].delta)
            if _packed(found) == raw:
                return found
    return Chunk(name, raw=raw)


def _events(raw: bytes) -> list[Written]:
    """The events of a track chunk; IndexError or ValueError where it is not plain."""
    found: list[Written] = []
    place = running = 0
    while place < len(raw):
        delta, place = _number(raw, place)
        status = raw[place]
        is_running = status < 0x80
        if is_running:
            status = running
        else:
            place += 1
        if status < 0x80 or 0xF0 < status < 0xF7 or 0xF7 < status < META:
            raise ValueError
        start = place
        if status < 0xF0:
            running = status
            place += 1 if status & 0xE0 == 0xC0 else 2
            data = raw[start:place]
            if not data.isascii():
                raise ValueError
        else:
            size, begin = _number(raw, place + (status == META))
            place = begin + size
            data = raw[start : start + (status == META)] + raw[begin:place]
        if place > len(raw):
            raise ValueError
        found.append(Written(delta, status, data, is_running))
    return found


def _number(raw: bytes, place: int) -> tuple[int, int]:
    """A variable-length number and the place after it."""
    value = 0
    for count in range(4):
        value = value << 7 | raw[place + count] & 0x7F
        if raw[place + count] < 0x80:
            return value, place + count + 1
    raise ValueError


def size_of(event: Written) -> int:
    """Bytes that an event takes at least, for bounding what is read from damaged files."""
    return 1 + len(event.data)


def render(file: MidiFile) -> bytes:
    """The bytes of a file."""
    if file.header is None:
        return file.tail
    parts = [b"MThd", _HEADER_BYTES.to_bytes(4, "big"), *(number.to_bytes(2, "big") for number in file.header)]
    for chunk in file.chunks:
        raw = _packed(chunk)
        parts += [chunk.name, len(raw).to_bytes(4, "big"), raw]
    return b"".join([*parts, file.tail])


def _packed(chunk: Chunk) -> bytes:
    if chunk.events is None:
        return chunk.raw
    parts: list[bytes] = []
    for delta, status, data, running in (*chunk.events, Written(chunk.end_delta, *_END, False)):
        parts.append(_digits(delta))
        if not running:
            parts.append(bytes((status,)))
        if status == META:
            parts += [data[:1], _digits(len(data) - 1), data[1:]]
        else:
            parts += [_digits(len(data)), data] if status in SYSEX else [data]
    return b"".join(parts)


def _digits(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))
