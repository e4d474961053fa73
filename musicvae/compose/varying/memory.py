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
from numpy.typing import NDArray

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

    def bias(self, window: int, weight: float | NDArray[np.float64]) -> Floats:
        """What is added to the scores of a window's events, (bars, S, 90).

        weight: in [0, 1], or one for each bar, (bars,).
        """
        tokens, needed = self.parts[window], self.needed[window]
        kept = np.broadcast_to(np.asarray(weight, np.float64), len(tokens))[:, None]
        with np.errstate(divide="ignore"):
            cap = np.where(kept < 1, kept / (1 - kept), np.inf)
        given = np.where(needed > 0, np.minimum(needed + _SPARE_NATS, cap), 0.0)
        bias = np.zeros((*tokens.shape, VOCABULARY_SIZE))
        np.put_along_axis(bias, tokens[..., None].astype(np.int64), given[..., None], axis=-1)
        return bias


def memory_of(engine: Engine, code: Code, tokens: Tokens) -> Memory:
    """What the code forgets of the melody that it was made from; tokens: (B, S), the melody in the engine's coordinates."""
    parts = cut_tokens(tokens, code.windows, apart=code.apart)
    needed = margin_rows(engine, code.mu, parts, code.meter, chords=chords_of(code.chords, code.windows))
    return Memory(tuple(parts), tuple(needed))


def recalled(memories: Sequence[Memory], weights: Sequence[float], window: int) -> Floats:
    """The bias (bars, S, 90) of several melodies together, each with its weight in [0, 1]."""
    return np.asarray(sum(memory.bias(window, weight) for memory, weight in zip(memories, weights, strict=True)), np.float64)
