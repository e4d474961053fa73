"""What a code forgets of a melody, given back while z moves away from it.

Where the decoder at z would not choose the melody's own event, that event's score is raised by what it takes, plus half a
nat, but by no more than ``w / (1 - w)`` nats, w in [0, 1] saying how much of the melody is to stay. At w = 1 the melody comes
back exactly; as w falls, the events that the model believes in least are let go first; at w = 0 it decides alone. It is the
rule of `compose.styling`, for any number of melodies, each with its own weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicvae.compose.code import Code
from musicvae.compose.coding import chords_of, margin_rows
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.windows import cut_tokens
from musicvae.music.vocabulary import VOCABULARY_SIZE, Tokens

__all__ = ["Memory", "memory_of", "recalled"]

# Above what an event needs to be chosen, so that a little movement of z does not lose it again.
_SPARE_NATS = 0.5


@dataclass(frozen=True)
class Memory:
    """One melody's events by window, each (bars, S), and what each lacks to be chosen at the melody's own z, in nats."""

    parts: tuple[Tokens, ...]
    needed: tuple[Floats, ...]


def memory_of(engine: Engine, code: Code, tokens: Tokens) -> Memory:
    """What the code forgets of the melody that it was made from; tokens: (B, S), the melody in the engine's coordinates."""
    parts = cut_tokens(tokens, code.windows, apart=code.apart)
    needed = margin_rows(engine, code.mu, parts, code.meter, chords=chords_of(code.chords, code.windows))
    return Memory(tuple(parts), tuple(needed))


def recalled(memories: Sequence[Memory], weights: Sequence[float], window: int) -> Floats:
    """What is added to the scores of a window's events, (bars, S, 90), for melodies of which a share in [0, 1] each is to stay.

    The shares of melodies that have the same event add up, so that what all agree on stays.
    """
    shape = (*memories[0].parts[window].shape, VOCABULARY_SIZE)
    kept, needed = np.zeros(shape), np.zeros(shape)
    for memory, weight in zip(memories, weights, strict=True):
        if not weight:
            continue
        own = memory.parts[window][..., None].astype(np.int64)
        np.put_along_axis(kept, own, np.take_along_axis(kept, own, -1) + weight, -1)
        np.put_along_axis(needed, own, np.maximum(np.take_along_axis(needed, own, -1), memory.needed[window][..., None]), -1)
    # Shares that ought to sum to 1 may miss it by a rounding.
    cap = np.where(kept < 1 - 1e-12, kept / np.maximum(1 - kept, 1e-12), np.inf)
    return np.where(needed > 0, np.minimum(needed + _SPARE_NATS, cap), 0.0)
