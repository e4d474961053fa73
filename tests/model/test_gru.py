"""The oracle is `torch.nn.GRU`, and finite differences for the gradients."""

from __future__ import annotations

import torch
from torch import nn

from musicvae.model.gru import GatedRecurrence


def _pair() -> tuple[GatedRecurrence, nn.GRU]:
    torch.manual_seed(0)
    ours, theirs = GatedRecurrence(size=5).double(), nn.GRU(3, 5).double()
    with torch.no_grad():
        theirs.weight_hh_l0.copy_(ours.weight)
        ours.bias.normal_()
        theirs.bias_hh_l0.copy_(ours.bias)
    return ours, theirs


def test_states_are_those_of_a_gru() -> None:
    ours, theirs = _pair()
    inputs, state = torch.randn(7, 4, 3).double(), torch.randn(4, 5).double()
    expected, _ = theirs(inputs, state[None])
    torch.testing.assert_close(ours(inputs @ theirs.weight_ih_l0.t() + theirs.bias_ih_l0, state), expected)


def test_steps_give_what_the_whole_gives() -> None:
    ours, _ = _pair()
    gates, state = torch.randn(6, 4, 15).double(), torch.zeros(4, 5).double()
    states = ours(gates, state)
    for t in range(6):
        state = ours.step(gates[t], state)
        torch.testing.assert_close(states[t], state)


def test_gradients_agree_with_finite_differences() -> None:
    ours, _ = _pair()
    gates = torch.randn(4, 3, 15).double().requires_grad_()
    state = torch.randn(3, 5).double().requires_grad_()

    def run(gates: torch.Tensor, state: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(ours, {"weight": weight, "bias": bias}, (gates, state))

    assert torch.autograd.gradcheck(run, (gates, state, ours.weight, ours.bias))


def test_autocast_computes_in_its_own_precision() -> None:
    ours = GatedRecurrence(size=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(torch.randn(2, 3, 15), torch.zeros(3, 5)).dtype == torch.bfloat16
