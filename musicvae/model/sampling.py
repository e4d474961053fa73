"""Decoding embeddings into events: greedy or drawn, free, biased or forced; one loop for every decoder.

Greedy takes the likeliest; a temperature divides the scores by itself. Draws are made by the Gumbel-max trick (for hits by its twin
of two, logistic noise), so that the noise can be fixed beforehand, step by step, and shared: bars of the own network whose embeddings
are nearly the same are one musical idea that comes back, and share both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from musicvae.model.decoder import Decoder
from musicvae.model.heads import Head
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["Draws", "Stepper", "bar_spread", "decode_bars", "decoding_margins", "same_bars", "unroll"]

_MARGIN = 1e-3


class Stepper(Protocol):
    """A decoder as the loop sees it."""

    @property
    def head(self) -> Head:
        """What its outputs mean."""
        ...

    def step(self, fed: Tensor, context: Tensor, state: tuple[Tensor, ...], /) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The frame before (M, K), what the step is told besides, and the state, to outputs (M, width) and the next state."""
        ...


@dataclass(frozen=True)
class Draws:
    """How the frames of M stretches of S steps are drawn.

    temperature: 0 is greedy. noise: (M, S, W) of the head's distribution, needed above 0. bias: (M, S, ...) added to the scores, as
    `Head.draw` takes it. forced: (M, S, K), frames that are set, -1 where the decoder is free. end: the class after which a
    stretch holds nothing, if there is one.
    """

    temperature: float = 0.0
    noise: Tensor | None = None
    bias: Tensor | None = None
    forced: Tensor | None = None
    end: int | None = None

    def of(self, rows: Tensor) -> Draws:
        """Those of some stretches."""
        noise, bias, forced = (None if x is None else x[rows] for x in (self.noise, self.bias, self.forced))
        return Draws(self.temperature, noise, bias, forced, self.end)

    def to(self, dtype: torch.dtype) -> Draws:
        """The same with numbers of this precision."""
        noise, bias = (None if x is None else x.to(dtype) for x in (self.noise, self.bias))
        return Draws(self.temperature, noise, bias, self.forced, self.end)


def unroll(
    decoder: Stepper, context: Tensor, state: tuple[Tensor, ...], fed: Tensor, draws: Draws, *, gaps: bool = False
) -> tuple[Tensor, Tensor]:
    """Frames (M, S, K) drawn step by step from what `decoder.prepare` gave.

    context: (S, M, ...); fed: (M, K), the frame before the first. With `gaps` also by how much (M,) the nearest free decision of each
    stretch was not another one, in the units of `Head.draw_with_gap`; otherwise they are infinite.
    """
    frames: list[Tensor] = []
    nearest = context.new_full((len(fed),), float("inf"))
    ended = torch.zeros(len(fed), dtype=torch.bool, device=fed.device)
    for t, told in enumerate(context):
        outputs, state = decoder.step(fed, told, state)
        noise, bias = (None if x is None else x[:, t] for x in (draws.noise, draws.bias))
        free: Tensor | None = None
        if gaps:
            fed, gap = decoder.head.draw_with_gap(outputs, noise, draws.temperature, bias)
        else:
            fed, gap = decoder.head.draw(outputs, noise, draws.temperature, bias), nearest
        if draws.forced is not None:
            given = draws.forced[:, t].to(fed.dtype)
            free = (given < 0).any(-1)
            fed = torch.where(given >= 0, given, fed)
        if draws.end is not None:
            fed = torch.where(ended[:, None], -1, fed)
            free = ~ended if free is None else free & ~ended
            ended = ended | (fed[:, 0] == draws.end)
        if gaps:
            nearest = torch.minimum(nearest, gap if free is None else torch.where(free, gap, float("inf")))
        frames.append(fed)
        if draws.end is not None and bool(ended.all()):
            frames += [torch.full_like(fed, -1)] * (len(context) - t - 1)
            break
    return torch.stack(frames, 1), nearest


def bar_spread(embeddings: Tensor) -> Tensor:
    """Root mean square distance (N,) of a tune's bar embeddings (N, B, E) from their mean."""
    return (embeddings - embeddings.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()


def same_bars(embeddings: Tensor, threshold: float, usual_spread: float = 0.0) -> Tensor:
    """For each bar the index of the bar whose idea it repeats, or its own.

    embeddings: (N, B, E). Bar u repeats the earlier bar nearest to it if their distance is below
    `threshold` times the tune's spread (`bar_spread`), or times the usual one of real tunes where
    that is larger: a tune of few or of like bars has hardly a spread of its own. Returns (N, B)
    integers, each at most its own index; a repeat of a repeat names the first.
    """
    n, bars, _ = embeddings.shape
    spread = bar_spread(embeddings).clamp(min=max(usual_spread, 1e-9))
    distance = torch.cdist(embeddings, embeddings) / spread[:, None, None]
    origin = torch.arange(bars, device=embeddings.device).repeat(n, 1)
    for u in range(1, bars):
        nearest = distance[:, u, :u].min(-1)
        first = origin.gather(1, nearest.indices[:, None])[:, 0]
        origin[:, u] = torch.where(nearest.values < threshold, first, u)
    return origin


def decode_bars(
    decoder: Decoder,
    embeddings: Tensor,
    *,
    steps: int,
    kind: int,
    temperature: float,
    gumbel: Tensor | None = None,
    bias: Tensor | None = None,
    forced: Tensor | None = None,
) -> Tensor:
    """Events (M, S) of M independent bars.

    embeddings: (M, E); gumbel: (M, S, 91) standard Gumbel noise, one for hold, note-off, onset and
    88 for the pitches, used if temperature > 0; bias: (M, S, 90) added to the log-probabilities;
    forced: (M, S), events >= 0 are taken as they are.
    """
    context, state = decoder.prepare(embeddings, steps, kind)
    begin = torch.full((len(embeddings), 1), -1, device=embeddings.device)
    draws = Draws(temperature, gumbel, bias, None if forced is None else forced[:, :, None])
    return unroll(decoder, context, state, begin, draws)[0][:, :, 0]


def decoding_margins(scores: Tensor, tokens: Tensor) -> Tensor:
    """What must be added to the score of each given event to make it the greedy answer.

    scores: (..., 90) log-probabilities; tokens: (...). Returns (...), 0 where it is already.
    """
    pitches = scores[..., FIRST_PITCH_TOKEN:]
    own = scores.gather(-1, tokens[..., None].long())[..., 0]
    onset = pitches.logsumexp(-1)
    is_onset = tokens >= FIRST_PITCH_TOKEN
    decisions = torch.cat([scores[..., :FIRST_PITCH_TOKEN], onset[..., None]], -1)
    for_hold = decisions.amax(-1) - own
    best_other = scores[..., :FIRST_PITCH_TOKEN].amax(-1)
    # Raised to the best of hold and note-off, an onset's pitch alone outweighs them.
    for_onset = torch.where(onset > best_other, pitches.amax(-1) - own, torch.maximum(best_other, pitches.amax(-1)) - own)
    needed = torch.where(is_onset, for_onset, for_hold)
    return torch.where(needed > 0, needed + _MARGIN, 0.0)
