"""Sorted string tables (the LevelDB table format): the keys and values of a checkpoint's ``.index`` file."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from musicvae.model.imports.crc32c import crc32c, unmasked
from musicvae.model.imports.protobuf import varint
from musicvae.model.imports.snappy import decompressed

__all__ = ["MAGIC", "read_table"]

MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_UNCOMPRESSED, _SNAPPY = 0, 1


def read_table(data: bytes) -> dict[bytes, bytes]:
    """All entries of a table; ValueError where it is no such table, cut short, or fails a block's checksum."""
    if len(data) < _FOOTER_BYTES or struct.unpack("<Q", data[-8:])[0] != MAGIC:
        raise ValueError("its end is not that of a table of tensors: is it another kind of file, or cut short?")
    footer = data[-_FOOTER_BYTES:]
    _, at = _handle(footer, 0)  # of a block of metadata, which is always empty
    index, _ = _handle(footer, at)
    entries: dict[bytes, bytes] = {}
    for _, where in _entries(_block(data, *index)):
        for key, value in _entries(_block(data, *_handle(where, 0)[0])):
            if key in entries:
                raise ValueError(f"the entry {key[:80]!r} is there twice")
            entries[key] = value
    return entries


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block as written at this place, and the place after it."""
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


def _block(data: bytes, offset: int, size: int) -> bytes:
    end = offset + size + _TRAILER_BYTES
    if end > len(data) - _FOOTER_BYTES:
        raise ValueError("a block lies beyond the end: is the file cut short?")
    content, kind = data[offset : offset + size], data[offset + size]
    (stored,) = struct.unpack("<I", data[end - 4 : end])
    if crc32c(data[offset : end - 4]) != unmasked(stored):
        raise ValueError("a block does not match its checksum: is the file damaged?")
    if kind == _SNAPPY:
        return decompressed(content)
    if kind != _UNCOMPRESSED:
        raise ValueError(f"a block is compressed by the unknown method {kind}")
    return content


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; each key shares its beginning with the one before."""
    if len(block) < 4:
        raise ValueError("a block is too short")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise ValueError("a block is too short")
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        rest, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or at + rest + size > end:
            raise ValueError("an entry of a block is malformed")
        key = key[:shared] + block[at : at + rest]
        yield key, block[at + rest : at + rest + size]
        at += rest + size
