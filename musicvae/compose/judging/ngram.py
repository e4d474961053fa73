"""A model of melodies without z: counts of what follows what, smoothed.

The simple model that likelihoods are compared with. Each step is scored in two stages, as the networks score it: hold, note-off or
some onset, given the place in the bar, the time since the last event and the last waits from onset to onset; then the pitch of
an onset, given up to four pitches before it and its place in the bar. Every longer context is smoothed with the shorter one below it:
p(w | c) = (n(c, w) + t(c) p(w | c')) / (n(c) + t(c)), where t(c) is how many different events were seen after c.
Witten & Bell (1991), method C; the shortest context is smoothed with the uniform distribution.

Conventions: tokens (N, B, S) in the coordinates of the model, all rows of one kind; T = B * S. Contexts are hashes
of 25 bits, kept sorted, each with the event in 7 bits below it: about one context in 500 that was never seen is taken for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

__all__ = ["DECISIONS", "NGram", "PITCHES", "fit_ngram"]

Floats = NDArray[np.float64]
Keys = NDArray[np.uint32]
Ints = NDArray[np.int64]

DECISIONS, PITCHES = FIRST_PITCH_TOKEN + 1, VOCABULARY_SIZE - FIRST_PITCH_TOKEN
_LONGEST_WAIT = 31
_MOST = 2**16 - 1  # counts that are kept in a file
_SYMBOL_BITS = np.uint32(7)


@dataclass(frozen=True, eq=False)
class Level:
    """Counts of the events after the contexts of one length.

    keys: (K,) uint32, ascending, of context and event, seen counts (K,) times; contexts: (C,) uint32, ascending, of contexts
    without the event, each seen totals (C,) times, with types (C,) different events.
    """

    keys: Keys
    counts: Ints
    contexts: Keys
    totals: Ints
    types: Ints

    @classmethod
    def of(cls, contexts: Keys, symbols: Ints, least: int = 1) -> Level:
        """Count events (M,) after contexts (M,); those seen less than `least` times are forgotten."""
        keys, counts = np.unique((contexts << _SYMBOL_BITS) | symbols.astype(np.uint32), return_counts=True)
        return cls.of_counts(keys[counts >= least], counts[counts >= least])

    @classmethod
    def of_counts(cls, keys: Keys, counts: Ints) -> Level:
        """The level of these counts; keys ascending."""
        found, first = np.unique(keys >> _SYMBOL_BITS, return_index=True)
        totals = np.add.reduceat(counts, first) if len(first) else np.zeros(0, np.int64)
        return cls(keys, counts.astype(np.int64), found, totals, np.diff(np.append(first, len(keys))))

    def smoothed(self, contexts: Keys, symbols: Ints, below: Floats) -> Floats:
        """Probabilities of symbols (M,) after contexts (M,), given those of the next shorter contexts."""
        if not len(self.keys):
            return below
        place, known = _find(self.contexts, contexts)
        total, types = np.where(known, self.totals[place], 0), np.where(known, self.types[place], 0)
        at, seen = _find(self.keys, (contexts << _SYMBOL_BITS) | symbols.astype(np.uint32))
        count = np.where(seen & known, self.counts[at], 0)
        return np.where(known, (count + types * below) / np.maximum(total + types, 1), below)


@dataclass(frozen=True, eq=False)
class NGram:
    """The counts of decisions and of pitches, from the shortest context to the longest; `fit_ngram` makes one."""

    decisions: Sequence[Level]
    pitches: Sequence[Level]

    def log_probs(self, tokens: Tokens, kind: int) -> Floats:
        """Natural logarithms (N, B, S) of the probability of each token, given all tokens before it."""
        told = _Told.of(tokens, kind)
        chosen = np.minimum(told.flat, FIRST_PITCH_TOKEN).reshape(-1)
        logs = np.log(self._probabilities(self.decisions, told.decision_contexts(), chosen, DECISIONS))
        onset = np.flatnonzero(told.flat.reshape(-1) >= FIRST_PITCH_TOKEN)
        contexts = [context.reshape(-1)[onset] for context in told.pitch_contexts()]
        pitch = told.flat.reshape(-1)[onset] - FIRST_PITCH_TOKEN
        logs[onset] += np.log(self._probabilities(self.pitches, contexts, pitch, PITCHES))
        return np.asarray(logs.reshape(tokens.shape), np.float64)

    def logits(self, tokens: Tokens, kind: int) -> Floats:
        """Log-probabilities (N, B, S, 90) of every event at each step, given all tokens before it."""
        told = _Told.of(tokens, kind)
        decision = self._all(self.decisions, told.decision_contexts(), DECISIONS)
        pitch = self._all(self.pitches, told.pitch_contexts(), PITCHES)
        joined = np.concatenate([decision[:, :FIRST_PITCH_TOKEN], decision[:, FIRST_PITCH_TOKEN:] * pitch], axis=1)
        return np.asarray(np.log(joined).reshape(*tokens.shape, VOCABULARY_SIZE), np.float64)

    def substituted(self, tokens: Tokens, kind: int, reach: int) -> Floats:
        """Nats (notes, 2 * reach + 1) of a window (B, S) with each note moved by -reach to reach semitones, up to a constant of the row.

        Exact: the pitch itself and the four after it are scored again. Pitches that no token stands for are infinitely unlikely.
        """
        told = _Told.of(tokens[None], kind)
        onset = np.flatnonzero(told.flat[0] >= FIRST_PITCH_TOKEN)
        own, place = told.flat[0, onset], np.append(told.place[onset], np.zeros(_BEFORE, np.int64))
        wanted = own[:, None] + np.arange(-reach, reach + 1)
        line = np.concatenate([np.zeros(_BEFORE, np.int64), own, np.zeros(_BEFORE, np.int64)])
        scores = np.where((wanted >= FIRST_PITCH_TOKEN) & (wanted < VOCABULARY_SIZE), 0.0, -np.inf)
        for later in range(min(_BEFORE, len(own)) + 1):
            at = np.arange(len(own)) + later
            before = np.stack([np.broadcast_to(line[at + _BEFORE - back, None], wanted.shape) for back in range(1, _BEFORE + 1)], axis=-1)
            if later:
                before[..., later - 1] = wanted
            contexts = _pitch_contexts(before, np.broadcast_to(place[at, None], wanted.shape), kind)
            heard = wanted if later == 0 else np.broadcast_to(line[at + _BEFORE, None], wanted.shape)
            symbols = np.clip(heard - FIRST_PITCH_TOKEN, 0, PITCHES - 1).reshape(-1)
            chances = self._probabilities(self.pitches, contexts, symbols, PITCHES).reshape(wanted.shape)
            scores += np.where(at[:, None] < len(own), np.log(chances), 0.0)
        return scores

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The counts as arrays to be kept in a file; `of_arrays` reads them."""
        named = {"decisions": self.decisions, "pitches": self.pitches}
        found: dict[str, NDArray[np.generic]] = {}
        for name, levels in named.items():
            for number, level in enumerate(levels):
                found[f"{name}.{number}.keys"] = level.keys
                found[f"{name}.{number}.counts"] = np.minimum(level.counts, _MOST).astype(np.uint16)
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> NGram:
        """What `arrays` gave; KeyError or ValueError for anything else."""

        def levels(name: str, count: int) -> list[Level]:
            return [
                Level.of_counts(np.asarray(arrays[f"{name}.{n}.keys"], np.uint32), np.asarray(arrays[f"{name}.{n}.counts"], np.int64))
                for n in range(count)
            ]

        return cls(levels("decisions", _NUM_DECISION_LEVELS), levels("pitches", _NUM_PITCH_LEVELS))

    def _all(self, levels: Sequence[Level], contexts: Sequence[Keys], width: int) -> Floats:
        """Probabilities (N * T, width) of every event."""
        count = contexts[0].size
        symbols = np.tile(np.arange(width), count)
        return self._probabilities(levels, [np.repeat(c.reshape(-1), width) for c in contexts], symbols, width).reshape(count, width)

    @staticmethod
    def _probabilities(levels: Sequence[Level], contexts: Sequence[Keys], symbols: Ints, width: int) -> Floats:
        found = np.full(len(symbols), 1 / width)
        for level, context in zip(levels, contexts, strict=True):
            found = level.smoothed(context.reshape(-1), symbols, found)
        return found


