"""Filling the free steps of one window: what the network expects there, given all that is around.

Conventions: one window of B model bars and S steps; `free` (B, S) is true where the music is to be found, and all other
tokens stay. Free bars are drawn anew one after another, over and over (Gibbs sampling: Geman & Geman, 1984), each given all
other bars as they are by then. A bar is drawn from candidates of two kinds, whose weights are estimates of p(bar | all others):

* bars heard anywhere else in the window: p(window with it), the network's lower bound at the mean of q(z | window), and how much
  the bars around the free one are like those around the heard one, which the network knows less exactly than it could;
* bars that the prior makes afresh of the bars before: p(bars that follow | it), shared among as many as are drawn.

What each of these counts was fitted to held-out tunes of validation (`Counting`). The likeliest filling would be silence: one empty bar
is likelier than any one melody, though not than all melodies together. So the answer at temperature 0 is the one that is expected to
have most in common with a draw by the weights of all rounds (minimum Bayes risk: Kumar & Byrne, 2004), bar by bar.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.reading import Reader
from musicvae.compose.revising.evidence import parts_of
from musicvae.compose.revising.hole import Hole
from musicvae.compose.revising.likeness import PHRASE, likeness, most_alike
from musicvae.compose.revising.redrawing import redrawn
from musicvae.compose.seeds import derived_seed
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE, Tokens

__all__ = ["WITH_NGRAM", "Counting", "Search", "fill"]

_ONSET_WORTH = 0.6  # of a token, or sure holds would win over likely notes


@dataclass(frozen=True)
class Counting:
    """What a candidate's log-weight is made of.

    own, others: of each nat of the lower bound, of the bar itself (heard bars only) and of all other bars. copied: for being heard
    elsewhere. likeness: of its place's likeness in [0, 1]. phrase: for a place whole phrases of four bars away. ngram: of each nat
    that the n-gram, where there is one, gives the bar and the next one.
    """

    own: float = 0.24
    others: float = 0.34
    copied: float = 4.8
    likeness: float = 3.2
    phrase: float = 2.2
    ngram: float = 0.0


WITH_NGRAM = Counting(own=0.082, others=0.204, copied=1.67, likeness=1.27, phrase=1.77, ngram=0.151)
"""What counts beside an n-gram. Better bar by bar on validation tunes, worse over whole holes: not what `repair` uses."""


@dataclass(frozen=True)
class Search:
    """How to look. rounds: over all free bars, the first of which does not count. draws: of the prior for each bar and round.

    temperature: 0 for the answer that is expected to be right most often, else that of the draw that is the answer. ngram: of the
    training tunes, which is asked too. reader: of damaged music, which knows best what stood in a hole: where there is one, it alone
    is asked, as told in `compose.revising.redrawing`.
    """

    rounds: int = 3
    draws: int = 8
    temperature: float = 0.0
    ngram: NGram | None = None
    reader: Reader | None = None

    @property
    def counting(self) -> Counting:
        """What candidates are weighed by."""
        return Counting() if self.ngram is None else WITH_NGRAM


def fill(engine: Engine, hole: Hole, search: Search, seed: int) -> Tokens:
    """The window (B, S) with its free steps filled."""
    if not hole.free.any():
        return hole.tokens.copy()
    if search.reader is not None:
        return redrawn(search.reader, hole, seed, temperature=search.temperature)
    now = hole.put(most_alike(hole.tokens, hole.free)[None])[0]
    beliefs: dict[int, dict[bytes, float]] = {bar: defaultdict(float) for bar in hole.bars}
    for turn in range(search.rounds):
        for bar in hole.bars:
            own = derived_seed(seed, f"fill {turn} {bar}")
            bars, weights = _expected(engine, hole, now, bar, search, own)
            chosen = int(np.random.default_rng(own).choice(len(bars), p=weights))
            now = bars[chosen]
            if turn:
                for window, weight in zip(bars, weights.tolist(), strict=True):
                    beliefs[bar][window[bar].tobytes()] += weight
    return now if search.temperature else _expected_right(hole, now, beliefs)


def _expected(engine: Engine, hole: Hole, now: Tokens, bar: int, search: Search, seed: int) -> tuple[Tokens, Floats]:
    """Windows (N, B, S) that differ in one bar, and the probability (N,) of each given the other bars."""
    fresh = _fresh(engine, hole, now, bar, search.draws, seed)
    heard, liking = _heard(hole, now, bar, search.counting, fresh=len(fresh) > 0)
    windows = np.concatenate([fresh, heard])
    parts = parts_of(engine, windows, hole.kind, bar)
    scores = search.counting.others * parts.others + hole.leaning(windows)
    if search.ngram is not None:
        scores += search.counting.ngram * search.ngram.log_probs(windows, hole.kind)[:, bar : bar + 2].sum(axis=(1, 2))
    scores[: len(fresh)] -= np.log(max(1, len(fresh)))
    scores[len(fresh) :] += search.counting.own * parts.own[len(fresh) :] + liking
    scores /= search.temperature or 1.0
    weights = np.exp(scores - scores.max())
    return windows, weights / weights.sum()


def _heard(hole: Hole, now: Tokens, bar: int, counting: Counting, *, fresh: bool) -> tuple[Tokens, Floats]:
    """Windows (N, B, S) with each of the other bars in the place of one, and what speaks for them (N,) besides the network.

    Pitches that may not be there are others; without fresh bars, which keep to any rhythm, so are other events.
    """
    known = [not bool(row.any()) for row in hole.free]
    found: dict[bytes, tuple[int, float]] = {}
    for other in (other for other in range(len(now)) if other != bar):
        liking = counting.copied
        if known[other]:
            away = counting.phrase if (other - bar) % PHRASE == 0 else 0.0
            liking += counting.likeness * likeness(hole.tokens, hole.free, bar, other) + away
        row = now[other].tobytes()
        found[row] = (other, max(liking, found.get(row, (other, liking))[1]))
    if not found:  # a window of one bar
        found = {now[bar].tobytes(): (bar, 0.0)}
    tried = np.repeat(now[None], len(found), axis=0)
    tried[:, bar] = now[[other for other, _ in found.values()]]
    tried = hole.suited(tried, rhythm=not fresh)
    return _limited(hole, tried, now, bar), np.array([liking for _, liking in found.values()])


def _limited(hole: Hole, tried: Tokens, now: Tokens, bar: int) -> Tokens:
    """Windows that take only the free steps of one bar from `tried`, all else from `now`."""
    free = np.zeros_like(hole.free)
    free[bar] = hole.free[bar]
    placed = np.where(free, tried, now)
    return hole.put(placed) if len(placed) else placed


def _fresh(engine: Engine, hole: Hole, now: Tokens, bar: int, draws: int, seed: int) -> Tokens:
    """Windows (draws, B, S) with a bar that the prior makes of those before it; none for an engine with a fixed window."""
    if engine.config.fixed_window:
        return np.zeros((0, *now.shape), np.uint8)
    seeds = [derived_seed(seed, f"draw {k}") for k in range(draws)]
    total = len(now)
    mu = np.repeat(engine.encode(now[None], hole.kind)[0], draws, axis=0)
    z = engine.sample_prior(seeds, bars=total, kind=hole.kind, given=mu, given_bars=bar)
    after = slice(engine.config.z_used(bar + 1), engine.config.z_used(total))
    z[:, after] = mu[:, after]
    forced = now.astype(np.int16)
    forced[bar] = np.where(hole.free[bar], -1, forced[bar])
    bias = None if hole.bias is None else np.repeat(hole.bias[None], draws, axis=0)
    drawn = engine.decode(
        z, bars=total, kind=hole.kind, temperature=0.0, seeds=seeds, bias=bias, forced=np.repeat(forced[None], draws, axis=0)
    )
    return _limited(hole, drawn, now, bar)


def _expected_right(hole: Hole, now: Tokens, beliefs: dict[int, dict[bytes, float]]) -> Tokens:
    """The window whose free bars have the highest expected share of right tokens each."""
    best = now.copy()
    for bar, found in beliefs.items():
        if not found:
            continue
        rows = np.stack([np.frombuffer(row, np.uint8) for row in found])
        weights = np.array(list(found.values()))
        best[bar] = rows[int(_agreement(rows, weights).argmax())]
    filled: Tokens = hole.put(best[None])[0]
    return filled


def _agreement(rows: Tokens, weights: Floats) -> Floats:
    """How much (N,) each row is expected to have in common with one drawn by the weights: equal tokens, and onsets at the same step."""
    steps = np.arange(rows.shape[1])
    shares = np.zeros((len(steps), VOCABULARY_SIZE))
    np.add.at(shares, (steps, rows), weights[:, None])
    onset = shares[:, FIRST_PITCH_TOKEN:].sum(axis=1)
    return np.asarray(shares[steps, rows].sum(axis=1) + _ONSET_WORTH * ((rows >= FIRST_PITCH_TOKEN) * onset).sum(axis=1))
