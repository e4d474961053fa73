"""Lightning's trainer, set up as plainly as it can be, and the settings of the machine around a run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning as L
import numpy as np
import safetensors
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from musicvae.train.options import MachineOptions, RunOptions

__all__ = ["build_trainer", "machine_settings", "versions"]

_STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")
_PRECISIONS = ("auto", "32-true", "bf16-mixed")
_IGNORED_WARNINGS = (
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning 2.6 with torch 2.9 and up
)


def build_trainer(machine: MachineOptions, options: RunOptions, *, log_dir: Path, callbacks: list[L.Callback]) -> L.Trainer:
    """Lightning's trainer for these options.

    ValueError for a strategy whose processes do not each hold a whole run, and for what Lightning refuses.
    """
    # A run's result must come back to the process that asked for it, and every process must hold all weights.
    if machine.strategy not in _STRATEGIES:
        raise ValueError(f"strategy {machine.strategy!r} is not supported; allowed are {', '.join(_STRATEGIES)}")
    if machine.precision not in _PRECISIONS:
        raise ValueError(f"precision {machine.precision!r} is not supported; allowed are {', '.join(_PRECISIONS)}")
    precision = _fastest_precision(machine.accelerator) if machine.precision == "auto" else machine.precision
    try:
        return L.Trainer(
            accelerator=machine.accelerator, devices=machine.devices, num_nodes=machine.num_nodes, strategy=machine.strategy,
            precision=precision,  # type: ignore[arg-type]  # one of _PRECISIONS, which Lightning knows as literals
            max_steps=options.max_steps or -1, max_epochs=-1, check_val_every_n_epoch=None, val_check_interval=1,
            num_sanity_val_steps=0, use_distributed_sampler=False, callbacks=callbacks,
            logger=_loggers(log_dir), enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False,
        )  # fmt: skip
    except MisconfigurationException as error:
        raise ValueError(f"training cannot run as asked: {' '.join(str(error).split())}") from error


def _fastest_precision(accelerator: str) -> str:
    """Products in bfloat16 where the hardware has them (several times faster there), else in single precision."""
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    # Older versions of torch cannot tell; emulated bfloat16 would be slower than single precision.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not torch.backends.mps.is_available())
    return "bf16-mixed" if on_cpu and (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")) else "32-true"


def _loggers(log_dir: Path) -> list[Logger]:
    loggers: list[Logger] = [CSVLogger(log_dir, name="csv", flush_logs_every_n_steps=1)]
    if importlib.util.find_spec("tensorboard") is not None:
        loggers.append(TensorBoardLogger(log_dir, name="tensorboard"))
    return loggers


@contextmanager
def machine_settings(machine: MachineOptions) -> Iterator[None]:
    """Threads and matrix precision as asked for, Lightning quiet; all of that and torch's noise as before afterwards."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        if machine.threads is not None:
            torch.set_num_threads(machine.threads)
        if torch.cuda.is_available():
            torch.set_float32_matmul_precision("high")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            for message in _IGNORED_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def versions() -> dict[str, str]:
    """Versions of this library and of those that training depends on."""
    try:
        own = importlib.metadata.version("musicvae")
    except importlib.metadata.PackageNotFoundError:
        own = "not installed"
    others = {"torch": torch, "lightning": L, "numpy": np, "safetensors": safetensors}
    return {"musicvae": own, **{name: str(module.__version__) for name, module in others.items()}}
