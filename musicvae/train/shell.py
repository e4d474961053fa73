"""The shell that lets Lightning train a network of any family: time, averaged weights, validation, checkpoints, what is logged.

A family adds its loss, its schedules and the figures it is judged by (`train.task`, `train.published_task`). The state of a run is
plain numbers and tensors, and every step's noise is a function of seed, step and rank, so that a run goes on exactly where it was.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import lightning as L
import torch
from torch import Tensor, nn

from musicvae.train.control import AveragedWeights, CurrentWeights
from musicvae.train.options import RunOptions

__all__ = ["TrainingTask"]

_CLOCK_EVERY_STEPS = 20
_STATE = "musicvae"
Network = TypeVar("Network", bound=nn.Module)
Options = TypeVar("Options", bound=RunOptions)


class TrainingTask(L.LightningModule, ABC, Generic[Network, Options]):
    """Training of one network. A family gives `training_step`, `validation_step`, `configure_optimizers` and what is abstract below."""

    def __init__(self, network: Network, options: Options, *, log_every_steps: int = 50) -> None:
        super().__init__()
        self.vae = network
        self.options, self.log_every_steps = options, log_every_steps
        self.averaged = _averaged(network, options)
        self.best: dict[str, Any] | None = None
        """Step, figures and averaged weights of the best validation so far."""
        self.waits = 0
        self.validation: dict[str, float] = {}
        """Figures of the last validation."""
        self.latest: dict[str, float] = {}
        """The figures logged last, by name."""
        self.notice = ""
        """What to tell whoever started the run, "" for nothing."""
        self.seconds_before = 0.0
        """Time spent before this process took the run up."""
        self._started = time.monotonic()
        self._seconds = 0.0
        self._windows, self._mark = 0, time.monotonic()

    # -- what a family gives

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """The learning rate of this step."""

    @abstractmethod
    def training_figures(self) -> dict[str, float]:
        """What to log of the steps since the last time; begins to sum up anew."""

    @abstractmethod
    def validation_figures(self) -> dict[str, float]:
        """The figures of a validation, "objective_nats" among them, by which weights are chosen: the smaller the better."""

    def can_judge(self) -> bool:
        """Whether the run is so far that its figures count."""
        return True

    def family_state(self) -> dict[str, Any]:
        """What the family adds to a checkpoint: plain values and tensors."""
        return {}

    def load_family_state(self, state: dict[str, Any]) -> None:
        """Take up what `family_state` gave."""

    def bound_gradient(self) -> None:
        """Bound the gradient of a step."""
        torch.nn.utils.clip_grad_norm_(self.vae.parameters(), self.options.clip_norm)

    def move_state(self, device: torch.device) -> None:
        """Bring state that is no parameter to the device."""

    # -- time and schedules

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with these weights instead of new ones."""
        self.vae.load_state_dict(weights)
        self.averaged = _averaged(self.vae, self.options)

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, all its processes one after another."""
        return self.seconds_before + time.monotonic() - self._started

    @property
    def progress(self) -> float:
        """Share of the budget that is used up, 0..1, by steps or minutes, whichever is further."""
        by_step = self.global_step / self.options.max_steps if self.options.max_steps else 0.0
        by_time = self._seconds / (60.0 * self.options.max_minutes) if self.options.max_minutes else 0.0
        return min(1.0, max(by_step, by_time))

    def on_fit_start(self) -> None:
        """Bring the state that is no parameter to the device."""
        self.averaged.to(self.device)
        self.move_state(self.device)
        self._started = self._mark = time.monotonic()
        self._windows = 0

    def on_train_start(self) -> None:
        """A run that was taken up after it had come to its end stays there."""
        patience = self.options.patience
        if (patience is not None and self.waits >= patience) or self.progress >= 1.0:
            self.trainer.should_stop = True

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rate and the noise of this step, both functions of the step."""
        step, options = self.global_step, self.options
        if options.max_minutes and step % _CLOCK_EVERY_STEPS == 0:
            # All processes go by the first one's clock, or their learning rates would part.
            self._seconds = float(self.trainer.strategy.broadcast(self.seconds))
            if self._seconds >= 60.0 * options.max_minutes:
                self.trainer.should_stop = True
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.learning_rate(step)
        torch.manual_seed(((options.seed * 1_000_003 + step) * 65_537 + self.global_rank) % 2**63)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip the gradient: here, because Lightning's own clipping refuses fused optimizers under mixed precision."""
        self.bound_gradient()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then average the weights: here, because checkpoints are written before the module's own hook at a batch's end."""
        super().optimizer_step(*args, **kwargs)
        self.averaged.update(self.vae)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Now and then, log; end with a validation."""
        if self.options.max_steps is not None and self.global_step >= self.options.max_steps:
            self.trainer.should_stop = True
        if self.global_step % self.log_every_steps == 0:
            self._log_training()

    # -- what is logged

    def _log_training(self) -> None:
        now = time.monotonic()
        rates = {
            "train/lr": float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            "train/windows_per_second": self._windows * self.trainer.world_size / max(now - self._mark, 1e-9),
        }
        self._write(self.training_figures() | rates)
        self._windows, self._mark = 0, now

    def _write(self, figures: dict[str, float]) -> None:
        """Hand figures to the loggers, at this step."""
        # Not `self.log`: that costs time at every step, and counts its interval from where a run was resumed.
        self.latest |= figures
        for logger in self.loggers:
            logger.log_metrics(figures, step=self.global_step)

    # -- validation, with the averaged weights

    def on_validation_epoch_start(self) -> None:
        """Measure the averaged weights."""
        self.averaged.swap_in(self.vae)

    def on_validation_epoch_end(self) -> None:
        """Log the figures, remember the best weights, and stop when nothing gets better."""
        self.averaged.swap_out(self.vae)
        # Every process has validated everything; the first one's figures decide for all.
        self.validation = self.trainer.strategy.broadcast(self.validation_figures())
        self._write({f"validation/{name}": value for name, value in self.validation.items()})
        self._judge()
        self._mark = time.monotonic()
        self._windows = 0

    def _judge(self) -> None:
        """Keep these weights as the best, or count one more validation in vain."""
        if not self.can_judge():
            return
        value = self.validation["objective_nats"]
        if self.best is None or value < self.best["figures"]["objective_nats"]:
            self.best = {"step": self.global_step, "figures": dict(self.validation), "weights": self.averaged.copies()}
            self.waits = 0
        else:
            self.waits += 1
        if self.options.patience is not None and self.waits >= self.options.patience:
            self.trainer.should_stop = True

    # -- checkpoints: plain numbers, strings and tensors only

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of."""
        checkpoint[_STATE] = {
            "averaged": self.averaged.state_dict(), "best": self.best, "waits": self.waits, "validation": self.validation,
            "seconds": self.seconds, **self.family_state(),
        }  # fmt: skip

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what `on_save_checkpoint` wrote."""
        state = checkpoint[_STATE]
        self.averaged.load_state_dict(state["averaged"])
        self.best, self.waits, self.validation = state["best"], state["waits"], state["validation"]
        self.seconds_before = self._seconds = state["seconds"]
        self.load_family_state(state)

    def result(self) -> tuple[dict[str, Tensor], dict[str, float], int]:
        """Weights by name, their validation figures and their step: the best ones, or the last if none could be judged."""
        if self.best is not None:
            return self.best["weights"], self.best["figures"], self.best["step"]
        return self.averaged.copies(), self.validation, self.global_step


def _averaged(network: nn.Module, options: RunOptions) -> AveragedWeights | CurrentWeights:
    return AveragedWeights(network, decay=options.ema_decay) if options.ema_decay else CurrentWeights(network)
