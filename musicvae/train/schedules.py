"""The published recipe's loss and schedules, each a function of the step and plain numbers.

Conventions: steps count from 0, the first step of a run being step 0; nats unless a name says bits. Formulas are those of
MusicVAE (Roberts et al., 2018) as its published program has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from musicvae.train.options import SCHEDULES

__all__ = ["clip_or_skip", "decayed_rate", "forgiven", "kl_weight", "sampling_share"]


def kl_weight(step: int, *, max_beta: float, beta_rate: float) -> float:
    """Weight of the KL: max_beta * (1 - beta_rate ** step).

    With beta_rate 0 it is max_beta from step 1 on; step 0 has none (0 ** 0 is 1), as in the original.
    """
    return float(max_beta * (1.0 - beta_rate**step))


def forgiven(kl: Tensor, free_bits: float) -> Tensor:
    """What each example pays of its KL: max(KL - free_bits * ln 2, 0), the KL being that of the whole code.

    kl: (N,) nats. The limit is one for all dimensions together, unlike that of Kingma et al. (2016).
    """
    return (kl - free_bits * math.log(2.0)).clamp(min=0.0)


def sampling_share(step: int, *, schedule: str, rate: float) -> float:
    """Share of what is fed back to the decoder that is its own draws (Bengio et al., 2015), 0..1.

    "inverse_sigmoid": 1 - k / (k + exp(step / k)) with k = rate; "exponential": 1 - rate ** step; "constant": rate; "": none.
    ValueError for another schedule.
    """
    if schedule == "inverse_sigmoid":
        # exp(step / k) / k, written so that it overflows at no step.
        return 1.0 / (1.0 + math.exp(min(700.0, math.log(rate) - step / rate)))
    if schedule == "exponential":
        return 1.0 - float(rate**step)
    if schedule == "constant":
        return rate
    if not schedule:
        return 0.0
    raise ValueError(f"unknown sampling schedule {schedule!r}; allowed are {', '.join(SCHEDULES[1:])}, or '' for none")


def decayed_rate(step: int, *, lr: float, min_lr: float, lr_decay: float) -> float:
    """Learning rate: (lr - min_lr) * lr_decay ** step + min_lr."""
    return float((lr - min_lr) * lr_decay**step + min_lr)


@torch.no_grad()
def clip_or_skip(parameters: Iterable[Tensor], *, clip_norm: float, skip_norm: float) -> Tensor:
    """Clip the gradients of these parameters to a joint norm, or make them zero where it is too large; returns the norm before.

    At skip_norm or above (or where the norm is no number) nothing of the gradient is taken, and an optimizer's moments decay only:
    one broken batch does not undo a run.
    """
    parameters = list(parameters)
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    broken = ~(norm < skip_norm)
    for parameter in parameters:
        if parameter.grad is not None:  # filled, not multiplied: zero times infinity would be no number
            parameter.grad.masked_fill_(broken, 0.0)
    return norm
