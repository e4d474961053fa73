"""The oracle is `torch.nn.LSTM`, and finite differences for the gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from musicvae.model import lstm
from musicvae.model.lstm import Incoming, LstmCell

STEPS, ROWS, INPUTS, SIZE = 6, 2, 4, 3


def _cell(inputs: int = INPUTS) -> LstmCell:
    torch.manual_seed(0)
    cell = LstmCell(inputs, SIZE).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    return cell


def _state() -> tuple[Tensor, Tensor]:
    return torch.randn(ROWS, SIZE).double(), torch.randn(ROWS, SIZE).double()


def _torch_lstm(cell: LstmCell) -> nn.LSTM:
    theirs = nn.LSTM(INPUTS, SIZE).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(cell.weight_in)
        theirs.weight_hh_l0.copy_(cell.weight_rec)
        theirs.bias_ih_l0.copy_(cell.bias)
        theirs.bias_hh_l0.zero_()
    return theirs


@pytest.mark.parametrize("reverse", [False, True])
def test_outputs_are_those_of_an_lstm(reverse: bool) -> None:
    cell, (memory, output) = _cell(), _state()
    inputs = torch.randn(STEPS, ROWS, INPUTS).double()
    expected, _ = _torch_lstm(cell)(inputs.flip(0) if reverse else inputs, (output[None], memory[None]))
    found = cell(Incoming(cell.bias, inputs=inputs, weight=cell.weight_in), (memory, output), steps=STEPS, reverse=reverse)
    torch.testing.assert_close(found, expected.flip(0) if reverse else expected)


def test_steps_give_what_the_whole_gives() -> None:
    cell, state = _cell(), _state()
    inputs = torch.randn(STEPS, ROWS, INPUTS).double()
    whole = cell(Incoming(cell.bias, inputs=inputs, weight=cell.weight_in), state, steps=STEPS)
    for t in range(STEPS):
        state = cell.step(inputs[t] @ cell.weight_in.t() + cell.bias, state)
        torch.testing.assert_close(whole[t], state[1])


def test_looked_up_inputs_are_sums_of_weights() -> None:
    cell, state = _cell(), _state()
    rows = torch.tensor([[[0, 2]], [[3, -1]], [[-1, -1]]])
    dense = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]).double()[:, None]
    state = (state[0][:1], state[1][:1])
    found = cell(Incoming(cell.bias, rows=rows, lookup=cell.weight_in), state, steps=3)
    torch.testing.assert_close(found, cell(Incoming(cell.bias, inputs=dense, weight=cell.weight_in), state, steps=3))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("rows_at_once", [2 * ROWS, 1000])
@pytest.mark.parametrize("parts", ["looked up", "dense", "both", "constant", "constant for each row"])
def test_gradients_agree_with_finite_differences(parts: str, rows_at_once: int, reverse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lstm, "_ROWS_AT_ONCE", rows_at_once)
    cell, steps, depth = _cell(INPUTS + 2), 3, 2
    rows = torch.randint(-1, depth, (steps, ROWS, 2))
    inputs = torch.randn(steps, ROWS, INPUTS).double().requires_grad_()
    own = torch.randn(ROWS, 4 * SIZE).double().requires_grad_()
    memory, output = (x.requires_grad_() for x in _state())
    looked_up, dense = parts in ("looked up", "both"), parts in ("dense", "both")

    def run(weight_in: Tensor, weight_rec: Tensor, bias: Tensor, *rest: Tensor) -> Tensor:
        inputs, own, memory, output = rest
        incoming = Incoming(
            bias + own if parts == "constant for each row" else bias,
            rows=rows if looked_up else None,
            lookup=weight_in[:, :depth] if looked_up else None,
            inputs=inputs if dense else None,
            weight=weight_in[:, depth:] if dense else None,
        )
        weights = {"weight_in": weight_in, "weight_rec": weight_rec, "bias": bias}
        return torch.func.functional_call(cell, weights, (incoming, (memory, output)), {"steps": steps, "reverse": reverse})

    assert torch.autograd.gradcheck(run, (cell.weight_in, cell.weight_rec, cell.bias, inputs, own, memory, output))


def test_autocast_computes_in_its_own_precision_and_remembers_in_full() -> None:
    cell = _cell().float()
    rows = torch.randint(0, INPUTS, (40, ROWS, 1))
    state = (torch.zeros(ROWS, SIZE), torch.zeros(ROWS, SIZE))
    incoming = Incoming(cell.bias, rows=rows, lookup=cell.weight_in)
    exact = cell(incoming, state, steps=40)
    exact.sum().backward()
    expected, cell.weight_rec.grad = cell.weight_rec.grad, None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        coarse = cell(incoming, state, steps=40)
    assert coarse.dtype == torch.bfloat16
    torch.testing.assert_close(coarse.float(), exact, atol=0.03, rtol=0)
    coarse.float().sum().backward()
    assert cell.weight_rec.grad.dtype == torch.float32
    assert (cell.weight_rec.grad - expected).norm() < 0.05 * expected.norm()


def test_a_new_cell_remembers() -> None:
    cell = LstmCell(0, SIZE)
    assert set(dict(cell.named_parameters())) == {"weight_rec", "bias"}
    assert cell.bias.tolist() == [0.0] * SIZE + [1.0] * SIZE + [0.0] * 2 * SIZE
