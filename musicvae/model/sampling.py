"""Decoding bar embeddings into events: greedy or drawn, free, biased or forced.

What happens at a step is decided in two stages, as the decoder does: hold, note-off or onset, then
the pitch. Greedy takes the likeliest of each; a temperature divides both by itself. Draws are made
by the Gumbel-max trick, so that the noise can be fixed beforehand, step by step, and shared: bars
whose embeddings are nearly the same are one musical idea that comes back, and share both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from musicvae.model.decoder import Decoder
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

__all__ = ["bar_spread", "decode_bars", "decoding_margins", "same_bars"]

_MARGIN = 1e-3


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
    fed = torch.full((len(embeddings), 1), -1, device=embeddings.device)
    events = []
    for t in range(steps):
        outputs, state = decoder.step(fed, context[t], state)
        fed = decoder.head.draw(outputs, None if gumbel is None else gumbel[:, t], temperature, None if bias is None else bias[:, t])
        if forced is not None:
            fed = torch.where(forced[:, t, None] >= 0, forced[:, t, None].long(), fed)
        events.append(fed)
    return torch.cat(events, 1)


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
