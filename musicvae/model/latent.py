"""The shape that all networks here have: an encoder to z, a conductor from z to what a decoder is told, decoders of stretches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from musicvae.model.losses import kl_per_dimension

__all__ = ["LatentVAE", "VAEOutput"]


@dataclass(frozen=True)
class VAEOutput:
    """log_probs: (N, ...) nats of the given events; mu, sigma: (N, Z)."""

    log_probs: Tensor
    mu: Tensor
    sigma: Tensor

    def kl(self) -> Tensor:
        """KL (N, Z) in nats of each dimension from N(0, 1)."""
        return kl_per_dimension(self.mu, self.sigma)


class LatentVAE(nn.Module, ABC):
    """What the own network and the published ones have in common; `encode` says what is read.

    Decoders of either have a `head` that scores and draws, and `step` (see `model.sampling.Stepper`).
    """

    @abstractmethod
    def encode(self, *read: Any) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z) of q(z | x)."""

    def draw(self, noise: Tensor, *read: Any) -> tuple[Tensor, Tensor, Tensor]:
        """A code mu + sigma * noise (N, Z) of what is read, which passes gradients on, and mu and sigma; noise: (N, Z) standard normal."""
        mu, sigma = self.encode(*read)
        return mu + sigma * noise, mu, sigma
