"""What changes while a run goes on: the KL's weight, the learning rate, the averaged weights.

Each is a function of the step and of a small state of plain numbers and tensors, so that a
checkpoint holds all of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["AveragedWeights", "CurrentWeights", "RateController", "cosine_share"]

_LN2 = math.log(2.0)
_MIN_BETA, _MAX_BETA = 1e-4, 20.0


def cosine_share(step: int, *, warmup_steps: int, progress: float, end: float) -> float:
    """Share of the full learning rate, 0..1: a linear rise, then a cosine down to `end` at progress 1."""
    rise = min(1.0, (step + 1) / (warmup_steps + 1))
    return rise * (end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, progress)))))


class RateController:
    """Steers beta so that the mean KL of full windows meets a target.

    An integral controller in the logarithm: log(beta) moves by gain * (KL / target - 1), the
    bracket held within -1..1, and beta within 1e-4..20. The state lives on the device of the
    KL, so that no step waits for it.
    """

    def __init__(self, *, beta: float, target_bits: float | None, gain: float, warmup_steps: int) -> None:
        self.target_bits, self.gain, self.warmup_steps = target_bits, gain, warmup_steps
        self.log_beta = torch.tensor(math.log(beta))
        self.rate_bits = torch.tensor(float("nan"))
        """Moving mean (over about 50 full batches) of the KL of full windows; NaN before the first."""

    def to(self, device: torch.device) -> None:
        """Move the state."""
        self.log_beta, self.rate_bits = self.log_beta.to(device), self.rate_bits.to(device)

    def beta(self, step: int) -> Tensor:
        """The weight at this step, a scalar tensor."""
        return self.log_beta.exp() * min(1.0, (step + 1) / (self.warmup_steps + 1))

    def update(self, kl_nats: Tensor, step: int) -> None:
        """Take in the mean KL (scalar, nats) of a batch of full windows, the mean over all processes."""
        kl_bits = kl_nats.detach() / _LN2
        self.rate_bits = torch.where(self.rate_bits.isnan(), kl_bits, torch.lerp(self.rate_bits, kl_bits, 0.02))
        if self.target_bits is not None and step >= self.warmup_steps:
            error = (kl_bits / self.target_bits - 1.0).clamp(-1.0, 1.0)
            self.log_beta = (self.log_beta + self.gain * error).clamp(math.log(_MIN_BETA), math.log(_MAX_BETA))

    def on_target(self, step: int) -> bool:
        """Whether the warm-up is over and the rate is at most a tenth above the target (always, without one)."""
        if step < self.warmup_steps:
            return False
        return self.target_bits is None or float(self.rate_bits) <= 1.1 * self.target_bits

    def state_dict(self) -> dict[str, float]:
        """The state as plain numbers."""
        return {"log_beta": float(self.log_beta), "rate_bits": float(self.rate_bits)}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take up a saved state."""
        self.log_beta = self.log_beta.new_tensor(state["log_beta"])
        self.rate_bits = self.rate_bits.new_tensor(state["rate_bits"])


class AveragedWeights:
    """Exponential moving mean of a network's parameters; decay is min(decay, (1 + t) / (10 + t))."""

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._mean = {name: p.detach().clone() for name, p in network.named_parameters()}
        self._kept: list[Tensor] | None = None

    def to(self, device: torch.device) -> None:
        """Move the means."""
        self._mean = {name: x.to(device) for name, x in self._mean.items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the parameters as they are now."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self._mean.values()), [p.detach() for p in network.parameters()], 1.0 - decay)

    @torch.no_grad()
    def swap_in(self, network: nn.Module) -> None:
        """Give the network the means, keeping its own parameters for `swap_out`."""
        # Values are copied, not storage exchanged: cuDNN needs a recurrent layer's weights side by side.
        self._kept = [p.detach().clone() for p in network.parameters()]
        for parameter, mean in zip(network.parameters(), self._mean.values(), strict=True):
            parameter.copy_(mean)

    @torch.no_grad()
    def swap_out(self, network: nn.Module) -> None:
        """Give the network its own parameters back."""
        if self._kept is None:
            raise RuntimeError("swap_out without swap_in")
        for parameter, own in zip(network.parameters(), self._kept, strict=True):
            parameter.copy_(own)
        self._kept = None

    def copies(self) -> dict[str, Tensor]:
        """The means by name, copied to the CPU."""
        return {name: x.detach().to("cpu", copy=True) for name, x in self._mean.items()}

    def state_dict(self) -> dict[str, Any]:
        """Means and number of updates."""
        return {"updates": self.updates, "mean": self.copies()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a saved state, on the device where the means are."""
        self.updates = int(state["updates"])
        self._mean = {name: state["mean"][name].to(x.device) for name, x in self._mean.items()}


class CurrentWeights:
    """What stands in for `AveragedWeights` where nothing is averaged: the network's own parameters, of which no copy is kept."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def to(self, device: torch.device) -> None:
        """Nothing to move."""

    def update(self, network: nn.Module) -> None:
        """Nothing to take in."""

    def swap_in(self, network: nn.Module) -> None:
        """The network has them already."""

    def swap_out(self, network: nn.Module) -> None:
        """The network keeps them."""

    def copies(self) -> dict[str, Tensor]:
        """The parameters by name, copied to the CPU."""
        return {name: p.detach().to("cpu", copy=True) for name, p in self._network.named_parameters()}

    def state_dict(self) -> dict[str, Any]:
        """Nothing: checkpoints hold the parameters anyway."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""
