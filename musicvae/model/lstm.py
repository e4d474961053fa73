"""A long short-term memory that takes its input gates ready made.

As with the gated unit of `model.recurrent`, what comes in is added up outside: rows of the input weights for inputs that are one of
many, products computed once for what stays the same over a whole stretch. Gates are ordered input, forget, candidate, output.

Hochreiter & Schmidhuber (1997); c' = sig(i) tanh(g) + sig(f) c, h' = sig(o) tanh(c'). The constant 1 that the published networks add
to the forget gate is part of the bias here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["LstmCell", "State"]

State = tuple[Tensor, Tensor]
"""Memory c and output h, each (N, H)."""


class LstmCell(nn.Module):
    """One layer: input weights (4H, in), absent for `input_size` 0, recurrent weights (4H, H) and bias (4H)."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.input_size, self.size = input_size, size
        # As one matrix of inputs and state together, and with at least one input: so the published networks began.
        bound = math.sqrt(6.0 / (max(input_size, 1) + size + 4 * size))
        if input_size:
            self.weight_in = nn.Parameter(torch.empty(4 * size, input_size).uniform_(-bound, bound))
        self.weight_rec = nn.Parameter(torch.empty(4 * size, size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * size))
        self.bias.data[size : 2 * size] = 1.0

    def forward(self, input_gates: Tensor, state: State | None = None, lengths: Tensor | None = None, reverse: bool = False) -> Tensor:
        """Outputs (S, N, H) after each step of input gates (S, N, 4H), bias included; state: zeros by default.

        lengths: (N,) steps used of each row, the outputs of others are the last one (or the first state) again. reverse: from the last
        step to the first; the output at a step is the one after that step has been read.
        """
        steps, n, _ = input_gates.shape
        zeros = input_gates.new_zeros(n, self.size)
        memory, output = (zeros, zeros) if state is None else state
        outputs: list[Tensor] = []
        for t in range(steps - 1, -1, -1) if reverse else range(steps):
            new_memory, new_output = self.step(input_gates[t], (memory, output))
            if lengths is None:
                memory, output = new_memory, new_output
            else:
                used = (t < lengths)[:, None]
                memory, output = torch.where(used, new_memory, memory), torch.where(used, new_output, output)
            outputs.append(output)
        return torch.stack(outputs[::-1] if reverse else outputs)

    def step(self, input_gates: Tensor, state: State) -> State:
        """One step: gates (N, 4H), bias included, and the state to the next state."""
        memory, output = state
        i, f, g, o = torch.addmm(input_gates, output, self.weight_rec.t()).chunk(4, dim=-1)
        memory = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * memory
        return memory, torch.sigmoid(o) * torch.tanh(memory)
