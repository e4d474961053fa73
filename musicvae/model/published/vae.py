"""The published networks: an encoder, a conductor or none, and one core decoder or one for each stream (Roberts et al., 2018)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.latent import LatentVAE, VAEOutput
from musicvae.model.published.conductor import PublishedConductor
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.encoder import BidirectionalLayer, BidirectionalReader, PublishedEncoder

__all__ = ["PublishedVAE"]


class ControlReader(nn.Module):
    """Recurrent layers over the controls, both ways, whose outputs the decoder gets in their place."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.levels = nn.ModuleList([BidirectionalReader(config.control_depth, config.control_sizes)])

    def forward(self, controls: Tensor) -> Tensor:
        """(N, T, C) to (N, T, 2H)."""
        return torch.cat(self.levels[0](controls.transpose(0, 1)), -1).transpose(0, 1)


class PublishedVAE(LatentVAE):
    """A network of the published family; N examples of T = config.steps steps.

    inputs: (N, T, input_depth) floats, or integers (N, T, K), the rows of the input that are 1 (-1: none). targets: categorical
    (N, T, streams) integers within their stream, -1 for nothing; nade (N, T, D) of 0 or 1; groove (N, T, 27). controls: (N, T, C)
    floats, or None where the configuration has none. lengths: (N, segments) steps used of each segment of the encoder's lowest level.
    dropout_keep: share of the inputs of every layer of encoder and core decoders that is kept in training, each number at each step
    on its own.
    """

    def __init__(self, config: PublishedConfig, *, dropout_keep: float = 1.0) -> None:
        super().__init__()
        self.config, self.dropout_keep = config, dropout_keep
        self.encoder = PublishedEncoder(config)
        self.conductor = PublishedConductor(config) if config.conductor_sizes else None
        streams = [(width,) for width in config.outputs] if config.separate else [config.outputs]
        self.cores = nn.ModuleList(LstmDecoder(config, widths) for widths in streams)
        self.controls = ControlReader(config) if config.control_sizes else None
        for part in (*self.encoder.modules(), *self.cores):
            if isinstance(part, BidirectionalLayer | LstmDecoder):
                part.dropout_keep = dropout_keep

    def encode(self, inputs: Tensor, controls: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z) of q(z | x)."""
        mu, sigma = self.encoder(inputs, controls, lengths)
        return mu, sigma

    def conduct(self, z: Tensor) -> Tensor:
        """What the decoders are told of each stretch: embeddings (N, segments, E) of z (N, Z), or z itself (N, 1, Z)."""
        return z[:, None] if self.conductor is None else self.conductor(z)

    def condition(self, controls: Tensor | None) -> Tensor | None:
        """Controls (N, T, C) as the decoders get them, stretch by stretch: (N * segments, S, C)."""
        if controls is None:
            return None
        read = controls if self.controls is None else self.controls(controls)
        return read.reshape(-1, self.config.steps_per_segment, read.shape[-1])

    def split(self, frames: Tensor) -> list[Tensor]:
        """Frames (..., streams) or (..., D) as each core takes them."""
        return [frames[..., k : k + 1] for k in range(len(self.cores))] if self.config.separate else [frames]

    def outputs(self, z: Tensor, fed: Tensor, controls: Tensor | None = None) -> list[Tensor]:
        """Outputs (N, T, width) of each core, given z (N, Z) and what was written at each step, in `targets`' form.

        Frame t is fed back at step t + 1, over the seams of stretches too; at the very first step nothing is.
        """
        n, steps = fed.shape[:2]
        nothing = -1 if self.config.head == "categorical" else 0
        shifted = F.pad(fed[:, :-1], (0, 0, 1, 0), value=nothing).reshape(-1, self.config.steps_per_segment, fed.shape[-1])
        embeddings, told = self.conduct(z).flatten(0, 1), self.condition(controls)
        cores = [cast(LstmDecoder, core) for core in self.cores]
        return [core(embeddings, part, told).reshape(n, steps, -1) for core, part in zip(cores, self.split(shifted), strict=True)]

    def decode(self, z: Tensor, targets: Tensor, controls: Tensor | None = None) -> list[Tensor]:
        """Outputs under teacher forcing: logits (N, T, width) of each stream; for nade (N, T, Hn + D), for groove (N, T, 27)."""
        outputs = self.outputs(z, targets, controls)
        if self.config.head == "categorical" and not self.config.separate:
            return list(torch.split(outputs[0], list(self.config.outputs), dim=-1))
        return outputs

    def log_probs(self, z: Tensor, targets: Tensor, controls: Tensor | None = None, fed: Tensor | None = None) -> Tensor:
        """Nats (N, T) of the targets given z (N, Z), summed over streams; `fed` as in `forward`."""
        return self.score(self.outputs(z, targets if fed is None else fed, controls), targets)

    def score(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Nats (N, T) of the targets given each core's outputs (N, T, width), summed over streams."""
        cores = [cast(LstmDecoder, core) for core in self.cores]
        parts = zip(cores, outputs, self.split(targets), strict=True)
        return torch.stack([core.head.log_prob(x, target) for core, x, target in parts]).sum(0)

    def forward(
        self,
        inputs: Tensor,
        targets: Tensor,
        noise: Tensor,
        controls: Tensor | None = None,
        lengths: Tensor | None = None,
        fed: Tensor | None = None,
    ) -> VAEOutput:
        """One pass of training: encode, draw z = mu + sigma * noise, score the targets.

        noise: (N, Z) standard normal; fed: frames in `targets`' form, fed back in place of the targets (scheduled sampling).
        """
        z, mu, sigma = self.draw(noise, inputs, controls, lengths)
        return VAEOutput(self.log_probs(z, targets, controls, fed), mu, sigma)
