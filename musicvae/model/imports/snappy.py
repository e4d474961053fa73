"""Decompression of Snappy blocks (the format's public description), for the small tables that list a checkpoint's tensors."""

from __future__ import annotations

from musicvae.model.imports.protobuf import varint

__all__ = ["decompressed"]

_COPY_HEADER = {1: 2, 2: 3, 3: 5}


def decompressed(data: bytes) -> bytes:
    """The bytes that were compressed; ValueError where the block is damaged.

    Memory follows what is really there, not what the block claims to hold.
    """
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        at = _literal(data, at, out) if data[at] & 3 == 0 else _copy(data, at, out)
        if len(out) > size:
            break
    if len(out) != size:
        raise ValueError(f"a compressed block holds {len(out)} bytes and claims {size}")
    return bytes(out)


def _literal(data: bytes, at: int, out: bytearray) -> int:
    """Take bytes as they are; returns the place after them."""
    length = data[at] >> 2
    at += 1
    if length >= 60:
        width = length - 59
        if at + width > len(data):
            raise ValueError("a compressed block is cut short")
        length = int.from_bytes(data[at : at + width], "little")
        at += width
    end = at + length + 1
    if end > len(data):
        raise ValueError("a compressed block is cut short")
    out += data[at:end]
    return end


def _copy(data: bytes, at: int, out: bytearray) -> int:
    """Repeat bytes that came before; returns the place after the instruction."""
    tag, kind = data[at], data[at] & 3
    end = at + _COPY_HEADER[kind]
    if end > len(data):
        raise ValueError("a compressed block is cut short")
    if kind == 1:
        length, distance = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at + 1]
    else:
        length, distance = (tag >> 2) + 1, int.from_bytes(data[at + 1 : end], "little")
    if not 1 <= distance <= len(out):
        raise ValueError("a compressed block refers to bytes before its beginning")
    start = len(out) - distance
    pattern = bytes(out[start : start + length])
    # Where the copy overlaps what it writes, its beginning repeats.
    out += (pattern * (length // len(pattern) + 1))[:length]
    return end
