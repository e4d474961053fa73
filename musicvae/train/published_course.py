"""Training a network of the published family by its recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
from torch import Tensor

from musicvae.corpus.store import Corpus
from musicvae.corpus.tunes import COLUMNS
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.weights import load_published, save_model
from musicvae.train.course import Course, Finish
from musicvae.train.examples import ExampleReader, HeldOutExamples, TrainingExamples, example_report
from musicvae.train.memory import memory_bytes, pieces_that_fit, step_bytes
from musicvae.train.options import PublishedOptions
from musicvae.train.published_task import PublishedTask

__all__ = ["PublishedCourse"]

_MOST_AT_ONCE = 64  # validation windows
_MAY_DIFFER = frozenset({"preset", "converter", "steps"})
"""What weights say nothing of: another way to read the same bars, or more of them, can be learned from there."""


class PublishedCourse(Course):
    """Of a corpus of the network's material; ValueError for another corpus, or one that is too small."""

    config: PublishedConfig
    options: PublishedOptions

    def __init__(self, corpus: Corpus, config: PublishedConfig, options: PublishedOptions) -> None:
        self.corpus, self.config, self.options = corpus, config, options
        self.reader = ExampleReader(corpus, config)
        self.bars = self.reader.bars
        self.report = example_report(self.reader, hop_bars=options.hop_bars)
        self.hashed_columns = tuple(name for name in COLUMNS[corpus.material] if name in corpus.columns and name not in ("bars", "onsets"))

    def training(self, rank: int, world_size: int) -> TrainingExamples:
        """Windows in 4/4."""
        return TrainingExamples(self.reader, self.options, rank=rank, world_size=world_size)

    def held_out(self) -> HeldOutExamples:
        """Windows in 4/4."""
        options = self.options
        size = min(_MOST_AT_ONCE, options.batch_size)
        return HeldOutExamples(self.reader, hop_bars=options.validation_hop_bars, batch_size=size, most=options.validation_windows)

    def task(self, trainer: L.Trainer, *, log_every_steps: int) -> PublishedTask:
        """A new network; its notice tells how a batch is gone through on this machine."""
        task = PublishedTask(self.config, self.options, log_every_steps=log_every_steps)
        windows = self.training(trainer.global_rank, trainer.world_size).batch_size
        device = trainer.strategy.root_device
        numbers = {"parameters": sum(p.numel() for p in task.vae.parameters()), "value_bytes": 2 if "16" in str(trainer.precision) else 4}
        memory = memory_bytes(device) // (trainer.num_devices if device.type == "cpu" else 1)  # processes on one machine share it
        task.pieces = min(windows, self.options.pieces or pieces_that_fit(self.config, windows=windows, memory=memory, **numbers))
        size = -(-windows // task.pieces)
        gib = step_bytes(self.config, windows=size, **numbers) / 2**30
        few = f" (all there are; {self.options.batch_size} were asked for)" if windows < self.options.batch_size else ""
        parts = f", in {task.pieces} parts of at most {size}" if task.pieces > 1 else ""
        task.notice = f"{numbers['parameters'] / 1e6:.1f} million parameters; {windows} windows a step{few}{parts}; about {gib:.1f} GiB"
        return task

    def starting_weights(self, path: str | Path) -> dict[str, Tensor]:
        """Weights of a model of the same sizes, imported or trained."""
        bundle = load_published(path)
        ours, theirs = self.config.to_dict(), bundle.config.to_dict()
        if differing := [name for name in ours if name not in _MAY_DIFFER and ours[name] != theirs[name]]:
            told = ", ".join(f"{name} is {theirs[name]}, here {ours[name]}" for name in differing)
            raise ValueError(f"{path} cannot be started from, its sizes are others: {told}; without a preset those of the file are taken")
        return bundle.vae.state_dict()

    def write(self, weights: Mapping[str, Tensor], story: dict[str, Any], end: Finish) -> Mapping[str, float]:
        """Write the network; its prior is N(0, I)."""
        vae = PublishedVAE(self.config)
        vae.load_state_dict(weights)
        save_model(end.out, vae.eval(), metadata=story)
        return {}
