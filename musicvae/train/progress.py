"""One line on the terminal that says how far a run is."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

import lightning as L

from musicvae.train.shell import TrainingTask

__all__ = ["ProgressLine", "StatusLine"]

_WIDTH = 20


class StatusLine:
    """A line that is rewritten in place on a terminal, and written once a minute elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._interval = 0.5 if self._terminal else 60.0
        self._last = float("-inf")
        self._length = 0

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._last >= self._interval

    def write(self, text: str) -> None:
        """Show this text now."""
        self._last = time.monotonic()
        if self._terminal:
            self._stream.write("\r" + text.ljust(self._length))
            self._length = len(text)
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def note(self, text: str) -> None:
        """Write a line that stays."""
        self.close()
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line as it is and go to the next."""
        if self._terminal and self._length:
            self._stream.write("\n")
            self._stream.flush()
        self._length = 0


class ProgressLine(L.Callback):
    """Steps, share of the budget, figures and remaining time; only the first process writes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._line = StatusLine(stream)
        self._begin = (0.0, 0.0)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note where this process takes up."""
        if isinstance(pl_module, TrainingTask):
            self._begin = (time.monotonic(), pl_module.progress)
            if trainer.is_global_zero and pl_module.notice:
                self._line.note(pl_module.notice)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Show the state when it is due."""
        if trainer.is_global_zero and self._line.due and isinstance(pl_module, TrainingTask):
            self._line.write(self._text(pl_module))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the end."""
        if trainer.is_global_zero and isinstance(pl_module, TrainingTask):
            self._line.write(self._text(pl_module))
            self._line.close()

    def _text(self, task: TrainingTask[Any, Any]) -> str:
        done = int(_WIDTH * task.progress)
        words = [f"[{'#' * done}{'.' * (_WIDTH - done)}] {task.progress:4.0%}  step {task.global_step}"]
        shown = (
            ("train/reconstruction_nats", "nats {:.1f}"),
            ("train/kl_bits", "kl {:.1f} bits"),
            ("train/beta", "beta {:.3f}"),
            ("validation/objective_nats", "validation {:.1f}"),
            ("train/windows_per_second", "{:.0f} windows/s"),
        )
        words += [form.format(task.latest[name]) for name, form in shown if name in task.latest]
        if (won := task.progress - self._begin[1]) > 0:
            words.append(f"{_clock((time.monotonic() - self._begin[0]) * (1.0 - task.progress) / won)} left")
        return "  ".join(words)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
