"""Trios moved to a key without accidentals, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.pieces.engine import Columns
from musicvae.music.key import Key, estimate_key
from musicvae.music.piece import FOUR_FOUR, is_hits
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens, from_tokens

__all__ = ["canonical_shift", "transposed_columns"]


def canonical_shift(columns: Columns, key: Key | None = None) -> int:
    """By how many semitones, -6 to 5, the known lines are moved to have no accidentals; 0 where there are none, and for drums."""
    if "bass" not in columns:
        return 0
    lines = [from_tokens(np.asarray(columns[name], np.uint8), FOUR_FOUR) for name in ("bars", "bass")]
    notes = [note for line in lines for note in line.notes]
    if not notes:
        return 0
    key = key or estimate_key(np.array([note.pitch for note in notes]), np.array([note.duration_steps for note in notes]))
    semitones = (6 - key.major_tonic) % 12 - 6 if key else 0
    every = np.concatenate([_notes(columns[name]) for name in ("bars", "bass")]) + semitones
    return semitones if every.min() >= FIRST_PITCH_TOKEN and every.max() < VOCABULARY_SIZE else 0


def transposed_columns(columns: Columns, semitones: int) -> dict[str, NDArray[Any]]:
    """The columns with notes so much higher, those that would leave the 88 keys an octave nearer."""
    return {name: np.asarray(rows) if is_hits(rows) else _moved(rows, semitones) for name, rows in columns.items()}


def _notes(tokens: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(tokens[tokens >= FIRST_PITCH_TOKEN], np.int64)


def _moved(tokens: Tokens, semitones: int) -> Tokens:
    notes = tokens >= FIRST_PITCH_TOKEN
    moved = tokens.astype(np.int64) + semitones * notes
    moved = np.where(notes & (moved < FIRST_PITCH_TOKEN), moved + 12, moved)
    return np.where(notes & (moved >= VOCABULARY_SIZE), moved - 12, moved).astype(np.uint8)
