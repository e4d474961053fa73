"""A core decoder: the steps of a stretch from what it is told of it, one after another."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.heads import Categorical, Groove, Head, Nade
from musicvae.model.lstm import LstmCell
from musicvae.model.published.conductor import start_state
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.encoder import input_gates, narrow_linear

__all__ = ["LstmDecoder"]


class LstmDecoder(nn.Module):
    """p(steps of a stretch | its embedding): at each step the previous frame, the embedding and the controls come in."""

    def __init__(self, config: PublishedConfig, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.head: Head = _head(config, outputs)
        self.steps = config.steps_per_segment
        self.told = config.conductor_sizes[-1] if config.conductor_sizes else config.z_size
        self.control_depth = 2 * config.control_sizes[-1] if config.control_sizes else config.control_depth
        sizes = config.decoder_sizes
        widths = (self.head.depth + self.told + self.control_depth, *sizes)
        self.start = narrow_linear(self.told, 2 * sum(sizes))
        self.cells = nn.ModuleList(LstmCell(width, size) for width, size in zip(widths, sizes, strict=False))
        self.output = nn.Linear(sizes[-1], self.head.width)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def prepare(self, embeddings: Tensor, controls: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What does not depend on the frames.

        embeddings: (M, E); controls: (M, S, C) or None. Returns the first layer's input gates (S, M, 4H) without the share of the
        frames, and the state c0, h0, c1, h1, ..., each (M, H).
        """
        first = self.cells[0]
        depth = self.head.depth
        gates = F.linear(embeddings, first.weight_in[:, depth : depth + self.told], first.bias)
        if controls is None:
            context = gates.expand(self.steps, *gates.shape)
        else:
            context = gates + F.linear(controls.transpose(0, 1), first.weight_in[:, depth + self.told :])
        return context, start_state(self.start, embeddings, self.cells)

    def step(self, fed: Tensor, context: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One step: the frame before (M, streams) or (M, D), -1 or zeros for none; that step's context (M, 4H); the state.

        Returns outputs (M, width) for the head and the next state.
        """
        gates = context + self.frame_gates(fed)
        new: list[Tensor] = []
        output = gates
        for index, module in enumerate(self.cells):
            cell = cast(LstmCell, module)
            if index:
                gates = F.linear(output, cell.weight_in, cell.bias)
            memory, output = cell.step(gates, (state[2 * index], state[2 * index + 1]))
            new += [memory, output]
        return self.output(output), tuple(new)

    def frame_gates(self, fed: Tensor) -> Tensor:
        """The frames' share (..., 4H) of the first layer's gates."""
        weight = self.cells[0].weight_in[:, : self.head.depth]
        if isinstance(self.head, Categorical) and len(self.head.widths) > 1:
            starts = torch.tensor([sum(self.head.widths[:k]) for k in range(len(self.head.widths))], device=fed.device)
            fed = torch.where(fed >= 0, fed + starts, fed)
        return input_gates(weight, fed)

    def forward(self, embeddings: Tensor, fed: Tensor, controls: Tensor | None = None) -> Tensor:
        """Outputs (M, S, width) of all steps.

        embeddings: (M, E); fed: (M, S, streams) or (M, S, D), what comes in at each step; controls: (M, S, C) or None.
        """
        context, state = self.prepare(embeddings, controls)
        outputs = context + self.frame_gates(fed.transpose(0, 1))
        for index, module in enumerate(self.cells):
            cell = cast(LstmCell, module)
            gates = F.linear(outputs, cell.weight_in, cell.bias) if index else outputs
            outputs = cell(gates, state[2 * index : 2 * index + 2])
        return self.output(outputs).transpose(0, 1)


def _head(config: PublishedConfig, outputs: tuple[int, ...]) -> Head:
    if config.head == "nade":
        return Nade(outputs[0], config.nade_size)
    return Groove(outputs[0]) if config.head == "groove" else Categorical(outputs)
