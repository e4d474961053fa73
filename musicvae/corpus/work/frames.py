"""Words and arrays as bytes, to be sent through a pipe or kept in a file; nothing in them is ever executed.

Conventions: a frame is a prefix of 24 bytes (mark, bytes of the header, bytes of the body, CRC-32 of both), a header of
JSON in ASCII and a body of arrays end to end, each little-endian in C order and filled up to 8 bytes. Equal words (in the
same order) and arrays give equal bytes. What comes in is not trusted: sizes are checked before anything is made of them.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_FRAME_BYTES", "FrameSplitter", "pack", "read_frames", "unpack"]

MAX_FRAME_BYTES = 1 << 28
"""No frame is larger."""
_MARK = b"mvF1"
_PREFIX = struct.Struct("<4sIQQ")
_ALIGNMENT = 8
_MAX_DIMENSIONS = 8
_DTYPES = {
    np.dtype(name).newbyteorder("<").str: np.dtype(name).newbyteorder("<")
    for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}

Arrays = Mapping[str, NDArray[Any]]


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_no_number)


def pack(words: Mapping[str, Any], arrays: Arrays | None = None) -> bytes:
    """The frame of these words, as JSON can hold them, and arrays of numbers or truth values.

    ValueError for what JSON cannot hold, for NaN or infinity among the words, for other arrays, and above `MAX_FRAME_BYTES`.
    """
    heads, parts = [], []
    for name, array in (arrays or {}).items():
        plain = np.asarray(array)
        dtype = plain.dtype.newbyteorder("<")
        if dtype.str not in _DTYPES:
            raise ValueError(f"array {name!r} is of type {plain.dtype}; allowed are {', '.join(_DTYPES)}")
        data = plain.astype(dtype, order="C", copy=False).tobytes()
        heads.append([name, dtype.str, list(plain.shape)])
        parts += [data, bytes(-len(data) % _ALIGNMENT)]
    try:
        header = _ENCODER.encode({"words": words, "arrays": heads}).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"these words cannot be kept as JSON: {error}") from None
    header += b" " * (-len(header) % _ALIGNMENT)
    body = b"".join(parts)
    if _PREFIX.size + len(header) + len(body) > MAX_FRAME_BYTES:
        raise ValueError(
            f"a frame of {(len(header) + len(body)) / 2**20:.0f} MiB is too large; at most {MAX_FRAME_BYTES >> 20} are allowed"
        )
    return b"".join((_PREFIX.pack(_MARK, len(header), len(body), zlib.crc32(body, zlib.crc32(header))), header, body))


def unpack(frame: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The words and arrays of a frame; the arrays are views of it and cannot be written to.

    ValueError for anything that `pack` would not have made.
    """
    if len(frame) < _PREFIX.size or len(frame) != _frame_bytes(frame[: _PREFIX.size]):
        raise ValueError(f"{len(frame)} bytes are not one frame; was it cut off?")
    _, header_bytes, _, checksum = _PREFIX.unpack_from(frame)
    start = _PREFIX.size + header_bytes
    if zlib.crc32(memoryview(frame)[_PREFIX.size :]) != checksum:
        raise ValueError("the checksum of a frame is wrong; was it damaged?")
    try:
        header = _DECODER.decode(frame[_PREFIX.size : start].decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the header of a frame is no JSON: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("words"), dict) or not isinstance(header.get("arrays"), list):
        raise ValueError("the header of a frame must hold words and arrays")
    return header["words"], _arrays(header["arrays"], frame, start)


def _arrays(heads: list[Any], frame: bytes, start: int) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for head in heads:
        name, dtype, shape = _head(head)
        # Python's integers do not overflow, whatever the shape says.
        count = 1
        for size in shape:
            count *= size
        num_bytes = count * dtype.itemsize
        if num_bytes > len(frame) - start or name in arrays:
            raise ValueError(f"array {name!r} of shape {tuple(shape)} is there twice or does not fit into its frame")
        # An array without elements may have sizes that none with elements can have.
        arrays[name] = np.frombuffer(frame, dtype, count, start).reshape(shape) if count else np.zeros(_checked(shape), dtype)
        start += num_bytes + -num_bytes % _ALIGNMENT
    if start != len(frame):
        raise ValueError(f"a frame holds {len(frame) - start} bytes beyond its arrays")
    return arrays


def _head(head: Any) -> tuple[str, np.dtype[Any], list[int]]:
    if not (isinstance(head, list) and len(head) == 3 and isinstance(head[0], str) and isinstance(head[2], list)):
        raise ValueError("a frame's header names an array by something else than name, type and shape")
    name, dtype, shape = head
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"array {name!r} is of type {dtype!r}; allowed are {', '.join(_DTYPES)}")
    if len(shape) > _MAX_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"array {name!r} has the shape {shape!r}; allowed are up to {_MAX_DIMENSIONS} sizes from 0")
    return name, _DTYPES[dtype], shape


def _checked(shape: list[int]) -> list[int]:
    if any(size > MAX_FRAME_BYTES for size in shape):
        raise ValueError(f"an array of shape {tuple(shape)} is larger than a frame")
    return shape


def _frame_bytes(prefix: bytes) -> int:
    """Bytes of the frame that begins like this, its prefix included; ValueError if none does."""
    mark, header_bytes, body_bytes, _ = _PREFIX.unpack(prefix)
    total = _PREFIX.size + int(header_bytes) + int(body_bytes)
    if mark != _MARK:
        raise ValueError(f"a frame begins with {_MARK!r}, not {mark!r}; is this something else?")
    if total > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {total / 2**20:.0f} MiB is announced; at most {MAX_FRAME_BYTES >> 20} are allowed")
    return total


class FrameSplitter:
    """Cuts a stream of bytes, as it comes in, into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete with this, to be gone through to the end; ValueError where none begins."""
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _PREFIX.size:
            end = start + _frame_bytes(bytes(self._buffer[start : start + _PREFIX.size]))
            if end > len(self._buffer):
                break
            yield bytes(self._buffer[start:end])
            start = end
        del self._buffer[:start]


def read_frames(stream: BinaryIO) -> Iterator[bytes]:
    """The frames of an open file to its end; ValueError where it holds something else or is cut off."""
    while prefix := stream.read(_PREFIX.size):
        rest = _frame_bytes(prefix) - _PREFIX.size if len(prefix) == _PREFIX.size else 0
        frame = prefix + stream.read(rest)
        if len(frame) != _PREFIX.size + rest:
            raise ValueError(f"the last frame has {len(frame)} bytes of {_PREFIX.size + rest}; was the file cut off?")
        yield frame
