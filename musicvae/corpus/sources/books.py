"""ABC files of many tunes: how many there are, and the text of each.

Conventions: tunes are counted from 0, in the order of the file; each begins at a line that starts with ``X:``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from musicvae.music.tunebook import decode_abc, split_tunes

__all__ = ["count_tunes", "tunes_of_book"]

_LONGEST_LINE = 2**16


def count_tunes(path: str | Path) -> int:
    """How many tunes an ABC file holds; 0 for one that cannot be read. Only files in UTF-16 are read as a whole."""
    try:
        with open(path, "rb") as binary:
            head = binary.read(512)
            if b"\0" in head or head.startswith((b"\xff\xfe", b"\xfe\xff")):
                return len(split_tunes(decode_abc(head + binary.read())))
        # Of every other encoding the two characters look the same.
        with open(path, encoding="latin-1", newline=None) as file:
            count, at_start = 0, True
            while line := file.readline(_LONGEST_LINE):
                count += at_start and line.removeprefix("\xef\xbb\xbf").startswith("X:")
                at_start = line.endswith("\n")
            return count
    except OSError:
        return 0


def tunes_of_book(path: str | Path) -> tuple[str, ...]:
    """The text of every tune of an ABC file; OSError where it cannot be read. The last two files are kept."""
    about = Path(path).stat()
    return _tunes(str(path), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=2)
def _tunes(path: str, size: int, mtime_ns: int) -> tuple[str, ...]:
    return tuple(split_tunes(decode_abc(Path(path).read_bytes())))
