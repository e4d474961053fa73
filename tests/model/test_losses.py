from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from musicvae.model.losses import ElboTerms, bits, kl_per_dimension


def test_kl_agrees_with_torch_distributions() -> None:
    mu, sigma = torch.randn(6, 4), torch.rand(6, 4) + 0.1
    torch.testing.assert_close(kl_per_dimension(mu, sigma), kl_divergence(Normal(mu, sigma), Normal(0.0, 1.0)))


def test_a_bit_is_the_entropy_of_a_fair_coin() -> None:
    assert bits(math.log(2)) == pytest.approx(1.0)


def test_the_floor_is_on_each_dimension_s_mean() -> None:
    kl = torch.tensor([[0.0, 1.0], [0.2, 3.0]])
    terms = ElboTerms(torch.tensor([10.0, 20.0]), kl)
    assert terms.loss(beta=1.0).item() == pytest.approx(15 + 0.1 + 2.0)
    assert terms.loss(beta=0.5, free_nats=0.25).item() == pytest.approx(15 + 0.5 * (0.25 + 2.0))
    assert terms.loss(beta=1.0, free_nats=0.25, used=1).item() == pytest.approx(15 + 0.25)
