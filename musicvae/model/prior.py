"""A prior of z learned after training: one block after another, each a mixture of Gaussians.

The encoder does not put real tunes where N(0, I) is dense, so the prior is fitted to where it does
put them, by maximum likelihood on z drawn from q(z | x) of the training tunes. It knows the number
of bars and the meter, and being autoregressive over bars it can also go on from bars that are
given. Form comes first: for each bar it draws a *lag*, how many bars ago the bar was last heard
(0: never), from the tune's block and the lags before, and then z's block given that lag and the
block it names, near which a block that describes the same bar lies. Drawn z drift a little from
those of real tunes; lags that do not look at them keep the form of real tunes all the same. The lag
is an auxiliary variable; z alone goes to the decoder. Where a network is told something of each bar
besides z, the prior can be told it too. Two-stage fitting: Dai & Wipf (2019); mixture
outputs: Bishop (1994).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.config import BarConfig
from musicvae.music.meter import KINDS

__all__ = ["BarPrior", "equal_lags", "lags_of"]

_MIN_LOG_SIGMA, _MAX_LOG_SIGMA = -5.0, 2.0


def lags_of(equal: Tensor) -> Tensor:
    """Lags (N, B) to the most recent equal bar, 0 where there is none, from what equals what (N, B, B)."""
    bars = equal.shape[1]
    if not bars:  # torch has no largest of none
        return equal.new_zeros(equal.shape[:2], dtype=torch.long)
    bar = torch.arange(bars, device=equal.device)
    latest = torch.where(equal.tril(-1), bar, -1).amax(-1)
    return torch.where(latest >= 0, bar - latest, 0)


def equal_lags(tokens: Tensor) -> Tensor:
    """Lags (N, B) of tokens (N, B, S): `lags_of` bars that are the same event for event."""
    return lags_of((tokens[:, :, None] == tokens[:, None]).all(-1))


class BarPrior(nn.Module):
    """p(z, lags | bars, kind) = p(tune block) * product over bars of p(lag | tune, lags) p(block | lags, blocks).

    told: (N, bars, ...), what a network is told of each bar, in as many numbers as its configuration says; all may be given it.
    """

    def __init__(self, config: BarConfig) -> None:
        super().__init__()
        self.config = config
        size = config.prior_size
        self.width = max(config.z_global, config.z_bar)
        self.enter = nn.Linear(self.width, size)
        self.places = nn.Embedding(len(KINDS) * (config.max_bars + 1), size)
        self.lengths = nn.Embedding(config.max_bars + 1, size)
        self.lags = nn.Embedding(config.max_bars, size)
        self.recurrence = nn.GRU(size, size, num_layers=2, batch_first=True)
        self.form = nn.GRU(size, size, batch_first=True)
        self.form_scores = nn.Linear(2 * size, config.max_bars)
        self.mixtures = nn.Sequential(
            nn.Linear(4 * size, 2 * size), nn.GELU(), nn.Linear(2 * size, config.prior_mixtures * (1 + 3 * self.width))
        )
        told = config.told_of_bar
        self.told = nn.Sequential(nn.Linear(told, size), nn.GELU(), nn.Linear(size, size)) if told else None

    def _blocks(self, z: Tensor, bars: int) -> Tensor:
        """The blocks of z (N, Z) side by side, (N, 1 + bars, width), padded with zeros."""
        start, end = self.config.z_global, self.config.z_used(bars)
        tune = F.pad(z[:, None, :start], (0, self.width - start))
        per_bar = F.pad(z[:, start:end].reshape(len(z), bars, -1), (0, self.width - self.config.z_bar))
        return torch.cat([tune, per_bar], 1)

    def _places(self, bars: int, kind: int, told: Tensor | None) -> Tensor:
        """What is known of each block beforehand, (1 or N, 1 + bars, size)."""
        block = torch.arange(bars + 1, device=self.places.weight.device)
        places: Tensor = self.places(block + kind * (self.config.max_bars + 1)) + self.lengths(torch.full_like(block, bars))
        if told is None:
            return places[None]
        if self.told is None:
            raise ValueError("this prior is told nothing besides the number of bars")
        of_bars = self.told(told.flatten(2))
        return places + torch.cat([of_bars.mean(1, keepdim=True), of_bars], 1)

    def _form(self, heard: Tensor, places: Tensor, block: Tensor) -> Tensor:
        """Log-probabilities (..., max_bars) of the lag of block 0 (the tune's, always 0), 1, 2, ...; block: (...).

        heard: (..., size), what the recurrence over lags says before this block.
        """
        scores = self.form_scores(torch.cat([heard, places.expand_as(heard)], -1))
        possible = torch.arange(self.config.max_bars, device=heard.device) < block.clamp(min=1)[..., None]
        logs: Tensor = scores.masked_fill(~possible, float("-inf")).log_softmax(-1)
        return logs

    def _outputs(self, heard: Tensor, places: Tensor, lags: Tensor, named: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights (..., K), means and log-deviations (..., K, width) for the block that has these lags (...).

        named: (..., width), the earlier block that the lag names, zeros where it names none.
        """
        out = self.mixtures(torch.cat([heard, places.expand_as(heard), self.lags(lags), self.enter(named)], -1))
        k = self.config.prior_mixtures
        mean, share, log_sigma = out[..., k:].view(*out.shape[:-1], k, -1).chunk(3, dim=-1)
        mean = mean + share * named[..., None, :]
        return out[..., :k].log_softmax(-1), mean, log_sigma.clamp(_MIN_LOG_SIGMA, _MAX_LOG_SIGMA)

    def log_prob(self, z: Tensor, lags: Tensor, bars: int, kind: int, told: Tensor | None = None) -> Tensor:
        """Natural logarithm of p(z, lags | bars, kind), (N,), over the part of z that these bars use; lags: (N, bars).

        Where the lags follow from z, as they do for the codes of real tunes, this is at most log p(z).
        """
        return self.log_prob_blocks(z, lags, bars, kind, told).sum(-1)

    def log_prob_blocks(self, z: Tensor, lags: Tensor, bars: int, kind: int, told: Tensor | None = None) -> Tensor:
        """The parts of `log_prob`, (N, 1 + bars): of the tune's block, then of each bar's lag and block given those before."""
        blocks, places = self._blocks(z, bars), self._places(bars, kind, told)
        lags = F.pad(lags, (1, 0))
        before = F.pad(self.enter(blocks[:, :-1]) + self.lags(lags[:, :-1]), (0, 0, 1, 0))
        heard, _ = self.recurrence(before + places)
        block = torch.arange(bars + 1, device=z.device).expand(len(z), -1)
        tune = self.enter(blocks[:, :1]) * (block > 0)[..., None]
        heard_form, _ = self.form(self.lags(F.pad(lags[:, :-1], (1, 0))) + tune + places)
        form = self._form(heard_form, places, block).gather(-1, lags[..., None])[..., 0]
        place_named = torch.where(lags > 0, block - lags, 0)[..., None].expand_as(blocks)
        named = blocks.gather(1, place_named) * (lags > 0)[..., None]
        log_weight, mean, log_sigma = self._outputs(heard, places, lags, named)
        normal = -0.5 * ((blocks[:, :, None] - mean) / log_sigma.exp()).square() - log_sigma - 0.5 * math.log(2 * math.pi)
        real = torch.zeros(bars + 1, self.width, dtype=torch.bool, device=z.device)
        real[0, : self.config.z_global] = True
        real[1:, : self.config.z_bar] = True
        density = torch.where(real[:, None], normal, 0.0).sum(-1)
        blockwise: Tensor = form + (log_weight + density).logsumexp(-1)
        return blockwise

    def sample(
        self,
        normals: Tensor,
        uniforms: Tensor,
        *,
        bars: int,
        kind: int,
        temperature: float = 1.0,
        given: Tensor | None = None,
        given_lags: Tensor | None = None,
        told: Tensor | None = None,
    ) -> Tensor:
        """Draw z (N, Z), as `sample_with_lags` does."""
        drawn = self.sample_with_lags(
            normals, uniforms, bars=bars, kind=kind, temperature=temperature, given=given, given_lags=given_lags, told=told
        )
        return drawn[0]

    @torch.no_grad()
    def sample_with_lags(
        self,
        normals: Tensor,
        uniforms: Tensor,
        *,
        bars: int,
        kind: int,
        temperature: float = 1.0,
        given: Tensor | None = None,
        given_lags: Tensor | None = None,
        told: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Draw z (N, Z) and lags (N, bars).

        normals: (N, 1 + max_bars, width) and uniforms: (N, 1 + max_bars, 2) are all the noise. The
        temperature sharpens the choices of lag and of Gaussian and narrows each Gaussian. With
        `given` (N, Z) the tune block and the blocks of the first bars, as many as `given_lags`
        (N, G) has columns, are taken from it.
        """
        n, places = len(normals), self._places(bars, kind, told)
        fixed = None if given is None else self._blocks(given, bars)
        num_fixed = -1 if given is None else 0 if given_lags is None else given_lags.shape[1]
        entered, state, form_state = normals.new_zeros(n, 1, self.enter.out_features), None, None
        tune, lag = entered, torch.zeros(n, dtype=torch.long, device=normals.device)
        blocks: list[Tensor] = []
        lags: list[Tensor] = []
        for i in range(bars + 1):
            place = places[:, i]
            heard, state = self.recurrence(entered + place[:, None], state)
            heard_form, form_state = self.form(self.lags(lag)[:, None] + tune + place[:, None], form_state)
            block = torch.full((n,), i, device=normals.device)
            if fixed is not None and i <= num_fixed:
                lag = given_lags[:, i - 1] if i and given_lags is not None else torch.zeros_like(block)
                drawn = fixed[:, i]
            else:
                lag = _choice(self._form(heard_form[:, 0], place, block), uniforms[:, i, 0], temperature)
                named = torch.stack([*blocks, torch.zeros_like(normals[:, 0])])[torch.where(lag > 0, i - lag, -1), torch.arange(n)]
                drawn = _draw(*self._outputs(heard[:, 0], place, lag, named), normals[:, i], uniforms[:, i, 1], temperature)
                drawn = drawn * (torch.arange(self.width, device=drawn.device) < (self.config.z_bar if i else self.config.z_global))
            blocks.append(drawn)
            lags.append(lag)
            entered = (self.enter(drawn) + self.lags(lag))[:, None]
            tune = self.enter(drawn)[:, None] if i == 0 else tune
        z = torch.cat([blocks[0][:, : self.config.z_global], *(b[:, : self.config.z_bar] for b in blocks[1:])], -1)
        return F.pad(z, (0, self.config.z_size - z.shape[1])), torch.stack(lags[1:], 1)


def _choice(log_weight: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """An index (N,) drawn from (N, K) log-weights by inversion; the likeliest at temperature 0."""
    if temperature == 0:
        return log_weight.argmax(-1)
    weights = (log_weight / temperature).softmax(-1).cumsum(-1)
    return (weights < uniform[:, None]).sum(-1).clamp(max=weights.shape[-1] - 1)


def _draw(log_weight: Tensor, mean: Tensor, log_sigma: Tensor, normal: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """A point (N, width) of each mixture of Gaussians."""
    choice = _choice(log_weight, uniform, temperature)
    rows = torch.arange(len(mean), device=mean.device)
    return mean[rows, choice] + temperature * log_sigma[rows, choice].exp() * normal
