"""Training a network of drums, grooves or trios at a target rate; its figures are told for each stream."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from musicvae.model.losses import kl_per_dimension
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import Frames
from musicvae.model.pieces.vae import PieceVAE
from musicvae.train.options import PieceOptions
from musicvae.train.task import Pass, RateTask

__all__ = ["PieceTask"]

NEUTRAL_NATS = "neutral_nats"


class PieceTask(RateTask[PieceVAE]):
    """Training of one network."""

    def __init__(self, config: PieceConfig, options: PieceOptions, *, bars: int, log_every_steps: int = 50) -> None:
        super().__init__(PieceVAE(config), options, bars=bars, log_every_steps=log_every_steps)

    def run_batch(self, batch: Frames, noise_seed: int | None = None) -> Pass:
        """One pass; in training some of the frames fed back are hidden, and some windows have z = 0."""
        noise = self.noise(batch.num_windows, batch.streams[0].device, noise_seed)
        keep, muted = self._hidden(batch) if noise_seed is None else (None, None)
        out = self.vae(batch, noise, keep, muted)
        mu, sigma = out.mu.float(), out.sigma.float()
        by_stream = -out.log_probs.float().sum((1, 2))
        hint = self.vae.return_cost(out.returns.float(), batch) if self.options.return_weight else torch.zeros_like(mu[:, 0])
        parts = {} if noise_seed is None else self._parts(batch, out.mu + out.sigma * noise, by_stream)
        steps = out.log_probs.shape[1] * out.log_probs.shape[2]
        return Pass(by_stream.sum(-1), kl_per_dimension(mu, sigma), mu, hint, batch.bars, steps, parts)

    def _hidden(self, batch: Frames) -> tuple[Tensor | None, Tensor | None]:
        """Which frames are fed back (N, B, 16, streams), and which windows (N,) have no z."""
        options = cast(PieceOptions, self.options)
        shape, device = (*batch.streams[0].shape[:3], len(batch.streams)), batch.streams[0].device
        keep = torch.rand(shape, device=device) >= options.input_dropout if options.input_dropout else None
        muted = torch.rand(shape[0], device=device) < options.neutral_share if options.neutral_share else None
        return keep, muted

    def _parts(self, batch: Frames, z: Tensor, by_stream: Tensor) -> dict[str, Tensor]:
        """Of each window: reconstruction of each stream, where there are several, and how well they are written freely from z."""
        names = self.vae.config.streams
        parts = {f"{name}_nats": by_stream[:, i] for i, name in enumerate(names)} if len(names) > 1 else {}
        context = self.vae.conduct(z, batch.bars, batch.told)
        for name, target in zip(names, batch.streams, strict=True):
            parts |= {f"{name}_{what}": value.float() for what, value in self.vae.decoder(name).figures(context, target).items()}
        return parts | (self._neutral(batch, z) if cast(PieceOptions, self.options).neutral_share else {})

    def _neutral(self, batch: Frames, z: Tensor) -> dict[str, Tensor]:
        """Of each window: reconstruction from z = 0, and how near to it what is written then comes."""
        context = self.vae.conduct(torch.zeros_like(z), batch.bars, batch.told)
        decoders = [(self.vae.decoder(name), stream) for name, stream in zip(self.vae.config.streams, batch.streams, strict=True)]
        nats = sum(decoder.judged_nats(context, stream) for decoder, stream in decoders)
        parts = {NEUTRAL_NATS: cast(Tensor, nats)}
        for decoder, stream in decoders:
            parts |= {f"neutral_{what}": value.float() for what, value in decoder.figures(context, stream).items()}
        return parts

    def validation_figures(self) -> dict[str, float]:
        """Those of `RateTask`; in the objective reconstructions from z = 0 have their share."""
        figures = super().validation_figures()
        share = cast(PieceOptions, self.options).neutral_share
        if share:
            figures["objective_nats"] = (1 - share) * figures["objective_nats"] + share * figures[NEUTRAL_NATS]
        return figures
