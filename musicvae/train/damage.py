"""Damage done to music at random, for a reader to learn what is missing: holes, and wrong notes in what is left.

Each window gets damage of one kind: bars in a row, bars here and there, some beats, some steps, or the pitches of some notes. Wrong
notes are moved by 1 to 6 semitones, up or down. Conventions: tokens (N, B, S) integers; gaps as in `model.reader`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import STEPS_PER_BEAT
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE

__all__ = ["Damage", "damaged", "with_wrong_notes"]

_ANY, _PITCH = 1, 2  # as `model.reader` has them
_KINDS = ("row", "scattered", "beats", "steps", "notes")
_SHARES = (0.42, 0.16, 0.08, 0.08, 0.26)
_MOST_BARS = 8
_REACH = 6


@dataclass(frozen=True, eq=False)
class Damage:
    """A batch: clean and heard tokens, and gaps, (N, B, S) each; doubtful: whether some of what is heard is wrong."""

    clean: NDArray[np.int64]
    heard: NDArray[np.int64]
    gaps: NDArray[np.int64]
    doubtful: bool


def damaged(tokens: NDArray[np.int64], rng: np.random.Generator, *, doubtful_share: float = 0.35) -> Damage:
    """Windows with random damage; a share of batches has wrong notes, 3 to 15 % of them, in what is left."""
    doubtful = bool(rng.random() < doubtful_share)
    shares = np.array(_SHARES) * ([0.5, 0.5, 1.0, 1.0, 4.0] if doubtful else [1.0] * len(_KINDS))
    kinds = rng.choice(len(_KINDS), len(tokens), p=shares / shares.sum())
    gaps = np.stack([_gaps(window, _KINDS[kind], rng) for window, kind in zip(tokens, kinds.tolist(), strict=True)])
    heard = with_wrong_notes(tokens, rng.uniform(0.03, 0.15, len(tokens)), rng) if doubtful else tokens
    return Damage(tokens, heard, gaps, doubtful)


def with_wrong_notes(tokens: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Windows with these shares (N,) of their notes moved by 1 to 6 semitones."""
    wrong = (tokens >= FIRST_PITCH_TOKEN) & (rng.random(tokens.shape) < shares[:, None, None])
    moves = rng.integers(1, _REACH + 1, tokens.shape) * rng.choice([-1, 1], tokens.shape)
    moved = tokens + moves
    possible = (moved >= FIRST_PITCH_TOKEN) & (moved < VOCABULARY_SIZE)
    return np.where(wrong & possible, moved, tokens)


def _gaps(window: NDArray[np.int64], kind: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """The gaps (B, S) of a window; at least one."""
    bars, steps = window.shape
    gaps = np.zeros((bars, steps), np.int64)
    if kind == "notes":
        onsets = np.argwhere(window >= FIRST_PITCH_TOKEN)
        if len(onsets):
            chosen = onsets[rng.choice(len(onsets), max(1, round(rng.uniform(0.01, 0.12) * len(onsets))), replace=False)]
            gaps[chosen[:, 0], chosen[:, 1]] = _PITCH
            return gaps
        kind = "steps"
    if kind == "beats":
        beats = gaps.reshape(bars * steps // STEPS_PER_BEAT, STEPS_PER_BEAT)
        for _ in range(int(rng.integers(1, 7))):
            start = int(rng.integers(len(beats)))
            beats[start : start + int(rng.integers(1, 4))] = _ANY
    elif kind == "steps":
        gaps[rng.random(gaps.shape) < rng.uniform(0.15, 0.5)] = _ANY
        gaps[tuple(rng.integers(gaps.shape))] = _ANY
    else:
        count = int(rng.integers(1, min(_MOST_BARS, max(1, bars - 1)) + 1))
        first = int(rng.integers(bars - count + 1))
        gaps[slice(first, first + count) if kind == "row" else rng.choice(bars, count, replace=False)] = _ANY
    return gaps
