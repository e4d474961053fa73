"""Held-out windows, what the encoder says of them, and an engine called in batches of bounded memory.

Conventions: W windows of B bars and S steps, all of one kind of meter; z has Z numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from musicvae.model.noise import piece_seed
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine
    from musicvae.corpus.store import Corpus

__all__ = ["Codec", "Posterior", "Windows", "batches", "greedy_tokens", "kl_to_standard", "piece_seeds", "select_windows"]

Floats = NDArray[np.float64]
Held = TypeVar("Held", bound=Sized)
"""Windows of a material."""


@dataclass(frozen=True)
class Windows:
    """Windows of one kind of meter: tokens (W, B, S), the tune (W,) and the label index (W,; -1: none) of each."""

    kind: int
    tokens: Tokens
    tunes: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def meter(self) -> str:
        """The kind of meter, as in "6/8"."""
        return KINDS[self.kind]

    @property
    def bars(self) -> int:
        """Model bars of each window."""
        return int(self.tokens.shape[1])

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Windows:
        """The windows of these rows, in their order."""
        index = np.asarray(rows, np.int64)
        return Windows(self.kind, self.tokens[index], self.tunes[index], self.labels[index])


def select_windows(
    corpus: Corpus,
    split: str,
    kind: int,
    *,
    bars: int = 16,
    hop: int = 4,
    limit: int | None = None,
    one_per_tune: bool = False,
    seed: int = 0,
) -> Windows:
    """Windows of a split and a kind, at most `limit` of them, drawn evenly at random and kept in order.

    one_per_tune keeps one window of each tune, drawn at random, before the limit.
    """
    found = np.asarray(corpus.windows(split, kind=kind, bars=bars, hop=hop), np.int64).reshape(-1, 3)
    rng = np.random.default_rng([seed, kind])
    if one_per_tune:
        shuffled = found[rng.permutation(len(found))]
        found = shuffled[np.unique(shuffled[:, 0], return_index=True)[1]]
    if limit is not None and limit < len(found):
        found = found[np.sort(rng.choice(len(found), limit, replace=False))]
    steps = Meter.parse(KINDS[kind]).steps_per_model_bar
    tokens = corpus.tokens(found)[:, :, :steps] if len(found) else np.zeros((0, bars, steps), np.uint8)
    return Windows(kind, tokens, found[:, 0], np.asarray(corpus.label, np.int64)[found[:, 0]])


@dataclass(frozen=True, eq=False)
class Posterior(Generic[Held]):
    """The encoder's answer for windows of melodies or pieces: mu and sigma, both (W, Z); sigma is a standard deviation."""

    windows: Held
    mu: Floats
    sigma: Floats

    @property
    def kl_nats(self) -> Floats:
        """KL to N(0, I) by window and dimension, (W, Z), in nats, nothing forgiven."""
        return kl_to_standard(self.mu, self.sigma)

    @property
    def bits(self) -> float:
        """Mean analytic KL of a window, in bits."""
        return float(self.kl_nats.sum(axis=1).mean() / np.log(2)) if len(self.windows) else float("nan")

    def sample(self, rng: np.random.Generator) -> Floats:
        """One draw of z for each window, (W, Z)."""
        return self.mu + self.sigma * rng.standard_normal(self.mu.shape)

    def moved(self, z: Floats) -> Posterior[Held]:
        """The same spread around other means: what a refined z costs."""
        return Posterior(self.windows, z, self.sigma)


