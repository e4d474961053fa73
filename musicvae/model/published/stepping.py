"""A core decoder made ready for sampling: its weights laid out for products with few rows, its cell in few passes over memory.

What a frame adds to the gates is a row of a table, what the embedding adds is worked out once a stretch, and each layer is one product a
step. Gates are kept in the order input, forget, candidate, output; the candidate's are doubled, so that one sigmoid over all four
serves it too: tanh(x) = 2 sig(2x) - 1, and sig is several times cheaper than tanh here.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from musicvae.model.heads import Categorical, Head
from musicvae.model.lstm import LstmCell
from musicvae.model.products import Packed, product
from musicvae.model.published.decoder import LstmDecoder

__all__ = ["PackedCore"]

_State = tuple[Tensor, ...]


class PackedCore:
    """What `LstmDecoder` does one step at a time, without gradients; later changes of the core do not reach it.

    dtype: precision of the products and of the state; outputs are in single precision at least.
    """

    def __init__(self, core: LstmDecoder, dtype: torch.dtype = torch.float32) -> None:
        self.head: Head = core.head
        self.steps, self._told, self._dtype = core.steps, core.told, dtype
        cells = [cast(LstmCell, cell) for cell in core.cells]
        self._sizes = [cell.size for cell in cells]
        first = cells[0]
        depth = core.head.depth
        entering = _doubled(first.weight_in).to(dtype)
        self._from_embedding = Packed(entering[:, depth : depth + self._told], _doubled(first.bias).to(dtype))
        self._from_controls = entering[:, depth + self._told :].contiguous() if core.control_depth else None
        self._start = Packed(core.start.weight.to(dtype), core.start.bias.to(dtype))
        self._layers = [Packed(_doubled(first.weight_rec).to(dtype))]
        for cell in cells[1:]:
            both = torch.cat([cell.weight_in, cell.weight_rec], 1)
            self._layers.append(Packed(_doubled(both).to(dtype), _doubled(cell.bias).to(dtype)))
        self._output = Packed(core.output.weight.to(dtype), core.output.bias.to(dtype))
        self._enter_frame(core, entering[:, :depth])

    def _enter_frame(self, core: LstmDecoder, weight: Tensor) -> None:
        self._table, self._from_frame = None, None
        if isinstance(core.head, Categorical):
            # The last row stands for no frame at all.
            self._table = torch.cat([weight.t(), weight.new_zeros(1, len(weight))]).contiguous()
            widths = core.head.widths
            self._offsets = torch.tensor([sum(widths[:k]) for k in range(len(widths))], device=weight.device)
        else:
            self._from_frame = Packed(weight)

    def prepare(self, embeddings: Tensor, controls: Tensor | None = None) -> tuple[Tensor, _State]:
        """As `LstmDecoder.prepare`: (M, E) and (M, S, C) to the first layer's gates (S, M, 4H) and the state c0, h0, c1, h1, ..."""
        told = embeddings.to(self._dtype)
        gates = self._from_embedding(told)
        state = torch.split(torch.tanh(self._start(told)), [size for size in self._sizes for _ in range(2)], dim=-1)
        if controls is None or self._from_controls is None:
            return gates.expand(self.steps, *gates.shape), state
        return gates + product(controls.transpose(0, 1).to(self._dtype), self._from_controls), state

    def step(self, fed: Tensor, context: Tensor, state: _State) -> tuple[Tensor, _State]:
        """As `LstmDecoder.step`: the frame before, (M, streams) or (M, D), to outputs (M, width) and the next state."""
        memory, output = _cell(self._layers[0](state[1], self._entered(fed, context)), state[0])
        new = [memory, output]
        for index, layer in enumerate(self._layers[1:], 1):
            gates = layer(torch.cat([output, state[2 * index + 1]], 1))
            memory, output = _cell(gates, state[2 * index])
            new += [memory, output]
        outputs = self._output(output)
        return outputs.float() if outputs.dtype == torch.bfloat16 else outputs, tuple(new)

    def _entered(self, fed: Tensor, context: Tensor) -> Tensor:
        if self._table is None:
            assert self._from_frame is not None
            return self._from_frame(fed.to(self._dtype), context)
        rows = torch.where(fed >= 0, fed + self._offsets, len(self._table) - 1)
        gates = self._table[rows[:, 0]].add_(context)
        for stream in range(1, rows.shape[1]):
            gates += self._table[rows[:, stream]]
        return gates


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
