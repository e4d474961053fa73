"""The .mvz file: who wrote it, for which model, and whether it is whole.

Layout: ``MVZ``; a byte with the version (high half) and the way of packing (low half); for ways that need a model the first 6 bytes of
its SHA-256; the CRC-16 (CCITT) of what follows the checksums; the CRC-32 of the file (of a melody's
code: of the notes) that comes out; the packed bytes. All numbers are
big-endian. Nothing in it is ever executed.
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
_VERSION = 1
_HASH_BYTES = 6


@dataclass(frozen=True)
class Container:
    """way: one of the above. model_hash: 12 hexadecimal digits, "" where none is needed. checksum: of what comes out; payload: packed."""

    way: int
    model_hash: str
    checksum: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """The bytes of the file."""
        about = bytes.fromhex(self.model_hash) + binascii.crc_hqx(self.payload, 0).to_bytes(2, "big") + self.checksum.to_bytes(4, "big")
        return _MAGIC + bytes((_VERSION << 4 | self.way,)) + about + self.payload

    def check(self, checksum: int) -> None:
        """ValueError unless what came out has the right checksum."""
        if checksum != self.checksum:
            raise ValueError("what came out of it is not what was packed: was it packed by another version, or is the model another one?")


def from_bytes(data: bytes) -> Container:
    """Read a .mvz file; ValueError for anything else, and for one that is damaged or newer."""
    if data[:3] != _MAGIC:
        raise ValueError("it is no .mvz file: files that 'musicvae compress' wrote are meant")
    if len(data) < 4:
        raise ValueError("it ends in the middle: was the copy cut short?")
    version, way = data[3] >> 4, data[3] & 0x0F
    if version != _VERSION or way not in (PLAIN, WITH_MODEL, LOSSY, BULK):
        raise ValueError(
            f"it is a .mvz file of version {version}.{way}, and {_VERSION} is known here: is it damaged, or from a newer version?"
        )
    start = 4 + (0 if way in WITHOUT_MODEL else _HASH_BYTES)
    if len(data) < start + 6:
        raise ValueError("it ends in the middle: was the copy cut short?")
    payload = data[start + 6 :]
    if binascii.crc_hqx(payload, 0) != int.from_bytes(data[start : start + 2], "big"):
        raise ValueError("it is damaged (its checksum is wrong): was the copy cut short?")
    return Container(way, data[4:start].hex(), int.from_bytes(data[start + 2 : start + 6], "big"), payload)
