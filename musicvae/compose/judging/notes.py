"""How odd each note of a melody is: what other pitch the model would rather hear in its place.

An encoder that sees a wrong note reconstructs it faithfully, so that the likelihood of a note given the code of its own
melody says little. Here the whole melody is scored again with other pitches in the note's place, each with a code of its own: the bits of
a note are -log2 of the share that its own pitch has of all of them, given every other note, before it and after it (a
pseudo-likelihood, Besag 1975). With an n-gram at hand only the pitches that it finds likeliest are tried, and its own
likelihood is added to the network's: what the one overlooks the other hears. A reader of damaged music has learned to say how likely
each pitch is where one is unknown, and others may be wrong; it is asked instead where there is one, which is faster and finds more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.reading import PITCH, Reader
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

__all__ = ["REACH", "NoteScores", "note_scores", "own_bits", "pitches_read", "substituted"]

REACH = 6
"""Semitones up and down that a note is tried at."""
_TRIED = 3  # other pitches that are tried where an n-gram names the likeliest
_BATCH = 256
_OF_READER, _BESIDE_READER = 0.9, 0.15
"""Shares of what a reader and the n-gram beside it claim, chosen on validation tunes: much of it is the same."""


@dataclass(frozen=True, eq=False)
class NoteScores:
    """bits: (notes,), of each note given all others; bars: (written bars,), the mean of their notes' bits, NaN without notes.

    better: (notes,) the pitch that the model would rather hear, which may be the note's own; MIDI numbers of the melody.
    """

    bits: Floats
    bars: Floats
    better: NDArray[np.int64]


def note_scores(engine: Engine, melody: Melody, ngram: NGram | None = None) -> NoteScores:
    """Bits of every note of a melody. ValueError for a meter that the engine does not know."""
    placed, _ = place(engine, melody)
    windows = windows_of(engine, [placed.tokens], melody.meter)
    parts = cut_tokens(placed.tokens, windows, apart=engine.config.fixed_window)
    steps = placed.tokens.shape[1]
    found: dict[int, tuple[float, int]] = {}
    for window, part in zip(windows, parts, strict=True):
        scores = substituted(engine, part, melody.meter.kind_index, ngram=ngram)
        onsets = np.flatnonzero(part.reshape(-1) >= FIRST_PITCH_TOKEN)
        bits = own_bits(scores)
        for onset, bit, best in zip(onsets.tolist(), bits.tolist(), scores.argmax(axis=1).tolist(), strict=True):
            found[window.start_bar * steps + onset] = (bit, best - REACH)
    rows = [found[note.onset_steps] for note in melody.notes]
    bits = np.array([bit for bit, _ in rows])
    better = np.array([note.pitch + move for note, (_, move) in zip(melody.notes, rows, strict=True)], np.int64)
    bar = np.array([note.onset_steps // melody.meter.steps_per_bar for note in melody.notes], np.int64)
    sums, counts = (np.bincount(bar, weights, melody.num_bars) for weights in (bits, None))
    return NoteScores(bits, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), better)


def own_bits(scores: Floats) -> Floats:
    """Bits (notes,) of the pitches that the notes have, among all that `substituted` tried."""
    return np.asarray((np.logaddexp.reduce(scores, axis=1) - scores[:, REACH]) / np.log(2))


def substituted(
    engine: Engine, tokens: Tokens, kind: int, onsets: NDArray[np.int64] | None = None, *, ngram: NGram | None = None
) -> Floats:
    """Nats (notes, 2 * REACH + 1) of a window (B, S) with each note moved by -REACH to REACH semitones, up to a constant of the row.

    onsets: (notes,), the steps of the window whose notes are asked about; default: all. ngram: adds its own nats, and names the few
    pitches that are tried. Pitches that no token stands for, or that were not tried, are infinitely unlikely.
    """
    flat = tokens.reshape(-1)
    everywhere = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    onsets = everywhere if onsets is None else onsets
    wanted = flat[onsets, None].astype(np.int64) + np.arange(-REACH, REACH + 1)
    possible = (wanted >= FIRST_PITCH_TOKEN) & (wanted < VOCABULARY_SIZE)
    scores = np.where(possible, 0.0, -np.inf)
    if ngram is not None:
        scores = _shortened(ngram.substituted(tokens, kind, REACH)[np.isin(everywhere, onsets)])
    bars = onsets // tokens.shape[1]
    scores[:, REACH] += _as_it_is(engine, tokens, kind)[bars]
    note, move = np.nonzero(np.isfinite(scores) & (np.arange(2 * REACH + 1) != REACH))
    for start in range(0, len(note), _BATCH):
        rows = slice(start, start + _BATCH)
        tried = np.repeat(flat[None], len(note[rows]), axis=0)
        tried[np.arange(len(tried)), onsets[note[rows]]] = wanted[note[rows], move[rows]]
        scores[note[rows], move[rows]] += _bound(engine, tried.reshape(-1, *tokens.shape), kind, bars[note[rows]])
    return np.asarray(scores)


def pitches_read(
    reader: Reader, tokens: Tokens, kind: int, onsets: NDArray[np.int64] | None = None, *, ngram: NGram | None = None
) -> Floats:
    """As `substituted`, by a reader of damaged music: each note given all others, some of which may be wrong. All pitches are tried."""
    everywhere = np.flatnonzero(tokens.reshape(-1) >= FIRST_PITCH_TOKEN)
    onsets = everywhere if onsets is None else onsets
    count, (bars, steps) = len(onsets), np.divmod(onsets, tokens.shape[1])
    gaps = np.zeros((count, *tokens.shape), np.uint8)
    gaps[np.arange(count), bars, steps] = PITCH
    heard = np.repeat(tokens[None], count, axis=0)
    scores = reader.step_log_probs(heard, gaps, kind, bars=bars, steps=steps, doubtful=True)
    wanted = tokens.reshape(-1)[onsets, None].astype(np.int64) + np.arange(-REACH, REACH + 1)
    possible = (wanted >= FIRST_PITCH_TOKEN) & (wanted < VOCABULARY_SIZE)
    read = np.where(possible, np.take_along_axis(scores, np.where(possible, wanted, 0), axis=1), -np.inf)
    if ngram is None:
        return read
    return np.asarray(_OF_READER * read + _BESIDE_READER * ngram.substituted(tokens, kind, REACH)[np.searchsorted(everywhere, onsets)])


def _as_it_is(engine: Engine, tokens: Tokens, kind: int) -> Floats:
    """`_bound` (B,) of a window (B, S) for each of its bars."""
    bars = np.arange(len(tokens))
    mu, sigma = engine.encode(tokens[None], kind)
    heard = engine.log_probs(tokens[None], mu, kind)[0].sum(axis=1)
    if engine.config.fixed_window:
        heard = np.full(len(bars), heard.sum())
    return np.asarray(heard + _meant(engine, tokens[None], mu, sigma, kind)[0])


def _shortened(scores: Floats) -> Floats:
    """The same with all but the notes' own pitches and the `_TRIED` best others infinitely unlikely; of equals the lower pitch."""
    others = scores.copy()
    others[:, REACH] = np.inf
    kept = np.argsort(-others, axis=1, kind="stable")[:, : _TRIED + 1]
    shortened = np.full_like(scores, -np.inf)
    np.put_along_axis(shortened, kept, np.take_along_axis(scores, kept, axis=1), axis=1)
    return shortened


def _bound(engine: Engine, tokens: Tokens, kind: int, bar: NDArray[np.int64]) -> Floats:
    """The lower bound (N,) of the log-likelihood at the mean of q, but for a constant and what other bars have of it."""
    mu, sigma = engine.encode(tokens, kind)
    if engine.config.fixed_window:
        heard = engine.log_probs(tokens, mu, kind).sum(axis=(1, 2))
    else:
        heard = engine.bar_log_probs(tokens, mu, kind, bar=bar).sum(axis=1)
    return np.asarray(heard + _meant(engine, tokens, mu, sigma, kind))


def _meant(engine: Engine, tokens: Tokens, mu: Floats, sigma: Floats, kind: int) -> Floats:
    """Nats (N,) that z at its mean gains of the prior over q, but for a constant."""
    used = engine.config.z_used(tokens.shape[1])
    return np.asarray(engine.prior_log_probs(mu, tokens, kind=kind).sum(axis=1) + np.log(sigma[:, :used]).sum(axis=1))
