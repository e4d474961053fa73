"""What a decoder writes at a step: how its outputs are scored, drawn from, and fed back.

Every head has the same few methods. outputs: (..., width) numbers of the decoder; frames: what is written at a step and fed back at
the next, integers (..., streams) with -1 for nothing, or floats (..., D).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, VOCABULARY_SIZE

__all__ = ["Categorical", "Groove", "Head", "Nade", "TwoStage", "join_scores"]

_DECISIONS = FIRST_PITCH_TOKEN + 1  # hold, note-off, some onset
_NADE_ROWS = 1024  # whose hidden states stay in the cache
_GROOVE_EPSILON, _NADE_EPSILON = 1e-7, 1e-6  # added inside the logarithms by the published losses


class Head(nn.Module, ABC):
    """Scores and draws of one kind of output."""

    width: int
    """Numbers that the decoder gives to the head at a step."""
    depth: int
    """Width of a frame as the decoder reads it: one place for each class, or for each number."""
    noise: str
    """Distribution of the random numbers of a draw: "gumbel" or "logistic", both standard."""
    noise_width: int
    """How many of them a draw takes."""

    @abstractmethod
    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of the target frames, minus the published loss; 0 where there is no target."""

    @abstractmethod
    def draw_with_gap(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Frames drawn at this temperature, and by how much (...) the nearest decision was not another one.

        noise: (..., noise_width); without it, or at temperature 0, the likeliest frames. bias: added to the log-probabilities of the
        events, or to the log-odds of the hits. The gap is that of the noisy scores, in their units: of the best to the second best,
        the smallest over streams, or the smallest distance of log-odds from 0.
        """

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> Tensor:
        """The frames of `draw_with_gap`."""
        return self.draw_with_gap(outputs, noise, temperature, bias)[0]


class Categorical(Head):
    """One class of each stream; frames: (..., streams) integers within their own stream."""

    noise = "gumbel"

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.width = self.depth = self.noise_width = sum(widths)

    def split(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """The logits of each stream."""
        return torch.split(outputs, list(self.widths), dim=-1)

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of classes (..., streams), summed over streams; -1 counts nothing."""
        total = torch.zeros((), device=outputs.device)
        for logits, classes in zip(self.split(outputs), target.unbind(-1), strict=True):
            scores = _in_full(logits).log_softmax(-1)
            total = total + scores.gather(-1, classes.clamp(min=0)[..., None])[..., 0] * (classes >= 0)
        return total

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> Tensor:
        """Classes (..., streams), by the Gumbel-max trick."""
        scores = _noisy(outputs, noise, temperature, bias)
        return torch.stack([part.argmax(-1) for part in self.split(scores)], -1)

    def draw_with_gap(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Classes (..., streams) and gaps (...)."""
        parts = [_best(part) for part in self.split(_noisy(outputs, noise, temperature, bias))]
        return torch.stack([classes for classes, _ in parts], -1), torch.stack([gap for _, gap in parts]).amin(0)


class TwoStage(Head):
    """Events of a melody in two stages: hold, note-off or some onset, then its pitch; frames: (..., 1) events.

    Outputs: (..., 3) scores of the decisions, then (..., 88) of the pitches.
    """

    noise = "gumbel"

    def __init__(self) -> None:
        super().__init__()
        self.depth = VOCABULARY_SIZE
        self.width = self.noise_width = _DECISIONS + VOCABULARY_SIZE - FIRST_PITCH_TOKEN

    def scores(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (..., 3) of hold, note-off, onset and (..., 88) of the pitch of an onset."""
        outputs = _in_full(outputs)
        return outputs[..., :_DECISIONS].log_softmax(-1), outputs[..., _DECISIONS:].log_softmax(-1)

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Nats (...) of events (..., 1)."""
        decisions, pitches = self.scores(outputs)
        chosen = decisions.gather(-1, target.clamp(max=FIRST_PITCH_TOKEN))[..., 0]
        pitch = pitches.gather(-1, (target - FIRST_PITCH_TOKEN).clamp(min=0))[..., 0]
        return chosen + pitch * (target[..., 0] >= FIRST_PITCH_TOKEN)

    def draw(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> Tensor:
        """Events (..., 1)."""
        return self._events(*self._noisy_scores(outputs, noise, temperature, bias))

    def draw_with_gap(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Events (..., 1) and gaps (...), those of the pitch where there is an onset."""
        decisions, pitches = self._noisy_scores(outputs, noise, temperature, bias)
        events = self._events(decisions, pitches)
        gap = _gap(decisions)
        return events, torch.where(events[..., 0] >= FIRST_PITCH_TOKEN, torch.minimum(gap, _gap(pitches)), gap)

    def _noisy_scores(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        decisions, pitches = self.scores(outputs)
        if bias is not None:
            joint = join_scores(decisions, pitches) + bias
            pitches = joint[..., FIRST_PITCH_TOKEN:]
            decisions = torch.cat([joint[..., :FIRST_PITCH_TOKEN], pitches.logsumexp(-1, keepdim=True)], -1)
        if noise is None or temperature == 0:
            return decisions, pitches
        return decisions / temperature + noise[..., :_DECISIONS], pitches / temperature + noise[..., _DECISIONS:]

    @staticmethod
    def _events(decisions: Tensor, pitches: Tensor) -> Tensor:
        decision = decisions.argmax(-1, keepdim=True)
        return torch.where(decision == FIRST_PITCH_TOKEN, pitches.argmax(-1, keepdim=True) + FIRST_PITCH_TOKEN, decision)


def join_scores(decisions: Tensor, pitches: Tensor) -> Tensor:
    """Log-probabilities (..., 90) of all events from those of decision (..., 3) and pitch (..., 88)."""
    return torch.cat([decisions[..., :-1], decisions[..., -1:] + pitches], -1)


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
        outputs = _in_full(outputs).flatten(0, -2)
        with torch.autocast(outputs.device.type, enabled=False):
            rows = frames.flatten(0, -2).to(outputs.dtype)
            logits = _NadeLogits.apply(outputs[:, : self.size], outputs[:, self.size :], rows, self.w_enc, self.w_dec)  # type: ignore[no-untyped-call]  # as in gru.py
        return cast(Tensor, logits.view(frames.shape))

    def draw_with_gap(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Frames (..., D) of 0 or 1 and gaps (...)."""
        hidden, biases = outputs[..., : self.size], outputs[..., self.size :]
        frames, scores = [], []
        for d in range(self.depth):
            logit = biases[..., d] + torch.sigmoid(hidden) @ self.w_dec[d]
            at_d = (None if given is None else given[..., d] for given in (noise, bias))
            scores.append(_noisy(logit, next(at_d), temperature, next(at_d)))
            frames.append((scores[-1] > 0).to(logit.dtype))
            hidden = hidden + frames[-1][..., None] * self.w_enc[d]
        return torch.stack(frames, -1), torch.stack(scores, -1).abs().amin(-1)


class _NadeLogits(torch.autograd.Function):
    """The chain over the classes, some rows at a time. Its hidden states are not kept: the backward pass unwinds them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, biases: Tensor, frames: Tensor, w_enc: Tensor, w_dec: Tensor) -> Tensor:
        ctx.save_for_backward(hidden, frames, w_enc, w_dec)
        logits = biases.clone()
        for state, struck, out in zip(*(torch.split(x, _NADE_ROWS) for x in (hidden.clone(), frames, logits)), strict=True):
            for d in range(len(w_enc)):
                out[:, d] += torch.sigmoid(state).mv(w_dec[d])
                state.addr_(struck[:, d], w_enc[d])
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        hidden, frames, w_enc, w_dec = ctx.saved_tensors
        grad_enc, grad_dec, grad_hidden = torch.zeros_like(w_enc), torch.zeros_like(w_dec), torch.zeros_like(hidden)
        for start, struck, grad, total in zip(*(torch.split(x, _NADE_ROWS) for x in (hidden, frames, grads[0], grad_hidden)), strict=True):
            state = start + struck @ w_enc
            for d in range(len(w_enc) - 1, -1, -1):
                grad_enc[d] += struck[:, d] @ total
                state.addr_(struck[:, d], w_enc[d], alpha=-1)
                shown = torch.sigmoid(state)
                grad_dec[d] += grad[:, d] @ shown
                total += torch.ops.aten.sigmoid_backward(torch.outer(grad[:, d], w_dec[d]), shown)
        return grad_hidden, grads[0], None, grad_enc, grad_dec


class Groove(Head):
    """Hits, velocities and offsets of D / 3 drums; frames: (..., D) of hits 0 or 1 | velocities 0..1 | offsets -1..1."""

    noise = "logistic"

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.width = self.depth = depth
        self.noise_width = depth // 3

    def log_prob(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Minus the published loss (...): cross entropy of hits, squared errors of the rest, unweighted."""
        hits, velocities, offsets = _in_full(outputs).chunk(3, dim=-1)
        true_hits, true_velocities, true_offsets = target.to(hits.dtype).chunk(3, dim=-1)
        error = (torch.sigmoid(velocities) - true_velocities).square() + (torch.tanh(offsets) - true_offsets).square()
        return (_struck(hits, true_hits, _GROOVE_EPSILON) - error).sum(-1)

    def draw_with_gap(self, outputs: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Frames (..., D), hits drawn, velocities and offsets as they are expected; gaps (...)."""
        hits, velocities, offsets = outputs.chunk(3, dim=-1)
        scores = _noisy(hits, noise, temperature, bias)
        frames = torch.cat([(scores > 0).to(hits.dtype), torch.sigmoid(velocities), torch.tanh(offsets)], -1)
        return frames, scores.abs().amin(-1)


def _in_full(outputs: Tensor) -> Tensor:
    """In single precision at least: sums of many terms and logarithms stay there whatever the products are in."""
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))


def _noisy(scores: Tensor, noise: Tensor | None, temperature: float, bias: Tensor | None) -> Tensor:
    """What a draw decides by."""
    if bias is not None:
        scores = scores + bias
    return scores if noise is None or temperature == 0 else scores / temperature + noise


def _best(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The class of the best score (..., W), and by how much it is better than the second best; infinite where there is one only."""
    best, classes = scores.max(-1)
    # Several times as fast as asking for the best two.
    others = scores.scatter(-1, classes[..., None], float("-inf"))
    return classes, best - others.amax(-1)


def _gap(scores: Tensor) -> Tensor:
    return _best(scores)[1]


def _struck(logits: Tensor, target: Tensor, epsilon: float) -> Tensor:
    """Nats of hits (1) and rests (0), `epsilon` inside the logarithms."""
    logits = _in_full(logits)
    target = target.to(logits.dtype)
    # 1 - sig(x) as sig(-x): nothing is lost where the logit is large.
    return target * (torch.sigmoid(logits) + epsilon).log() + (1 - target) * (torch.sigmoid(-logits) + epsilon).log()
