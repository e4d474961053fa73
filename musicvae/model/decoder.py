"""From a bar's embedding to its events, one step after another, every bar on its own.

The decoder starts afresh in every bar from a begin symbol, so that given the embeddings all bars
are independent: training and sampling are 16 steps deep at (tunes x bars) wide. What happens at a
step is decided in two stages, whether a note starts, ends or neither, then its pitch; together
they give each of the 90 events a finite log-probability.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.config import ModelConfig
from musicvae.model.gru import GatedRecurrence
from musicvae.model.heads import TwoStage
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import VOCABULARY_SIZE

__all__ = ["Decoder"]

BEGIN, UNKNOWN = VOCABULARY_SIZE, VOCABULARY_SIZE + 1


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
        self.head = TwoStage()
        self.events = nn.Linear(size + readout, self.head.width)
        nn.init.zeros_(self.events.bias)

    def prepare(self, embeddings: Tensor, steps: int, kind: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What does not depend on the events: (M, E) to the context of each step (S, M, 3H + R) and the state, one of (M, H)."""
        gates, readout, state = self._prepare(embeddings, steps, kind)
        return torch.cat([gates, readout], -1), (state,)

    def _prepare(self, embeddings: Tensor, steps: int, kind: int) -> tuple[Tensor, Tensor, Tensor]:
        """Input gates (S, M, 3H), readout (S, M, R), state (M, H)."""
        readout = self.readout(embeddings).view(len(embeddings), MAX_STEPS_PER_BAR, -1)[:, :steps].transpose(0, 1)
        place = self.places(torch.arange(steps, device=embeddings.device) + kind * MAX_STEPS_PER_BAR)
        gates = self.step_gates(readout) + self.bar(embeddings) + place[:, None].to(readout.dtype)
        return gates, readout, torch.tanh(self.start(embeddings))

    def forward(self, embeddings: Tensor, tokens: Tensor, kind: int, keep: Tensor | None = None) -> Tensor:
        """Outputs for the head at every step, the true events being fed back.

        embeddings: (N, B, E); tokens: (N, B, S); keep: (N, B, S), False where the event fed back
        is hidden. Returns (N, B, S, 91).
        """
        n, bars, steps = tokens.shape
        gates, readout, state = self._prepare(embeddings.flatten(0, 1), steps, kind)
        fed = tokens if keep is None else torch.where(keep, tokens, UNKNOWN)
        fed = F.pad(fed[:, :, :-1], (1, 0), value=BEGIN).flatten(0, 1).t()
        states = self.recurrence(gates + F.embedding(fed, self.previous.weight.to(gates.dtype)), state)
        outputs = self.events(torch.cat([states, readout.to(states.dtype)], -1))
        return cast(Tensor, outputs.transpose(0, 1).reshape(n, bars, steps, -1))

    def step(self, fed: Tensor, context: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One step of sampling: the event before (M, 1), -1 for none; that step's context (M, 3H + R); the state.

        Returns outputs (M, 91) for the head and the next state.
        """
        events = torch.where(fed[:, 0] < 0, BEGIN, fed[:, 0])
        gates, readout = context[:, : -self.readout_size], context[:, -self.readout_size :]
        new = self.recurrence.step(gates + self.previous(events), state[0])
        return self.events(torch.cat([new, readout], -1)), (new,)
