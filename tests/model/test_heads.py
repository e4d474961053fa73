from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from musicvae.model import heads
from musicvae.model.heads import Categorical, Groove, Head, Nade, TwoStage, join_scores

HEADS: dict[str, Head] = {"categorical": Categorical((4, 3)), "two stages": TwoStage(), "nade": Nade(5, 6), "groove": Groove(6)}
every_head = pytest.mark.parametrize("name", HEADS)


def _outputs(head: Head, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, head.width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _head(name: str) -> Head:
    return HEADS[name].double()


def _noise(head: Head, *shape: int) -> Tensor:
    rng = np.random.default_rng(3)
    draw = rng.gumbel if head.noise == "gumbel" else rng.logistic
    return torch.tensor(draw(size=(*shape, head.noise_width)))


def _all_frames(name: str) -> list[Sequence[float]]:
    frames: dict[str, list[Sequence[float]]] = {
        "categorical": list(itertools.product(range(4), range(3))), "two stages": [(k,) for k in range(90)],
        "nade": list(itertools.product((0.0, 1.0), repeat=5)),
    }  # fmt: skip
    return frames[name]


@pytest.mark.parametrize("name", ["categorical", "two stages", "nade"])
def test_probabilities_of_all_frames_sum_to_one(name: str) -> None:
    head, frames = _head(name), torch.tensor(_all_frames(name))
    outputs = _outputs(head, 1).expand(len(frames), -1)
    total = head.log_prob(outputs, frames).logsumexp(0).detach()
    # The published loss of this head adds a millionth inside its logarithms.
    assert float(total) == pytest.approx(0.0, abs=2e-5 if name == "nade" else 1e-12)


@pytest.mark.parametrize("name", ["categorical", "two stages", "nade"])
def test_draws_are_as_frequent_as_probable(name: str) -> None:
    head, frames, n = _head(name), torch.tensor(_all_frames(name)), 40_000
    outputs = 0.5 * _outputs(head, 1)
    drawn = head.draw(outputs.expand(n, -1), _noise(head, n), 0.5)
    share = (drawn[:, None] == frames).all(-1).double().mean(0).detach()
    probability = head.log_prob((outputs / 0.5).expand(len(frames), -1), frames).exp().detach()
    if name == "nade":
        # Its hidden units know no temperature: compare at 1.
        drawn = head.draw(outputs.expand(n, -1), _noise(head, n), 1.0)
        share = (drawn[:, None] == frames).all(-1).double().mean(0).detach()
        probability = head.log_prob(outputs.expand(len(frames), -1), frames).exp().detach()
    assert (share - probability).abs().max() < 0.01


@every_head
def test_temperature_zero_and_no_noise_give_the_likeliest(name: str) -> None:
    head = _head(name)
    outputs, noise = _outputs(head, 50), _noise(head, 50)
    greedy = head.draw(outputs, None, 1.0)
    torch.testing.assert_close(head.draw(outputs, noise, 0.0), greedy)
    torch.testing.assert_close(head.draw(outputs, noise, 1e-6), greedy)
    assert not torch.equal(head.draw(outputs, noise, 1.0), greedy)


@every_head
def test_the_gap_is_how_far_the_noise_may_move(name: str) -> None:
    head = _head(name)
    outputs, noise = _outputs(head, 200), _noise(head, 200)
    frames, gap = head.draw_with_gap(outputs, noise, 0.7)
    torch.testing.assert_close(head.draw(outputs, noise, 0.7), frames)
    assert gap.shape == (200,)
    assert (gap > 0).all()
    # Moved by less than half the gap either way, no decision falls otherwise.
    shift = torch.randn(noise.shape, generator=torch.Generator().manual_seed(1)).sign().double()
    moved = head.draw(outputs, noise + 0.499 * gap[:, None] * shift, 0.7)
    torch.testing.assert_close(moved, frames)


def test_the_gap_of_an_onset_is_also_that_of_its_pitch() -> None:
    outputs = torch.full((1, 91), -9.0)
    outputs[0, 2] = 9.0  # an onset for sure
    outputs[0, 3 + 40], outputs[0, 3 + 41] = 1.0, 0.75
    event, gap = TwoStage().draw_with_gap(outputs, None, 0.0)
    assert event.tolist() == [[42]]
    assert float(gap) == pytest.approx(0.25, abs=1e-5)
    outputs[0, 0] = 20.0  # now a hold, whatever the pitches are
    event, gap = TwoStage().draw_with_gap(outputs, None, 0.0)
    assert event.tolist() == [[0]]
    assert float(gap) == pytest.approx(11.0, abs=1e-4)


@every_head
def test_a_bias_decides(name: str) -> None:
    head = _head(name)
    outputs = _outputs(head, 7)
    if name in ("nade", "groove"):
        bias = torch.full((7, head.noise_width), 50.0)
        assert (head.draw(outputs, None, 0.0, bias)[:, : head.noise_width] == 1).all()
        assert (head.draw(outputs, None, 0.0, -bias)[:, : head.noise_width] == 0).all()
    else:
        bias = torch.zeros(7, head.depth)
        bias[:, 3] = 50.0
        assert (head.draw(outputs, None, 0.0, bias)[:, 0] == 3).all()


def test_nothing_costs_nothing() -> None:
    head = HEADS["categorical"]
    outputs = _outputs(head, 2)
    whole = head.log_prob(outputs, torch.tensor([[1, 2], [1, -1]]))
    torch.testing.assert_close(whole[1], outputs[1, :4].log_softmax(-1)[1])
    assert head.log_prob(outputs, torch.tensor([[-1, -1]] * 2)).tolist() == [0.0, 0.0]


def test_scores_of_events_join_decision_and_pitch() -> None:
    head = TwoStage()
    outputs = _outputs(head, 3)
    joint = join_scores(*head.scores(outputs))
    expected = torch.stack([head.log_prob(outputs, torch.full((3, 1), event)) for event in range(90)], -1)
    torch.testing.assert_close(joint, expected)


@pytest.mark.parametrize("rows", [2, 1000])
def test_gradients_of_the_chain_agree_with_finite_differences(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_NADE_ROWS", rows)
    head = Nade(4, 3).double()
    outputs = _outputs(head, 2, 3).requires_grad_()
    frames = torch.randint(0, 2, (2, 3, 4)).double()

    def run(outputs: Tensor, w_enc: Tensor, w_dec: Tensor) -> Tensor:
        return torch.func.functional_call(head, {"w_enc": w_enc, "w_dec": w_dec}, (outputs, frames))

    monkeypatch.setattr(Nade, "forward", Nade.logits, raising=False)
    assert torch.autograd.gradcheck(run, (outputs, head.w_enc, head.w_dec))


def test_the_chain_keeps_single_precision_under_autocast() -> None:
    head = Nade(4, 3)
    outputs = torch.randn(5, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head.logits(outputs, torch.ones(5, 4))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, head.logits(outputs, torch.ones(5, 4)))


def test_groove_loss_is_cross_entropy_and_squares() -> None:
    outputs = torch.tensor([0.0, 2.0, 0.0, 1.0, 0.0, -1.0]).double()
    target = torch.tensor([1.0, 0.0, 0.5, 0.25, -0.5, 0.0]).double()
    p = 1 / (1 + np.exp(-2.0))
    expected = np.log(0.5 + 1e-7) + np.log(1 - p + 1e-7) - (1 / (1 + np.exp(-1.0)) - 0.25) ** 2 - 0.5**2 - np.tanh(-1.0) ** 2
    assert float(Groove(6).log_prob(outputs, target)) == pytest.approx(expected, abs=1e-12)


def test_grooves_are_fed_back_as_they_are_expected() -> None:
    frame = Groove(6).draw(torch.tensor([[3.0, -3.0, 0.0, 0.0, 1.0, -1.0]]), None, 0.0)
    expected = [1.0, 0.0, 0.5, 0.5, float(np.tanh(1.0)), float(np.tanh(-1.0))]
    assert frame[0].tolist() == pytest.approx(expected, abs=1e-6)
