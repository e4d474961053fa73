"""Filling the free steps of one window so that the whole is as likely as can be.

Conventions: one window of B model bars and S steps; `free` (B, S) is true where the music is to be found, and all other
tokens stay. A filling is made in three ways, and the network's own evidence (`revising.evidence`) decides among them:

* bars of the window that are known, copied, the same number of bars away throughout;
* draws of the prior that go on from the known bars before, decoded with the known steps forced;
* bar by bar, every bar heard so far in the place of every free one, while that makes the whole likelier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine, Floats
from musicvae.compose.revising.evidence import evidence
from musicvae.compose.seeds import derived_seed
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens, canonical_tokens

__all__ = ["Hole", "Search", "fill"]


@dataclass(frozen=True)
class Hole:
    """A window with free steps.

    tokens: (B, S), what stands in free steps counts for nothing. free: (B, S). kind: index into `music.meter.KINDS`. bias: (B, S, 90),
    added to the scores of the events that are drawn; -inf for what is not allowed.
    """

    tokens: Tokens
    free: NDArray[np.bool_]
    kind: int
    bias: Floats | None = None

    @property
    def bars(self) -> list[int]:
        """Bars with free steps."""
        return np.flatnonzero(self.free.any(axis=1)).tolist()

    def put(self, tokens: Tokens) -> Tokens:
        """Windows (N, B, S) with these tokens in the free steps: known notes neither longer nor shorter, no note-off in silence."""
        placed = np.where(self.free, tokens, self.tokens)
        rest = self._rests_after()
        for row in placed:
            flat = row.reshape(-1)
            for step in rest:
                if flat[step] == HOLD and _sounds(flat, step - 1):
                    flat[step] = NOTE_OFF
        return np.stack([canonical_tokens(row) for row in placed])

    def _rests_after(self) -> list[int]:
        """Known steps behind a free one in which the given music is silent."""
        flat, free = self.tokens.reshape(-1), self.free.reshape(-1)
        known = [step for step in range(1, len(flat)) if free[step - 1] and not free[step]]
        return [step for step in known if not _sounds(flat, step)]


def _sounds(flat: Tokens, step: int) -> bool:
    """Whether a note sounds in a step."""
    events = np.flatnonzero(flat[: step + 1] != HOLD)
    return bool(len(events) and flat[events[-1]] >= FIRST_PITCH_TOKEN)


@dataclass(frozen=True)
class Search:
    """How hard to look. draws: from the prior, each round. rounds: of draws and of trying bars."""

    draws: int = 24
    rounds: int = 2
    temperature: float = 0.0


def fill(engine: Engine, hole: Hole, search: Search, seed: int) -> Tokens:
    """The window (B, S) with its free steps filled; the likeliest found at temperature 0, else one drawn by likelihood."""
    if not hole.free.any():
        return hole.tokens.copy()
    found = hole.put(np.stack([hole.tokens * ~hole.free, *_copies(hole)]))
    scores = evidence(engine, found, hole.kind)
    for turn in range(search.rounds):
        best = found[int(scores.argmax())]
        drawn = _drawn(engine, hole, best, search, derived_seed(seed, f"fill {turn}"))
        found, scores = _with(engine, hole, found, scores, drawn)
        found, scores = _bar_by_bar(engine, hole, found, scores)
    return found[_chosen(scores, search.temperature, derived_seed(seed, "choice"))]


def _with(engine: Engine, hole: Hole, found: Tokens, scores: Floats, more: Tokens) -> tuple[Tokens, Floats]:
    """The fillings with more of them, each once, and their scores."""
    known = {row.tobytes() for row in found}
    new = [row for row in {row.tobytes(): row for row in more}.values() if row.tobytes() not in known]
    if not new:
        return found, scores
    return np.concatenate([found, np.stack(new)]), np.concatenate([scores, evidence(engine, np.stack(new), hole.kind)])


def _copies(hole: Hole) -> list[Tokens]:
    """The window with every free bar a copy of the one a given number of bars away, for each such number; bars out of reach wrap round."""
    total = len(hole.tokens)
    known = ~hole.free.any(axis=1)
    copies = []
    for away in (*range(1, total), *range(-1, -total, -1)):
        source = np.arange(total)
        for bar in hole.bars:
            from_bar = bar - away
            while 0 <= from_bar < total and not known[from_bar]:
                from_bar -= away
            source[bar] = from_bar
        if all(0 <= source[bar] < total for bar in hole.bars):
            copies.append(hole.tokens[source])
    return copies


def _drawn(engine: Engine, hole: Hole, best: Tokens, search: Search, seed: int) -> Tokens:
    """Windows (draws, B, S) whose free bars the prior makes of the bars before, the rest meaning what it does in the best so far."""
    seeds = [derived_seed(seed, f"draw {k}") for k in range(search.draws)]
    mu = np.repeat(engine.encode(best[None], hole.kind)[0], len(seeds), axis=0)
    first, last = hole.bars[0], hole.bars[-1]
    total = len(best)
    z = engine.sample_prior(seeds, bars=total, kind=hole.kind, given=mu, given_bars=first)
    after = engine.config.z_used(total) - engine.config.z_used(last + 1)
    z[:, engine.config.z_used(total) - after : engine.config.z_used(total)] = mu[
        :, engine.config.z_used(total) - after : engine.config.z_used(total)
    ]
    forced = np.where(hole.free, -1, best.astype(np.int16))
    rows = len(seeds)
    bias = None if hole.bias is None else np.repeat(hole.bias[None], rows, axis=0)
    drawn = engine.decode(
        z, bars=total, kind=hole.kind, temperature=0.0, seeds=seeds, bias=bias, forced=np.repeat(forced[None], rows, axis=0)
    )
    return hole.put(drawn)


def _bar_by_bar(engine: Engine, hole: Hole, found: Tokens, scores: Floats) -> tuple[Tokens, Floats]:
    """The fillings and those of the best one with one bar exchanged, as long as some is better."""
    for bar in hole.bars:
        best = found[int(scores.argmax())]
        order = np.argsort(-scores, kind="stable")
        bars = list({row.tobytes(): row for row in [*best, *(found[i, bar] for i in order)]}.values())
        tried = np.repeat(best[None], len(bars), axis=0)
        tried[:, bar] = np.where(hole.free[bar], np.stack(bars), best[bar])
        found, scores = _with(engine, hole, found, scores, hole.put(tried))
    return found, scores


def _chosen(scores: Floats, temperature: float, seed: int) -> int:
    if temperature == 0:
        return int(scores.argmax())
    weights = np.exp((scores - scores.max()) / temperature)
    return int(np.random.default_rng(seed).choice(len(scores), p=weights / weights.sum()))
