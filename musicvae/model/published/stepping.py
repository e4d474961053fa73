"""The writing half of a published network made ready for sampling: weights laid out for few rows, cells in few passes over memory.

What a frame adds to the gates is a row of a table, what the embedding adds is worked out once a stretch, and each layer is one product a
step. Gates are kept in the order input, forget, candidate, output; the candidate's are doubled, so that one sigmoid over all four
serves it too: tanh(x) = 2 sig(2x) - 1, and sig is several times cheaper than tanh here.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from musicvae.model.heads import Categorical, Head
from musicvae.model.products import Packed
from musicvae.model.published.conductor import PublishedConductor
from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.stack import LstmStack

__all__ = ["PackedConductor", "PackedCore"]

_State = tuple[Tensor, ...]


class PackedConductor:
    """What `PublishedConductor` does, without gradients; its weights must not change afterwards."""

    def __init__(self, conductor: PublishedConductor, dtype: torch.dtype = torch.float32) -> None:
        self._segments, self._dtype = conductor.segments, dtype
        self._begin = _Beginning(conductor, dtype)
        self._bias = _doubled(conductor.layers[0].bias).to(dtype)
        self._recurrent = [Packed(_doubled(cell.weight_rec).to(dtype)) for cell in conductor.layers]
        # Products of all steps at once: the layer below is finished when a layer begins.
        self._enter = [Packed(_doubled(cell.weight_in).to(dtype), _doubled(cell.bias).to(dtype)) for cell in conductor.layers[1:]]

    def __call__(self, z: Tensor) -> Tensor:
        """Embeddings (N, segments, E) of z (N, Z)."""
        state = self._begin(z.to(self._dtype))
        entering = self._bias.expand(self._segments, len(z), -1)
        outputs = entering
        for layer, recurrent in enumerate(self._recurrent):
            if layer:
                entering = self._enter[layer - 1](outputs.flatten(0, 1)).view(self._segments, len(z), -1)
            memory, output = state[2 * layer], state[2 * layer + 1]
            written = []
            for gates in entering:
                memory, output = _cell(recurrent(output, gates.contiguous()), memory)
                written.append(output)
            outputs = torch.stack(written)
        return outputs.transpose(0, 1)


class PackedCore:
    """What `LstmDecoder` does one step at a time, without gradients; the core's weights must not change afterwards.

    dtype: precision of the products and of the state; outputs are in single precision at least.
    """

    def __init__(self, core: LstmDecoder, dtype: torch.dtype = torch.float32) -> None:
        self.head: Head = core.head
        self.steps, self._joined, self._dtype = core.steps, core.joined, dtype
        of_frames, of_embeddings, of_controls = (_doubled(share).to(dtype) for share in core.shares())
        first, *others = core.layers
        self._begin = _Beginning(core, dtype)
        self._from_embedding = Packed(of_embeddings, _doubled(first.bias).to(dtype))
        self._from_controls = Packed(of_controls) if core.control_depth else None
        # Classes are looked up, and the last row stands for no frame at all; numbers are multiplied.
        is_categorical = isinstance(core.head, Categorical)
        self._table = F.pad(of_frames.t(), (0, 0, 0, 1)).contiguous() if is_categorical else None
        self._from_numbers = None if is_categorical else Packed(of_frames)
        self._layers = [Packed(_doubled(first.weight_rec).to(dtype))]
        for cell in others:
            both = torch.cat([cell.weight_in, cell.weight_rec], 1)
            self._layers.append(Packed(_doubled(both).to(dtype), _doubled(cell.bias).to(dtype)))
        self._output = Packed(core.output.weight.to(dtype), core.output.bias.to(dtype))

    def prepare(self, embeddings: Tensor, controls: Tensor | None = None) -> tuple[Tensor, _State]:
        """As `LstmDecoder.prepare`: (M, E) and (M, S, C) to the first layer's gates (S, M, 4H) and the state c0, h0, c1, h1, ..."""
        told = embeddings.to(self._dtype)
        gates = self._from_embedding(told).expand(self.steps, -1, -1)
        if controls is not None and self._from_controls is not None:
            by_step = controls.transpose(0, 1).to(self._dtype)
            gates = self._from_controls(by_step.flatten(0, 1)).view(*by_step.shape[:2], -1) + gates[: len(by_step)]
        return gates, self._begin(told)

    def step(self, fed: Tensor, context: Tensor, state: _State) -> tuple[Tensor, _State]:
        """As `LstmDecoder.step`: the frame before, (M, streams) or (M, D), to outputs (M, width) and the next state."""
        memory, output = _cell(self._layers[0](state[1], self._entered(fed, context)), state[0])
        new = [memory, output]
        for index, layer in enumerate(self._layers[1:], 1):
            gates = layer(torch.cat([output, state[2 * index + 1]], 1))
            memory, output = _cell(gates, state[2 * index])
            new += [memory, output]
        outputs = self._output(output)
        return outputs.to(torch.promote_types(outputs.dtype, torch.float32)), tuple(new)

    def _entered(self, fed: Tensor, context: Tensor) -> Tensor:
        if self._table is None:
            assert self._from_numbers is not None
            return self._from_numbers(fed.to(self._dtype), context.contiguous())
        rows = self._joined(fed)
        first, *others = torch.where(rows >= 0, rows, len(self._table) - 1).unbind(-1)
        gates = self._table.index_select(0, first).add_(context)
        for row in others:
            gates += self._table.index_select(0, row)
        return gates


class _Beginning:
    """The state that a stack of layers begins with."""

    def __init__(self, stack: LstmStack, dtype: torch.dtype) -> None:
        self._start = Packed(stack.start.weight.to(dtype), stack.start.bias.to(dtype))
        self._sizes = [size for size in stack.sizes for _ in range(2)]

    def __call__(self, told: Tensor) -> _State:
        return torch.split(torch.tanh(self._start(told)), self._sizes, dim=-1)


def _doubled(values: Tensor) -> Tensor:
    """Rows or numbers of the gates, those of the candidate twice as large."""
    i, f, g, o = values.detach().chunk(4)
    return torch.cat([i, f, 2 * g, o])


def _cell(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Memory sig(f) c + sig(i) tanh(g), c', and output sig(o) tanh(c'), from gates (M, 4H), which are written over."""
    i, f, g, o = gates.sigmoid_().chunk(4, dim=1)
    memory = (memory * f).addcmul_(i, g, value=2).sub_(i)
    squashed = (memory + memory).sigmoid_()
    return memory, torch.addcmul(o, o, squashed, value=-2).neg_()
