"""From z to one embedding for each stretch: a recurrence that reads nothing but its own state."""

from __future__ import annotations

from torch import Tensor

from musicvae.model.lstm import Incoming
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.stack import LstmStack

__all__ = ["PublishedConductor"]


class PublishedConductor(LstmStack):
    """Embeddings are the outputs of the last layer; the published network's own input, always 0, is left out."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__(config.z_size, 0, config.conductor_sizes)
        self.segments = config.segments

    def forward(self, z: Tensor) -> Tensor:
        """Embeddings (N, segments, E) of z (N, Z)."""
        return self.unroll(Incoming(self.layers[0].bias), self.begin(z), self.segments).transpose(0, 1)
