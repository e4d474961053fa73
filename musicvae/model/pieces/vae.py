"""The variational autoencoder of drums, grooves and trios: one architecture, of which a configuration says what it writes and is told.

As `model.vae.MelodyVAE`, a conductor unrolls z into one embedding for each bar, bars can return to earlier ones, and decoders write each
bar from its embedding alone. Each stream has a decoder of its own; heads of the embedding that may return are dealt out among streams.
What is told reaches encoder, conductor and decoders, so that z holds only what it leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from musicvae.model.conductor import Conductor
from musicvae.model.latent import LatentVAE, VAEOutput
from musicvae.model.losses import return_cost
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.decoders import decoder_of
from musicvae.model.pieces.frames import Frames
from musicvae.model.pieces.reading import PieceEncoder, ToldBars, ToldReader, codes_of
from musicvae.model.pieces.streams import BarContext, BarDecoder
from musicvae.model.prior import equal_lags

__all__ = ["PieceOutput", "PieceVAE", "returning_lags"]

_KIND = 0  # meters of 16 steps


@dataclass(frozen=True)
class PieceOutput(VAEOutput):
    """log_probs: (N, B, S, streams) nats of the given frames; mu, sigma: (N, Z); returns: (N, heads, B, B) weights of earlier bars."""

    returns: Tensor


class PieceVAE(LatentVAE):
    """Encoder, conductor and decoders of one configuration; frames as in `model.pieces.frames`."""

    def __init__(self, config: PieceConfig) -> None:
        super().__init__()
        self.config = config
        self.told = ToldReader(config) if config.told else None
        self.told_to_conductor = nn.Linear(config.bar_size, config.conductor_size) if config.told else None
        self.encoder = PieceEncoder(config)
        self.conductor = Conductor(config)
        self.decoders = nn.ModuleDict({name: decoder_of(config, name) for name in config.streams})

    def decoder(self, stream: str) -> BarDecoder:
        """The decoder of a stream."""
        found = self.decoders[stream]
        assert isinstance(found, BarDecoder)
        return found

    def encode(self, frames: Frames) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z) of q(z | frames)."""
        mu, sigma = self.encoder(frames, self._read(frames.told))
        return mu, sigma

    def conduct(self, z: Tensor, bars: int, told: Tensor | None = None) -> BarContext:
        """What the decoders know of the bars of z (N, Z); told: (N, bars, 16, T), needed where the network is told something."""
        return self._conduct(z, bars, told, self._read(told))[0]

    def log_probs(self, z: Tensor, frames: Frames, keep: Tensor | None = None) -> Tensor:
        """Log-probabilities (N, B, 16, streams) of the given frames in nats; keep: (N, B, 16, streams), see `BarDecoder.log_prob`."""
        return self._scored(self.conduct(z, frames.bars, frames.told), frames, keep)

    def draw_frames(self, context: BarContext, noise: tuple[Tensor, ...] | None = None, temperature: float = 0.0) -> tuple[Tensor, ...]:
        """Frames (N, B, 16, K) of each stream; noise: of each (N, B, 16, noise_width), see `BarDecoder.draw`."""
        given = noise or (None,) * len(self.config.streams)
        return tuple(self.decoder(name).draw(context, x, temperature) for name, x in zip(self.config.streams, given, strict=True))

    def forward(self, frames: Frames, noise: Tensor, keep: Tensor | None = None, muted: Tensor | None = None) -> PieceOutput:
        """One pass of training: encode, draw z = mu + sigma * noise, score the same frames.

        noise: (N, Z) standard normal; keep: (N, B, 16, streams) bool; muted: (N,) bool, where z = 0 goes to the conductor.
        """
        read = self._read(frames.told)
        mu, sigma = self.encoder(frames, read)
        z = mu + sigma * noise
        if muted is not None:
            z = z * ~muted[:, None]
        context, returns = self._conduct(z, frames.bars, frames.told, read)
        return PieceOutput(self._scored(context, frames, keep), mu, sigma, returns)

    def return_cost(self, returns: Tensor, frames: Frames) -> Tensor:
        """`losses.return_cost` (N,), mean over streams: each stream's bars are to be pointed to by its own heads."""
        codes = codes_of(frames)
        parts = returns.chunk(len(codes), dim=1)
        return torch.stack([return_cost(part, code) for part, code in zip(parts, codes, strict=True)]).mean(0)

    def _read(self, told: Tensor | None) -> ToldBars | None:
        if (self.told is None) != (told is None):
            raise ValueError(
                f"the network is told {self.config.told or 'nothing'}, and {'nothing' if told is None else 'something'} was given"
            )
        if self.told is None or told is None:
            return None
        read: ToldBars = self.told(told.to(self.told.bar.weight.dtype))
        return read

    def _conduct(self, z: Tensor, bars: int, told: Tensor | None, read: ToldBars | None) -> tuple[BarContext, Tensor]:
        known = None if read is None or self.told_to_conductor is None else self.told_to_conductor(read.bars)
        embeddings, returns = self.conductor.with_returns(z, bars, _KIND, known)
        if read is None:
            return BarContext(embeddings), returns
        return BarContext(embeddings, told, read.steps, read.bars), returns

    def _scored(self, context: BarContext, frames: Frames, keep: Tensor | None) -> Tensor:
        kept = (None,) * len(frames.streams) if keep is None else keep.unbind(-1)
        parts = zip(self.config.streams, frames.streams, kept, strict=True)
        return torch.stack([self.decoder(name).log_prob(context, frame, k) for name, frame, k in parts], -1)


def returning_lags(frames: Frames) -> Tensor:
    """Lags (N, B) to the most recent bar that is the same in all streams, 0 where there is none."""
    return equal_lags(torch.cat(codes_of(frames), -1))
