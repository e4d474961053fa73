"""Whole numbers, classes and bytes as chains of bits, each bit in the light of those before it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from musicvae.compose.compressing.mixing import Mixer

__all__ = ["code_class", "code_flag", "code_natural", "code_signed"]

_LONGEST = 32

Contexts = Sequence[Hashable]
Guesses = Sequence[tuple[int, int]]
"""Numbers that are expected, each with how sure that is (a small number)."""


def code_flag(mixer: Mixer, flag: bool | None, site: str, contexts: Contexts) -> bool:
    """True or false."""
    return bool(mixer.bit(None if flag is None else int(flag), site, contexts))


def code_class(mixer: Mixer, value: int | None, site: str, contexts: Contexts, *, width: int, guesses: Guesses = ()) -> int:
    """A number of `width` bits, the highest first."""
    node = 1
    for place in range(width - 1, -1, -1):
        bit = None if value is None else value >> place & 1
        hints = [_hint(guess >> place, node, sure) for guess, sure in guesses]
        bit = mixer.bit(bit, site, [*((context, node) for context in contexts), *hints])
        node = node << 1 | bit
    return node - (1 << width)


def _hint(guess: int, node: int, sure: int) -> Hashable:
    """What a guess, cut to as many bits as are coming out, says of the next one; node: a 1 and the bits before."""
    length = node.bit_length() - 1
    agrees = guess >= 0 and (guess >> 1) == node - (1 << length)
    return (sure, guess & 1) if agrees else None


def code_natural(mixer: Mixer, value: int | None, site: str, contexts: Contexts, *, guesses: Guesses = ()) -> int:
    """A number from 0 up to 2**32 - 2: how many bits value + 1 has, told by asking for one after another, then those after the first."""
    size = None if value is None else (value + 1).bit_length()
    if size is not None and size > _LONGEST:
        raise ValueError(f"{value} is too large a number to be packed")
    found, name = 1, f"{site} size"
    while found < _LONGEST:
        # A guess has a say for as long as it is not shorter than what has been told.
        hints: list[Hashable] = [(sure, (guess + 1).bit_length() > found) if guess + 1 >> found - 1 else None for guess, sure in guesses]
        if not mixer.bit(None if size is None else int(size > found), name, [*((context, found) for context in contexts), *hints]):
            break
        found += 1
    node, name = 1, f"{site} bits"
    for place in range(found - 2, -1, -1):
        bit = None if value is None else value + 1 >> place & 1
        hints = []
        for guess, sure in guesses:
            agrees = (guess + 1).bit_length() == found and (guess + 1 >> place + 1) == node
            hints.append((sure, guess + 1 >> place & 1) if agrees else None)
        bit = mixer.bit(bit, name, [*((context, found, node) for context in contexts), *hints])
        node = node << 1 | bit
    return node - 1


def code_signed(mixer: Mixer, value: int | None, site: str, contexts: Contexts, *, guesses: Guesses = ()) -> int:
    """A number of either sign: 0, -1, 1, -2, 2 ... as 0, 1, 2, 3, 4 ..."""
    folded = [(_fold(guess), sure) for guess, sure in guesses]
    found = code_natural(mixer, None if value is None else _fold(value), site, contexts, guesses=folded)
    return -(found + 1 >> 1) if found & 1 else found >> 1


def _fold(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1
