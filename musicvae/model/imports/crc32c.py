"""The checksum CRC-32C (Castagnoli, RFC 3720) of large arrays, without compiled code of our own.

A message is a polynomial over GF(2) and its checksum the remainder modulo P. Every multiple of P, with each exponent times 64,
is a multiple of P still (squaring is linear over GF(2)); so the first 64-bit word of a message may be removed if it is added to some
later words whose distances are read off any multiple of P. Multiples of few terms, searched for once, turn the
division of all but the last few kilobytes into exclusive-ors of long arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["crc32c", "unmasked"]

_REFLECTED = 0x82F63B78
_ONES = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8
# Exponents of multiples of P, from many terms far apart to few bytes left.
_MULTIPLES = ((22851, 14115, 7080, 0), (6075, 4461, 2428, 0), (352, 188, 179, 76, 7, 0))
_PIECE_WORDS = 1 << 18


def _byte_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_REFLECTED if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _byte_table()
_DISTANCES = tuple(tuple(exponents[0] - other for other in exponents[1:]) for exponents in _MULTIPLES)


def crc32c(data: bytes | memoryview | NDArray[Any]) -> int:
    """CRC-32C of some bytes, 0 to 2**32 - 1; an array counts by its bytes in memory."""
    raw = np.frombuffer(data, np.uint8)
    if len(raw) < 8:
        return _bytewise(_ONES, raw.tobytes()) ^ _ONES
    count = len(raw) // 8
    words = raw[: count * 8].view("<u8")
    rest = words[:0]
    for start in range(0, count, _PIECE_WORDS):
        piece = np.concatenate([rest, words[start : start + _PIECE_WORDS]])
        if start == 0:
            piece[0] ^= np.uint64(_ONES)  # the register begins with ones, which is the same as flipping the first bits
        rest = _folded(piece, _DISTANCES[0])
    for distances in _DISTANCES[1:]:
        rest = _folded(rest, distances)
    return _bytewise(0, rest.tobytes() + raw[count * 8 :].tobytes()) ^ _ONES


def unmasked(stored: int) -> int:
    """The checksum behind one that TensorFlow and LevelDB stored: rotated by 15 bits, and a constant added."""
    rotated = (stored - _MASK_DELTA) & _ONES
    return (rotated >> 17 | rotated << 15) & _ONES


def _folded(words: NDArray[np.uint64], distances: tuple[int, ...]) -> NDArray[np.uint64]:
    """The last few of these words, changed so that their remainder is that of all; the array is overwritten."""
    keep = distances[-1]
    end = len(words) - keep
    for first in range(0, end, distances[0]):
        last = min(first + distances[0], end)
        block = words[first:last]
        for distance in distances:
            words[first + distance : last + distance] ^= block
    return words[max(end, 0) :]


def _bytewise(register: int, data: bytes) -> int:
    table = _TABLE
    for byte in data:
        register = table[(register ^ byte) & 255] ^ register >> 8
    return register
