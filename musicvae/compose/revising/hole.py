"""A window with steps to be found, and what may stand in them.

Conventions: B model bars of S steps; `free` (B, S) is true where the music is to be found, and all other tokens stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.reading import ANY, PITCH, Gaps
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["Hole"]

_FORBIDDEN = -1e8  # bias of events that may not be lies below


@dataclass(frozen=True)
class Hole:
    """A window with free steps.

    tokens: (B, S), what stands in free steps counts for nothing. free: (B, S). kind: index into `music.meter.KINDS`. bias: (B, S, 90),
    added to the scores of the events in free steps; -1e9 or less for what is not allowed.
    """

    tokens: Tokens
    free: NDArray[np.bool_]
    kind: int
    bias: Floats | None = None

    @property
    def bars(self) -> list[int]:
        """Bars with free steps."""
        return [int(bar) for bar in np.flatnonzero(self.free.any(axis=1))]

    @property
    def gaps(self) -> Gaps:
        """What is unknown of each step (B, S), as a reader takes it: only the pitch where nothing but a note may start."""
        gaps = np.where(self.free, ANY, 0).astype(np.uint8)
        if self.bias is not None:
            starts = (self.bias[..., :FIRST_PITCH_TOKEN] <= _FORBIDDEN).all(-1) & (self.bias[..., FIRST_PITCH_TOKEN:] > _FORBIDDEN).any(-1)
            gaps[self.free & starts] = PITCH
        return gaps

    def put(self, tokens: Tokens) -> Tokens:
        """Windows (N, B, S) with these tokens in the free steps: known notes neither longer nor shorter, no note-off in silence."""
        placed = np.where(self.free, tokens, self.tokens)
        rest = self._rests_after()
        for row in placed:
            flat = row.reshape(-1)
            for step in rest:
                if flat[step] == HOLD and _sounds(flat, step - 1):
                    flat[step] = NOTE_OFF
        return np.stack([canonical_tokens(row) for row in placed])

    def leaning(self, tokens: Tokens) -> Floats:
        """The bias (N,) of windows (N, B, S)."""
        if self.bias is None:
            return np.zeros(len(tokens))
        own = np.take_along_axis(np.broadcast_to(self.bias, (*tokens.shape, self.bias.shape[-1])), tokens[..., None].astype(np.int64), -1)
        total: Floats = (own[..., 0] * self.free).sum(axis=(1, 2))
        return total

    def suited(self, tokens: Tokens, *, rhythm: bool) -> Tokens:
        """Windows (N, B, S) with pitches that may not be in free steps an octave or, where that will not do, as little as can be away.

        rhythm: also with what may be in the place of holds and note-offs that may not.
        """
        if self.bias is None:
            return tokens
        allowed = self.bias > _FORBIDDEN
        kept = np.take_along_axis(np.broadcast_to(allowed, (*tokens.shape, allowed.shape[-1])), tokens[..., None].astype(np.int64), -1)
        found = tokens.copy()
        for row, bar, step in np.argwhere(self.free & ~kept[..., 0]).tolist():
            if rhythm or tokens[row, bar, step] >= FIRST_PITCH_TOKEN:
                found[row, bar, step] = _nearest(int(tokens[row, bar, step]), allowed[bar, step])
        return found

    def _rests_after(self) -> list[int]:
        """Known steps behind a free one in which the given music is silent."""
        flat, free = self.tokens.reshape(-1), self.free.reshape(-1)
        known = [step for step in range(1, len(flat)) if free[step - 1] and not free[step]]
        return [step for step in known if not _sounds(flat, step)]


def _nearest(event: int, allowed: NDArray[np.bool_]) -> int:
    """The event (of 90) that may be and is most like one that may not; the same where none may."""
    pitches = np.flatnonzero(allowed[FIRST_PITCH_TOKEN:]) + FIRST_PITCH_TOKEN
    if event < FIRST_PITCH_TOKEN:
        rests = [other for other in (NOTE_OFF, HOLD) if allowed[other]]
        return rests[0] if rests else int(pitches[len(pitches) // 2]) if len(pitches) else event
    octaves = pitches[(pitches - event) % 12 == 0]
    chosen = octaves if len(octaves) else pitches
    if not len(chosen):
        return NOTE_OFF if allowed[NOTE_OFF] else HOLD if allowed[HOLD] else event
    return int(chosen[np.abs(chosen - event).argmin()])


def _sounds(flat: Tokens, step: int) -> bool:
    """Whether a note sounds in a step."""
    events = np.flatnonzero(flat[: step + 1] != HOLD)
    return bool(len(events) and flat[events[-1]] >= FIRST_PITCH_TOKEN)
