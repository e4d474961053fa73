"""The decoder of beats for taps: something is hit at every tap, and nothing anywhere else.

Taps are the steps at which a beat hits anything, so that the frames of a beat are certain where there is no tap, and where there is one
are those of a network that nothing is not among: p(frame) / (1 - p(nothing)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from musicvae.model.heads import Nade
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.streams import BarContext, SteppedDecoder
from musicvae.model.sampling import Draws
from musicvae.music.groove import GROOVE_CLASSES

__all__ = ["TappedDecoder"]

_IMPOSSIBLE_NATS = math.log(1e-6)
"""What a hit or a rest that cannot be counts: as much as the least likely one of `Nade`."""


class _SomeStruck(Nade):
    """Classes that sound or not, of which one at least does."""

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of frames (..., D); of one that is silent, next to nothing."""
        some = target.any(-1)
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        hidden, biases = outputs[..., : self.size], outputs[..., self.size :]
        with torch.autocast(outputs.device.type, enabled=False):
            silence = F.logsigmoid(-(biases + torch.sigmoid(hidden) @ self.w_dec.t())).sum(-1)
        # Where silence is all but certain the rest has next to no probability, and that its gradient is not followed.
        left = torch.log1p(-silence.clamp(max=-1e-4).exp())
        return torch.where(some, super().log_prob(outputs, target) - left, _IMPOSSIBLE_NATS)

    def draw_with_gap(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Frames (..., D) of 0 or 1 and gaps (...); where nothing would be struck, what came nearest to it is."""
        frames, gap = super().draw_with_gap(outputs, noise, temperature, bias)
        hidden, biases = outputs[..., : self.size], outputs[..., self.size :]
        odds = biases + torch.sigmoid(hidden) @ self.w_dec.t()
        if bias is not None:
            odds = odds + bias
        if noise is not None and temperature > 0:
            odds = odds / temperature + noise
        nearest = F.one_hot(odds.argmax(-1), self.depth).to(frames.dtype)
        return torch.where(frames.any(-1, keepdim=True), frames, nearest), gap


class TappedDecoder(SteppedDecoder):
    """Hits of nine drums at the taps that are told."""

    def __init__(self, config: PieceConfig) -> None:
        super().__init__(config, _SomeStruck(GROOVE_CLASSES, config.nade_size))

    def log_prob(self, context: BarContext, target: Tensor, keep: Tensor | None = None) -> Tensor:
        """Nats (N, B, S) of frames (N, B, S, K): none where nothing is tapped, and next to none likely that are not as the taps say."""
        return torch.where(_taps(context), super().log_prob(context, target, keep), _IMPOSSIBLE_NATS * target.any(-1))

    def draws(self, context: BarContext, noise: Tensor | None, temperature: float) -> Draws:
        """Rests are set where nothing is tapped."""
        free = super().draws(context, noise, temperature)
        forced = torch.where(_taps(context), -1, 0).flatten(0, 1)[..., None].expand(-1, -1, GROOVE_CLASSES)
        return Draws(free.temperature, free.noise, forced=forced)


def _taps(context: BarContext) -> Tensor:
    """Where a tap is, (N, B, S)."""
    if context.told is None:
        raise ValueError("a beat for taps needs the taps")
    return context.told[..., 0] > 0
