"""From a bar's embedding to its frames, one step after another, every bar on its own.

The decoder starts afresh in every bar from a begin symbol, so that given the embeddings all bars
are independent: training and sampling are 16 steps deep at (pieces x bars) wide. What happens at a
step is for the head to say: of a melody whether a note starts, ends or neither, then its pitch,
which together give each of the 90 events a finite log-probability; of drums which are hit.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.config import BarConfig
from musicvae.model.gru import GatedRecurrence
from musicvae.model.heads import Head, Nade, TwoStage
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR

__all__ = ["Decoder"]


class Decoder(nn.Module):
    """p(frames of a bar | its embedding); frames (..., K) as the head has them: of classes, or of hits that sound or not."""

    def __init__(self, config: BarConfig, head: Head | None = None) -> None:
        super().__init__()
        head = TwoStage() if head is None else head
        size, readout = config.decoder_size, config.readout_size
        self.readout_size = readout
        self.previous = (_SomeOf if isinstance(head, Nade) else _OneOf)(head.depth + 2, 3 * size)
        self.places = nn.Embedding(len(KINDS) * MAX_STEPS_PER_BAR, 3 * size)
        nn.init.normal_(self.previous.weight, std=0.3)
        nn.init.normal_(self.places.weight, std=0.1)
        self.bar = nn.Linear(config.embedding_size, 3 * size)
        self.start = nn.Linear(config.embedding_size, size)
        self.readout = nn.Linear(config.embedding_size, MAX_STEPS_PER_BAR * readout)
        self.step_gates = nn.Linear(readout, 3 * size, bias=False)
        self.recurrence = GatedRecurrence(size=size)
        self.head = head
        self.events = nn.Linear(size + readout, self.head.width)
        nn.init.zeros_(self.events.bias)

    def prepare(self, embeddings: Tensor, steps: int, kind: int, told: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What does not depend on the events: (M, E) to the context of each step (S, M, 3H + R) and the state, one of (M, H).

        told: (M, S, R), what each step is told besides.
        """
        gates, readout, state = self._prepare(embeddings, steps, kind, told)
        return torch.cat([gates, readout], -1), (state,)

    def _prepare(self, embeddings: Tensor, steps: int, kind: int, told: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Input gates (S, M, 3H), readout (S, M, R), state (M, H)."""
        readout = self.readout(embeddings).view(len(embeddings), MAX_STEPS_PER_BAR, -1)[:, :steps].transpose(0, 1)
        if told is not None:
            readout = readout + told.transpose(0, 1)
        place = self.places(torch.arange(steps, device=embeddings.device) + kind * MAX_STEPS_PER_BAR)
        # In place: these are by far the widest of what is computed here.
        gates = self.step_gates(readout).add_(self.bar(embeddings)).add_(place[:, None].to(readout.dtype))
        return gates, readout, torch.tanh(self.start(embeddings))

    def forward(self, embeddings: Tensor, frames: Tensor, kind: int, keep: Tensor | None = None, told: Tensor | None = None) -> Tensor:
        """Outputs for the head at every step, the true frames being fed back.

        embeddings: (N, B, E); frames: (N, B, S, K); keep: (N, B, S), False where the frame fed back
        is hidden; told: (N, B, S, R), what each step is told besides. Returns (N, B, S, width of the head).
        """
        n, bars, steps, _ = frames.shape
        told = None if told is None else told.flatten(0, 1)
        gates, readout, state = self._prepare(embeddings.flatten(0, 1), steps, kind, told)
        before = F.pad(frames[:, :, :-1], (0, 0, 1, 0), value=-1).flatten(0, 1).transpose(0, 1)
        hidden = None if keep is None else F.pad(~keep[:, :, :-1], (1, 0)).flatten(0, 1).t()
        states = self.recurrence(gates.add_(self.previous.gates(before, hidden, gates.dtype)), state)
        outputs = self.events(torch.cat([states, readout.to(states.dtype)], -1))
        return cast(Tensor, outputs.transpose(0, 1).reshape(n, bars, steps, -1))

    def step(self, fed: Tensor, context: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One step of sampling: the frame before (M, K), -1 for none; that step's context (M, 3H + R); the state.

        Returns outputs (M, width) for the head and the next state.
        """
        gates, readout = context[:, : -self.readout_size], context[:, -self.readout_size :]
        new = self.recurrence.step(gates + self.previous.gates(fed, None, gates.dtype), state[0])
        return self.events(torch.cat([new, readout], -1)), (new,)


class _OneOf(nn.Embedding):
    """What a frame of one class gives to the gates: a row for each class, one for none before, one for a hidden one."""

    def gates(self, frames: Tensor, hidden: Tensor | None, dtype: torch.dtype) -> Tensor:
        """frames: (..., 1) integers, -1 for none; hidden: (...), where a frame is not shown. Returns (..., 3H)."""
        begin = self.num_embeddings - 2
        rows = torch.where(frames[..., 0] < 0, begin, frames[..., 0])
        if hidden is not None:
            rows = torch.where(hidden, begin + 1, rows)
        return F.embedding(rows, self.weight.to(dtype))


class _SomeOf(nn.Embedding):
    """What a frame of hits gives to the gates: the sum of the rows of what is hit, or that for none before or for a hidden one."""

    def gates(self, frames: Tensor, hidden: Tensor | None, dtype: torch.dtype) -> Tensor:
        """frames: (..., D) of 0 or 1, -1 for none; hidden: (...), where a frame is not shown. Returns (..., 3H)."""
        begin = (frames[..., :1] < 0).to(dtype)
        unknown = torch.zeros_like(begin) if hidden is None else hidden[..., None].to(dtype)
        shown = frames.clamp(min=0).to(dtype) * (1 - unknown)
        return torch.cat([shown, begin, unknown], -1) @ self.weight.to(dtype)
