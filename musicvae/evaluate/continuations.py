"""How well `continue` goes on where held-out tunes were broken off, against repeating, an n-gram and the tune itself.

Conventions: tokens (B, S) of whole tunes in the model's coordinates, of which the first `given` bars are known; what follows, at most
`MOST_BARS`, is compared with the tune's own bars. A bar *returns* to all earlier bars that it equals. ``returns``: F1 of new bars that
return, right where the tune's own bar returns to one of the same bars (of bars in which a note starts); ``form``: share of bars that
return rightly, or are rightly new. ``tokens``, ``pitch``, ``onsets`` as in `evaluate.revisions`. Lag distance: total variation between
the lags of new bars to the latest equal one, none among them, and those of the tunes. Leap: semitones from the last given note to the
first new one. Model bits: per note of the last 16 bars; n-gram bits: per note of the new bars given those before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.ngram import NGram
from musicvae.compose.revising.continuing import Going, continue_melody
from musicvae.compose.revising.returns import equal_bars, pickup_bars
from musicvae.evaluate.metrics import Estimate, bootstrap, f1_score
from musicvae.evaluate.variations import evidence_bound, tokens_of, window_melody
from musicvae.model.noise import piece_seed
from musicvae.music.key import Key
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE, Tokens, canonical_tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.corpus.store import Corpus

__all__ = ["MOST_BARS", "Broken", "FollowGain", "FollowRow", "follow_gains", "follow_row", "followed", "select_broken", "ways_of"]

MOST_BARS = 16
_WINDOW = 16
_FEWEST_GIVEN = 8
_LAGS = 65
_SCALE = np.isin((np.arange(VOCABULARY_SIZE) - FIRST_PITCH_TOKEN + MIN_PITCH) % 12, sorted(Key(0).scale))
Way = Callable[["Broken", int], Tokens]


@dataclass(frozen=True, eq=False)
class Broken:
    """A tune: tokens (B, S), of which `given` bars are known; kind: index into `KINDS`."""

    tokens: Tokens
    given: int
    kind: int
    tune: int


@dataclass(frozen=True)
class FollowRow:
    """One way of going on, over tunes of one meter of which a share is given."""

    meter: str
    given: str
    way: str
    returns: Estimate
    form: Estimate
    tokens: Estimate
    pitch: Estimate
    onsets: Estimate
    in_key: float
    leap: float
    lag_distance: float
    ngram_bits: float
    model_bits: float


@dataclass(frozen=True)
class FollowGain:
    """How much more one way has than another of the same tunes."""

    meter: str
    given: str
    way: str
    against: str
    returns: Estimate
    form: Estimate
    tokens: Estimate
    pitch: Estimate


def select_broken(corpus: Corpus, split: str, kind: int, share: float, count: int, seed: int = 0) -> list[Broken]:
    """Tunes of 16 bars or more, at most `count`, drawn at random, broken off after a share of their bars, at least 8."""
    lines = corpus.select(split, kind=kind)
    lines = lines[np.asarray(corpus.num_bars)[lines] >= 2 * _FEWEST_GIVEN]
    steps = Meter.parse(KINDS[kind]).steps_per_model_bar
    found = []
    for line in np.random.default_rng([seed, kind]).permutation(lines).tolist():
        start, bars = int(corpus.start[line]), int(corpus.num_bars[line])
        given = max(_FEWEST_GIVEN, int(bars * share))
        tokens = canonical_tokens(np.asarray(corpus.bars[start : start + min(bars, given + MOST_BARS), :steps]))
        if (tokens[:given] >= FIRST_PITCH_TOKEN).any() and (tokens[given:] >= FIRST_PITCH_TOKEN).any():
            found.append(Broken(tokens, given, kind, line))
        if len(found) == count:
            break
    return found


def ways_of(engine: Engine, ngram: NGram | None) -> dict[str, Way]:
    """All ways by name; the tune itself comes first."""
    ways: dict[str, Way] = {"the tune itself": lambda broken, seed: broken.tokens, "last 8 bars again": _last_again,
                            "opening again": _opening_again}  # fmt: skip
    if ngram is not None:
        ways["n-gram, likeliest event"] = _ngram_events(ngram)
    for form in ("free", "auto"):
        for name, heat in (("likeliest", 0.0), ("drawn", 1.0)):
            ways[f"continue, {form}, {name}"] = _continued(engine, form, heat)
    return ways


def followed(way: Way, tunes: Sequence[Broken], seed: int = 0) -> list[Tokens]:
    """What a way makes of each tune, (B, S) each."""
    return [way(broken, piece_seed(seed, number)) for number, broken in enumerate(tunes)]


def follow_row(engine: Engine, ngram: NGram, tunes: Sequence[Broken], results: Sequence[Tokens], *, given: str, way: str) -> FollowRow:
    """The figures of one way."""
    sums = np.array([_counts(broken, tokens) for broken, tokens in zip(tunes, results, strict=True)])
    names = [broken.tune for broken in tunes]
    columns = {name: bootstrap(sums, names, statistic) for name, statistic in _STATISTICS.items()}
    onsets = np.concatenate([_onsets(tokens[broken.given :]) for broken, tokens in zip(tunes, results, strict=True)])
    leaps = [_leap(broken, tokens) for broken, tokens in zip(tunes, results, strict=True)]
    own, true = (_lag_shares([(b, t) for b, t in zip(tunes, tokens, strict=True)]) for tokens in (results, [b.tokens for b in tunes]))
    bits = np.array([_bits(engine, ngram, broken, tokens) for broken, tokens in zip(tunes, results, strict=True)]).sum(axis=0)
    return FollowRow(
        KINDS[tunes[0].kind], given, way, **columns, in_key=float(_SCALE[onsets].mean()) if len(onsets) else float("nan"),
        leap=float(np.nanmean(leaps)), lag_distance=float(0.5 * np.abs(own - true).sum()),
        ngram_bits=float(bits[0] / bits[1]), model_bits=float(bits[2] / bits[3]),
    )  # fmt: skip


def follow_gains(tunes: Sequence[Broken], found: Mapping[str, Sequence[Tokens]], way: str, *, given: str) -> Iterator[FollowGain]:
    """The paired gains of one way over each of the others but the tune itself, with intervals over tunes."""
    sums = {name: np.array([_counts(b, t) for b, t in zip(tunes, results, strict=True)]) for name, results in found.items()}
    names, width = [broken.tune for broken in tunes], len(next(iter(sums.values()))[0])

    def gain(other: str, statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Estimate:
        return bootstrap(np.hstack([sums[way], sums[other]]), names, lambda s: statistic(s[:, :width]) - statistic(s[:, width:]))

    for other in list(found)[1:]:
        if other != way:
            columns = {name: gain(other, _STATISTICS[name]) for name in ("returns", "form", "tokens", "pitch")}
            yield FollowGain(KINDS[tunes[0].kind], given, way, other, **columns)


_STATISTICS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "returns": lambda s: f1_score(s[:, 0], s[:, 1], s[:, 2]),
    "form": lambda s: s[:, 3] / s[:, 4],
    "tokens": lambda s: s[:, 5] / s[:, 7],
    "pitch": lambda s: s[:, 6] / s[:, 7],
    "onsets": lambda s: f1_score(s[:, 8], s[:, 9], s[:, 10]),
}


def _counts(broken: Broken, result: Tokens) -> list[float]:
    """Right returns, returns of the tune and of the result; bars of right form, bars; equal tokens, pitches, steps; onsets."""
    new = slice(broken.given, None)
    true, own = (np.tril(equal_bars(tokens), -1) & _sounding(tokens)[:, None] for tokens in (broken.tokens, result))
    right = np.asarray((true & own).any(axis=1))[new]
    returns, guessed = (np.asarray(table.any(axis=1))[new] for table in (true, own))
    heard = _sounding(broken.tokens)[new]
    a, b = broken.tokens[new], result[new]
    pitches = [_pitches(tokens)[new] for tokens in (broken.tokens, result)]
    first, second = a >= FIRST_PITCH_TOKEN, b >= FIRST_PITCH_TOKEN
    counts = (
        right, returns, guessed, (right | ~(returns | guessed)) & heard, heard, a == b, pitches[0] == pitches[1], np.ones(a.shape),
        first & second, first, second,
    )  # fmt: skip
    return [float(np.sum(count)) for count in counts]


def _sounding(tokens: Tokens) -> NDArray[np.bool_]:
    """Bars (B,) in which a note starts."""
    return np.asarray((tokens >= FIRST_PITCH_TOKEN).any(axis=1))


def _pitches(tokens: Tokens) -> NDArray[np.int64]:
    """The token of the note that sounds at each step (B, S), 0 for none."""
    flat = tokens.reshape(-1).astype(np.int64)
    latest = np.maximum.accumulate(np.where(flat != HOLD, np.arange(len(flat)), 0))
    return np.where(flat[latest] >= FIRST_PITCH_TOKEN, flat[latest], 0).reshape(tokens.shape)


def _onsets(tokens: Tokens) -> NDArray[np.int64]:
    """The tokens (K,) of all notes, in order."""
    return tokens[tokens >= FIRST_PITCH_TOKEN].astype(np.int64)


def _leap(broken: Broken, result: Tokens) -> float:
    before, after = _onsets(result[: broken.given]), _onsets(result[broken.given :])
    return float(abs(after[0] - before[-1])) if len(after) else float("nan")


def _lag_shares(pieces: Sequence[tuple[Broken, Tokens]]) -> NDArray[np.float64]:
    """Shares (65,) of new bars that return to no bar, or first so many bars back, 64 for more."""
    counts = np.zeros(_LAGS)
    for broken, tokens in pieces:
        equal = np.tril(equal_bars(tokens), -1)
        for bar in (bar for bar in range(broken.given, len(tokens)) if _sounding(tokens)[bar]):
            earlier = np.flatnonzero(equal[bar])
            counts[min(bar - int(earlier[-1]), _LAGS - 1) if len(earlier) else 0] += 1
    shares: NDArray[np.float64] = counts / max(1.0, counts.sum())
    return shares


def _bits(engine: Engine, ngram: NGram, broken: Broken, result: Tokens) -> list[float]:
    """Bits of the new bars by the n-gram, and their notes; of the last bars by the model, and their notes."""
    known = max(0, broken.given - _WINDOW)
    costs = ngram.log_probs(result[None, known:], broken.kind)[0, broken.given - known :]
    last = canonical_tokens(result[-_WINDOW:])
    bound = evidence_bound(engine, last, broken.kind)
    return [-float(costs.sum()) / np.log(2), max(1, len(_onsets(result[broken.given :]))), -bound / np.log(2), max(1, len(_onsets(last)))]


def _last_again(broken: Broken, seed: int) -> Tokens:
    tokens = broken.tokens.copy()
    for bar in range(broken.given, len(tokens)):
        tokens[bar] = tokens[bar - 8]
    return canonical_tokens(tokens)


def _opening_again(broken: Broken, seed: int) -> Tokens:
    tokens, first = broken.tokens.copy(), pickup_bars(broken.tokens)
    for bar in range(broken.given, len(tokens)):
        tokens[bar] = tokens[first + bar - broken.given]
    return canonical_tokens(tokens)


def _ngram_events(ngram: NGram) -> Way:
    """Each event the likeliest after those before, hold, note-off or an onset first and then its pitch."""

    def way(broken: Broken, seed: int) -> Tokens:
        tokens = broken.tokens.copy()
        tokens[broken.given :] = HOLD
        for bar in range(broken.given, len(tokens)):
            window = tokens[max(0, bar - 4) : bar + 1]
            for step in range(tokens.shape[1]):
                scores = ngram.logits(window[None], broken.kind)[0, -1, step]
                onset = np.logaddexp.reduce(scores[FIRST_PITCH_TOKEN:])
                first = int(np.argmax([scores[HOLD], scores[NOTE_OFF], onset]))
                window[-1, step] = first if first < FIRST_PITCH_TOKEN else FIRST_PITCH_TOKEN + int(scores[FIRST_PITCH_TOKEN:].argmax())
        return canonical_tokens(tokens)

    return way


def _continued(engine: Engine, form: str, heat: float) -> Way:
    def way(broken: Broken, seed: int) -> Tokens:
        going = Going(len(broken.tokens) - broken.given, heat, heat, form=form)
        given = window_melody(broken.tokens[: broken.given], KINDS[broken.kind])
        return tokens_of(continue_melody(engine, given, going, seed=seed))

    return way
