"""A prior of z learned after training: one block after another, each a mixture of Gaussians.

The encoder does not put real tunes where N(0, I) is dense, so the prior is fitted to where it does
put them, by maximum likelihood on z drawn from q(z | x) of the training tunes. It knows the number
of bars and the meter, and being autoregressive over bars it can also go on from bars that are
given. Two-stage fitting: Dai & Wipf (2019); mixture outputs: Bishop (1994).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.config import ModelConfig
from musicvae.music.meter import KINDS

__all__ = ["BarPrior"]

_MIN_LOG_SIGMA, _MAX_LOG_SIGMA = -5.0, 2.0


class BarPrior(nn.Module):
    """p(z | bars, kind) = p(tune block) * product over bars of p(bar block | blocks before)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        size = config.prior_size
        self.width = max(config.z_global, config.z_bar)
        self.enter = nn.Linear(self.width, size)
        self.places = nn.Embedding(len(KINDS) * (config.max_bars + 1), size)
        self.lengths = nn.Embedding(config.max_bars + 1, size)
        self.recurrence = nn.GRU(size, size, num_layers=2, batch_first=True)
        self.mixtures = nn.Sequential(
            nn.Linear(2 * size, 2 * size), nn.GELU(), nn.Linear(2 * size, config.prior_mixtures * (1 + 2 * self.width))
        )

    def _blocks(self, z: Tensor, bars: int) -> Tensor:
        """The blocks of z (N, Z) side by side, (N, 1 + bars, width), padded with zeros."""
        start, end = self.config.z_global, self.config.z_used(bars)
        tune = F.pad(z[:, None, :start], (0, self.width - start))
        per_bar = F.pad(z[:, start:end].reshape(len(z), bars, -1), (0, self.width - self.config.z_bar))
        return torch.cat([tune, per_bar], 1)

    def _places(self, bars: int, kind: int) -> Tensor:
        block = torch.arange(bars + 1, device=self.places.weight.device)
        places: Tensor = self.places(block + kind * (self.config.max_bars + 1)) + self.lengths(torch.full_like(block, bars))
        return places

    def _outputs(self, told: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights (..., K), means and log-deviations (..., K, width) for the block that follows."""
        out = self.mixtures(torch.cat([told, places.expand_as(told)], -1))
        k = self.config.prior_mixtures
        mean, log_sigma = out[..., k:].view(*out.shape[:-1], k, -1).chunk(2, dim=-1)
        return out[..., :k].log_softmax(-1), mean, log_sigma.clamp(_MIN_LOG_SIGMA, _MAX_LOG_SIGMA)

    def log_prob(self, z: Tensor, bars: int, kind: int) -> Tensor:
        """Natural logarithm of p(z | bars, kind), (N,), over the part of z that these bars use."""
        blocks, places = self._blocks(z, bars), self._places(bars, kind)
        before = F.pad(self.enter(blocks[:, :-1]), (0, 0, 1, 0))
        told, _ = self.recurrence(before + places)
        log_weight, mean, log_sigma = self._outputs(told, places)
        normal = -0.5 * ((blocks[:, :, None] - mean) / log_sigma.exp()).square() - log_sigma - 0.5 * math.log(2 * math.pi)
        real = torch.zeros(bars + 1, self.width, dtype=torch.bool, device=z.device)
        real[0, : self.config.z_global] = True
        real[1:, : self.config.z_bar] = True
        density = torch.where(real[:, None], normal, 0.0).sum(-1)
        return (log_weight + density).logsumexp(-1).sum(-1)

    @torch.no_grad()
    def sample(
        self,
        normals: Tensor,
        uniforms: Tensor,
        *,
        bars: int,
        kind: int,
        temperature: float = 1.0,
        given: Tensor | None = None,
        given_bars: int = 0,
    ) -> Tensor:
        """Draw z (N, Z).

        normals: (N, 1 + max_bars, width) and uniforms: (N, 1 + max_bars) are all the noise. The
        temperature sharpens the choice of Gaussian and narrows each. With `given` (N, Z) the tune
        block and the first `given_bars` bars' blocks are taken from it.
        """
        n, places = len(normals), self._places(bars, kind)
        fixed = None if given is None else self._blocks(given, bars)
        block, state, blocks = normals.new_zeros(n, 1, self.enter.out_features), None, []
        for i in range(bars + 1):
            told, state = self.recurrence(block + places[i], state)
            if fixed is not None and i <= given_bars:
                drawn = fixed[:, i]
            else:
                drawn = self._draw(*self._outputs(told[:, 0], places[i]), normals[:, i], uniforms[:, i], temperature)
                drawn = drawn * (torch.arange(self.width, device=drawn.device) < (self.config.z_bar if i else self.config.z_global))
            blocks.append(drawn)
            block = self.enter(drawn)[:, None]
        z = torch.cat([blocks[0][:, : self.config.z_global], *(b[:, : self.config.z_bar] for b in blocks[1:])], -1)
        return F.pad(z, (0, self.config.z_size - z.shape[1]))

    @staticmethod
    def _draw(log_weight: Tensor, mean: Tensor, log_sigma: Tensor, normal: Tensor, uniform: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            choice, spread = log_weight.argmax(-1), 0.0
        else:
            weights = (log_weight / temperature).softmax(-1).cumsum(-1)
            choice, spread = (weights < uniform[:, None]).sum(-1).clamp(max=weights.shape[-1] - 1), temperature
        rows = torch.arange(len(mean), device=mean.device)
        return mean[rows, choice] + spread * log_sigma[rows, choice].exp() * normal
