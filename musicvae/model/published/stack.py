"""Layers of recurrence that begin with what they are told: the frame of the conductor and of the core decoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.lstm import Incoming, LstmCell
from musicvae.model.products import product

__all__ = ["LstmStack", "narrow_linear"]


def narrow_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with weights from N(0, 0.001) and biases 0: so the published networks begin wherever z comes or goes."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)
    return layer


class LstmStack(nn.Module):
    """`start`, from what is told (M, told) to the state of all layers, and `cells`, one a layer, the first with `inputs` inputs."""

    dropout_keep = 1.0
    """Share of every layer's inputs that is kept in training."""

    def __init__(self, told: int, inputs: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.start = narrow_linear(told, 2 * sum(sizes))
        self.cells = nn.ModuleList(LstmCell(width, size) for width, size in zip((inputs, *sizes), sizes, strict=False))

    @property
    def layers(self) -> list[LstmCell]:
        """The cells, from the bottom."""
        return [cast(LstmCell, cell) for cell in self.cells]

    def begin(self, told: Tensor) -> tuple[Tensor, ...]:
        """The state at first, (M, H) each in the order c0, h0, c1, h1, ...: tanh of a linear layer."""
        sizes = [size for size in self.sizes for _ in range(2)]
        return torch.split(torch.tanh(product(told, self.start.weight, self.start.bias)), sizes, dim=-1)

    def unroll(self, incoming: Incoming, state: tuple[Tensor, ...], steps: int) -> Tensor:
        """Outputs (S, M, H) of the last layer."""
        outputs = None
        for index, cell in enumerate(self.layers):
            if outputs is not None:
                incoming = Incoming(cell.bias, inputs=self.drop(outputs), weight=cell.weight_in)
            outputs = cell(incoming, (state[2 * index], state[2 * index + 1]), steps=steps)
        return cast(Tensor, outputs)

    def advance(self, gates: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One step from the first layer's gates (M, 4H), its own state's share aside: output (M, H) of the last layer, next state."""
        new: list[Tensor] = []
        for index, cell in enumerate(self.layers):
            if index:
                gates = product(new[-1], cell.weight_in, cell.bias)
            new += cell.step(gates, (state[2 * index], state[2 * index + 1]))
        return new[-1], tuple(new)

    def drop(self, inputs: Tensor) -> Tensor:
        """Inputs of a layer with some of them, in training, replaced by 0 and the others scaled up."""
        return F.dropout(inputs, 1.0 - self.dropout_keep, self.training) if self.dropout_keep < 1 else inputs
