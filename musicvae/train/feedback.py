"""Scheduled sampling: in training, some of what is fed back to a decoder is its own draws (Bengio et al., 2015).

Conventions: N examples of T steps, in stretches of S steps in which a decoder begins anew; a *frame* is what is written at a step, in
the form of a network's targets.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from musicvae.model.heads import Head
from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.stepping import PackedCore
from musicvae.model.published.vae import PublishedVAE

__all__ = ["mixed_frames"]


@torch.no_grad()
def mixed_frames(vae: PublishedVAE, z: Tensor, targets: Tensor, share: float, controls: Tensor | None = None) -> Tensor:
    """Frames, as `targets`, to feed back: a share of them the decoders' own draws, the rest true.

    At each step of each example, and for each core decoder, a coin is thrown that falls for a draw with probability `share`. A draw
    is at temperature 1, given what was fed before it. The last frame of a stretch is always the true one, since what enters the next
    stretch first was the truth in the original too; so is a frame where there is no target. Given these frames the decoder's
    outputs depend on draws no longer, so that all steps can be scored at once, and gradients do not pass through the draws. Noise is
    that of torch's global generator. z: (N, Z); controls: (N, T, C) or None.
    """
    config = vae.config
    steps = config.steps_per_segment
    nothing = -1 if config.head == "categorical" else 0
    before = F.pad(targets[:, :-1], (0, 0, 1, 0), value=nothing).reshape(-1, steps, targets.shape[-1])
    truth = targets.reshape(before.shape)
    embeddings, told = vae.conduct(z).flatten(0, 1), vae.condition(controls)
    parts = zip(vae.cores, vae.split(truth), vae.split(before[:, 0]), strict=True)
    mixed = [_mixed(cast(LstmDecoder, core), embeddings, told, part, first, share) for core, part, first in parts]
    return torch.cat(mixed, -1).reshape(targets.shape)


def _mixed(core: LstmDecoder, embeddings: Tensor, controls: Tensor | None, truth: Tensor, first: Tensor, share: float) -> Tensor:
    """One core's frames (M, S, F), those true being `truth`; first: (M, F), what comes in at the first step."""
    stepper = _stepper(core, embeddings.device)
    context, state = stepper.prepare(embeddings, controls)
    fed, frames = first, []
    for step in range(truth.shape[1] - 1):
        outputs, state = stepper.step(fed, context[step], state)
        true = truth[:, step]
        drawn = _drawn(core.head, outputs.float()).to(true.dtype)
        taken = (torch.rand(len(true), 1, device=true.device) < share) & ((true >= 0) | (true.is_floating_point()))
        fed = torch.where(taken, drawn, true)
        frames.append(fed)
    return torch.stack([*frames, truth[:, -1]], 1)


def _stepper(core: LstmDecoder, device: torch.device) -> LstmDecoder | PackedCore:
    """What runs the core's steps: packed, in single precision on a CPU several times faster; autocast's products are faster yet."""
    if device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return core
    return PackedCore(core, core.output.weight.dtype)


def _drawn(head: Head, outputs: Tensor) -> Tensor:
    """Frames drawn at temperature 1."""
    shape = (*outputs.shape[:-1], head.noise_width)
    if head.noise == "gumbel":
        return head.draw(outputs, -torch.empty(shape, device=outputs.device).exponential_().log(), 1.0)
    uniform = torch.rand(shape, device=outputs.device).clamp(1e-7, 1 - 1e-7)
    return head.draw(outputs, torch.logit(uniform), 1.0)
