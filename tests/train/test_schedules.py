"""The published formulas, each against an oracle written another way."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicvae.train.schedules import clip_or_skip, decayed_rate, forgiven, kl_weight, sampling_share


def test_the_weight_of_the_kl_grows_as_published():
    assert kl_weight(0, max_beta=0.2, beta_rate=0.99999) == 0.0
    assert kl_weight(200_000, max_beta=0.5, beta_rate=0.99999) == pytest.approx(0.43, abs=0.005)  # as the authors report it
    assert kl_weight(1000, max_beta=0.2, beta_rate=0.99999) == pytest.approx(-0.2 * math.expm1(1000 * math.log1p(-1e-5)))


def test_without_a_rate_the_weight_is_full_from_the_second_step():
    assert [kl_weight(step, max_beta=0.2, beta_rate=0.0) for step in (0, 1, 2, 10**6)] == [0.0, 0.2, 0.2, 0.2]


def test_bits_of_the_whole_code_are_forgiven_for_each_example():
    kl = torch.tensor([10.0, 48 * math.log(2), 50.0], requires_grad=True)
    paid = forgiven(kl, 48.0)
    torch.testing.assert_close(paid.detach(), torch.tensor([0.0, 0.0, 50 - 48 * math.log(2)]))
    paid.sum().backward()
    assert kl.grad[0] == 0
    assert kl.grad[2] == 1
    assert forgiven(torch.tensor([3.0]), 0.0).item() == 3.0


@pytest.mark.parametrize("step", [0, 1, 500, 6907, 20_000, 200_000])
def test_the_inverse_sigmoid_is_that_of_the_formula(step):
    k = 1000.0
    assert sampling_share(step, schedule="inverse_sigmoid", rate=k) == pytest.approx(1 - k / (k + math.exp(step / k)), abs=1e-12)


def test_half_the_frames_are_drawn_where_the_formula_says():
    assert sampling_share(round(1000 * math.log(1000)), schedule="inverse_sigmoid", rate=1000.0) == pytest.approx(0.5, abs=1e-4)


@given(st.integers(0, 10**9), st.sampled_from([("inverse_sigmoid", 1000.0), ("inverse_sigmoid", 3.0), ("exponential", 0.9999)]))
def test_shares_are_shares_and_never_fall(step, made):
    schedule, rate = made
    now, later = (sampling_share(s, schedule=schedule, rate=rate) for s in (step, step + 1))
    assert 0.0 <= now <= later <= 1.0


def test_other_schedules():
    assert sampling_share(7, schedule="", rate=0.0) == 0.0
    assert sampling_share(7, schedule="constant", rate=0.25) == 0.25
    assert sampling_share(7, schedule="exponential", rate=0.9) == pytest.approx(1 - 0.9**7)
    with pytest.raises(ValueError, match="unknown sampling schedule 'linear'; allowed are inverse_sigmoid, exponential, constant"):
        sampling_share(7, schedule="linear", rate=0.9)


def test_the_learning_rate_falls_to_its_least():
    rates = [decayed_rate(step, lr=1e-3, min_lr=1e-5, lr_decay=0.9999) for step in (0, 1, 10_000, 10**7)]
    assert rates == pytest.approx([1e-3, 1e-3 - 0.99e-3 * 1e-4, 0.99e-3 * math.exp(10_000 * math.log(0.9999)) + 1e-5, 1e-5])


def gradients(*values):
    parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in values]
    for parameter, value in zip(parameters, values, strict=True):
        parameter.grad = torch.tensor(value)
    return parameters


def test_long_gradients_are_clipped_and_short_ones_left():
    long = gradients([3.0, 0.0], [0.0, 4.0])
    assert clip_or_skip([*long, torch.nn.Parameter(torch.zeros(1))], clip_norm=1.0, skip_norm=1e4) == pytest.approx(5.0)
    torch.testing.assert_close(torch.stack([p.grad for p in long]), torch.tensor([[0.6, 0.0], [0.0, 0.8]]), atol=1e-6, rtol=0)
    short = gradients([0.3, 0.4])
    clip_or_skip(short, clip_norm=1.0, skip_norm=1e4)
    torch.testing.assert_close(short[0].grad, torch.tensor([0.3, 0.4]))


@pytest.mark.parametrize("value", [1e4, 1e30, float("inf"), float("nan")])
def test_of_a_broken_step_nothing_is_taken(value):
    parameters = gradients([value, 0.0], [1.0, 1.0])
    norm = clip_or_skip(parameters, clip_norm=1.0, skip_norm=1e4)
    assert not norm < 1e4
    assert all((p.grad == 0).all() for p in parameters)


def test_after_a_skipped_step_moments_decay_as_in_the_original():
    (parameter,) = gradients([1.0, -1.0])
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    optimizer.step()
    moment = optimizer.state[parameter]["exp_avg"].clone()
    parameter.grad = torch.full((2,), 1e9)
    clip_or_skip([parameter], clip_norm=1.0, skip_norm=1e4)
    optimizer.step()
    torch.testing.assert_close(optimizer.state[parameter]["exp_avg"], 0.9 * moment)
