"""The decoder of beats for taps: something is hit at every tap, and nothing anywhere else.

Taps are the steps at which a beat hits anything, so that the frames of a beat are certain where there is no tap, and where there is one
are those of a network that nothing is not among: p(frame) / (1 - p(nothing)).

How likely each hit is, whatever else is hit, has no closed form, since hits hang on those before them: it is the mean over beats that
are drawn, each giving the chance of a hit after what it has drawn before.
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
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["TappedDecoder"]

_IMPOSSIBLE_NATS = math.log(1e-6)
"""What a hit or a rest that cannot be counts: as much as the least likely one of `Nade`."""
_SMALLEST = 1e-12
_KIND = 0  # meters of 16 steps
_ROWS = 2048  # bars of all draws at once, which bounds the memory


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

    def draw_with_chances(self, outputs: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (..., D) drawn with uniforms (..., D), and how likely each class was to be struck, given those before it in the frame."""
        hidden, biases = outputs[..., : self.size], outputs[..., self.size :]
        # Before anything is struck the hidden units are those of the start: what is left to strike something has this chance.
        first = biases + torch.sigmoid(hidden) @ self.w_dec.t()
        silent = F.logsigmoid(-first)
        left = -torch.expm1(silent.flip(-1).cumsum(-1).flip(-1))
        some = torch.zeros_like(first[..., 0], dtype=torch.bool)
        frames, chances = [], []
        for d in range(self.depth):
            free = torch.sigmoid(biases[..., d] + torch.sigmoid(hidden) @ self.w_dec[d])
            needed = torch.sigmoid(first[..., d]) / left[..., d].clamp(min=_SMALLEST)
            chances.append(torch.where(some, free, needed.clamp(max=1)))
            struck = (uniforms[..., d] < chances[-1]) | (~some if d == self.depth - 1 else False)
            frames.append(struck.to(free.dtype))
            hidden = hidden + frames[-1][..., None] * self.w_enc[d]
            some = some | struck
        return torch.stack(frames, -1), torch.stack(chances, -1)


class TappedDecoder(SteppedDecoder):
    """Hits of nine drums at the taps that are told."""

    def __init__(self, config: PieceConfig) -> None:
        super().__init__(config, _SomeStruck(GROOVE_CLASSES, config.nade_size))

    def chances(self, context: BarContext, uniforms: Tensor) -> Tensor:
        """How likely each hit is, (N, B, S, K): the mean over D draws with uniforms (D, S, K), which all bars share.

        Bars that are alike so come out alike.
        """
        n, bars, _ = context.embeddings.shape
        told = None if context.steps is None else context.steps.flatten(0, 1)
        steps, (state,) = self.decoder.prepare(context.embeddings.flatten(0, 1), MAX_STEPS_PER_BAR, _KIND, told)
        taps = _taps(context).flatten(0, 1)[..., None].to(state.dtype)
        total = torch.zeros(n * bars, MAX_STEPS_PER_BAR, GROOVE_CLASSES, dtype=state.dtype, device=state.device)
        for some in torch.split(uniforms, max(1, _ROWS // (n * bars))):
            total += self._summed(steps, state, taps, some)
        return (total / len(uniforms)).view(n, bars, MAX_STEPS_PER_BAR, GROOVE_CLASSES)

    def _summed(self, steps: Tensor, state: Tensor, taps: Tensor, uniforms: Tensor) -> Tensor:
        """The sum of the chances over these draws, (M, S, K); steps, state: as `Decoder.prepare` gives them; taps: (M, S, 1)."""
        draws, bars = len(uniforms), len(state)
        states: tuple[Tensor, ...] = (state.repeat(draws, 1),)
        fed = torch.full((draws * bars, GROOVE_CLASSES), -1.0, dtype=state.dtype, device=state.device)
        found = []
        for t, here in enumerate(steps):
            outputs, states = self.decoder.step(fed, here.repeat(draws, 1), states)
            frames, chances = self._some.draw_with_chances(outputs, uniforms[:, t].repeat_interleave(bars, 0))
            tapped = taps[:, t].repeat(draws, 1)
            fed = frames * tapped
            found.append((chances * tapped).view(draws, bars, -1).sum(0))
        return torch.stack(found, 1)

    @property
    def _some(self) -> _SomeStruck:
        head = self.head
        assert isinstance(head, _SomeStruck)
        return head

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
