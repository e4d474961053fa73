"""How odd each note of a melody is: what other pitch the model would rather hear in its place.

An encoder that sees a wrong note reconstructs it faithfully, so that the likelihood of a note given the code of its own
melody says little. Here the whole melody is scored again with other pitches in the note's place, each with a code of its own: the bits of
a note are -log2 of the share that its own pitch has of all of them, given every other note, before it and after it (a
pseudo-likelihood, Besag 1975), the model's lower bound standing for the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

__all__ = ["NoteScores", "note_scores", "substituted"]

REACH = 6
"""Semitones up and down that a note is tried at."""
_BATCH = 256


@dataclass(frozen=True, eq=False)
class NoteScores:
    """bits: (notes,), of each note given all others; bars: (written bars,), the mean of their notes' bits, NaN without notes.

    better: (notes,) the pitch that the model would rather hear, which may be the note's own; MIDI numbers of the melody.
    """

    bits: Floats
    bars: Floats
    better: NDArray[np.int64]


def note_scores(engine: Engine, melody: Melody) -> NoteScores:
    """Bits of every note of a melody. ValueError for a meter that the engine does not know."""
    placed, _ = place(engine, melody)
    windows = windows_of(engine, [placed.tokens], melody.meter)
    parts = cut_tokens(placed.tokens, windows, apart=engine.config.fixed_window)
    steps = placed.tokens.shape[1]
    found: dict[int, tuple[float, int]] = {}
    for window, part in zip(windows, parts, strict=True):
        scores = substituted(engine, part, melody.meter.kind_index)
        onsets = np.flatnonzero(part.reshape(-1) >= FIRST_PITCH_TOKEN)
        bits = (np.logaddexp.reduce(scores, axis=1) - scores[:, REACH]) / np.log(2)
        for onset, bit, best in zip(onsets.tolist(), bits.tolist(), scores.argmax(axis=1).tolist(), strict=True):
            found[window.start_bar * steps + onset] = (bit, best - REACH)
    rows = [found[note.onset_steps] for note in melody.notes]
    bits = np.array([bit for bit, _ in rows])
    better = np.array([note.pitch + move for note, (_, move) in zip(melody.notes, rows, strict=True)], np.int64)
    bar = np.array([note.onset_steps // melody.meter.steps_per_bar for note in melody.notes], np.int64)
    sums, counts = (np.bincount(bar, weights, melody.num_bars) for weights in (bits, None))
    return NoteScores(bits, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), better)


def substituted(engine: Engine, tokens: Tokens, kind: int, onsets: NDArray[np.int64] | None = None) -> Floats:
    """Nats (notes, 2 * REACH + 1) of a window (B, S) with each note moved by -REACH to REACH semitones, up to a constant of the row.

    onsets: (notes,), the steps of the window whose notes are asked about; default: all. Pitches that no token stands for are
    infinitely unlikely.
    """
    flat = tokens.reshape(-1)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN) if onsets is None else onsets
    moves = np.arange(-REACH, REACH + 1)
    wanted = flat[onsets, None].astype(np.int64) + moves
    possible = (wanted >= FIRST_PITCH_TOKEN) & (wanted < VOCABULARY_SIZE)
    note, move = np.nonzero(possible)
    scores = np.full(wanted.shape, -np.inf)
    for start in range(0, len(note), _BATCH):
        rows = slice(start, start + _BATCH)
        tried = np.repeat(flat[None], len(note[rows]), axis=0)
        at = onsets[note[rows]]
        tried[np.arange(len(tried)), at] = wanted[note[rows], move[rows]]
        scores[note[rows], move[rows]] = _bound(engine, tried.reshape(-1, *tokens.shape), kind, at // tokens.shape[1])
    return scores


def _bound(engine: Engine, tokens: Tokens, kind: int, bar: NDArray[np.int64]) -> Floats:
    """The lower bound (N,) of the log-likelihood at the mean of q, but for a constant and what other bars have of it."""
    mu, sigma = engine.encode(tokens, kind)
    used = engine.config.z_used(tokens.shape[1])
    if engine.config.fixed_window:
        heard = engine.log_probs(tokens, mu, kind).sum(axis=(1, 2))
    else:
        heard = engine.bar_log_probs(tokens, mu, kind, bar=bar).sum(axis=1)
    meant = engine.prior_log_probs(mu, tokens, kind=kind).sum(axis=1)
    return np.asarray(heard + meant + np.log(sigma[:, :used]).sum(axis=1))