@dataclass(frozen=True)
class Codec:
    """An engine called with `batch` windows at a time; `progress` hears how many windows each call did."""

    engine: Engine
    batch: int = 64
    progress: Callable[[int], None] | None = None

    def encode(self, windows: Windows) -> Posterior[Windows]:
        """The posterior of all windows."""
        parts = [self.engine.encode(windows.tokens[rows], windows.kind) for rows in self._rows(len(windows))]
        empty = np.zeros((0, self.engine.config.z_size))
        mu, sigma = (np.concatenate([empty, *(part[i] for part in parts)]) for i in (0, 1))
        return Posterior(windows, mu, sigma)

    def decode(self, z: Floats, *, kind: int, bars: int, temperature: float = 0.0, seeds: Sequence[int] | None = None) -> Tokens:
        """Free-running tokens (W, B, S) of z (W, Z); temperature 0 is greedy, else `seeds` has one for each window."""
        steps = Meter.parse(KINDS[kind]).steps_per_model_bar
        parts = [np.zeros((0, bars, steps), np.uint8)]
        for rows in self._rows(len(z)):
            chosen = None if seeds is None else seeds[rows]
            parts.append(self.engine.decode(z[rows], bars=bars, kind=kind, temperature=temperature, seeds=chosen))
        return np.concatenate(parts)

    def teacher_forced(self, z: Floats, windows: Windows) -> Tokens:
        """The greedy token at each step after the *true* ones before it, (W, B, S); by the rule that `Engine.decode` has."""
        parts = [np.zeros((0, *windows.tokens.shape[1:]), np.uint8)]
        for rows in self._rows(len(z)):
            scores = self.engine.logits(z[rows], windows.tokens[rows], kind=windows.kind)
            # A published network chooses among all events at once.
            parts.append(scores.argmax(axis=-1).astype(np.uint8) if self.engine.config.fixed_window else greedy_tokens(scores))
        return np.concatenate(parts)

    def refine(self, z: Floats, windows: Windows, *, steps: int) -> Floats:
        """Refined z (W, Z), after `steps` gradient steps towards each window's own tokens."""
        parts = [np.zeros((0, z.shape[1]))]
        for rows in self._rows(len(z)):
            parts.append(self.engine.refine(z[rows], windows.tokens[rows], kind=windows.kind, steps=steps))
        return np.concatenate(parts)

    def sample_prior(self, seeds: Sequence[int], *, bars: int, kind: int) -> Floats:
        """Draw z (len(seeds), Z) from the learned prior at its own temperature 1."""
        parts = [np.zeros((0, self.engine.config.z_size))]
        parts += [self.engine.sample_prior(seeds[rows], bars=bars, kind=kind) for rows in self._rows(len(seeds))]
        return np.concatenate(parts)

    def _rows(self, count: int) -> Iterator[slice]:
        return batches(count, self.batch, self.progress)


def batches(count: int, size: int, progress: Callable[[int], None] | None = None) -> Iterator[slice]:
    """Rows 0 to `count`, `size` at a time; `progress` hears after each batch how many it had."""
    for start in range(0, count, size):
        stop = min(start + size, count)
        yield slice(start, stop)
        if progress:
            progress(stop - start)


def kl_to_standard(mu: Floats, sigma: Floats) -> Floats:
    """KL from N(mu, sigma^2) to N(0, 1) of every number, in nats."""
    return np.asarray(0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma), np.float64)


def greedy_tokens(log_probs: Floats) -> Tokens:
    """Greedy tokens (...) of log-probabilities (..., 90): the likeliest of hold, note-off and any onset, then the pitch."""
    pitches = log_probs[..., FIRST_PITCH_TOKEN:]
    best = pitches.max(axis=-1)
    onset = best + np.log(np.exp(pitches - best[..., None]).sum(axis=-1))
    decision = np.concatenate([log_probs[..., :FIRST_PITCH_TOKEN], onset[..., None]], axis=-1).argmax(axis=-1)
    return np.asarray(np.where(decision == FIRST_PITCH_TOKEN, pitches.argmax(axis=-1) + FIRST_PITCH_TOKEN, decision), np.uint8)


def piece_seeds(seed: int, count: int) -> list[int]:
    """Seeds of pieces 0 to count - 1, as `generate` numbers them."""
    return [piece_seed(seed, piece) for piece in range(count)]
