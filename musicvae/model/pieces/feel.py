"""How hard and how early or late given hits are played: medians and spreads of velocity and timing, all steps at once.

A step is known by the hits around it, the hits that are usual in the bars around, its place in the bar, the tempo, and its bar's
embedding, which is where z comes in. With z = 0 the medians are the performance that is to be expected: they are what makes the mean
absolute error smallest. Frames and what is told are as in `model.pieces.frames`; N pieces of B bars of S = 16 steps, T = B * S.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import USUAL_TEMPO_QPM
from musicvae.model.pieces.streams import BarContext, BarDecoder
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["Feel", "FeelDecoder", "milliseconds_per_step"]

_STEPS_AROUND, _BARS_AROUND = 16, 8
_DROPOUT = 0.3
_TEMPO_POWERS = 3
_LOUDEST, _HALF = 127, 0.5
_USUAL_MS, _USUAL_VELOCITY = 20.0, 0.15
_SPREADS = (-2.5, 1.5)  # logarithms of the smallest and greatest spread over the usual one


def milliseconds_per_step(told: Tensor) -> Tensor:
    """Milliseconds of a sixteenth (N, B, S, 1) at the tempo that is told, (N, B, S, T)."""
    return 60_000 / 4 / USUAL_TEMPO_QPM * torch.exp2(-told[..., -1:])


@dataclass(frozen=True)
class Feel:
    """Medians and mean absolute deviations (N, B, S, 9) of the two Laplace distributions of each class, were it hit.

    velocity: from 0 to 1; timing: onset minus grid in sixteenths, late positive.
    """

    velocity: Tensor
    velocity_spread: Tensor
    timing: Tensor
    timing_spread: Tensor


class FeelDecoder(BarDecoder):
    """p(velocity and timing of each hit | hits, tempo, embeddings), hits independent of each other given these.

    Velocities are whole numbers from 1 to 127; what a distribution holds beyond these falls on them, in scores as in draws.
    """

    noise = "laplace"
    noise_width = 2 * GROOVE_CLASSES

    def __init__(self, config: PieceConfig) -> None:
        super().__init__()
        size = config.feel_size
        self.around = nn.Linear((2 * _STEPS_AROUND + 1) * (GROOVE_CLASSES + 1), size)
        self.usual = nn.Linear(MAX_STEPS_PER_BAR * GROOVE_CLASSES, size)
        self.tempo = nn.Linear(_TEMPO_POWERS, size)
        self.places = nn.Embedding(MAX_STEPS_PER_BAR, size)
        self.bar = nn.Linear(config.embedding_size, size)
        self.dropout = nn.Dropout(_DROPOUT)
        self.layers = nn.ModuleList(_Layer(size) for _ in range(config.feel_layers))
        self.out = nn.Linear(size, 4 * GROOVE_CLASSES)

    def feel(self, context: BarContext) -> Feel:
        """What is to be expected of every class at every step."""
        told = cast(Tensor, context.told)
        n, bars, steps, _ = told.shape
        told = told.to(torch.promote_types(told.dtype, torch.float32))
        hits, tempo = told[..., :GROOVE_CLASSES], told[:, :, :1, -1:]
        powers = torch.cat([tempo**power for power in range(1, _TEMPO_POWERS + 1)], -1)
        usual = F.avg_pool1d(hits.flatten(2).mT, 2 * _BARS_AROUND + 1, 1, _BARS_AROUND, count_include_pad=False).mT
        of_bar = self.usual(usual) + self.bar(self.dropout(context.embeddings)) + self.tempo(powers[:, :, 0])
        x = self.around(_windows(hits)).view(n, bars, steps, -1) + of_bar[:, :, None] + self.places.weight
        x = self.dropout(F.gelu(x))
        for layer in self.layers:
            x = x + layer(x)
        velocity, velocity_spread, timing, timing_spread = self.out(x).to(told.dtype).chunk(4, dim=-1)
        usual_steps = _USUAL_MS / milliseconds_per_step(told)
        return Feel(
            torch.sigmoid(velocity), _USUAL_VELOCITY * _spread(velocity_spread),
            _HALF * torch.tanh(timing / _HALF), usual_steps * _spread(timing_spread),
        )  # fmt: skip

    def log_prob(self, context: BarContext, target: Tensor, keep: Tensor | None = None) -> Tensor:
        """Nats (N, B, S) of velocities, and densities per sixteenth of timings, of the hits of frames (N, B, S, 18).

        Their gradient is weighted so that the medians learn by the absolute error in velocity and in milliseconds, every hit
        counting the same (after Seitzer et al., 2022, "On the pitfalls of heteroscedastic uncertainty estimation").
        """
        feel = self.feel(context)
        told = cast(Tensor, context.told)
        velocity, timing = target.to(feel.velocity.dtype).chunk(2, dim=-1)
        usual_steps = _USUAL_MS / milliseconds_per_step(told).to(timing.dtype)
        loudness = _velocity_nats(velocity, _weighted(feel.velocity, feel.velocity_spread / _USUAL_VELOCITY), feel.velocity_spread)
        late = _laplace(timing - _weighted(feel.timing, feel.timing_spread / usual_steps), feel.timing_spread)
        return ((loudness + late) * told[..., :GROOVE_CLASSES]).sum(-1)

    def draw(self, context: BarContext, noise: Tensor | None, temperature: float) -> Tensor:
        """Frames (N, B, S, 18) of the hits that are told: the medians, and `temperature` times noise of the learned spreads."""
        feel = self.feel(context)
        velocity, timing = feel.velocity, feel.timing
        if noise is not None and temperature > 0:
            of_velocity, of_timing = noise.to(velocity.dtype).chunk(2, dim=-1)
            velocity = velocity + temperature * feel.velocity_spread * of_velocity
            timing = timing + temperature * feel.timing_spread * of_timing
        hits = cast(Tensor, context.told)[..., :GROOVE_CLASSES]
        return torch.cat([velocity.clamp(1 / _LOUDEST, 1) * hits, timing.clamp(-_HALF, _HALF) * hits], -1)

    def judged_nats(self, context: BarContext, target: Tensor) -> Tensor:
        """What each piece (N,) costs by its medians alone: nats of Laplace distributions of the usual spreads, less constants.

        On few players spreads are soon too sure of themselves, while medians still get better.
        """
        told = cast(Tensor, context.told)
        velocity, timing = (self.draw(context, None, 0.0) - target).abs().chunk(2, dim=-1)
        cost = velocity / _USUAL_VELOCITY + timing * milliseconds_per_step(told) / _USUAL_MS
        return cost.float().sum((1, 2, 3))

    def figures(self, context: BarContext, target: Tensor) -> dict[str, Tensor]:
        """Mean absolute errors (N,) over the hits of each piece: "timing_ms", and "velocity_error" out of 127."""
        told = cast(Tensor, context.told)
        hits = told[..., :GROOVE_CLASSES]
        velocity, timing = (self.draw(context, None, 0.0) - target).abs().chunk(2, dim=-1)
        count = hits.sum((1, 2, 3)).clamp(min=1)
        late = (timing * milliseconds_per_step(told) * hits).sum((1, 2, 3)) / count
        return {"timing_ms": late, "velocity_error": _LOUDEST * (velocity * hits).sum((1, 2, 3)) / count}


class _Layer(nn.Sequential):
    """What is added to a step by a small network of its own."""

    def __init__(self, size: int) -> None:
        super().__init__(nn.LayerNorm(size), nn.Linear(size, size), nn.GELU(), nn.Dropout(_DROPOUT), nn.Linear(size, size))


def _windows(hits: Tensor) -> Tensor:
    """The hits around each step and whether these steps are part of the piece, (N, T, (2 W + 1) * 10), of hits (N, B, S, 9)."""
    inside = torch.cat([hits, torch.ones_like(hits[..., :1])], -1).flatten(1, 2)
    padded = F.pad(inside, (0, 0, _STEPS_AROUND, _STEPS_AROUND))
    return padded.unfold(1, 2 * _STEPS_AROUND + 1, 1).flatten(2)


def _spread(logarithm: Tensor) -> Tensor:
    return logarithm.clamp(*_SPREADS).exp()


def _weighted(median: Tensor, weight: Tensor) -> Tensor:
    """The same median, its gradient times a weight."""
    return torch.lerp(median.detach(), median, weight.detach())


def _laplace(error: Tensor, spread: Tensor) -> Tensor:
    """Logarithm of the density of errors."""
    return -error.abs() / spread - (2 * spread).log()


def _velocity_nats(velocity: Tensor, median: Tensor, spread: Tensor) -> Tensor:
    """Nats of velocities that are whole 127ths, all that is beyond 1 or 127 falling on these."""
    inside = _laplace(velocity - median, spread) - math.log(_LOUDEST)
    loudest = _beyond((1 - 0.5 / _LOUDEST - median) / spread)
    softest = _beyond((median - 1.5 / _LOUDEST) / spread)
    upper = torch.where(velocity > 1 - 0.5 / _LOUDEST, loudest, inside)
    return torch.where(velocity < 1.5 / _LOUDEST, softest, upper)


def _beyond(threshold: Tensor) -> Tensor:
    """Logarithm of the probability that a standard Laplace number is above a threshold."""
    return torch.where(threshold > 0, -threshold.clamp(min=0) - math.log(2), torch.log1p(-0.5 * threshold.clamp(max=0).exp()))
