"""Training the project's own network: windows of all kinds and lengths, and after the network its prior."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from musicvae.corpus.store import Corpus
from musicvae.model.config import BarConfig, ModelConfig
from musicvae.model.prior import equal_lags
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import load_melody_model, save_model
from musicvae.train.course import Course, Finish
from musicvae.train.data import Batch, TrainingWindows, ValidationWindows, data_report, full_bars
from musicvae.train.options import TrainOptions
from musicvae.train.prior_fit import Code, Codes, encode_windows, fit_prior
from musicvae.train.task import VAETask

__all__ = ["PRIOR_FILE", "OwnCourse", "differing_numbers", "weights_digest"]

PRIOR_FILE = "prior.ckpt"
"""In the folder of a run: how far the fit of the prior is."""


class OwnCourse(Course):
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

    def starting_weights(self, path: str | Path) -> dict[str, Tensor]:
        """Weights of a model of the same numbers."""
        bundle = load_melody_model(path)
        if bundle.config != self.config:
            differing = differing_numbers(self.config, bundle.config)
            raise ValueError(f"{path} cannot be started from, its network is another one: {differing}; was another preset meant?")
        return bundle.vae.state_dict()

    def codes(self, vae: MelodyVAE, device: torch.device) -> Codes:
        """What the prior is fitted to: codes by a network (in evaluation mode, on `device`)."""

        def encode(batch: Batch) -> Code:
            tokens = batch.tokens.to(device).long()
            return Code(*vae.encode(tokens, batch.kind), equal_lags(tokens), tokens.shape[1], batch.kind)

        return encode_windows(encode, self._windows(self.options.seed + 1), self.held_out(), self.options)

    def write(self, weights: Mapping[str, Tensor], story: dict[str, Any], end: Finish) -> Mapping[str, float]:
        """Fit the prior, then write both."""
        begin = time.monotonic()
        vae = MelodyVAE(self.config)
        vae.load_state_dict(weights)
        vae = vae.to(end.device).eval()
        fit = fit_prior(
            self.config, self.codes(vae, end.device), self.options, device=end.device, checkpoint=end.run_dir / PRIOR_FILE,
            notes={**end.notes, "weights": weights_digest(vae)}, report=end.tell,
        )  # fmt: skip
        seconds = round(story["seconds"] + time.monotonic() - begin, 1)
        save_model(end.out, vae.cpu(), fit.prior.cpu(), metadata={**story, "seconds": seconds, "prior": fit.figures()})
        return fit.figures()


def differing_numbers(here: BarConfig, there: BarConfig) -> str:
    """What of two configurations is not the same, in words."""
    ours, theirs = here.to_dict(), there.to_dict()
    return ", ".join(f"{name} is {theirs.get(name)}, here {ours[name]}" for name in ours if ours[name] != theirs.get(name))


def weights_digest(vae: nn.Module) -> str:
    """Sixteen hexadecimal digits that change with any weight."""
    digest = hashlib.sha256()
    for parameter in vae.state_dict().values():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