def fit_ngram(windows: Iterable[tuple[Tokens, int]], *, least: int = 1) -> NGram:
    """Count what is in windows, each tokens (N, B, S) and their kind; least: times an event must be seen in a context to be kept.

    ValueError where there is no window.
    """
    decisions: list[list[Keys]] = [[] for _ in range(_NUM_DECISION_LEVELS)]
    pitches: list[list[Keys]] = [[] for _ in range(_NUM_PITCH_LEVELS)]
    chosen: list[Ints] = []
    struck: list[Ints] = []
    for tokens, kind in windows:
        told = _Told.of(tokens, kind)
        flat = told.flat.reshape(-1)
        onset = flat >= FIRST_PITCH_TOKEN
        chosen.append(np.minimum(flat, FIRST_PITCH_TOKEN))
        struck.append(flat[onset] - FIRST_PITCH_TOKEN)
        for kept, context in zip(decisions, told.decision_contexts(), strict=True):
            kept.append(context.reshape(-1))
        for kept, context in zip(pitches, told.pitch_contexts(), strict=True):
            kept.append(context.reshape(-1)[onset])
    if not chosen:
        raise ValueError("an n-gram needs at least one window to be counted from")
    events, notes = np.concatenate(chosen), np.concatenate(struck)
    return NGram(
        [Level.of(np.concatenate(kept), events, least) for kept in decisions],
        [Level.of(np.concatenate(kept), notes, least) for kept in pitches],
    )


