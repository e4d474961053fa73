"""Bidirectional readers: of a whole example, or level by level of its segments, to the mean and spread of z."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.lstm import LstmCell
from musicvae.model.published.config import PublishedConfig

__all__ = ["BidirectionalLayer", "PublishedEncoder", "input_gates", "narrow_linear"]


def narrow_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with weights from N(0, 0.001) and biases 0: so the published networks begin wherever z comes or goes."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)
    return layer


def input_gates(weight: Tensor, inputs: Tensor) -> Tensor:
    """The share of the gates that comes from inputs: weight (4H, D), inputs (..., D) floats or (..., K) rows that are 1, -1 for none.

    Returns (..., 4H).
    """
    if inputs.is_floating_point():
        return F.linear(inputs.to(weight.dtype), weight)
    rows = F.embedding(inputs.clamp(min=0), weight.t())
    return (rows * (inputs >= 0)[..., None]).sum(-2)


class BidirectionalLayer(nn.Module):
    """Two cells that read the same steps, one from the first, one from the last."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.forward_cell = LstmCell(input_size, size)
        self.backward_cell = LstmCell(input_size, size)

    def forward(self, inputs: Tensor, controls: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (S, N, 2H), forward then backward, and what both end with, (N, 2H).

        inputs: (S, N, D) floats or (S, N, K) rows that are 1; controls: (S, N, C) or None; lengths: (N,) steps used or None.
        """
        both = []
        for cell, reverse in ((self.forward_cell, False), (self.backward_cell, True)):
            depth = cell.input_size - (0 if controls is None else controls.shape[-1])
            gates = input_gates(cell.weight_in[:, :depth], inputs) + cell.bias
            if controls is not None:
                gates = gates + F.linear(controls, cell.weight_in[:, depth:])
            both.append(cell(gates, lengths=lengths, reverse=reverse))
        return torch.cat(both, -1), torch.cat([both[0][-1], both[1][0]], -1)


class PublishedEncoder(nn.Module):
    """q(z | x)."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        depth = config.input_depth + config.control_depth
        if config.encoder_levels:
            size = config.encoder_sizes[0]
            layers = [[BidirectionalLayer(2 * size if level else depth, size)] for level in range(len(config.encoder_levels))]
        else:
            widths = (depth, *(2 * size for size in config.encoder_sizes))
            layers = [[BidirectionalLayer(width, size) for width, size in zip(widths, config.encoder_sizes, strict=False)]]
        self.levels = nn.ModuleList(nn.ModuleList(level) for level in layers)
        self.mu = narrow_linear(2 * config.encoder_sizes[-1], config.z_size)
        self.sigma = narrow_linear(2 * config.encoder_sizes[-1], config.z_size)

    def forward(self, inputs: Tensor, controls: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z); arguments as in `PublishedVAE.encode`."""
        n = len(inputs)
        pooled = inputs
        for index, level in enumerate(self.levels):
            steps = self.config.encoder_levels[index] if self.config.encoder_levels else pooled.shape[1]
            outputs = _segments(pooled, steps)
            told = None if index or controls is None else _segments(controls, steps)
            used = None if index or lengths is None else lengths.flatten()
            for layer in level:  # type: ignore[attr-defined]  # a ModuleList in a ModuleList
                outputs, pooled = layer(outputs, told, used)
                told = None
            pooled = pooled.view(n, -1, pooled.shape[-1])
        pooled = pooled[:, 0]
        return self.mu(pooled), F.softplus(self.sigma(pooled))


def _segments(values: Tensor, steps: int) -> Tensor:
    """(N, T, D) as (steps, N * T / steps, D)."""
    return values.reshape(-1, steps, values.shape[-1]).transpose(0, 1)
