"""How a network of pieces reads: a bar as a whole, what it is told, and from all bars the mean and the spread of z.

As in `model.encoder` a bar is read by position-wise weights and a small network, then a recurrence reads the bars both ways, told
where bars return. Shapes as in `model.pieces.frames`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from musicvae.model.encoder import BarEncoder, bar_likeness
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import Frames
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.meter import MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import VOCABULARY_SIZE

__all__ = ["BarReader", "PieceEncoder", "ToldBars", "ToldReader", "codes_of"]

_EVENTS = ("melody", "bass")


class BarReader(nn.Module):
    """A bar of one stream to one vector, a sum over its steps of what stands there."""

    def __init__(self, stream: str, width: int) -> None:
        super().__init__()
        self.is_events = stream in _EVENTS
        if self.is_events:
            bag = nn.EmbeddingBag(MAX_STEPS_PER_BAR * VOCABULARY_SIZE, width, mode="sum")
            nn.init.normal_(bag.weight, std=MAX_STEPS_PER_BAR**-0.5)
            self.steps: nn.Module = bag
        else:
            self.steps = nn.Linear(MAX_STEPS_PER_BAR * GROOVE_CLASSES * (2 if stream == "feel" else 1), width)

    def forward(self, frames: Tensor, dtype: torch.dtype) -> Tensor:
        """Frames (N, B, 16, K) to (N, B, width)."""
        n, bars, steps, _ = frames.shape
        if self.is_events:
            place = torch.arange(steps, device=frames.device) * VOCABULARY_SIZE
            return cast(Tensor, self.steps((frames[..., 0].long() + place).flatten(0, 1))).view(n, bars, -1)
        return cast(Tensor, self.steps(frames.flatten(2).to(dtype)))


@dataclass(frozen=True)
class ToldBars:
    """What was read of what is told: of each bar with those around it (N, B, W), and for each of its steps (N, B, 16, R)."""

    bars: Tensor
    steps: Tensor


class ToldReader(nn.Module):
    """Reads what is told: each bar whole, then all bars both ways; W is `bar_size`, R `readout_size` of the configuration."""

    def __init__(self, config: PieceConfig) -> None:
        super().__init__()
        self.lags = config.max_bars - 1
        width, size = config.bar_size, config.told_size
        self.bar = nn.Linear(MAX_STEPS_PER_BAR * config.told_width, width)
        self.within = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.likeness = nn.Linear(2 * self.lags, width)
        self.around = nn.GRU(width, size, batch_first=True, bidirectional=True)
        self.bars = nn.Linear(width + 2 * size, width)
        self.steps = nn.Linear(width + 2 * size, MAX_STEPS_PER_BAR * config.readout_size)
        self.step = nn.Linear(config.told_width, config.readout_size)

    def forward(self, told: Tensor) -> ToldBars:
        """What is told (N, B, 16, T), as read."""
        n, bars, steps, _ = told.shape
        summed = self.bar(told.flatten(2))
        likeness = bar_likeness(told_codes(told), self.lags).to(summed.dtype)
        bar = self.within(summed) + summed + self.likeness(likeness)
        around, _ = self.around(bar)
        known = torch.cat([bar, around], -1)
        return ToldBars(self.bars(known), self.steps(known).view(n, bars, steps, -1) + self.step(told))


class PieceEncoder(BarEncoder):
    """q(z | streams, what is told)."""

    def __init__(self, config: PieceConfig) -> None:
        super().__init__()
        self.streams = config.streams
        self.readers = nn.ModuleDict({name: BarReader(name, config.bar_size) for name in config.streams})
        self._add_layers(config, likenesses=len(config.streams))

    def forward(self, frames: Frames, told: ToldBars | None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z), as `BarEncoder.spread`."""
        dtype = self.likeness.weight.dtype
        summed = 0.0 if told is None else told.bars
        for name, stream in zip(self.streams, frames.streams, strict=True):
            summed = summed + self.readers[name](stream, dtype)
        likeness = torch.cat([bar_likeness(codes, self.lags) for codes in codes_of(frames)], -1)
        return self.spread(cast(Tensor, summed), likeness, 0)


def codes_of(frames: Frames) -> tuple[Tensor, ...]:
    """One integer for each step of each stream, (N, B, S), that tells what is the same; the feel of hits goes by the hits."""
    return tuple(told_codes(cast(Tensor, frames.told)) if x.is_floating_point() else step_codes(x) for x in frames.streams)


def told_codes(told: Tensor) -> Tensor:
    """One integer for each step (N, B, S), the same where the hits or taps that are told are."""
    return step_codes(told[..., : GROOVE_CLASSES if told.shape[-1] > GROOVE_CLASSES else 1])


def step_codes(frames: Tensor) -> Tensor:
    """One integer for each step (N, B, S), the same where frames of events, or of hits, (N, B, S, K) are the same."""
    places = torch.arange(frames.shape[-1], device=frames.device)
    return (frames.long() << places).sum(-1)