_NUM_DECISION_LEVELS, _NUM_PITCH_LEVELS = 6, 6
_BEFORE = 4  # pitches that a pitch is given


@dataclass(frozen=True, eq=False)
class _Told:
    """What is known before each step.

    flat: (N, T) tokens; place: (T,) step in the bar; since: (N, T) steps since the last event; sounding: (N, T); before: (N, T, 4) the
    last pitches, 0 for none; waits: (N, T, 3) the last waits from onset to onset, 0 for none.
    """

    kind: int
    flat: Ints
    place: Ints
    since: Ints
    sounding: NDArray[np.bool_]
    before: Ints
    waits: Ints

    @classmethod
    def of(cls, tokens: Tokens, kind: int) -> _Told:
        rows, bars, steps = tokens.shape
        flat = tokens.reshape(rows, -1).astype(np.int64)
        step = np.arange(flat.shape[1])
        latest = _shifted(np.maximum.accumulate(np.where(flat > 0, step, -1), axis=1))
        event = np.take_along_axis(flat, np.maximum(latest, 0), axis=1)
        since = np.minimum(np.where(latest >= 0, step - latest, _LONGEST_WAIT), _LONGEST_WAIT)
        onset = flat >= FIRST_PITCH_TOKEN
        number: Ints = np.cumsum(onset, axis=1) - onset
        pitches = np.zeros((rows, flat.shape[1] + 4), np.int64)
        times = np.full((rows, flat.shape[1] + 4), -1)
        row, at = np.nonzero(onset)
        pitches[row, number[row, at] + 4] = flat[row, at]
        times[row, number[row, at] + 4] = at
        before = np.stack([np.take_along_axis(pitches, number + 4 - back, axis=1) for back in range(1, 5)], axis=-1)
        known = np.stack([np.take_along_axis(times, number + 4 - back, axis=1) for back in range(1, 5)], axis=-1)
        waits = np.where(known[..., 1:] >= 0, np.minimum(known[..., :-1] - known[..., 1:], _LONGEST_WAIT), 0)
        sounding = (latest >= 0) & (event >= FIRST_PITCH_TOKEN)
        return cls(kind, flat, np.tile(np.arange(steps), bars), since, sounding, before, waits)

    def decision_contexts(self) -> list[Keys]:
        """Contexts (N, T) of the decision at each step, the shortest first."""
        kind = _hashed(np.full(self.flat.shape, 1 + self.kind))
        place = _hashed(np.broadcast_to(self.place, self.flat.shape), kind)
        state = _hashed(self.since * 2 + self.sounding, place)
        found = [kind, place, state]
        for back in range(3):
            found.append(_hashed(self.waits[..., back], found[-1]))
        return found

    def pitch_contexts(self) -> list[Keys]:
        """Contexts (N, T) of the pitch of an onset at each step, the shortest first."""
        return _pitch_contexts(self.before, np.broadcast_to(self.place, self.flat.shape), self.kind)


def _pitch_contexts(before: Ints, place: Ints, kind: int) -> list[Keys]:
    """Contexts (...) of pitches at a step of the bar (...) after the pitches before (..., 4), the last one first."""
    found = [_hashed(np.zeros(place.shape, np.int64))]
    for back in range(3):
        found.append(_hashed(before[..., back], found[-1]))
    found.append(_hashed(place + 16 * (1 + kind), found[-1]))
    return [*found, _hashed(before[..., 3], found[-1])]


def _shifted(values: Ints) -> Ints:
    """The same one step later, -1 first."""
    return np.concatenate([np.full((len(values), 1), -1), values[:, :-1]], axis=1)


def _hashed(values: NDArray[np.integer], above: Keys | None = None) -> Keys:
    """25-bit hashes of values together with the hashes above them. Steele, Lea & Flood (2014): the mixer of SplitMix64."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    if above is not None:
        mixed = mixed + above.astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(39), np.uint32)


def _find(ascending: Keys, wanted: Keys) -> tuple[Ints, NDArray[np.bool_]]:
    """Where each wanted key is among at least one, and whether it is there at all."""
    place = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return place, ascending[place] == wanted
