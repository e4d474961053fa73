"""From z to the scores of events, as `model.conductor` and `model.decoder` do it, in whole numbers.

Conventions: as `integer.layers`; z itself is given as activations. Bars come one after another, the embedding of a bar depending on the
blocks of z up to it; rows are independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicvae.model.config import ModelConfig
from musicvae.model.integer.layers import FINE, Gru, Integers, Linear, Mlp, Tensors, clipped, embedding, rounded, shares, soft_weights
from musicvae.model.integer.tables import STEPS_BITS, tanh
from musicvae.music.meter import MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import VOCABULARY_SIZE

__all__ = ["IntegerConductor", "IntegerDecoder"]

_KEY_SIZE = 16


class IntegerConductor:
    """Blocks of z to embeddings of bars."""

    def __init__(self, config: ModelConfig, tensors: Tensors) -> None:
        self.config = config
        name = "vae.conductor"
        self._latent, self._direct = Linear(tensors, f"{name}.latent"), Linear(tensors, f"{name}.direct")
        self._places, self._lengths = embedding(tensors, f"{name}.places"), embedding(tensors, f"{name}.lengths")
        self._tune, self._proposal = Gru.of_torch(tensors, f"{name}.tune"), Mlp(tensors, f"{name}.proposal")
        self._query, self._key, self._lag = (Linear(tensors, f"{name}.{layer}") for layer in ("query", "key", "lag"))

    def begin(self, bars: int, kind: int, *, pieces: int = 1) -> ConductedBars:
        """Pieces of so many bars of a kind of meter, their bars to come."""
        return ConductedBars(self, bars, kind, pieces)


class ConductedBars:
    """The bars of N pieces so far."""

    def __init__(self, conductor: IntegerConductor, bars: int, kind: int, pieces: int) -> None:
        self._net, self._bars, self._kind = conductor, bars, kind
        self._state = np.zeros((pieces, conductor.config.conductor_size))
        self._keys: list[Integers] = []
        self._values: list[Integers] = []

    def add(self, blocks: Integers) -> Integers:
        """The embeddings (N, E) of the next bar; blocks: (N, z_global + z_bar) of the piece and of the bar."""
        net, config, bar, pieces = self._net, self._net.config, len(self._keys), len(blocks)
        place = net._places[bar + self._kind * config.max_bars] + net._lengths[self._bars]
        entered = clipped(net._latent(blocks) + place)
        self._state = net._tune(entered, self._state)
        heard = np.concatenate([self._state, entered], -1)
        self._values.append(clipped(net._proposal(heard) + net._direct(blocks)).reshape(pieces, config.heads, -1))
        self._keys.append(net._key(heard).reshape(pieces, config.heads, _KEY_SIZE))
        query, lags = net._query(heard).reshape(pieces, config.heads, _KEY_SIZE), net._lag(heard).reshape(pieces, config.heads, -1)
        # Divided by the root of the size of a key, which is 4.
        likeness = rounded((np.stack(self._keys, 2) * query[:, :, None]).sum(-1), FINE + 2)
        weights = shares(soft_weights(clipped(likeness + lags[:, :, bar::-1])))
        return rounded((weights[..., None] * np.stack(self._values, 2)).sum(2), FINE).reshape(pieces, -1)


class IntegerDecoder:
    """Embeddings to the scores of the events of a bar."""

    def __init__(self, config: ModelConfig, tensors: Tensors) -> None:
        self.config = config
        name = "vae.decoder"
        self._previous, self._places = embedding(tensors, f"{name}.previous"), embedding(tensors, f"{name}.places")
        self._bar, self._start, self._readout = (Linear(tensors, f"{name}.{layer}") for layer in ("bar", "start", "readout"))
        self._step_gates, self._events = Linear(tensors, f"{name}.step_gates"), Linear(tensors, f"{name}.events")
        self._recurrence = Gru(Linear(tensors, f"{name}.recurrence"))

    def begin(self, embeddings: Integers, kind: int) -> StartedBars:
        """Bars with these embeddings (M, E), before their first step."""
        return StartedBars(self, embeddings, kind)


class StartedBars:
    """Bars that are written step by step, all at once."""

    def __init__(self, decoder: IntegerDecoder, embeddings: Integers, kind: int) -> None:
        self._net, self._kind, self._step = decoder, kind, 0
        self._readout = decoder._readout(embeddings).reshape(len(embeddings), MAX_STEPS_PER_BAR, -1)
        self._bar = decoder._bar(embeddings)
        self._state = tanh(rounded(decoder._start(embeddings), FINE - STEPS_BITS))

    def scores(self, before: NDArray[np.int64] | None) -> Integers:
        """Scores (M, 91) of the next step: hold, note-off, onset, 88 pitches; before: (M,) events of the last, None for the first."""
        net, readout = self._net, self._readout[:, self._step]
        rows = np.full(len(readout), VOCABULARY_SIZE) if before is None else before
        place = net._places[self._step + self._kind * MAX_STEPS_PER_BAR]
        gates = clipped(net._step_gates(readout) + self._bar + place + net._previous[rows])
        self._state = net._recurrence(gates, self._state)
        self._step += 1
        return net._events(np.concatenate([self._state, readout], -1))
