"""Binary arithmetic coding: bits to bytes and back, each bit given the probability that it is 1.

Conventions: probabilities as in `compressing.odds`. Writer and reader have one method, `code`, that takes the bit (the reader's
caller gives None) and returns it, so that a model is written once and serves both ways. After Witten, Neal & Cleary (1987), with the
carry-free interval of Mahoney (2005): a bit costs its information content and less than 0.0001 bits more.
"""

from __future__ import annotations

import math
from typing import Protocol

from musicvae.compose.compressing.odds import ONE

__all__ = ["BitCoder", "Costs", "Reader", "TooMuch", "Writer"]

_TOP, _ALL = 0xFF000000, 0xFFFFFFFF
_ANY = 1 << 62
_PAST_END = 8
"""Bytes that a reader may want after the last one; more means that what it reads was never written."""


class TooMuch(ValueError):
    """More bits than a file may be made of."""


class BitCoder(Protocol):
    """Something that bits go through."""

    @property
    def is_reader(self) -> bool:
        """Whether bits come out."""
        ...

    def code(self, bit: int | None, chance: int) -> int:
        """The bit; chance: of a 1."""
        ...


class Writer:
    """Bits go in, bytes come out; `TooMuch` where more than `most` go in."""

    is_reader = False

    def __init__(self, *, most: int = _ANY) -> None:
        self._low, self._high = 0, _ALL
        self._out = bytearray()
        self._left = most

    def code(self, bit: int | None, chance: int) -> int:
        """Write a bit."""
        assert bit is not None
        self._left -= 1
        if self._left < 0:
            raise TooMuch("it is made of more decisions than are allowed")
        width = self._high - self._low
        middle = self._low + (width >> 16) * chance + ((width & 0xFFFF) * chance >> 16)
        if bit:
            self._high = middle
        else:
            self._low = middle + 1
        while not (self._low ^ self._high) & _TOP:
            self._out.append(self._high >> 24)
            self._low = self._low << 8 & _ALL
            self._high = self._high << 8 & _ALL | 0xFF
        return bit

    def finish(self) -> bytes:
        """All bytes: the fewest from which a reader, which reads zeros after them, finds the same bits."""
        for kept in range(5):
            shift = 32 - 8 * kept
            value = -(-self._low >> shift) << shift
            if value <= self._high:
                tail = value.to_bytes(4, "big")[:kept]
                return bytes(self._out + tail)
        raise AssertionError("an interval holds its own lower end")


class Reader:
    """Bytes go in, bits come out; ValueError where they go on long after the last byte, and `TooMuch` where more than `most` come out."""

    is_reader = True

    def __init__(self, data: bytes, *, most: int = _ANY) -> None:
        self._left = most
        self._low, self._high = 0, _ALL
        self._data, self._next = data, 4
        self._value = int.from_bytes(data[:4].ljust(4, b"\0"), "big")

    def code(self, bit: int | None, chance: int) -> int:
        """Read a bit."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch("more comes out of it than was ever packed")
        width = self._high - self._low
        middle = self._low + (width >> 16) * chance + ((width & 0xFFFF) * chance >> 16)
        bit = int(self._value <= middle)
        if bit:
            self._high = middle
        else:
            self._low = middle + 1
        while not (self._low ^ self._high) & _TOP:
            self._low = self._low << 8 & _ALL
            self._high = self._high << 8 & _ALL | 0xFF
            self._value = self._value << 8 & _ALL | self._take()
        return bit

    def _take(self) -> int:
        place = self._next
        self._next += 1
        if place < len(self._data):
            return self._data[place]
        if place >= len(self._data) + _PAST_END:
            raise ValueError("it ends in the middle")
        return 0


class Costs:
    """Takes bits and keeps nothing but the sum of what they cost, in bits; for finding out which of several ways is the shortest."""

    is_reader = False

    def __init__(self) -> None:
        self.bits = 0.0

    def code(self, bit: int | None, chance: int) -> int:
        """Count a bit."""
        assert bit is not None
        self.bits -= math.log2((chance if bit else ONE - chance) / ONE)
        return bit
