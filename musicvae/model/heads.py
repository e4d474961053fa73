"""What a decoder writes at a step: how its outputs are scored, drawn from, and fed back.

Every head has the same few methods. outputs: (..., width) numbers of the decoder; frames: what is written at a step and fed back at
the next, integers (..., streams) with -1 for nothing, or floats (..., D).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Categorical", "Groove", "Head", "Nade"]

_GROOVE_EPSILON, _NADE_EPSILON = 1e-7, 1e-6  # added inside the logarithms by the published losses


class Head(nn.Module):
    """Scores and draws of one kind of output."""

    width: int
    """Numbers that the decoder gives to the head at a step."""
    depth: int
    """Width of a frame as the decoder reads it."""
    noise_width: int
    """Random numbers of a draw, of the distribution named `noise`."""
    noise: str
    """"gumbel" or "logistic", both standard."""

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of the target frames, minus the published loss; 0 where there is no target."""
        raise NotImplementedError

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
        """Frames drawn at this temperature with `noise` (..., noise_width); the likeliest where noise is None or temperature 0."""
        raise NotImplementedError


class Categorical(Head):
    """One class of each stream; frames: (..., streams) integers within their own stream."""

    noise = "gumbel"

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.width = self.depth = self.noise_width = sum(widths)

    def split(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """The logits of each stream."""
        return outputs.split(self.widths, dim=-1)

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of classes (..., streams), summed over streams; -1 counts nothing."""
        total = torch.zeros((), device=outputs.device)
        for logits, classes in zip(self.split(outputs), target.unbind(-1), strict=True):
            scores = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)
            total = total + scores.gather(-1, classes.clamp(min=0)[..., None])[..., 0] * (classes >= 0)
        return total

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
        """Classes (..., streams), by the Gumbel-max trick."""
        scores = outputs if noise is None or temperature == 0 else outputs / temperature + noise
        return torch.stack([part.argmax(-1) for part in self.split(scores)], -1)


class Nade(Head):
    """D classes that sound or not, one after another, each knowing those before it (Larochelle & Murray, 2011).

    The decoder's outputs are the biases: (..., Hn) of the hidden units, then (..., D) of the classes. Frames: (..., D) of 0 or 1.
    """

    noise = "logistic"

    def __init__(self, depth: int, size: int) -> None:
        super().__init__()
        self.size, self.depth, self.noise_width, self.width = size, depth, depth, size + depth
        self.w_enc = nn.Parameter(torch.randn(depth, size) * size**-0.5)
        self.w_dec = nn.Parameter(torch.randn(depth, size) * size**-0.5)

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of frames (..., D)."""
        return _struck(self.logits(outputs, target), target, _NADE_EPSILON).sum(-1)

    def logits(self, outputs: Tensor, frames: Tensor) -> Tensor:
        """Log-odds (..., D) of each class, given the true ones before it."""
        hidden, biases = outputs.split((self.size, self.depth), dim=-1)
        logits = []
        for d in range(self.depth):
            logits.append(biases[..., d] + torch.sigmoid(hidden) @ self.w_dec[d])
            hidden = hidden + frames[..., d, None].to(hidden.dtype) * self.w_enc[d]
        return torch.stack(logits, -1)

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
        """Frames (..., D) of 0 or 1."""
        hidden, biases = outputs.split((self.size, self.depth), dim=-1)
        frames = []
        for d in range(self.depth):
            logit = biases[..., d] + torch.sigmoid(hidden) @ self.w_dec[d]
            frames.append(_strike(logit, None if noise is None else noise[..., d], temperature))
            hidden = hidden + frames[-1][..., None] * self.w_enc[d]
        return torch.stack(frames, -1)


class Groove(Head):
    """Hits, velocities and offsets of D / 3 drums; frames: (..., D) of hits 0 or 1 | velocities 0..1 | offsets -1..1."""

    noise = "logistic"

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.width = self.depth = depth
        self.noise_width = depth // 3

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Minus the published loss (...): cross entropy of hits, squared errors of the rest, unweighted."""
        hits, velocities, offsets = outputs.to(torch.promote_types(outputs.dtype, torch.float32)).chunk(3, dim=-1)
        true_hits, true_velocities, true_offsets = target.to(hits.dtype).chunk(3, dim=-1)
        struck = _struck(hits, true_hits, _GROOVE_EPSILON)
        error = (torch.sigmoid(velocities) - true_velocities).square() + (torch.tanh(offsets) - true_offsets).square()
        return (struck - error).sum(-1)

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
        """Frames (..., D): hits are drawn, velocities and offsets as they are expected."""
        hits, velocities, offsets = outputs.chunk(3, dim=-1)
        return torch.cat([_strike(hits, noise, temperature), torch.sigmoid(velocities), torch.tanh(offsets)], -1)


def _struck(logits: Tensor, target: Tensor, epsilon: float) -> Tensor:
    """Nats of hits (1) and rests (0), `epsilon` inside the logarithms."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    target = target.to(logits.dtype)
    # 1 - sig(x) as sig(-x): nothing is lost where the logit is large.
    return target * (torch.sigmoid(logits) + epsilon).log() + (1 - target) * (torch.sigmoid(-logits) + epsilon).log()


def _strike(logits: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
    """1 with the probability sig(logit / temperature), by logistic noise; at temperature 0 where the logit is positive."""
    scores = logits if noise is None or temperature == 0 else logits / temperature + noise
    return (scores > 0).to(logits.dtype)
