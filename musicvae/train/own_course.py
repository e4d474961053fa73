"""Training the project's own network: windows of all kinds and lengths, and after the network its prior."""

from __future__ import annotations

from pathlib import Path

import lightning as L
import torch

from musicvae.corpus.store import Corpus
from musicvae.model.config import ModelConfig
from musicvae.model.prior import equal_lags
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import Bundle, load_melody_model
from musicvae.train.data import Batch, TrainingWindows, ValidationWindows, data_report, full_bars
from musicvae.train.fitted_course import FittedCourse
from musicvae.train.options import TrainOptions
from musicvae.train.prior_fit import Code, Codes, encode_windows
from musicvae.train.task import VAETask

__all__ = ["OwnCourse"]


class OwnCourse(FittedCourse[MelodyVAE]):
    """Of a corpus of melodies; ValueError for another corpus, or one that is too small."""

    config: ModelConfig
    options: TrainOptions

    def __init__(self, corpus: Corpus, config: ModelConfig, options: TrainOptions) -> None:
        corpus.require_material("melody")
        self.corpus, self.config, self.options = corpus, config, options
        self.bars = full_bars(corpus, config.max_bars, hop_bars=options.hop_bars)
        self.report = data_report(corpus, bars=self.bars, hop_bars=options.hop_bars)

    def training(self, rank: int, world_size: int) -> TrainingWindows:
        """Windows of all kinds, some of them short."""
        return self._windows(self.options.seed, rank, world_size)

    def _windows(self, seed: int, rank: int = 0, world_size: int = 1) -> TrainingWindows:
        options = self.options
        return TrainingWindows(
            self.corpus, bars=self.bars, hop_bars=options.hop_bars, batch_size=options.batch_size, seed=seed,
            short_share=options.short_share, kind_power=options.kind_power, rank=rank, world_size=world_size,
        )  # fmt: skip

    def held_out(self) -> ValidationWindows:
        """Full windows of all kinds."""
        hop, size, most = self.options.validation_hop_bars, self.options.batch_size, self.options.validation_windows
        return ValidationWindows(self.corpus, bars=self.bars, hop_bars=hop, batch_size=size, most=most)

    def task(self, trainer: L.Trainer, *, log_every_steps: int) -> VAETask:
        """A new network."""
        return VAETask(self.config, self.options, bars=self.bars, log_every_steps=log_every_steps)

    def network(self) -> MelodyVAE:
        """A new network of melodies."""
        return MelodyVAE(self.config)

    def bundle(self, path: str | Path) -> Bundle:
        """A model of melodies of our own."""
        return load_melody_model(path)

    def codes(self, vae: MelodyVAE, device: torch.device) -> Codes:
        """What the prior is fitted to: codes by a network (in evaluation mode, on `device`)."""

        def encode(batch: Batch) -> Code:
            tokens = batch.tokens.to(device).long()
            return Code(*vae.encode(tokens, batch.kind), equal_lags(tokens), tokens.shape[1], batch.kind)

        return encode_windows(encode, self._windows(self.options.seed + 1), self.held_out(), self.options)
