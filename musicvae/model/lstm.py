"""A long short-term memory whose input gates are put together outside of its weights' product, step by step.

As with the gated unit of `model.gru`, what comes in is cheaper to look up or to add than to multiply: rows of the input weights
for inputs that are one of many, and products computed once for what stays the same over all steps. The backward pass is written out:
weights get one product for many steps instead of one a step, and nothing is kept but the gates, the memories and the outputs.

Gates are ordered input, forget, candidate, output: c' = sig(f) c + sig(i) tanh(g), h' = sig(o) tanh(c') (Hochreiter & Schmidhuber,
1997; Gers et al., 2000). The constant 1 that the published networks add to the forget gate is part of the bias here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from musicvae.model.products import Packed, product

__all__ = ["Incoming", "LstmCell", "State", "next_state"]

State = tuple[Tensor, Tensor]
"""Memory c and output h, each (N, H)."""

_ROWS_AT_ONCE = 1024  # in products for gradients of weights: enough to be fast, few enough to stay in the cache


@dataclass(frozen=True)
class Incoming:
    """What reaches the gates of N rows from outside in S steps, the sum of up to three parts.

    constant: (4H) or (N, 4H), the same at every step, bias included. rows: (S, N, K) integers, the inputs that are 1 (-1: none), and
    lookup: (4H, D), the weights of those inputs. inputs: (S, N, I), and weight: (4H, I), the weights of those.
    """

    constant: Tensor
    rows: Tensor | None = None
    lookup: Tensor | None = None
    inputs: Tensor | None = None
    weight: Tensor | None = None

    def to(self, dtype: torch.dtype) -> Incoming:
        """In another precision, rows aside."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Incoming(**{name: x if x is None or name == "rows" else x.to(dtype) for name, x in values.items()})


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

    def forward(self, incoming: Incoming, state: State, *, steps: int, reverse: bool = False) -> Tensor:
        """Outputs (S, N, H) after each step, in the dtype of autocast if that is on; memories are in single precision at least.

        reverse: from the last step to the first; the output at a step is then the one after it and all later ones have been read.
        """
        device = incoming.constant.device.type
        if torch.is_autocast_enabled(device):
            incoming = incoming.to(torch.get_autocast_dtype(device))
        dtype = incoming.constant.dtype
        memory, output = state
        constant, rows, lookup, inputs, weight = (getattr(incoming, field.name) for field in fields(incoming))
        weights = (constant, lookup, inputs, weight, self.weight_rec.to(dtype))
        outputs = _Recurrence.apply(steps, reverse, rows, memory.to(_full(dtype)), output.to(dtype), *weights)  # type: ignore[no-untyped-call]  # as in gru.py
        return cast(Tensor, outputs)

    def step(self, input_gates: Tensor, state: State) -> State:
        """One step, for sampling: all that comes in (N, 4H), bias included, and the state to the next state."""
        memory, output = state
        return next_state(product(output, self.weight_rec, add=input_gates), memory)


def next_state(gates: Tensor, memory: Tensor) -> State:
    """The state after gates (N, 4H) that have not been squashed yet, and memory (N, H)."""
    enter, keep, candidate, leave = gates.chunk(4, dim=-1)
    memory = torch.addcmul(torch.sigmoid(keep) * memory, torch.sigmoid(enter), 2 * torch.sigmoid(2 * candidate) - 1)
    return memory, torch.sigmoid(leave) * (2 * torch.sigmoid(2 * memory) - 1)


