"""Training a network of drums, grooves or trios: windows of all lengths, and after the network its prior, where it has one to learn."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from musicvae.corpus.store import Corpus
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import Frames
from musicvae.model.pieces.vae import PieceVAE, returning_lags
from musicvae.model.weights import load_piece_model, save_model
from musicvae.train.course import Course, Finish
from musicvae.train.options import PieceOptions
from musicvae.train.own_course import PRIOR_FILE, differing_numbers, weights_digest
from musicvae.train.pieces_data import FrameReader, HeldOutFrames, TrainingFrames, frames_report
from musicvae.train.pieces_task import PieceTask
from musicvae.train.prior_fit import Code, Codes, encode_windows, fit_prior

__all__ = ["PieceCourse"]

_KIND = 0


class PieceCourse(Course):
    """Of a corpus of the network's material; ValueError for another corpus, or one that is too small."""

    config: PieceConfig
    options: PieceOptions

    def __init__(self, corpus: Corpus, config: PieceConfig, options: PieceOptions) -> None:
        self.corpus, self.config, self.options = corpus, config, options
        self.reader = FrameReader(corpus, config, hop_bars=options.hop_bars)
        self.bars = self.reader.bars
        self.report = frames_report(self.reader, hop_bars=options.hop_bars)
        self.hashed_columns = tuple(name for name in self.reader.columns if name != "bars")

    def training(self, rank: int, world_size: int) -> TrainingFrames:
        """Windows in 4/4, some of them short."""
        options = self.options
        return TrainingFrames(self.reader, options, seed=options.seed, rank=rank, world_size=world_size, vary_share=options.vary_share)

    def held_out(self) -> HeldOutFrames:
        """Full windows in 4/4."""
        return HeldOutFrames(self.reader, self.options)

    def task(self, trainer: L.Trainer, *, log_every_steps: int) -> PieceTask:
        """A new network."""
        return PieceTask(self.config, self.options, bars=self.bars, log_every_steps=log_every_steps)

    def starting_weights(self, path: str | Path) -> dict[str, Tensor]:
        """Weights of a model of the same numbers."""
        bundle = load_piece_model(path)
        if bundle.config != self.config:
            differing = differing_numbers(self.config, bundle.config)
            raise ValueError(f"{path} cannot be started from, its network is another one: {differing}; was another preset meant?")
        return bundle.vae.state_dict()

    def codes(self, vae: PieceVAE, device: torch.device) -> Codes:
        """What the prior is fitted to: codes by a network (in evaluation mode, on `device`)."""

        def encode(batch: Frames) -> Code:
            told = None if batch.told is None else batch.told.to(device)
            frames = Frames(tuple(stream.to(device) for stream in batch.streams), told)
            return Code(*vae.encode(frames), returning_lags(frames), frames.bars, _KIND, frames.told)

        source = TrainingFrames(self.reader, self.options, seed=self.options.seed + 1)
        return encode_windows(encode, source, self.held_out(), self.options)

    def write(self, weights: Mapping[str, Tensor], story: dict[str, Any], end: Finish) -> Mapping[str, float]:
        """Fit the prior, where there is one, then write all."""
        begin = time.monotonic()
        vae = PieceVAE(self.config)
        vae.load_state_dict(weights)
        vae = vae.to(end.device).eval()
        if not self.config.has_prior:
            save_model(end.out, vae.cpu(), None, metadata=story)
            return {}
        fit = fit_prior(
            self.config, self.codes(vae, end.device), self.options, device=end.device, checkpoint=end.run_dir / PRIOR_FILE,
            notes={**end.notes, "weights": weights_digest(vae)}, report=end.tell,
        )  # fmt: skip
        seconds = round(story["seconds"] + time.monotonic() - begin, 1)
        save_model(end.out, vae.cpu(), fit.prior.cpu(), metadata={**story, "seconds": seconds, "prior": fit.figures()})
        return fit.figures()
