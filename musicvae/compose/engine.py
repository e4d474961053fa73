"""The narrow interface between composing and a network.

Conventions: N rows, B model bars, S steps in a bar (16 or 12, following `kind`), Z latent size, V =
90 events. `kind` is an index into `music.meter.KINDS`. Tokens are uint8, all other arrays float64.
A row's answer depends on that row alone, never on the rows beside it or on the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musicvae.model.config import ModelConfig
from musicvae.music.vocabulary import Tokens

__all__ = ["Engine", "Floats"]

Floats = NDArray[np.float64]


class Engine(Protocol):
    """A loaded model: encodes, samples, decodes and scores. Safe to call from several threads."""

    @property
    def config(self) -> ModelConfig:
        """Numbers of the network: `max_bars`, `z_size`, `canonical_key`, ..."""
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
        others being drawn given those. temperature: of the prior; 0 is its likeliest way.
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

    def refine(self, z: Floats, tokens: Tokens, *, kind: int, steps: int) -> Floats:
        """The z (N, Z) after `steps` gradient steps towards tokens (N, B, S); 0 steps return z."""
        ...
