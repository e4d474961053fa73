"""The parts of trios as arrays, and what two sets of them have in common.

Conventions: W windows of B bars; melody and bass are tokens (W, B, 16) uint8 of the 90-event vocabulary, drums hits (W, B, 16, 9). The
*parts* are "melody", "bass" and "drums", in this order; together they are called "all three": a step of it is right where all parts are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.metrics import Agreement, agreement
from musicvae.evaluate.pieces.hits import hit_agreement, struck
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF

__all__ = ["PARTS", "TOGETHER", "Parts", "agreements", "chosen", "parts_of", "part_agreement"]

Parts = Mapping[str, NDArray[Any]]
PARTS = ("melody", "bass", "drums")
TOGETHER = "all three"
_COLUMNS = {"melody": "bars", "bass": "bass"}


def parts_of(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The parts of columns of trios; note-offs left from a note before the window become holds, as a network reads them."""
    return {**{part: _settled(columns[name]) for part, name in _COLUMNS.items()}, "drums": struck(columns)}


def _settled(tokens: NDArray[Any]) -> NDArray[np.uint8]:
    flat = np.array(tokens, np.uint8).reshape(len(tokens), -1)
    before = np.cumsum(flat >= FIRST_PITCH_TOKEN, axis=1) == 0
    flat[before & (flat == NOTE_OFF)] = HOLD
    return flat.reshape(tokens.shape)


def part_agreement(part: str, truth: NDArray[Any], guess: NDArray[Any]) -> Agreement:
    """What a guessed part has in common with the true one; onsets of drums are hits. ValueError for other shapes."""
    return hit_agreement(truth, guess) if part == "drums" else agreement(truth, guess)


def agreements(truth: Parts, guess: Parts) -> dict[str, Agreement]:
    """By part, and of all three together where all are there; onsets of those are the notes and hits of all."""
    found = {part: part_agreement(part, truth[part], guess[part]) for part in PARTS if part in guess}
    if len(found) == len(PARTS):
        found[TOGETHER] = _together(truth, guess, list(found.values()))
    return found


def _together(truth: Parts, guess: Parts, parts: Iterable[Agreement]) -> Agreement:
    equal = np.ones(truth["melody"].shape, bool)
    for part in PARTS:
        same = truth[part] == guess[part]
        equal &= same.all(axis=-1) if part == "drums" else same
    parts = list(parts)
    common, true, guessed = (
        np.asarray(sum(getattr(each, name) for each in parts)) for name in ("common_onsets", "true_onsets", "guessed_onsets")
    )
    return Agreement(np.asarray(equal.sum(axis=(1, 2)), np.int64), parts[0].steps, common, true, guessed)


def chosen(counts: Agreement, rows: NDArray[Any]) -> Agreement:
    """The counts of these windows, an index or flags (W,)."""
    names = ("equal_steps", "steps", "common_onsets", "true_onsets", "guessed_onsets")
    return Agreement(*(getattr(counts, name)[rows] for name in names))
