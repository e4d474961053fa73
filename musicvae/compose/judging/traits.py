"""What a piece is like in plain numbers: rhythm, intervals, scale, range and returns, as its style shows in them.

Shares of what happens how often are given as their square roots, between which distances are those of Hellinger (1909). No network is
asked: with numbers of z beside these, styles are told apart no better.

Conventions: a piece is its windows, tokens (B, S) each, of one kind of meter, in the coordinates of a model; F depends on S alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, Tokens

__all__ = ["traits_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_WAITS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)  # steps where classes of waits and lengths begin
_LEAPS = (-7, -4, -2, 0, 1, 3, 5, 8)  # semitones where classes of intervals begin
_WIDEST = 13  # semitones; wider intervals count as this
_LONGEST = 16  # steps that a note adds to its pitch class at most
_LAGS = (1, 2, 4, 8)  # bars
_BEATS = (4, 4, 6)  # steps of a beat, by kind of meter


def traits_of(windows: Sequence[Tokens], kind: int) -> Floats:
    """The numbers (F,) of a piece; ValueError where it has no note."""
    if not any((window >= FIRST_PITCH_TOKEN).any() for window in windows):
        raise ValueError("a piece without notes has no style")
    steps = windows[0].shape[1]
    lines = [_Line.of(window) for window in windows]
    waits = [np.digitize(np.diff(line.onsets), _WAITS) for line in lines]
    leaps = [np.clip(np.diff(line.pitches), -_WIDEST, _WIDEST) for line in lines]
    beat = _BEATS[kind]
    return np.concatenate([
        _shares([line.onsets % steps for line in lines], steps),
        _shares([np.repeat(line.pitches % 12, np.minimum(line.lengths, _LONGEST)) for line in lines], 12),
        _shares([line.pitches[line.onsets % beat == 0] % 12 for line in lines], 12),
        _shares([leap + _WIDEST for leap in leaps], 2 * _WIDEST + 1),
        _shares(waits, len(_WAITS) + 1),
        _shares([np.digitize(line.lengths, _WAITS) for line in lines], len(_WAITS) + 1),
        _pairs(waits, len(_WAITS) + 1),
        _pairs([np.digitize(leap, _LEAPS) for leap in leaps], len(_LEAPS) + 1),
        _whole(windows, lines, np.concatenate(leaps)),
        _returns(windows),
    ])  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Line:
    """The n notes of a window: onsets, pitches (from 0, that of the first pitch token) and lengths, all (n,), in steps and semitones."""

    onsets: Ints
    pitches: Ints
    lengths: Ints

    @classmethod
    def of(cls, window: Tokens) -> _Line:
        flat = window.reshape(-1).astype(np.int64)
        events = np.append(np.flatnonzero(flat != HOLD), len(flat))
        onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
        return cls(onsets, flat[onsets] - FIRST_PITCH_TOKEN, events[np.searchsorted(events, onsets, side="right")] - onsets)


def _shares(found: Sequence[Ints], classes: int) -> Floats:
    counts = np.bincount(np.concatenate(found), minlength=classes)
    return np.sqrt(counts / max(int(counts.sum()), 1))


def _pairs(found: Sequence[Ints], classes: int) -> Floats:
    """Shares (classes ** 2,) of what follows what."""
    return _shares([own[:-1] * classes + own[1:] for own in found], classes**2)


def _whole(windows: Sequence[Tokens], lines: Sequence[_Line], leaps: Ints) -> Floats:
    """Where the line lies, how wide, dense and jumpy it is."""
    pitches, total = np.concatenate([line.pitches for line in lines]), sum(window.size for window in windows)
    sounding = sum(int(line.lengths.sum()) for line in lines)
    tied = np.concatenate([window[1:, 0] == HOLD for window in windows])
    density = np.concatenate([(window >= FIRST_PITCH_TOKEN).sum(axis=1) for window in windows])
    ways = [np.sign(np.diff(line.pitches)) for line in lines]
    turns = np.concatenate([way[way != 0][1:] != way[way != 0][:-1] for way in ways])
    return np.array([
        pitches.mean(), pitches.std(), np.ptp(pitches), pitches.max(), pitches.min(), len(np.unique(pitches)),
        1 - sounding / total, _mean(tied), density.mean(), density.std(), _mean(turns),
        _mean(np.abs(leaps)), _mean(leaps == 0), _mean(np.abs(leaps) > 4), np.log(len(pitches)),
    ])  # fmt: skip


def _returns(windows: Sequence[Tokens]) -> Floats:
    """Shares of bars that are, and of those that have the rhythm of, the bar so many before, and how many bars are different."""
    found = []
    for lines in (list(windows), [window >= FIRST_PITCH_TOKEN for window in windows]):
        for lag in _LAGS:
            found.append(_mean(np.concatenate([(line[lag:] == line[:-lag]).all(axis=1) for line in lines])))
    return np.array([*found, np.mean([len(np.unique(window, axis=0)) / len(window) for window in windows])])


def _mean(values: NDArray[np.generic]) -> float:
    """The mean, 0 of nothing."""
    return float(np.mean(values.astype(np.float64))) if len(values) else 0.0
