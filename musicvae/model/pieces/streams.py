"""Decoders of one stream: from what is known of each bar to how likely its frames are, and to frames that are drawn.

Bars are independent of each other given their embeddings. Frames and what is told are as in `model.pieces.frames`; N pieces of B bars of
S = 16 steps, K numbers a frame, E the width of an embedding, R that of a readout, T that of what is told.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from musicvae.model.decoder import Decoder
from musicvae.model.heads import Head, Nade
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.sampling import Draws, unroll
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["BarContext", "BarDecoder", "SteppedDecoder"]

_KIND = 0  # meters of 16 steps


@dataclass(frozen=True)
class BarContext:
    """What decoders know of bars: embeddings (N, B, E), and what is told.

    told: (N, B, S, T), as it is; steps: (N, B, S, R) and bars: (N, B, W), as it was read for each step and bar; None where nothing is.
    """

    embeddings: Tensor
    told: Tensor | None = None
    steps: Tensor | None = None
    bars: Tensor | None = None


class BarDecoder(nn.Module, ABC):
    """p(frames of a bar | what is known of it), of one stream."""

    noise: str
    """Distribution of the random numbers of a draw, as `Head.noise`."""
    noise_width: int
    """How many of them a draw takes at a step."""

    @abstractmethod
    def log_prob(self, context: BarContext, target: Tensor, keep: Tensor | None = None) -> Tensor:
        """Nats (N, B, S) of frames (N, B, S, K); keep: (N, B, S), False where a frame fed back is hidden from the decoder."""

    @abstractmethod
    def draw(self, context: BarContext, noise: Tensor | None, temperature: float) -> Tensor:
        """Frames (N, B, S, K), the likeliest at temperature 0 or without noise (N, B, S, noise_width)."""

    def judged_nats(self, context: BarContext, target: Tensor) -> Tensor:
        """What each piece (N,) costs by which weights are chosen, where it is written from z = 0: the nats of its frames."""
        return -self.log_prob(context, target).float().sum((1, 2))

    def figures(self, context: BarContext, target: Tensor) -> dict[str, Tensor]:
        """How near frames written freely at temperature 0 come to the target (N, B, S, K): figures of each piece, (N,), by name.

        "accuracy": the share of steps all of whose numbers are right.
        """
        right = (self.draw(context, None, 0.0).long() == target.long()).all(-1)
        return {"accuracy": right.float().mean((1, 2))}


class SteppedDecoder(BarDecoder):
    """One that writes step after step and is fed what it wrote: hits or events."""

    def __init__(self, config: PieceConfig, head: Head) -> None:
        super().__init__()
        self.decoder = Decoder(config, head)
        self.noise, self.noise_width = head.noise, head.noise_width
        self._numbers = GROOVE_CLASSES if isinstance(head, Nade) else 1

    @property
    def head(self) -> Head:
        """What is written at a step."""
        return self.decoder.head

    def log_prob(self, context: BarContext, target: Tensor, keep: Tensor | None = None) -> Tensor:
        """Nats (N, B, S) of frames (N, B, S, K), the true ones being fed back."""
        target = target.long()
        return self.head.log_prob(self.decoder(context.embeddings, target, _KIND, keep, context.steps), target)

    def draw(self, context: BarContext, noise: Tensor | None, temperature: float) -> Tensor:
        """Frames (N, B, S, K), each from those before it in its bar."""
        n, bars, _ = context.embeddings.shape
        told = None if context.steps is None else context.steps.flatten(0, 1)
        steps, state = self.decoder.prepare(context.embeddings.flatten(0, 1), MAX_STEPS_PER_BAR, _KIND, told)
        begin = torch.full((n * bars, self._numbers), -1, device=steps.device)
        return unroll(self.decoder, steps, state, begin, self.draws(context, noise, temperature))[0].view(n, bars, -1, self._numbers)

    def draws(self, context: BarContext, noise: Tensor | None, temperature: float) -> Draws:
        """How the frames of all bars are drawn: freely."""
        return Draws(temperature, None if noise is None else noise.flatten(0, 1))
