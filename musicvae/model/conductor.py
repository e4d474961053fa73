"""From z to one embedding per bar.

A recurrence over bars takes the tune's block of z and the bar's own. Its proposal for a bar is
then weighed against those for the bars before: each head of the embedding is a convex combination
of the same head in this bar and earlier ones, so that a bar can return, whole or in part, by a
pointer instead of by being described again. The block of z says how far back (a score for each
lag) and what like (a query to the keys of earlier bars).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicvae.model.config import BarConfig
from musicvae.music.meter import KINDS

__all__ = ["Conductor"]

_KEY_SIZE = 16


class Conductor(nn.Module):
    """Causal in the bars: the embedding of bar u depends on z's tune block and bar blocks 1..u."""

    def __init__(self, config: BarConfig) -> None:
        super().__init__()
        self.config = config
        width, heads = config.conductor_size, config.heads
        self.latent = nn.Linear(config.z_global + config.z_bar, width)
        self.places = nn.Embedding(len(KINDS) * config.max_bars, width)
        self.lengths = nn.Embedding(config.max_bars + 1, width)
        self.tune = nn.GRU(width, width, batch_first=True)
        self.proposal = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, config.embedding_size))
        self.direct = nn.Linear(config.z_global + config.z_bar, config.embedding_size)
        self.query = nn.Linear(2 * width, heads * _KEY_SIZE)
        self.key = nn.Linear(2 * width, heads * _KEY_SIZE)
        self.lag = nn.Linear(2 * width, heads * config.max_bars)
        # A bar begins as itself: lag 0 is favoured until training finds which returns are usual.
        nn.init.constant_(self.lag.bias.data.view(heads, -1)[:, 0], 2.0)

    def forward(self, z: Tensor, bars: int, kind: int) -> Tensor:
        """Embeddings (N, bars, E) of z (N, Z)."""
        return self.with_returns(z, bars, kind)[0]

    def with_returns(self, z: Tensor, bars: int, kind: int, told: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Embeddings (N, bars, E) and the weights (N, heads, bars, bars) of earlier bars in them.

        told: (N, bars, conductor_size), what is known of each bar besides z.
        """
        n, heads = len(z), self.config.heads
        blocks = z[:, self.config.z_global : self.config.z_used(bars)].reshape(n, bars, -1)
        blocks = torch.cat([z[:, None, : self.config.z_global].expand(-1, bars, -1), blocks], -1)
        bar = torch.arange(bars, device=z.device)
        length = self.lengths(torch.full_like(bar, bars))
        entered = self.latent(blocks) + self.places(bar + kind * self.config.max_bars) + length
        if told is not None:
            entered = entered + told
        heard, _ = self.tune(entered)
        heard = torch.cat([heard, entered], -1)
        proposal = self.proposal(heard) + self.direct(blocks)
        query, key = (layer(heard).view(n, bars, heads, _KEY_SIZE).transpose(1, 2) for layer in (self.query, self.key))
        lag = bar[:, None] - bar
        by_lag = self.lag(heard).view(n, bars, heads, -1).transpose(1, 2)
        by_lag = by_lag.gather(-1, lag.clamp(min=0).expand(n, heads, -1, -1))
        scores = query @ key.transpose(-1, -2) / _KEY_SIZE**0.5 + by_lag
        weights = scores.masked_fill(lag < 0, float("-inf")).softmax(-1)
        values = proposal.view(n, bars, heads, -1).transpose(1, 2)
        return (weights.to(values.dtype) @ values).transpose(1, 2).flatten(2), weights
