"""The events of a standard MIDI file, from bytes.

Conventions: ticks are absolute, from the start of the file. Reading is tolerant where the meaning
is clear (foreign chunks, missing end of track, data bytes above 127, unknown meta events) and
raises a one-line ValueError where it is not. Our own reader rather than a library's because
one bad key signature should not cost the file, and unknown meta events must keep their time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["END_OF_TRACK", "META", "Event", "Header", "read_events", "read_header", "split_tracks"]

META = 0xFF
END_OF_TRACK = 0x2F
_SYSEX = (0xF0, 0xF7)
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_CLIPPED = "data bytes above 127, read as 127"


class Event(NamedTuple):
    """One event. status: its first byte, with the channel; data: what follows (for META the type, then the content)."""

    tick: int
    status: int
    data: bytes


class Header(NamedTuple):
    """What the first chunk says; tracks begin at byte `end`."""

    num_tracks: int
    ticks_per_beat: int
    end: int


def read_header(data: bytes) -> Header:
    """The header of a format 0 or 1 file; ValueError for anything else."""
    start = 20 if data[:4] == b"RIFF" and data[8:12] == b"RMID" else 0
    if not data:
        raise ValueError("the file is empty (0 bytes); was it copied completely?")
    if data[start : start + 4] != b"MThd":
        if b"MThd".startswith(data):
            raise ValueError("the file ends in the middle of its header; is it truncated?")
        raise ValueError(f"not a MIDI file: it begins with {data[:8]!r}, not with 'MThd'; was another format renamed to .mid?")
    if len(data) < start + 14:
        raise ValueError("the file ends in the middle of its header; is it truncated?")
    size, kind, num_tracks, division = (
        int.from_bytes(data[start + left : start + right], "big") for left, right in ((4, 8), (8, 10), (10, 12), (12, 14))
    )
    if kind > 1:
        raise ValueError(f"MIDI format {kind} is not read, only 0 and 1; save it again as format 1?")
    if division >= 0x8000:
        raise ValueError(
            "the file counts time in SMPTE frames, not in ticks per beat, so it has no bars; export it again with a tempo grid?"
        )
    if division == 0:
        raise ValueError("the file says 0 ticks per beat; allowed are 1 to 32767: is its header damaged?")
    return Header(num_tracks, division, start + 8 + max(size, 6))


def split_tracks(data: bytes, header: Header) -> Iterator[bytes]:
    """The contents of the file's track chunks, in order; ValueError where the file ends too soon."""
    position, found = header.end, 0
    while found < header.num_tracks:
        if len(data) < position + 8:
            where = f"after track {found}" if len(data) <= position else f"in the middle of track {found + 1}"
            raise ValueError(f"the file ends {where} of {header.num_tracks}; is it truncated?")
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "big")
        position += 8
        if name == b"MTrk":
            found += 1
            if missing := max(0, position + size - len(data)):
                raise ValueError(
                    f"the file ends in the middle of track {found} of {header.num_tracks} ({missing} bytes are missing); is it truncated?"
                )
            yield data[position : position + size]
        elif not name.isalnum():
            raise ValueError(f"damaged after track {found} of {header.num_tracks}: a chunk is called {name!r}")
        position += size


def read_events(chunk: bytes, number: int, losses: Counter[str]) -> list[Event]:
    """The events of one track chunk up to its end of track; `number` (from 1) names it in errors.

    losses: data bytes that had to be clipped are counted here.
    """
    events: list[Event] = []
    tick = position = running = 0
    try:
        while position < len(chunk):
            delta, position = _number(chunk, position)
            tick += delta
            status = chunk[position]
            if status & 0x80:
                position += 1
                running = status if status < 0xF0 else running
            elif running:
                status = running
            else:
                raise ValueError(f"byte 0x{status:02x} stands where an event should begin")
            data, position = _event_data(chunk, position, status)
            if status < 0xF0 and not data.isascii():
                losses[_CLIPPED] += 1
                data = bytes(min(byte, 127) for byte in data)
            events.append(Event(tick, status, data))
            if status == META and data[0] == END_OF_TRACK:
                break
    except IndexError:
        raise ValueError(f"track {number} is damaged: it ends in the middle of an event") from None
    except ValueError as error:
        raise ValueError(f"track {number} is damaged: {error}") from None
    return events


def _event_data(chunk: bytes, position: int, status: int) -> tuple[bytes, int]:
    """What follows the status byte, and the position after it; IndexError where the chunk is too short."""
    kind = b""
    if status < 0xF0:
        size = 1 if status & 0xE0 == 0xC0 else 2  # program change and channel pressure have one byte
    elif status == META:
        kind = bytes((chunk[position],))
        size, position = _number(chunk, position + 1)
    elif status in _SYSEX:
        size, position = _number(chunk, position)
    elif status in _SYSTEM_DATA_BYTES:
        size = _SYSTEM_DATA_BYTES[status]
    else:
        raise ValueError(f"no event begins with byte 0x{status:02x}")
    end = position + size
    if end > len(chunk):
        raise IndexError
    return kind + chunk[position:end], end


def _number(chunk: bytes, position: int) -> tuple[int, int]:
    """The variable-length number at `position`, at most 4 bytes long, and the position after it."""
    value = 0
    for count in range(4):
        byte = chunk[position + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, position + count + 1
    raise ValueError("a number is longer than 4 bytes")
