"""The hierarchical recurrent variational autoencoder of melodies.

After MusicVAE (Roberts et al., 2018): a conductor unrolls z into one embedding per bar and a
decoder writes each bar from its embedding alone. Unlike it, z is laid out in blocks (one for the
tune, one for each bar), bars can point back to earlier ones, and the decoder of a bar sees nothing
of the bar before, so that all bars are decoded at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from musicvae.model.conductor import Conductor
from musicvae.model.config import ModelConfig
from musicvae.model.decoder import Decoder
from musicvae.model.encoder import Encoder
from musicvae.model.heads import TwoStage, join_scores
from musicvae.model.latent import LatentVAE, VAEOutput

__all__ = ["MelodyOutput", "MelodyVAE"]


@dataclass(frozen=True)
class MelodyOutput(VAEOutput):
    """log_probs: (N, B, S) nats of the given events; mu, sigma: (N, Z); returns: (N, heads, B, B) weights of earlier bars."""

    returns: Tensor


class MelodyVAE(LatentVAE):
    """Encoder, conductor and decoder of one configuration."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.conductor = Conductor(config)
        self.decoder = Decoder(config)

    def encode(self, tokens: Tensor, kind: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (N, Z) of q(z | x) for tokens (N, B, S)."""
        mu, sigma = self.encoder(tokens, kind)
        return mu, sigma

    def conduct(self, z: Tensor, bars: int, kind: int) -> Tensor:
        """Bar embeddings (N, bars, E) of z (N, Z)."""
        embeddings: Tensor = self.conductor(z, bars, kind)
        return embeddings

    def logits(self, embeddings: Tensor, tokens: Tensor, kind: int) -> Tensor:
        """Log-probabilities (N, B, S, 90) of every event given the true ones before it in the bar."""
        head = self.decoder.head
        assert isinstance(head, TwoStage)
        return join_scores(*head.scores(self.decoder(embeddings, tokens[..., None], kind)))

    def log_probs(self, z: Tensor, tokens: Tensor, kind: int, keep: Tensor | None = None) -> Tensor:
        """Log-probabilities (N, B, S) of the given events, in nats; `keep` as in `Decoder.forward`."""
        return self._scored(self.conduct(z, tokens.shape[1], kind), tokens, kind, keep)

    def score_bars(self, embeddings: Tensor, tokens: Tensor, kind: int) -> Tensor:
        """Log-probabilities (N, B, S) of the events of any bars with these embeddings (N, B, E), in nats."""
        return self._scored(embeddings, tokens, kind, None)

    def _scored(self, embeddings: Tensor, tokens: Tensor, kind: int, keep: Tensor | None) -> Tensor:
        frames = tokens[..., None]
        return self.decoder.head.log_prob(self.decoder(embeddings, frames, kind, keep), frames)

    def forward(self, tokens: Tensor, kind: int, noise: Tensor, keep: Tensor | None = None) -> MelodyOutput:
        """One pass of training: encode, draw z = mu + sigma * noise, score the same events.

        tokens: (N, B, S) integers; noise: (N, Z) standard normal; keep: (N, B, S) bool or None.
        Blocks of bars beyond B do not reach the decoder.
        """
        z, mu, sigma = self.draw(noise, tokens, kind)
        embeddings, returns = self.conductor.with_returns(z, tokens.shape[1], kind)
        return MelodyOutput(self._scored(embeddings, tokens, kind, keep), mu, sigma, returns)