def _full(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _tanh(x: Tensor) -> Tensor:
    """tanh(x) by the logistic function: torch computes that ten times as fast on a CPU."""
    return torch.sigmoid(2 * x).mul_(2).sub_(1)


def _squash(gates: Tensor) -> Tensor:
    """Gates (N, 4H) put through their functions, in place."""
    size = gates.shape[-1] // 4
    candidate = gates[:, 2 * size : 3 * size]
    candidate.mul_(2)
    gates.sigmoid_()
    candidate.mul_(2).sub_(1)
    return gates


def _advance(gates: Tensor, memory: Tensor, new_memory: Tensor, new_output: Tensor) -> State:
    """The next state from squashed gates (N, 4H), written into the last two arguments."""
    enter, keep, candidate, leave = gates.chunk(4, dim=-1)
    torch.addcmul(keep * memory, enter, candidate, out=new_memory)
    torch.mul(leave, _tanh(new_memory), out=new_output)
    return new_memory, new_output


class _Recurrence(torch.autograd.Function):
    """All steps of the cell. N rows, S steps; memories and gradients of gates are kept in `_full` precision."""

    @staticmethod
    def forward(
        ctx: Any,
        steps: int,
        reverse: bool,
        rows: Tensor | None,
        memory: Tensor,
        output: Tensor,
        constant: Tensor,
        lookup: Tensor | None,
        inputs: Tensor | None,
        weight: Tensor | None,
        recurrent: Tensor,
    ) -> Tensor:
        full = memory.dtype
        arrive = _Arrivals(output, rows, constant, lookup, inputs, weight)
        packed = Packed(recurrent)
        outputs, memories = output.new_empty(steps + 1, *output.shape), memory.new_empty(steps + 1, *memory.shape)
        first = steps if reverse else 0
        outputs[first], memories[first] = output, memory
        learning, kept = any(ctx.needs_input_grad), []
        for t in range(steps - 1, -1, -1) if reverse else range(steps):
            gates = _squash(packed(output, arrive.at(t)).to(full))
            after = t if reverse else t + 1
            memory, output = _advance(gates, memory, memories[after], outputs[after])
            if learning:
                kept.append(gates.to(output.dtype))
        ctx.reverse, ctx.per_row = reverse, constant.dim() == 2
        ctx.save_for_backward(rows, lookup, inputs, weight, recurrent, outputs, memories, *kept)
        return outputs[:-1] if reverse else outputs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        rows, lookup, inputs, weight, recurrent, outputs, memories, *kept = ctx.saved_tensors
        grad_outputs, steps, reverse = grads[0], len(kept), ctx.reverse
        sums = _Sums(rows, lookup, inputs, weight, recurrent, outputs[1:] if reverse else outputs[:-1], ctx.per_row)
        back, grad_memory, grad = Packed(recurrent.t()), torch.zeros_like(memories[0]), torch.zeros_like(outputs[0])
        groups = range(0, steps, sums.group)
        # What was read last comes first.
        for start in groups if reverse else reversed(groups):
            group = range(start, min(start + sums.group, steps))
            for t in group if reverse else reversed(group):
                before, after = (t + 1, t) if reverse else (t, t + 1)
                gates = kept.pop().to(memories.dtype)
                grad = (grad + grad_outputs[t]).to(memories.dtype)
                grad_memory = _gate_gradients(sums.gates[t - start], grad, grad_memory, gates, memories[before], memories[after])
                grad = back(sums.for_products(t - start))
            sums.add(group)
        return (None, None, None, grad_memory, grad, *sums.all())


def _gate_gradients(into: Tensor, grad: Tensor, grad_memory: Tensor, gates: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Write the gradient of the gates (N, 4H); returns that of the memory (N, H) before the step."""
    enter, keep, candidate, leave = gates.chunk(4, dim=-1)
    to_enter, to_keep, to_candidate, to_leave = into.chunk(4, dim=-1)
    shown = _tanh(after)
    logistic, tanh = torch.ops.aten.sigmoid_backward.grad_input, torch.ops.aten.tanh_backward.grad_input
    logistic(grad * shown, leave, grad_input=to_leave)
    grad_memory = grad_memory + torch.ops.aten.tanh_backward(grad * leave, shown)
    logistic(grad_memory * candidate, enter, grad_input=to_enter)
    logistic(grad_memory * before, keep, grad_input=to_keep)
    tanh(grad_memory * enter, candidate, grad_input=to_candidate)
    return grad_memory * keep


class _Arrivals:
    """What comes in at each step, put together when it is asked for: nothing as long as the whole is ever written out."""

    def __init__(
        self, like: Tensor, rows: Tensor | None, constant: Tensor, lookup: Tensor | None, inputs: Tensor | None, weight: Tensor | None
    ) -> None:
        self._constant = constant.expand(len(like), -1).contiguous()
        self._rows, self._inputs = rows, inputs
        if lookup is not None and rows is not None:
            # A last row of zeros, for what is not there.
            self._table = F.pad(lookup.t(), (0, 0, 0, 1))
            self._rows = torch.where(rows < 0, lookup.shape[1], rows)
        if inputs is not None and weight is not None:
            self._product = Packed(weight)

    def at(self, step: int) -> Tensor:
        """(N, 4H) of one step."""
        gates = self._constant
        if self._inputs is not None:
            gates = self._product(self._inputs[step], gates)
        if self._rows is not None:
            for column in self._rows[step].unbind(-1):
                gates = self._table.index_select(0, column).add_(gates)
        return gates


class _Sums:
    """Gradients of what is the same at every step, and of the inputs, from those of the gates of one group of steps after another."""

    def __init__(
        self,
        rows: Tensor | None,
        lookup: Tensor | None,
        inputs: Tensor | None,
        weight: Tensor | None,
        recurrent: Tensor,
        before: Tensor,
        per_row: bool,
    ) -> None:
        self._rows, self._inputs, self._weight, self._before = rows, inputs, weight, before
        steps, n, size = before.shape
        self.group = min(steps, max(1, _ROWS_AT_ONCE // n))
        """Steps of a group."""
        full = _full(before.dtype)
        self.gates = before.new_empty(self.group, n, 4 * size, dtype=full)
        """Where the gradients of the gates of a group's steps are written."""
        self._cast = self.gates if full == before.dtype else self.gates.to(before.dtype)
        self._recurrent = before.new_zeros(size, 4 * size, dtype=full)
        self._constant = before.new_zeros(*((n,) if per_row else ()), 4 * size, dtype=full)
        self._table = None if lookup is None else before.new_zeros(lookup.shape[1] + 1, 4 * size, dtype=full)
        self._dense = None if weight is None else before.new_zeros(weight.shape[1], 4 * size, dtype=full)
        self._grad_inputs = None if inputs is None else torch.empty_like(inputs)

    def for_products(self, place: int) -> Tensor:
        """The gradient written at this place of the group, in the precision of products."""
        if self._cast is not self.gates:
            self._cast[place].copy_(self.gates[place])
        return self._cast[place]

    def add(self, group: range) -> None:
        """Add a group's share, all of its gradients having been written and been asked for."""
        start, stop = group.start, group.stop
        gates = self._cast[: len(group)].flatten(0, 1)
        self._recurrent = _add_product(self._recurrent, self._before[start:stop], gates)
        self._constant += self.gates[: len(group)].sum(0 if self._constant.dim() == 2 else (0, 1))
        if self._table is not None and self._rows is not None:
            for column in self._rows[start:stop].flatten(0, 1).unbind(-1):
                # Nothing is at the last row of the table, which -1 is.
                self._table.index_add_(0, column % len(self._table), self.gates[: len(group)].flatten(0, 1))
        if self._dense is not None and self._inputs is not None and self._weight is not None and self._grad_inputs is not None:
            self._dense = _add_product(self._dense, self._inputs[start:stop], gates)
            self._grad_inputs[start:stop] = product(gates, self._weight.t()).view(self._inputs[start:stop].shape)

    def all(self) -> tuple[Tensor | None, ...]:
        """Gradients of constant, lookup, inputs, weight and recurrent weights."""
        table = None if self._table is None else self._table[:-1].t()
        return self._constant, table, self._grad_inputs, None if self._dense is None else self._dense.t(), self._recurrent.t()


def _add_product(total: Tensor, x: Tensor, gates: Tensor) -> Tensor:
    """`total` (I, 4H) plus the product of x (s, N, I), transposed, and gates (s * N, 4H)."""
    x = x.flatten(0, 1).t()
    return product(x, gates.t(), add=total) if x.dtype == total.dtype else total + product(x, gates.t())
