"""Bytes without a meaning known here: texts, set-up data, files that are no MIDI."""

from __future__ import annotations

from collections.abc import Hashable

from musicvae.compose.compressing.mixing import Mixer
from musicvae.compose.compressing.numbers import code_class, code_natural

__all__ = ["code_bytes"]

_REACHES = (6, 4)


def code_bytes(mixer: Mixer, data: bytes | None, about: tuple[str, Hashable]) -> bytes:
    """A string of bytes with its length; about: what it is, for the name of its decisions and for telling it from others."""
    site, what = about
    length = code_natural(mixer, None if data is None else len(data), f"{site} length", [(), what])
    found = bytearray()
    places: dict[tuple[int, bytes], int] = {}
    followed = good = -1
    for place in range(length):
        one, two = found[-1:], found[-2:]
        known = [
            what, (what, place) if site == "meta" else bytes(one), (what, bytes(one)), bytes(two), bytes(found[-3:]), bytes(found[-4:]),
            bytes(found[-6:]),
        ]  # fmt: skip
        guess = (found[followed], min(good, 15)) if followed >= 0 else (-1, 0)
        byte = code_class(mixer, None if data is None else data[place], site, known, width=8, guesses=[guess])
        found.append(byte)
        followed, good = (followed + 1, good + 1) if followed >= 0 and guess[0] == byte else (-1, -1)
        for reach in _REACHES:
            key = (reach, bytes(found[-reach:]))
            if followed < 0 and len(found) >= reach:
                followed, good = places.get(key, -1), 0
            places[key] = len(found)
        if followed >= len(found):
            followed = -1
    return bytes(found)
