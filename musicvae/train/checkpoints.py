"""Saving a run so that it can go on after a kill at any moment.

A checkpoint is written under a temporary name and renamed when it is on disk whole; the two newest
are kept. Its content is tensors and plain numbers, and it is read with `weights_only`, so that
loading one can run no code.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch

__all__ = ["CheckpointWriter", "load_plain", "newest_checkpoint", "save_plain"]

_log = logging.getLogger(__name__)
_NAME = re.compile(r"step-(\d{9})\.ckpt")
_PARTIAL = ".partial"
_KEEP = 2
_CLOCK_EVERY_STEPS = 10


def save_plain(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values; `path` is replaced only once the new file is whole."""
    partial = path.with_name(path.name + _PARTIAL)
    torch.save(dict(content), partial)
    _put_in_place(partial, path)


def load_plain(path: Path) -> dict[str, Any]:
    """Read what `save_plain` or a `CheckpointWriter` wrote; ValueError for a damaged or foreign file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises half a dozen types for broken archives and forbidden content
        raise ValueError(f"{path} is no checkpoint of this library, or it is damaged ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no checkpoint of this library: it holds a {type(content).__name__}")
    return content


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest (most steps) first."""
    return sorted((path for path in folder.glob("step-*.ckpt") if _NAME.fullmatch(path.name)), reverse=True)


def newest_checkpoint(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that can be read, and its content; None where there is none at all.

    ValueError where there are some but none is whole.
    """
    paths = checkpoints(folder)
    for path in paths:
        try:
            return path, load_plain(path)
        except ValueError as error:
            _log.warning("%s; trying the one before", error)
    if paths:
        raise ValueError(f"none of the {len(paths)} checkpoints in {folder} can be read; start anew without resuming")
    return None


def _put_in_place(partial: Path, path: Path) -> None:
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


class CheckpointWriter(L.Callback):
    """Writes ``step-<number>.ckpt`` after each validation, at the end, and every so many minutes."""

    def __init__(self, folder: Path, *, minutes: float, notes: Mapping[str, Any]) -> None:
        """`notes`: plain values that go into every checkpoint under "run"."""
        self.folder, self.minutes, self.notes = folder, minutes, dict(notes)
        self._last = time.monotonic()
        self._saved_step = -1

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the notes."""
        checkpoint["run"] = self.notes

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._last = time.monotonic()
        self._saved_step = trainer.global_step

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Save when it is time, unless a validation follows this step, after which it is saved anyway."""
        step = trainer.global_step
        if trainer.should_stop or step == trainer.max_steps or step % int(trainer.val_check_interval) == 0:
            return
        # Several processes go by the clock of the first, and asking it costs time.
        if trainer.world_size > 1 and step % _CLOCK_EVERY_STEPS:
            return
        if trainer.strategy.broadcast(time.monotonic() - self._last >= 60.0 * self.minutes):
            self._save(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save what the validation has found out."""
        self._save(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the end, if that is not done."""
        if trainer.global_step != self._saved_step:
            self._save(trainer)

    def _save(self, trainer: L.Trainer) -> None:
        step = trainer.global_step
        path = self.folder / f"step-{step:09d}.ckpt"
        partial = path.with_name(path.name + _PARTIAL)
        trainer.save_checkpoint(partial)  # every process takes part; the first one writes
        if trainer.is_global_zero:
            _put_in_place(partial, path)
            for old in checkpoints(self.folder)[_KEEP:]:
                old.unlink(missing_ok=True)
            for left in self.folder.glob(f"step-*{_PARTIAL}"):
                left.unlink(missing_ok=True)
        trainer.strategy.barrier("checkpoint")
        self._saved_step, self._last = step, time.monotonic()
