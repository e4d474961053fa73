"""From tokens to the mean and the spread of z.

A bar is read whole, by a sum of position-wise token embeddings and a small network; a
bidirectional recurrence then reads the bars of the tune. It is told where bars return (how alike
each bar is to the 15 before it), so that z need not describe the same bar twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.config import BarConfig
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import VOCABULARY_SIZE

__all__ = ["BarEncoder", "Encoder", "bar_likeness"]

_MIN_LOG_SIGMA, _MAX_LOG_SIGMA = -6.0, 0.5


def bar_likeness(tokens: Tensor, lags: int) -> Tensor:
    """How much each bar agrees with those before it.

    tokens: (N, B, S). Returns (N, B, 2 * lags): the share of equal steps with the bar 1, 2, ...
    `lags` bars before, then 1 where all are equal; 0 where there is no such bar.
    """
    bars = tokens.shape[1]
    equal = (tokens[:, :, None] == tokens[:, None]).float().mean(-1)
    padded = F.pad(equal, (lags, 0))
    # Column lags + u - k of row u holds the likeness of bar u to bar u - k.
    columns = torch.arange(bars, device=tokens.device)[:, None] + lags - torch.arange(1, lags + 1, device=tokens.device)
    share = padded.gather(2, columns.expand(len(tokens), -1, -1))
    return torch.cat([share, (share == 1).float()], dim=-1)


class BarEncoder(nn.Module):
    """q(z | bars): from a vector and the likeness of each bar to the piece, then to z's blocks."""

    config: BarConfig

    def _add_layers(self, config: BarConfig, *, likenesses: int = 1) -> None:
        """Make the layers above the bars; a subclass makes its own readers of bars before."""
        self.config = config
        self.lags = config.max_bars - 1
        width, tune = config.bar_size, config.encoder_size
        self.bar = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.places = nn.Embedding(len(KINDS) * config.max_bars, width)
        self.likeness = nn.Linear(2 * self.lags * likenesses, width)
        self.tune = nn.GRU(width, tune, batch_first=True, bidirectional=True)
        self.bar_heads = nn.Sequential(nn.Linear(width + 2 * tune, width), nn.GELU(), nn.Linear(width, 2 * config.z_bar))
        self.tune_heads = nn.Sequential(nn.Linear(4 * tune, width), nn.GELU(), nn.Linear(width, 2 * config.z_global))

    def hear(self, summed: Tensor, likeness: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """What is made of each bar by itself, (N, B, bar_size), and in the piece, (N, B, 2 * encoder_size); arguments as for `spread`."""
        where = self.places(torch.arange(summed.shape[1], device=summed.device) + kind * self.config.max_bars)
        bar = self.bar(summed) + summed + where + self.likeness(likeness.to(where.dtype))
        return bar, self.tune(bar)[0]

    def spread(self, summed: Tensor, likeness: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z | x), (N, Z).

        summed: (N, B, bar_size), what was read of each bar; likeness: (N, B, 2 * lags * likenesses). The blocks of bars
        beyond B have mean 0 and deviation 1, so that they cost nothing.
        """
        bars = summed.shape[1]
        bar, tune = self.hear(summed, likeness, kind)
        bar_mu, bar_log_sigma = self.bar_heads(torch.cat([bar, tune], -1)).chunk(2, dim=-1)
        pooled = torch.cat([tune.mean(1), tune.amax(1)], -1)
        tune_mu, tune_log_sigma = self.tune_heads(pooled).chunk(2, dim=-1)
        unused = (0, (self.config.max_bars - bars) * self.config.z_bar)
        mu = F.pad(torch.cat([tune_mu, bar_mu.flatten(1)], -1), unused)
        log_sigma = torch.cat([tune_log_sigma, bar_log_sigma.flatten(1)], -1) - 1.0
        return mu, F.pad(log_sigma.clamp(_MIN_LOG_SIGMA, _MAX_LOG_SIGMA), unused).exp()


class Encoder(BarEncoder):
    """q(z | x) of melodies."""

    def __init__(self, config: BarConfig) -> None:
        super().__init__()
        self.tokens = nn.EmbeddingBag(len(KINDS) * MAX_STEPS_PER_BAR * VOCABULARY_SIZE, config.bar_size, mode="sum")
        nn.init.normal_(self.tokens.weight, std=MAX_STEPS_PER_BAR**-0.5)
        self._add_layers(config)

    def forward(self, tokens: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z | x).

        tokens: (N, B, S) integers. Returns mu, sigma (N, Z), as `spread` does.
        """
        n, bars, steps = tokens.shape
        place = (torch.arange(steps, device=tokens.device) + kind * MAX_STEPS_PER_BAR) * VOCABULARY_SIZE
        summed = self.tokens((tokens + place).flatten(0, 1)).view(n, bars, -1)
        return self.spread(summed, bar_likeness(tokens, self.lags), kind)
