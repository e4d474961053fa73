"""Music that was never played, from what was: windows with drums mixed or moved and lines in other keys, for training alone.

A few thousand bars say too little about which hits go together for an encoder and a decoder to read and write any beat, and a few hundred
songs about lines. A codec may well practise on mixtures; what is usual is left to the prior, which sees real music only. After mixup's
idea of training beside the data (Zhang et al., 2018), with whole drums in place of weighted sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.converters.drum_hits import bits_of, hits_of
from musicvae.music.meter import MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE

__all__ = ["varied_beats", "varied_lines"]

_BEATS_PER_BAR, _CLASSES = 4, 9
_FROM_ANOTHER, _EXCHANGED, _MOVED, _SILENT = 0.6, 0.25, 0.25, 0.1
"""Chances that a varied window has some drums of another window, two of its drums exchanged, all moved by beats, a drum silent."""
_ALIKE = ((2, 8), (2, 3), (4, 5), (5, 6), (7, 8))
"""Drums of the map nine that may play each other's part: hi-hat and ride, the hi-hats, neighbouring toms, crash and ride."""
_TRANSPOSED, _FROM_ANOTHER_SONG = 0.5, 0.3
"""Chances that the lines of a varied window are in another key, and that one of them is another window's."""
_LOWEST_SEMITONES, _HIGHEST_SEMITONES, _OCTAVE = -6, 5, 12


def varied_beats(
    columns: Mapping[str, NDArray[Any]], share: float, rng: np.random.Generator, *, names: Sequence[str] = ("bars", "offsets")
) -> dict[str, NDArray[Any]]:
    """Columns of drums, grooves or trios (N, B, 16, ...) with this share of the windows varied, 0 to 1; all else is as it was.

    names: of the columns of the beat, that of its hits first; those that are missing are passed over.
    What is drawn is the same for hits, velocities and timing, so that they stay together. A window that would fall silent stays as it was.
    """
    hits, n = names[0], len(columns[names[0]])
    chosen = rng.random(n) < share
    others = rng.permutation(n)
    taken = (rng.random((n, _CLASSES)) < 0.5) & (rng.random(n) < _FROM_ANOTHER)[:, None]
    silent = (rng.random(n) < _SILENT)[:, None] & (np.arange(_CLASSES) == rng.integers(_CLASSES, size=n)[:, None])
    order = _orders(rng.integers(len(_ALIKE), size=n), rng.random(n) < _EXCHANGED)
    beats = np.where(rng.random(n) < _MOVED, rng.integers(1, _BEATS_PER_BAR, size=n), 0)
    varied = dict(columns)
    heard: NDArray[Any] = np.zeros(n, np.bool_)
    for name in (name for name in names if name in columns):
        column = columns[name]
        packed = column.ndim == 3  # bits of hits, not a number for each drum
        rows = bits_of(column, _CLASSES) if packed else column
        mixed = np.where(taken[:, None, None], rows[others], rows)
        mixed = np.where(silent[:, None, None], 0, mixed)
        mixed = np.take_along_axis(mixed, order[:, None, None], axis=-1)
        mixed = _moved(mixed, beats)
        if name == hits:
            heard = np.asarray(mixed.reshape(n, -1).any(1))
        kept = np.where((chosen & heard)[:, None, None, None], mixed, rows).astype(rows.dtype)
        varied[name] = hits_of(kept) if packed else kept
    return varied


def varied_lines(
    columns: Mapping[str, NDArray[Any]], share: float, rng: np.random.Generator, *, names: Sequence[str] = ("bars", "bass")
) -> dict[str, NDArray[Any]]:
    """Columns of trios (N, B, 16) with the lines of this share of the windows varied, 0 to 1; all else is as it was.

    Both lines are moved by the same -6 to 5 semitones, notes that would leave the vocabulary by an octave back; one of them may be that of
    another window. names: of the columns of the lines; those that are missing are passed over.
    """
    n = len(next(iter(columns.values())))
    chosen = rng.random(n) < share
    semitones = np.where(chosen & (rng.random(n) < _TRANSPOSED), rng.integers(_LOWEST_SEMITONES, _HIGHEST_SEMITONES + 1, size=n), 0)
    others = np.where(chosen & (rng.random(n) < _FROM_ANOTHER_SONG), rng.permutation(n), np.arange(n))
    which = rng.integers(len(names), size=n)
    varied = dict(columns)
    for at, name in ((at, name) for at, name in enumerate(names) if name in columns):
        line = np.where((which == at)[:, None, None], columns[name][others], columns[name])
        varied[name] = _transposed(line, semitones[:, None, None]).astype(columns[name].dtype)
    return varied


def _transposed(tokens: NDArray[Any], semitones: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens whose notes are moved by so many semitones, and by an octave more where they would leave the vocabulary."""
    moved = tokens.astype(np.int64) + semitones
    moved = np.where(moved < FIRST_PITCH_TOKEN, moved + _OCTAVE, np.where(moved >= VOCABULARY_SIZE, moved - _OCTAVE, moved))
    return np.where(tokens >= FIRST_PITCH_TOKEN, moved, tokens)


def _orders(pair: NDArray[Any], exchanged: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each window (N, 9) which drum's part each drum plays."""
    order = np.tile(np.arange(_CLASSES), (len(pair), 1))
    first, second = np.array(_ALIKE).T[:, pair]
    rows = np.flatnonzero(exchanged)
    order[rows, first[rows]], order[rows, second[rows]] = second[rows], first[rows]
    return order


def _moved(rows: NDArray[Any], beats: NDArray[np.int64]) -> NDArray[Any]:
    """Windows (N, B, 16, 9) turned by so many beats (N,): what leaves at the end comes in at the start."""
    flat = rows.reshape(len(rows), -1, _CLASSES)
    step = (np.arange(flat.shape[1]) - beats[:, None] * (MAX_STEPS_PER_BAR // _BEATS_PER_BAR)) % flat.shape[1]
    return np.take_along_axis(flat, step[:, :, None], axis=1).reshape(rows.shape)
