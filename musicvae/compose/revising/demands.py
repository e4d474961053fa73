"""Constraints and chords on the part of a melody that is found anew: they bind that part, and never what is given."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.constraints.plan import Plan
from musicvae.compose.engine import Floats
from musicvae.compose.revising.spans import Steps
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import HOLD, VOCABULARY_SIZE, Tokens

__all__ = ["Opened", "bound_by", "finished"]


@dataclass(frozen=True, eq=False)
class Opened:
    """A melody's tokens (B, S) with what is to be found: free (B, S); bias (B, S, 90), of free steps."""

    tokens: Tokens
    free: NDArray[np.bool_]
    bias: Floats

    @classmethod
    def of(cls, melody: Melody, tokens: Tokens, free: Steps) -> Opened:
        """Open the free steps (num_steps,) of a melody with these tokens; notes that begin outside keep their length."""
        open_steps = np.zeros(tokens.size, np.bool_)
        open_steps[: len(free)] = free
        ends = np.zeros_like(open_steps)
        for note in melody.notes:
            if not free[note.onset_steps]:
                open_steps[note.onset_steps : note.end_steps] = False
                ends[note.end_steps : note.end_steps + 1] = True
        bias = np.zeros((tokens.size, VOCABULARY_SIZE))
        bias[ends & open_steps, HOLD] = -1e9
        return cls(tokens.copy(), open_steps.reshape(tokens.shape), bias.reshape(*tokens.shape, -1))


def bound_by(plan: Plan | None, opened: Opened, shift_semitones: int) -> Opened:
    """The same with what the melody's plan allows in free steps, and what it settles there no longer free."""
    if plan is None:
        return opened
    bound = plan.bound(0, len(opened.tokens), shift_semitones)
    settled = (bound.forced >= 0) & opened.free
    tokens = np.where(settled, bound.forced, opened.tokens).astype(np.uint8)
    return Opened(tokens, opened.free & ~settled, opened.bias + bound.bias)


def finished(plan: Plan | None, melody: Melody, free: Steps) -> Melody:
    """The melody with the notes that begin in free steps (num_steps,) as long as they must be, and with the plan's chords."""
    if plan is None:
        return melody
    mended = plan.finish(melody)
    notes = tuple(new if free[old.onset_steps] else old for old, new in zip(melody.notes, mended.notes, strict=True))
    return replace(mended, notes=notes)
