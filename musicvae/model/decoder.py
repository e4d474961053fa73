"""From a bar's embedding to its events, one step after another, every bar on its own.

The decoder starts afresh in every bar from a begin symbol, so that given the embeddings all bars
are independent: training and sampling are 16 steps deep at (tunes x bars) wide. What happens at a
step is decided in two stages, whether a note starts, ends or neither, then its pitch; together
they give each of the 90 events a finite log-probability.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.config import ModelConfig
from musicvae.model.recurrent import GatedRecurrence
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE

__all__ = ["Decoder"]

BEGIN, UNKNOWN = VOCABULARY_SIZE, VOCABULARY_SIZE + 1
_DECISIONS = FIRST_PITCH_TOKEN + 1  # hold, note-off, some onset


class Decoder(nn.Module):
    """p(events of a bar | its embedding)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, readout = config.decoder_size, config.readout_size
        self.readout_size = readout
        self.previous = nn.Embedding(VOCABULARY_SIZE + 2, 3 * size)
        self.places = nn.Embedding(len(KINDS) * MAX_STEPS_PER_BAR, 3 * size)
        nn.init.normal_(self.previous.weight, std=0.3)
        nn.init.normal_(self.places.weight, std=0.1)
        self.bar = nn.Linear(config.embedding_size, 3 * size)
        self.start = nn.Linear(config.embedding_size, size)
        self.readout = nn.Linear(config.embedding_size, MAX_STEPS_PER_BAR * readout)
        self.step_gates = nn.Linear(readout, 3 * size, bias=False)
        self.recurrence = GatedRecurrence(size=size)
        self.events = nn.Linear(size + readout, _DECISIONS + VOCABULARY_SIZE - FIRST_PITCH_TOKEN)
        nn.init.zeros_(self.events.bias)

    def prepare(self, embeddings: Tensor, steps: int, kind: int) -> tuple[Tensor, Tensor, Tensor]:
        """What does not depend on the events: (M, E) to input gates (S, M, 3H), readout (S, M, R), state (M, H)."""
        readout = self.readout(embeddings).view(len(embeddings), MAX_STEPS_PER_BAR, -1)[:, :steps].transpose(0, 1)
        place = self.places(torch.arange(steps, device=embeddings.device) + kind * MAX_STEPS_PER_BAR)
        gates = self.step_gates(readout) + self.bar(embeddings) + place[:, None].to(readout.dtype)
        return gates, readout, torch.tanh(self.start(embeddings))

    def forward(self, embeddings: Tensor, tokens: Tensor, kind: int, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scores of the decisions and of the pitches at every step, the true events being fed back.

        embeddings: (N, B, E); tokens: (N, B, S); keep: (N, B, S), False where the event fed back
        is hidden. Returns (N, B, S, 3) and (N, B, S, 88) log-probabilities.
        """
        n, bars, steps = tokens.shape
        gates, readout, state = self.prepare(embeddings.flatten(0, 1), steps, kind)
        fed = tokens if keep is None else torch.where(keep, tokens, UNKNOWN)
        fed = F.pad(fed[:, :, :-1], (1, 0), value=BEGIN).flatten(0, 1).t()
        states = self.recurrence(gates + F.embedding(fed, self.previous.weight.to(gates.dtype)), state)
        decisions, pitches = self.scores(states, readout)
        return decisions.transpose(0, 1).reshape(n, bars, steps, -1), pitches.transpose(0, 1).reshape(n, bars, steps, -1)

    def scores(self, states: Tensor, readout: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (..., 3) of hold, note-off, onset and (..., 88) of the pitch of an onset."""
        scores = self.events(torch.cat([states, readout.to(states.dtype)], -1))
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        return scores[..., :_DECISIONS].log_softmax(-1), scores[..., _DECISIONS:].log_softmax(-1)

    def step(self, fed: Tensor, gates: Tensor, readout: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One step of sampling: the event fed back (M,), that step's gates and readout, the state.

        Returns decisions (M, 3), pitches (M, 88) and the next state (M, H).
        """
        state = self.recurrence.step(gates + self.previous(fed), state)
        return *self.scores(state, readout), state
