"""Terms of the training loss, in nats.

Conventions: sigma is a standard deviation. The Kullback-Leibler divergence is given as it is; what a
training run forgives of it (a floor for each dimension) is subtracted in one place, `train.task`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["bits", "kl_per_dimension", "return_cost"]


def kl_per_dimension(mu: Tensor, sigma: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, I)) of a diagonal Gaussian for each latent dimension, in nats.

    mu, sigma: (N, Z), sigma > 0. Returns (N, Z), >= 0. Kingma & Welling (2014), appendix B.
    """
    return 0.5 * (mu.square() + sigma.square() - 1.0) - sigma.log()


def bits(nats: float) -> float:
    """Nats to bits."""
    return nats / math.log(2.0)


def return_cost(returns: Tensor, tokens: Tensor) -> Tensor:
    """What it costs, in nats, to be told in advance where bars return, for bars that do.

    returns: (N, heads, B, B) weights of earlier bars in each bar, rows summing to 1; tokens:
    (N, B, S). Returns (N,): for each bar that equals an earlier one, minus the logarithm of the
    weight on its equals, mean over heads, summed over bars. A hint for training, no part of the
    evidence bound: without it pointing back never begins to pay.
    """
    equal = (tokens[:, :, None] == tokens[:, None]).all(-1).tril(-1)
    weight = (returns * equal[:, None]).sum(-1).clamp(min=1e-4)
    return -torch.where(equal.any(-1)[:, None], weight.log(), 0.0).mean(1).sum(-1)
