"""What a run needs to know of the family it trains: data, task, weights to start from, and how a model is made of the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import lightning as L
import torch
from torch import Tensor

from musicvae.corpus.store import Corpus
from musicvae.model.headers import AnyConfig
from musicvae.train.options import RunOptions
from musicvae.train.shell import TrainingTask

__all__ = ["Course", "Finish", "HeldOut", "Source"]


class Source(Protocol):
    """Training batches, each a function of its number."""

    batches_per_pass: int

    def onward(self, number: int) -> Iterator[Any]:
        """Batches from `number` on, without end."""


class HeldOut(Protocol):
    """Validation batches, always the same."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Finish:
    """Where a run ends: the file to write, the device to compute on, the folder and the notes of the run, who hears how far it is."""

    out: Path
    device: torch.device
    run_dir: Path
    notes: dict[str, Any]
    tell: Callable[[str], None]


class Course(ABC):
    """One family's way from a corpus to a model. bars: of a full window; report: what there is to learn from."""

    corpus: Corpus
    config: AnyConfig
    options: RunOptions
    bars: int
    report: Mapping[str, Any]
    hashed_columns: tuple[str, ...] = ()
    """Columns of the corpus, besides its bars, that training hangs on."""

    @abstractmethod
    def training(self, rank: int, world_size: int) -> Source:
        """The batches of one process."""

    @abstractmethod
    def held_out(self) -> HeldOut:
        """The batches of a validation."""

    @abstractmethod
    def task(self, trainer: L.Trainer, *, log_every_steps: int) -> TrainingTask[Any, Any]:
        """A new network in its task."""

    @abstractmethod
    def starting_weights(self, path: str | Path) -> dict[str, Tensor]:
        """Weights of a model file by name; ValueError where it is another network."""

    @abstractmethod
    def write(self, weights: Mapping[str, Tensor], story: dict[str, Any], end: Finish) -> Mapping[str, float]:
        """Make the model file of a run's weights, with its story in the header.

        Returns the figures of a prior that was fitted, {} for a network whose prior is N(0, I).
        """
