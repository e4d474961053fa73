"""The narrow interface between composing and a network.

Conventions: N rows, B model bars, S steps in a bar (16 or 12, following `kind`), Z latent size, V =
90 events. `kind` is an index into `music.meter.KINDS`. Tokens are uint8, all other arrays float64.
A row's answer depends on that row alone, never on the rows beside it or on the number of threads.

A network of this project has z in blocks, for the tune and for each bar, and writes 1 to `max_bars` bars. A
published one (`config.fixed_window`) has one z for a window of exactly `max_bars` bars, drawn from N(0, I):
tokens of fewer bars are filled up with holds and what is decoded is cut, all Z numbers counting at every length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from musicvae.music.vocabulary import Tokens

__all__ = ["ChordEngine", "ChordRows", "Engine", "Floats", "Layout", "over_chords", "require_chords"]

Floats = NDArray[np.float64]
ChordRows = NDArray[np.uint8]
"""Chords (B, 8), a `music.chords.Chord.code` for each eighth of each model bar; 0: no chord."""


class Layout(Protocol):
    """Numbers of a network that composing goes by."""

    @property
    def max_bars(self) -> int:
        """Model bars that are taken or written at once."""
        ...

    @property
    def z_size(self) -> int:
        """Z: length of z."""
        ...

    @property
    def canonical_key(self) -> bool:
        """Whether melodies are moved to a signature without accidentals before they are encoded."""
        ...

    @property
    def fixed_window(self) -> bool:
        """Whether z stands for a window of `max_bars` bars as a whole, with N(0, I) as prior."""
        ...

    @property
    def kinds(self) -> tuple[int, ...]:
        """The kinds of meter that it knows, as indices into `music.meter.KINDS`."""
        ...

    @property
    def lowest_pitch(self) -> int:
        """Lowest MIDI pitch that it can write."""
        ...

    @property
    def highest_pitch(self) -> int:
        """Highest MIDI pitch that it can write, at least an octave above the lowest."""
        ...

    @property
    def takes_chords(self) -> bool:
        """Whether it reads and writes melodies over given chords; the engine is a `ChordEngine` then."""
        ...

    def z_used(self, bars: int) -> int:
        """Length of the part of z that a piece of so many model bars has; ValueError outside 1..max_bars."""
        ...


class Engine(Protocol):
    """A loaded model: encodes, samples, decodes and scores. Safe to call from several threads."""

    @property
    def config(self) -> Layout:
        """Numbers of the network."""
        ...

    @property
    def hash(self) -> str:
        """Names the weights: two engines with the same hash give the same answers."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the file says about itself besides its configuration."""
        ...

    def encode(self, tokens: Tokens, kind: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | tokens (N, B, S)); blocks of bars beyond B are 0 and 1."""
        ...

    def sample_prior(
        self,
        seeds: Sequence[int],
        *,
        bars: int,
        kind: int,
        temperature: float = 1.0,
        given: Floats | None = None,
        given_bars: int = 0,
    ) -> Floats:
        """Draw z (N, Z), row i from `seeds[i]`.

        given: (N, Z), whose blocks of the tune and of the first `given_bars` bars are kept, the
        others being drawn given those; not for engines with a fixed window. temperature: of the
        prior; 0 is its likeliest way.
        """
        ...

    def decode(
        self,
        z: Floats,
        *,
        bars: int,
        kind: int,
        temperature: float,
        seeds: Sequence[int] | None = None,
        bias: Floats | None = None,
        forced: NDArray[np.int16] | None = None,
    ) -> Tokens:
        """Tokens (N, bars, S) of z (N, Z), drawn step by step; temperature 0 takes the likeliest and needs no seeds.

        bias: (N, bars, S, V), added to the log-probabilities. forced: (N, bars, S), tokens that
        are set, -1 where the model is free.
        """
        ...

    def logits(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Log-probabilities (N, B, S, V) of every event, given z and the tokens (N, B, S) before it."""
        ...

    def margins(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """What must be added to the score of each token (N, B, S) for `decode` at temperature 0 to give it; 0 where it does."""
        ...

    def log_probs(self, tokens: Tokens, z: Floats, kind: int) -> Floats:
        """Log-probabilities (N, B, S) of the given tokens, in nats."""
        ...

    def bar_log_probs(self, tokens: Tokens, z: Floats, kind: int, *, bar: NDArray[np.int64]) -> Floats:
        """Log-probabilities (N, S) of the tokens of one bar of each row, `bar` (N,) from 0: those rows of `log_probs`."""
        ...

    def prior_log_probs(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Log-densities (N, 1 + B), in nats, of z (N, Z) under the prior: of the tune's block, then of each bar's given those before.

        That of a bar holds the probability of how it returns to an earlier one, read off tokens (N, B, S). With a fixed window
        all is in the first column, the others being 0.
        """
        ...

    def refine(self, z: Floats, tokens: Tokens, *, kind: int, steps: int) -> Floats:
        """The z (N, Z) after `steps` gradient steps towards tokens (N, B, S); 0 steps return z."""
        ...


class ChordEngine(Engine, Protocol):
    """An engine whose network is conditioned on chords; as it stands it takes every row without any."""

    def over(self, chords: NDArray[np.uint8]) -> Engine:
        """The engine for rows over these chords, (N, B, 8); all it is asked then has N rows of at most B bars."""
        ...


def require_chords(engine: Engine) -> None:
    """ValueError unless the engine's network takes chords."""
    if not engine.config.takes_chords:
        raise ValueError("this model takes no chords: leave them out, or load one that does, such as cat-mel_2bar_med_chords")


def over_chords(engine: Engine, chords: Sequence[ChordRows] | None) -> Engine:
    """The engine for rows over their chords, each (B, 8); the engine itself for None.

    ValueError where its network takes no chords.
    """
    if chords is None:
        return engine
    require_chords(engine)
    return cast(ChordEngine, engine).over(np.stack(chords))
