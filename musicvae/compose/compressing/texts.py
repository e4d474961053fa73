"""Bytes without a meaning known here: texts, set-up data, files that are no MIDI.

Texts of a file are read as one: words come back, and a title is often written more than once.
"""

from __future__ import annotations

from collections.abc import Hashable

from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_natural

__all__ = ["TextCoder", "code_bytes"]

_REACHES = (6, 4)


class TextCoder:
    """The strings of bytes of a file, one after another."""

    def __init__(self, mixer: Mixer) -> None:
        self._mixer = mixer
        self._all: dict[str, bytearray] = {}
        self._places: dict[tuple[str, bytes], int] = {}
        self._lengths: dict[Hashable, int] = {}

    def code(self, data: bytes | None, about: tuple[str, Hashable]) -> bytes:
        """A string of bytes with its length; about: what it is, for the name of its decisions and for telling it from others."""
        site, what = about
        before = self._all.setdefault(site, bytearray(b"\n"))
        last = self._lengths.get(what, -1)
        length = code_natural(
            self._mixer, None if data is None else len(data), f"{site} length", [(), what, (what, last)], guesses=[(last, 0)]
        )
        self._lengths[what] = length
        start = len(before)
        followed, good = (1, 0) if start > 1 else (-1, -1)
        for place in range(length):
            byte = self._byte(None if data is None else data[place], about, place, before, (followed, good))
            followed, good = (followed + 1, good + 1) if followed >= 0 and before[followed] == byte else (-1, -1)
            before.append(byte)
            if followed < 0 and before[-1] == 58 and place == 1 and start > 1:  # a field of ABC, which mostly is the title
                followed, good = 1, 0
            if site != "meta":
                followed, good = self._found(before, site, followed, good)
        found = bytes(before[start:])
        before.append(10)
        return found

    def _byte(self, byte: int | None, about: tuple[str, Hashable], place: int, before: bytearray, hint: tuple[int, int]) -> int:
        site, what = about
        one, two, three, four, six = (bytes(before[-count:]) for count in (1, 2, 3, 4, 6))
        followed, good = hint
        guess = (before[followed], min(good, 15)) if followed >= 0 else (-1, 0)
        if site == "meta":
            known = [what, (what, place), (what, place, one), (what, two), (what, three), four, (), ()]
        else:
            word = bytes(before[max(before.rfind(b" "), before.rfind(b"\n")) + 1 :]).lower()
            known = [site, one, two, three, four, six, (word,), (what, place, one)]
        return code_class(self._mixer, byte, site, known, width=8, guesses=[guess])

    def _found(self, before: bytearray, site: str, followed: int, good: int) -> tuple[int, int]:
        """The place to read on at, and for how long that has gone well."""
        for reach in _REACHES:
            key = (site, bytes(before[-reach:]))
            if followed < 0 and len(before) >= reach:
                followed, good = self._places.get(key, -1), 0
            self._places[key] = len(before)
        return (-1, -1) if followed >= len(before) else (followed, good)


def code_bytes(mixer: Mixer, data: bytes | None, about: tuple[str, Hashable]) -> bytes:
    """One string of bytes."""
    return TextCoder(mixer).code(data, about)
