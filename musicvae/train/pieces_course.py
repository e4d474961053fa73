"""Training a network of drums, grooves or trios: windows of all lengths, and after the network its prior, where it has one to learn."""

from __future__ import annotations

from pathlib import Path

import lightning as L
import torch

from musicvae.corpus.store import Corpus
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import Frames
from musicvae.model.pieces.vae import PieceVAE, returning_lags
from musicvae.model.weights import PieceBundle, load_piece_model
from musicvae.train.fitted_course import FittedCourse
from musicvae.train.options import PieceOptions
from musicvae.train.pieces_data import FrameReader, HeldOutFrames, TrainingFrames, frames_report
from musicvae.train.pieces_task import PieceTask
from musicvae.train.prior_fit import Code, Codes, encode_windows

__all__ = ["PieceCourse"]

_KIND = 0


class PieceCourse(FittedCourse[PieceVAE]):
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

    def network(self) -> PieceVAE:
        """A new network of pieces."""
        return PieceVAE(self.config)

    def bundle(self, path: str | Path) -> PieceBundle:
        """A model of drums, grooves or trios of our own."""
        return load_piece_model(path)

    def codes(self, vae: PieceVAE, device: torch.device) -> Codes:
        """What the prior is fitted to: codes by a network (in evaluation mode, on `device`)."""

        def encode(batch: Frames) -> Code:
            told = None if batch.told is None else batch.told.to(device)
            frames = Frames(tuple(stream.to(device) for stream in batch.streams), told)
            return Code(*vae.encode(frames), returning_lags(frames), frames.bars, _KIND, frames.told)

        source = TrainingFrames(self.reader, self.options, seed=self.options.seed + 1)
        return encode_windows(encode, source, self.held_out(), self.options)
