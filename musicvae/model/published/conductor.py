"""From z to one embedding for each stretch: a recurrence that reads nothing but its own state."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicvae.model.lstm import LstmCell
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.encoder import narrow_linear

__all__ = ["PublishedConductor", "start_state"]


def start_state(layer: nn.Linear, told: Tensor, cells: nn.ModuleList) -> tuple[Tensor, ...]:
    """What cells begin with, (M, H) each in the order c0, h0, c1, h1, ...: tanh of a linear layer over what they are told, (M, E)."""
    sizes = [size for cell in cells for size in (cell.size, cell.size)]
    return torch.tanh(layer(told)).split(sizes, dim=-1)  # type: ignore[return-value]  # torch says Any


class PublishedConductor(nn.Module):
    """Embeddings are the outputs of the last layer; the published network's own input, always 0, is left out."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.segments = config.segments
        sizes = config.conductor_sizes
        self.start = narrow_linear(config.z_size, 2 * sum(sizes))
        self.cells = nn.ModuleList(LstmCell(width, size) for width, size in zip((0, *sizes), sizes, strict=False))

    def forward(self, z: Tensor) -> Tensor:
        """Embeddings (N, segments, E) of z (N, Z)."""
        state = start_state(self.start, z, self.cells)
        outputs = None
        for index, cell in enumerate(self.cells):
            if outputs is None:
                gates = cell.bias.expand(self.segments, len(z), -1)
            else:
                gates = nn.functional.linear(outputs, cell.weight_in, cell.bias)
            outputs = cell(gates, state[2 * index : 2 * index + 2])
        assert outputs is not None
        return outputs.transpose(0, 1)
