"""The wire format of protocol buffers, as far as reading a few known messages needs it."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Fields", "fields_of", "signed", "varint"]

Fields = dict[int, list[int | bytes]]
"""Values by field number, in order; integers for numbers of any width, bytes for strings and messages."""

_MAX_VARINT_BYTES = 10
_WIDTHS = {1: 8, 5: 4}


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length at this place, and the place after it; ValueError where it does not end."""
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if at + count >= len(data):
            raise ValueError("a number is cut short")
        byte = data[at + count]
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value & (1 << 64) - 1, at + count + 1
    raise ValueError("a number does not end")


def signed(value: int) -> int:
    """The int64 that this unsigned number stands for."""
    return value - (1 << 64) if value >> 63 else value


def fields_of(data: bytes) -> Fields:
    """All fields of a message; ValueError where it is malformed."""
    found: Fields = {}
    for number, value in _walk(data):
        found.setdefault(number, []).append(value)
    return found


def _walk(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has number 0")
        if kind == 0:
            value, at = varint(data, at)
            yield number, value
            continue
        if kind in _WIDTHS:
            size = _WIDTHS[kind]
        elif kind == 2:
            size, at = varint(data, at)
        else:
            raise ValueError(f"a field has the unknown wire type {kind}")
        if size > len(data) - at:
            raise ValueError("a field is cut short")
        raw = data[at : at + size]
        at += size
        yield number, raw if kind == 2 else int.from_bytes(raw, "little")
