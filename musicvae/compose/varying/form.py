"""Keeping the form of a melody while its bars change: bars that are the same stay the same.

Bars are the same where the same notes start at the same steps and end at the same steps, whatever sounds on into them from before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["alike", "with_returns"]


def alike(bars: Sequence[Tokens]) -> list[int]:
    """For each bar of tokens (S,) the first one that is the same, or its own number."""
    first: dict[bytes, int] = {}
    return [first.setdefault(canonical_tokens(bar[None]).tobytes(), number) for number, bar in enumerate(bars)]


def with_returns(tokens: Tokens, source: Tokens, origins: Sequence[int]) -> Tokens:
    """The tokens (B, S) with every bar that returns like its origin; what sounds on into it does so for as long as in the source (B, S)."""
    found = tokens.copy()
    flat, steps = source.reshape(-1), source.shape[1]
    latest = np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))
    held = flat[latest] >= FIRST_PITCH_TOKEN
    for bar, origin in enumerate(origins):
        if origin == bar:
            continue
        row, own = canonical_tokens(tokens[origin][None])[0], source[bar]
        stop = min(_first_onset(row), _first_onset(own))
        row[:stop] = own[:stop]
        if stop and own[0] == HOLD and not held[bar * steps]:
            row[0] = NOTE_OFF
        found[bar] = row
    return found


def _first_onset(bar: Tokens) -> int:
    onsets = np.flatnonzero(bar >= FIRST_PITCH_TOKEN)
    return int(onsets[0]) if len(onsets) else len(bar)
