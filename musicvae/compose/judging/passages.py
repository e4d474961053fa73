"""Which bars of a window do not belong, by a reader of damaged music.

A run of bars is asked for twice: given all that is around it, and given nothing. How many bits less it costs the first time is what it
shares with the rest (pointwise mutual information: Fano 1961): of a run that returns elsewhere, is varied there, or only keeps to the
style of the tune, many; of one from another tune, few or less than none. Since both are of the same notes, plain bars are not thought
to belong because they are plain. Nobody says how many bars are foreign, and so runs of several lengths are asked for; they are compared by
their bits over the square root of their length, as a sum of many opinions errs.

Conventions: tokens (B, S) of one kind of meter in the coordinates of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.reading import ANY, Reader
from musicvae.music.vocabulary import Tokens

__all__ = ["LENGTHS", "Runs", "runs_read"]

LENGTHS = (2, 4, 8)
"""Bars of the runs that are held against the rest of their window, which is at least as long."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of bars of a window of `bars` bars: where each starts (R,), its length (R,), and bits it shares with the rest (R,), in all."""

    bars: int
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    bits: Floats

    @property
    def shared(self) -> Floats:
        """Bits (R,) over the square root of the length."""
        return np.asarray(self.bits / np.sqrt(self.lengths))

    def of_bars(self) -> Floats:
        """`shared` (B,) of the run that each bar belongs to: the most foreign runs that have no bar in common; NaN without runs.

        Other bars have that of the run over them that shares most: that it overlaps a foreign one makes none foreign.
        """
        shared, taken = self.shared, np.zeros(self.bars, np.bool_)
        found = np.full(self.bars, np.nan)
        for run in np.argsort(shared, kind="stable").tolist():
            rows = slice(int(self.starts[run]), int(self.starts[run] + self.lengths[run]))
            if not taken[rows].any():
                found[rows], taken[rows] = shared[run], True
            else:
                found[rows] = np.where(taken[rows], found[rows], shared[run])
        return found


def runs_read(reader: Reader, tokens: Tokens, kind: int) -> Runs:
    """All runs of a window (B, S) of one of `LENGTHS`; none in windows of fewer than four bars."""
    bars = len(tokens)
    lengths = [length for length in LENGTHS if 2 * length <= bars]
    if not lengths:
        return Runs(bars, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    alone = _alone(reader, tokens, kind, lengths[-1])
    starts, found = [], []
    for length in lengths:
        own = np.arange(bars - length + 1)
        first, asked = np.repeat(own, length), (own[:, None] + np.arange(length)).reshape(-1)
        bar = np.arange(bars)
        # The bars of the run that come before the one that is asked for are given.
        unknown = (bar >= asked[:, None]) & (bar < first[:, None] + length)
        together = _nats(reader, tokens, kind, unknown, asked).reshape(-1, length).sum(axis=1)
        starts.append(own)
        found.append((together - alone[own, :length].sum(axis=1)) / np.log(2))
    counts = [len(own) for own in starts]
    return Runs(bars, np.concatenate(starts), np.repeat(lengths, counts), np.concatenate(found))


def _alone(reader: Reader, tokens: Tokens, kind: int, longest: int) -> Floats:
    """Nats (B, longest) of each bar and those after it, each given those from the first on alone; 0 beyond the end."""
    bars = len(tokens)
    first, after = np.nonzero(np.arange(bars)[:, None] + np.arange(longest) < bars)
    asked, bar = first + after, np.arange(bars)
    found = np.zeros((bars, longest))
    found[first, after] = _nats(reader, tokens, kind, (bar < first[:, None]) | (bar >= asked[:, None]), asked)
    return found


def _nats(reader: Reader, tokens: Tokens, kind: int, unknown: NDArray[np.bool_], asked: NDArray[np.int64]) -> Floats:
    """Nats (R,) of one bar each, the bars `unknown` (R, B) being unknown."""
    heard = np.repeat(tokens[None], len(asked), axis=0)
    gaps = np.broadcast_to(np.where(unknown, ANY, 0)[..., None], heard.shape).astype(np.uint8)
    return np.asarray(reader.bar_log_probs(heard, gaps, kind, bars=asked).sum(axis=1))
