"""A better q(z | x) of given music than the encoder's first answer, by gradient steps on the evidence bound itself.

An encoder that saw few beats reads new ones less well than the decoder could write them; a few steps for each piece close most of that
gap (semi-amortised inference: Kim et al., 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor

from musicvae.model.losses import kl_per_dimension
from musicvae.model.noise import generator
from musicvae.model.pieces.frames import Frames
from musicvae.model.pieces.vae import PieceVAE

__all__ = ["refined_posterior"]

_RATE = 0.03
_LEAST_LOG_SIGMA, _MOST_LOG_SIGMA = -6.0, 0.5


def refined_posterior(vae: PieceVAE, frames: Frames, mu: Tensor, sigma: Tensor, *, beta: float, steps: int = 40) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (N, Z) after Adam's steps on -log p(frames | z) + beta * KL, from those given; `vae` stays as it is.

    beta: weight of the KL, that of the end of training keeps the rate about where it is. The noise of a step is the same for all
    rows and always the same, so that a row's answer is its own. Blocks of bars beyond the frames' stay as they are.
    ValueError for a beta or steps below 0.
    """
    if beta < 0 or steps < 0:
        raise ValueError(f"beta and steps must be at least 0, got {beta} and {steps}")
    used = vae.config.z_used(frames.bars)
    mean, log_sigma = (x.detach()[:, :used].clone().requires_grad_() for x in (mu, sigma.log()))
    noise = torch.from_numpy(generator(0, "posterior").standard_normal((steps, used))).to(mu)
    optimizer = torch.optim.Adam([mean, log_sigma], lr=_RATE)
    unused = torch.zeros_like(mu[:, used:])
    with torch.enable_grad():
        for eps in noise:
            deviation = log_sigma.clamp(_LEAST_LOG_SIGMA, _MOST_LOG_SIGMA).exp()
            z = torch.cat([mean + deviation * eps, unused], -1)
            loss = beta * kl_per_dimension(mean, deviation).sum() - vae.log_probs(z, frames).sum()
            mean.grad, log_sigma.grad = torch.autograd.grad(loss, [mean, log_sigma])
            optimizer.step()
    deviation = log_sigma.detach().clamp(_LEAST_LOG_SIGMA, _MOST_LOG_SIGMA).exp()
    return torch.cat([mean.detach(), mu[:, used:]], -1), torch.cat([deviation, sigma[:, used:]], -1)
