"""Bidirectional readers: of a whole example, or level by level of its segments, to the mean and spread of z."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.lstm import Incoming, LstmCell
from musicvae.model.products import product
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.inputs import dense_rows
from musicvae.model.published.stack import narrow_linear

__all__ = ["BidirectionalLayer", "BidirectionalReader", "PublishedEncoder"]

_SHUT = -1e4  # a gate that gets this is shut, whatever else it gets


class BidirectionalLayer(nn.Module):
    """Two cells that read the same steps, one from the first, one from the last."""

    dropout_keep = 1.0
    """Share of the inputs that is kept in training."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.forward_cell = LstmCell(input_size, size)
        self.backward_cell = LstmCell(input_size, size)

    def forward(self, inputs: Tensor, controls: Tensor | None = None, unused: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (S, N, H) of either cell.

        inputs: (S, N, D) floats or (S, N, K) places that are 1; controls: (S, N, C) or None; unused: (S, N), True at the end of a row
        where it has no steps any more: there the backward cell stays at zero.
        """
        outputs = []
        for cell, reverse in ((self.forward_cell, False), (self.backward_cell, True)):
            incoming = self._incoming(cell, inputs, controls, unused if reverse else None)
            zeros = cell.weight_rec.new_zeros(inputs.shape[1], cell.size)
            outputs.append(cell(incoming, (zeros, zeros), steps=len(inputs), reverse=reverse))
        return outputs[0], outputs[1]

    def _incoming(self, cell: LstmCell, inputs: Tensor, controls: Tensor | None, unused: Tensor | None) -> Incoming:
        weight: Tensor = cell.weight_in
        depth = weight.shape[1] - (0 if controls is None else controls.shape[-1])
        dropping = self.training and self.dropout_keep < 1
        shut = weight.new_full((len(weight), 1), _SHUT)
        if inputs.is_floating_point() or dropping:
            dense = dense_rows(inputs, depth, weight.dtype)
            dense = dense if controls is None else torch.cat([dense, controls.to(dense.dtype)], -1)
            dense = F.dropout(dense, 1.0 - self.dropout_keep) if dropping else dense
            if unused is not None:
                dense, weight = torch.cat([dense, unused[..., None].to(dense.dtype)], -1), torch.cat([weight, shut], 1)
            return Incoming(cell.bias, inputs=dense, weight=weight)
        lookup, rows = weight[:, :depth], inputs
        if unused is not None:
            first = torch.where(unused, depth, rows[..., 0])
            rows, lookup = torch.cat([first[..., None], rows[..., 1:]], -1), torch.cat([lookup, shut], 1)
        return Incoming(cell.bias, rows=rows, lookup=lookup, inputs=controls, weight=None if controls is None else weight[:, depth:])


class BidirectionalReader(nn.ModuleList):
    """Layers of recurrence, each reading what both cells of the one below have put out."""

    def __init__(self, input_size: int, sizes: Sequence[int]) -> None:
        widths = (input_size, *(2 * size for size in sizes))
        super().__init__(BidirectionalLayer(width, size) for width, size in zip(widths, sizes, strict=False))

    def forward(self, inputs: Tensor, controls: Tensor | None = None, unused: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs (S, N, H) of either cell of the last layer; arguments as those of a layer."""
        outputs: tuple[Tensor, Tensor] | None = None
        for layer in self:
            outputs = layer(inputs, controls, unused) if outputs is None else layer(torch.cat(outputs, -1), None, unused)
        return cast(tuple[Tensor, Tensor], outputs)

    def pool(self, inputs: Tensor, controls: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """What both cells of the last layer end with (N, 2H), each row having been read for `lengths` (N,) steps, or for all."""
        if lengths is None:
            onward, backward = self(inputs, controls)
            return torch.cat([onward[-1], backward[0]], -1)
        steps = torch.arange(len(inputs), device=inputs.device)
        onward, backward = self(inputs, controls, steps[:, None] >= lengths)
        last = onward[(lengths - 1).clamp(min=0), torch.arange(len(lengths), device=inputs.device)]
        return torch.cat([last * (lengths > 0)[:, None], backward[0]], -1)


class PublishedEncoder(nn.Module):
    """q(z | x): `levels` are readers, from the steps up, each of segments as long as the configuration says."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        depth = config.input_depth + config.control_depth
        pooled = 2 * config.encoder_sizes[-1]
        depths = [depth, *(pooled for _ in config.encoder_levels[1:])]
        self.levels = nn.ModuleList(BidirectionalReader(width, config.encoder_sizes) for width in depths)
        self.mu = narrow_linear(pooled, config.z_size)
        self.sigma = narrow_linear(pooled, config.z_size)

    def forward(self, inputs: Tensor, controls: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z); arguments as in `PublishedVAE.encode`."""
        if lengths is not None and not self.config.encoder_levels:
            raise ValueError("lengths of segments were given to an encoder that reads all steps at once; leave them away")
        n, read = len(inputs), inputs
        for module, steps in zip(self.levels, self.config.encoder_levels or (self.config.steps,), strict=True):
            reader = cast(BidirectionalReader, module)
            told = None if controls is None else _segments(controls, steps)
            read = reader.pool(_segments(read, steps), told, None if lengths is None else lengths.flatten())
            read = read.view(n, -1, read.shape[-1])
            controls = lengths = None
        mu, sigma = (product(read[:, 0], layer.weight, layer.bias) for layer in (self.mu, self.sigma))
        return mu, F.softplus(sigma)


def _segments(values: Tensor, steps: int) -> Tensor:
    """(N, T, D) as (steps, N * T / steps, D)."""
    return values.reshape(-1, steps, values.shape[-1]).transpose(0, 1)
