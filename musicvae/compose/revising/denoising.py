"""Wrong notes found and put right, everything else as it is.

A melody is taken as one played with errors: each note is right with probability 1 - `wrong_share`, else it was moved, with equal
chances, by one to six semitones. A note is put right where that is likelier, given all other notes, the surest first; since wrong notes
mislead about those around them, the bars around each are looked at again until nothing changes. Rhythm stays. How likely a pitch is,
given all others, a reader of damaged music says, which has learned that some of them may be wrong; without one, the network says
how likely the whole is with it (`compose.judging.notes.substituted`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.judging.notes import REACH, pitches_read, substituted
from musicvae.compose.reading import Reader
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["WRONG_SHARE", "Correction", "Judges", "corrections", "mended", "righted"]

WRONG_SHARE = 0.05
"""Of notes that are expected to be wrong where nobody says how many."""
_OF_ENGINE, _OF_NGRAM, _NGRAM_ALONE = 0.6, 0.3, 0.5
_PASSES = 4
_FEW = 3  # tokens in which bars may differ that were meant to be the same, perhaps
_CLOSE = 6.0  # nats that a note may lack to be asked about again


@dataclass(frozen=True)
class Correction:
    """A note that sounds wrong: its number in the melody, its pitch, a better one, and by how many nats all is likelier with that."""

    index: int
    onset_steps: int
    pitch: int
    better: int
    nats: float

    @property
    def bits(self) -> float:
        """By how many bits all is likelier with the better pitch."""
        return self.nats / math.log(2)


@dataclass(frozen=True, eq=False)
class Judges:
    """Who says how likely a melody is: a reader of damaged music, or else an engine; an n-gram of the training tunes beside them or alone.

    What two say counts less than it claims, since much of it is the same; the shares were chosen on validation tunes.
    """

    engine: Engine | None = None
    ngram: NGram | None = None
    reader: Reader | None = None

    def substituted(self, tokens: Tokens, kind: int, onsets: NDArray[np.int64]) -> Floats:
        """Nats (notes, 2 * REACH + 1) of a window (B, S) with each note that begins at `onsets` moved, up to a constant of the row."""
        if self.reader is not None:
            return pitches_read(self.reader, tokens, kind, onsets, ngram=self.ngram)
        if self.ngram is None:
            if self.engine is None:
                raise ValueError("nobody is there to judge: give an engine or an n-gram")
            return substituted(self.engine, tokens, kind, onsets)
        simple = self._by_ngram(self.ngram, tokens, kind, onsets)
        if self.engine is None:
            return _NGRAM_ALONE * simple
        both = substituted(self.engine, tokens, kind, onsets, ngram=self.ngram)
        tried = np.isfinite(both)
        found = np.full(both.shape, -np.inf)
        found[tried] = _OF_ENGINE * (both[tried] - simple[tried]) + _OF_NGRAM * simple[tried]
        return found

    @staticmethod
    def _by_ngram(ngram: NGram, tokens: Tokens, kind: int, onsets: NDArray[np.int64]) -> Floats:
        every = np.flatnonzero(tokens.reshape(-1) >= FIRST_PITCH_TOKEN)
        return ngram.substituted(tokens, kind, REACH)[np.searchsorted(every, onsets)]


def corrections(
    engine: Engine,
    melody: Melody,
    *,
    wrong_share: float = WRONG_SHARE,
    locked: NDArray[np.bool_] | None = None,
    ngram: NGram | None = None,
    reader: Reader | None = None,
) -> tuple[Correction, ...]:
    """What is likely wrong in a melody, the surest first.

    locked: (num_steps,), where notes that begin are right; none by default. ngram: of the training tunes, which is asked too.
    reader: of damaged music, which is asked instead of the engine. ValueError for a share of wrong notes that is not above 0 and below 1.
    """
    if not 0 < wrong_share < 1:
        raise ValueError(f"the share of wrong notes lies above 0 and below 1, got {wrong_share:g}: 0.1 is one in ten")
    judges = Judges(engine, ngram, reader)
    placed, _ = place(engine, melody)
    windows = windows_of(engine, [placed.tokens], melody.meter)
    parts = cut_tokens(placed.tokens, windows, apart=engine.config.fixed_window)
    numbers = {note.onset_steps: index for index, note in enumerate(melody.notes)}
    steps, found = placed.tokens.shape[1], []
    for window, part in zip(windows, parts, strict=True):
        first = window.start_bar * steps
        free = np.array([
            first + at in numbers and (locked is None or not locked[first + at]) for at in range(part.size)
        ], np.bool_)  # fmt: skip
        for at, (token, nats) in righted(judges, part, melody.meter.kind_index, free, wrong_share).items():
            note = melody.notes[numbers[first + at]]
            better = note.pitch + token - int(part.reshape(-1)[at])
            found.append(Correction(numbers[first + at], note.onset_steps, note.pitch, better, nats))
    return tuple(sorted(found, key=lambda item: (-item.nats, item.onset_steps)))


def mended(melody: Melody, found: Sequence[Correction]) -> Melody:
    """The melody with the corrections made; ValueError for what is no correction of one of its notes."""
    notes = list(melody.notes)
    for item in found:
        if not isinstance(item, Correction):
            raise ValueError(f"{item!r} is no correction: give some of those that propose_repairs returns")
        if not 0 <= item.index < len(notes) or notes[item.index].onset_steps != item.onset_steps:
            raise ValueError(
                f"the melody has no note that the correction of note {item.index + 1} is for: was it proposed for another one?"
            )
        notes[item.index] = replace(notes[item.index], pitch=item.better)
    return replace(melody, notes=tuple(notes))


def righted(judges: Judges, tokens: Tokens, kind: int, free: NDArray[np.bool_], wrong_share: float) -> dict[int, tuple[int, float]]:
    """Steps of a window (B, S) whose notes are wrong, with the right token and by how many nats all is likelier with it.

    free: (B * S,), where notes may be changed.
    """
    given, now = tokens.reshape(-1), tokens.copy()
    onsets = np.flatnonzero(given >= FIRST_PITCH_TOKEN)
    steps, found = tokens.shape[1], dict[int, tuple[int, float]]()
    stale = np.ones(len(tokens), np.bool_)
    gains = np.zeros((len(onsets), 2))
    for _ in range(_PASSES):
        asked = np.flatnonzero(stale[onsets // steps] & free[onsets] & (gains[:, 0] > -_CLOSE))
        if not len(asked):
            break
        gains[asked] = _gains(judges, now, kind, given, onsets[asked], wrong_share)
        stale[:] = False
        before = now.copy()
        for note in _first_of_each(before, onsets, gains[:, 0]):
            at, nats, token = int(onsets[note]), float(gains[note, 0]), int(gains[note, 1])
            now.reshape(-1)[at] = token
            found[at] = (token, max(nats, found.get(at, (0, 0.0))[1]))
            stale |= _alike(before, at // steps)
            stale[max(0, at // steps - 1) : at // steps + 2] = True
            gains[note, 0] = 0.0
    return {at: (token, nats) for at, (token, nats) in found.items() if token != given[at]}


def _first_of_each(tokens: Tokens, onsets: NDArray[np.int64], gains: Floats) -> list[int]:
    """The notes that gain, the surest first, one for all bars that are nearly the same: where two differ, not both are wrong."""
    chosen: list[int] = []
    taken = np.zeros(len(tokens), np.bool_)
    for note in np.argsort(-gains, kind="stable").tolist():
        bar = int(onsets[note]) // tokens.shape[1]
        if gains[note] > 0 and not taken[bar]:
            chosen.append(note)
            taken |= _alike(tokens, bar)
    return chosen


def _alike(tokens: Tokens, bar: int) -> NDArray[np.bool_]:
    """Bars (B,) that differ from one in a few tokens at most, itself among them."""
    return np.asarray((tokens != tokens[bar]).sum(axis=1) <= _FEW)


def _gains(judges: Judges, now: Tokens, kind: int, given: Tokens, onsets: NDArray[np.int64], wrong_share: float) -> Floats:
    """For each note the nats that its best other pitch gains over the present one, and that pitch's token, (notes, 2)."""
    scores = judges.substituted(now, kind, onsets)
    present = now.reshape(-1)[onsets].astype(np.int64)
    moves = np.arange(-REACH, REACH + 1)
    tokens = present[:, None] + moves
    # What was played tells of what was meant: most likely itself, else anything within reach.
    played = tokens == given[onsets][:, None].astype(np.int64)
    far = np.abs(tokens - given[onsets][:, None].astype(np.int64)) > REACH
    believed = np.where(played, np.log1p(-wrong_share), np.log(wrong_share / (2 * REACH)))
    posterior = np.where(far, -np.inf, scores + believed)
    own = posterior[:, REACH].copy()
    posterior[:, REACH] = -np.inf
    best = posterior.argmax(axis=1)
    rows = np.arange(len(onsets))
    return np.stack([posterior[rows, best] - own, tokens[rows, best].astype(np.float64)], axis=1)
