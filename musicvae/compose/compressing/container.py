"""The .mvz file: who wrote it, for which model, and whether it is whole.

Layout: ``MVZ``; a byte with the version (high half) and the way of packing (low half); for ways that need a model the first 3 bytes of
its SHA-256; the CRC-16 (CCITT) of these bytes and of all after it; the lower half of the CRC-32 of the file (of a melody's code: of the
notes) that comes out; the packed bytes. All numbers are big-endian. Nothing in it is ever executed.

A change of up to 16 bits in a row is always noticed, before anything is unpacked; of other damage 1 in 65,536 is not, and of that 1 in
65,536 has the right outcome too. Three bytes of a hash name one of a hundred models wrongly once in 170,000, which only the outcome tells.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

__all__ = ["BULK", "ENDING", "LOSSY", "PLAIN", "WITHOUT_MODEL", "WITH_MODEL", "Container", "from_bytes"]

ENDING = ".mvz"
PLAIN, WITH_MODEL, LOSSY, BULK = range(4)
"""Ways: by what the file itself teaches; with the probabilities of a model of melodies too; a melody's latent code alone; as LZMA."""
WITHOUT_MODEL = (PLAIN, BULK)
_MAGIC = b"MVZ"
_VERSION = 2
_HASH_DIGITS = 6


@dataclass(frozen=True)
class Container:
    """way: one of the above. model_hash: 6 hexadecimal digits, "" where none is needed. outcome: of what comes out; payload: packed."""

    way: int
    model_hash: str
    outcome: int
    payload: bytes

    @classmethod
    def of(cls, way: int, model_hash: str, outcome: int, payload: bytes) -> Container:
        """Of a way, the hash of its model ("" for none), the CRC-32 of what comes out and the packed bytes."""
        return cls(way, "" if way in WITHOUT_MODEL else model_hash[:_HASH_DIGITS], outcome & 0xFFFF, payload)

    def to_bytes(self) -> bytes:
        """The bytes of the file."""
        header = _MAGIC + bytes((_VERSION << 4 | self.way,)) + bytes.fromhex(self.model_hash)
        rest = self.outcome.to_bytes(2, "big") + self.payload
        return header + _checksum(header, rest) + rest

    def check(self, outcome: int) -> None:
        """ValueError unless what came out, of which this is the CRC-32, is what was packed."""
        if outcome & 0xFFFF != self.outcome:
            raise ValueError("what came out of it is not what was packed: was it packed by another version, or is the model another one?")


def _checksum(header: bytes, rest: bytes) -> bytes:
    return binascii.crc_hqx(rest, binascii.crc_hqx(header, 0)).to_bytes(2, "big")


def from_bytes(data: bytes) -> Container:
    """Read a .mvz file; ValueError for anything else, and for one that ends too soon or is of another version."""
    if data[:3] != _MAGIC:
        raise ValueError("it is no .mvz file: files that 'musicvae compress' wrote are meant")
    if len(data) < 4:
        raise ValueError("it ends in the middle: was the copy cut short?")
    version, way = data[3] >> 4, data[3] & 0x0F
    if version == 1:
        raise ValueError("it is a .mvz file of version 1, which an earlier musicvae wrote: expand it with that one, and pack it again")
    if version != _VERSION or way not in (PLAIN, WITH_MODEL, LOSSY, BULK):
        raise ValueError(
            f"it is a .mvz file of version {version}.{way}, and {_VERSION} is known here: is it damaged, or from a newer version?"
        )
    start = 4 + (0 if way in WITHOUT_MODEL else _HASH_DIGITS // 2)
    if len(data) < start + 4:
        raise ValueError("it ends in the middle: was the copy cut short?")
    if _checksum(data[:start], data[start + 2 :]) != data[start : start + 2]:
        raise ValueError("it is damaged (its checksum is wrong): was the copy cut short?")
    return Container(way, data[4:start].hex(), int.from_bytes(data[start + 2 : start + 4], "big"), data[start + 4 :])
