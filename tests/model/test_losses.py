from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from musicvae.model.losses import bits, kl_per_dimension, return_cost


def test_kl_agrees_with_torch_distributions() -> None:
    mu, sigma = torch.randn(6, 4), torch.rand(6, 4) + 0.1
    torch.testing.assert_close(kl_per_dimension(mu, sigma), kl_divergence(Normal(mu, sigma), Normal(0.0, 1.0)))


def test_a_bit_is_the_entropy_of_a_fair_coin() -> None:
    assert bits(math.log(2)) == pytest.approx(1.0)


def test_the_hint_asks_for_weight_on_equal_earlier_bars() -> None:
    tokens = torch.tensor([[[5], [6], [5], [5]]])
    returns = torch.zeros(1, 2, 4, 4)
    returns[..., 0, 0] = returns[..., 1, 1] = 1.0
    returns[:, :, 2] = torch.tensor([0.5, 0.25, 0.25, 0.0])
    returns[:, 0, 3] = torch.tensor([0.1, 0.0, 0.3, 0.6])
    returns[:, 1, 3] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    expected = -math.log(0.5) - 0.5 * math.log(0.4)
    assert return_cost(returns, tokens).item() == pytest.approx(expected)
    assert return_cost(returns[..., :2, :2], tokens[:, :2]).item() == 0
