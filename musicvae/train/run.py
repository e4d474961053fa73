"""From a corpus to a model file: the network by Lightning, then its prior, then the file."""

from __future__ import annotations

import hashlib
import logging
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch

from musicvae.corpus.store import Corpus
from musicvae.model.config import PRESETS, ModelConfig
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import load_model, save_model
from musicvae.train.checkpoints import CheckpointWriter, load_plain, newest_checkpoint, save_plain
from musicvae.train.data import Batch, TrainingWindows, ValidationWindows, data_report, full_bars
from musicvae.train.machine import build_trainer, machine_settings, versions
from musicvae.train.options import MachineOptions, TrainOptions
from musicvae.train.prior_fit import PriorFit, fit_prior
from musicvae.train.progress import ProgressLine, StatusLine
from musicvae.train.task import VAETask

__all__ = ["TrainResult", "corpus_fingerprint", "train"]

_log = logging.getLogger(__name__)
_BUDGETS = frozenset({"max_steps", "max_minutes", "patience", "prior_steps", "prior_patience"})
_NETWORK_FILE, _PRIOR_FILE = "network.ckpt", "prior.ckpt"
_HASHED_AT_A_TIME = 1 << 18  # rows


@dataclass(frozen=True)
class TrainResult:
    """What a run gave. In a process other than the first, `path` is not written and figures are its own."""

    path: Path
    run_dir: Path
    steps: int
    seconds: float
    figures: Mapping[str, float]
    """Of the exported weights on validation windows: reconstruction, KL before the floor, beta, active dimensions."""
    prior: Mapping[str, float]
    report: Mapping[str, Any]
    """The data, as `data_report` tells it."""
    rank: int = 0


@dataclass(frozen=True)
class _Job:
    """All that a run's stages need to know."""

    corpus: Corpus
    config: ModelConfig
    options: TrainOptions
    machine: MachineOptions
    bars: int
    run_dir: Path
    notes: dict[str, Any]
    progress: bool


def train(
    corpus: Corpus, out: str | Path, *, config: ModelConfig | str = "melody", options: TrainOptions | None = None,
    machine: MachineOptions | None = None, resume: bool = False, force: bool = False, init_from: str | Path | None = None,
    metadata: Mapping[str, Any] | None = None, progress: bool = True,
) -> TrainResult:  # fmt: skip
    """Learn a network and its prior from a corpus and write the model file `out`.

    config: numbers of a network or the name of a preset. resume: go on from the newest checkpoint in
    the run's folder, exactly as if nothing had happened (from the beginning, where there is none).
    force: replace `out`, and forget an older run. init_from: a model file of the same configuration
    to start from. metadata: further entries of the file's header. Raises ValueError for too little
    data or contradicting options, FileExistsError where `out` or an older run would be lost.
    """
    out, options, machine = Path(out), options or TrainOptions(), machine or MachineOptions()
    config = _preset(config) if isinstance(config, str) else config
    bars = full_bars(corpus, config.max_bars, hop_bars=options.hop_bars)
    report = data_report(corpus, bars=bars, hop_bars=options.hop_bars)
    run_dir = machine.run_dir or out.with_name(out.name + ".run")
    notes = {
        "options": options.to_dict(), "config": config.to_dict(), "bars": bars, "corpus": corpus_fingerprint(corpus),
        "init_from": load_model(init_from).hash if init_from is not None else None,
    }  # fmt: skip
    job = _Job(corpus, config, options, machine, bars, run_dir, notes, progress)
    with machine_settings(machine):
        callbacks = [CheckpointWriter(run_dir, minutes=machine.checkpoint_minutes, notes=notes), *([ProgressLine()] if progress else [])]
        trainer = build_trainer(machine, options, log_dir=run_dir, callbacks=callbacks)
        if trainer.global_rank == 0:
            _prepare_folder(out, run_dir, resume=resume, force=force)
        network = _train_network(job, trainer, resume=resume, init_from=init_from)
        if trainer.global_rank != 0:
            return TrainResult(out, run_dir, network["steps"], network["seconds"], network["figures"], {}, report, trainer.global_rank)
        begin = time.monotonic()
        vae = MelodyVAE(config)
        vae.load_state_dict(network["weights"])
        fit = _fit_prior(job, vae, trainer.strategy.root_device)
    seconds = network["seconds"] + time.monotonic() - begin
    story = {
        **(metadata or {}),
        "recipe": {**notes, "precision": str(trainer.precision), "processes": trainer.world_size},
        "data": report, "versions": versions(), "seed": options.seed, "steps": network["steps"], "best_step": network["best_step"],
        "seconds": round(seconds, 1), "validation": network["figures"], "prior": fit.figures(),
    }  # fmt: skip
    save_model(out, vae.cpu(), fit.prior.cpu(), metadata=story)
    return TrainResult(out, run_dir, network["steps"], seconds, network["figures"], fit.figures(), report)


def corpus_fingerprint(corpus: Corpus) -> str:
    """Sixteen hexadecimal digits that change with any bar, tune or split of the corpus."""
    digest = hashlib.sha256()
    for name in ("bars", "start", "num_bars", "kind", "split"):
        column = getattr(corpus, name)
        dtype = column.dtype if name == "bars" else np.int64  # however narrow it is kept
        for first in range(0, len(column), _HASHED_AT_A_TIME):
            digest.update(np.ascontiguousarray(column[first : first + _HASHED_AT_A_TIME], dtype=dtype).data)
    return digest.hexdigest()[:16]


# -- the network


@dataclass(frozen=True)
class _FromStep:
    """Training batches from the trainer's step on: what makes a resumed run see the data it would have seen."""

    source: TrainingWindows
    trainer: L.Trainer

    def __iter__(self) -> Iterator[Batch]:
        return self.source.onward(self.trainer.global_step)


def _train_network(job: _Job, trainer: L.Trainer, *, resume: bool, init_from: str | Path | None) -> dict[str, Any]:
    """Weights, figures, steps and seconds of the trained network, from this run or a finished one that is resumed."""
    finished = job.run_dir / _NETWORK_FILE
    if resume and finished.exists():
        content = load_plain(finished)
        if _differences(content["notes"], job.notes) == [] and content["notes"]["options"] == job.options.to_dict():
            return content
    checkpoint = _checkpoint_to_resume(job) if resume else None
    source = _training_windows(job, trainer)
    held_out = _validation_windows(job)
    torch.manual_seed(job.options.seed)
    task = VAETask(job.config, job.options, bars=job.bars, log_every_steps=job.machine.log_every_steps)
    if init_from is not None:
        task.start_from(_weights_to_start_from(init_from, job.config))
    trainer.val_check_interval = _validation_interval(job.options, source)
    _fit(trainer, task, _FromStep(source, trainer), held_out, checkpoint)
    weights, figures, best_step = task.result()
    content = {"notes": job.notes, "weights": weights, "figures": figures, "best_step": best_step}
    content |= {"steps": trainer.global_step, "seconds": task.seconds}
    if trainer.global_rank == 0:
        save_plain(finished, content)
    return content


def _fit(trainer: L.Trainer, task: VAETask, batches: _FromStep, held_out: ValidationWindows, checkpoint: Path | None) -> None:
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(task, batches, held_out, ckpt_path=checkpoint)
    except SystemExit:
        if not trainer.interrupted:
            raise
        # Lightning answers Ctrl-C by ignoring the next ones and ending the program, which is not for a library to decide.
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None


def _training_windows(job: _Job, trainer: L.Trainer) -> TrainingWindows:
    options = job.options
    return TrainingWindows(
        job.corpus, bars=job.bars, hop_bars=options.hop_bars, batch_size=options.batch_size, seed=options.seed,
        short_share=options.short_share, kind_power=options.kind_power, rank=trainer.global_rank, world_size=trainer.world_size,
    )  # fmt: skip


def _validation_windows(job: _Job) -> ValidationWindows:
    options = job.options
    return ValidationWindows(
        job.corpus, bars=job.bars, hop_bars=options.validation_hop_bars, batch_size=options.batch_size, most=options.validation_windows
    )


def _validation_interval(options: TrainOptions, source: TrainingWindows) -> int:
    return options.validate_every_steps or min(1000, max(50, source.batches_per_pass))


def _weights_to_start_from(path: str | Path, config: ModelConfig) -> dict[str, torch.Tensor]:
    bundle = load_model(path)
    if bundle.config != config:
        ours, theirs = config.to_dict(), bundle.config.to_dict()
        differing = ", ".join(f"{name} is {theirs[name]}, here {ours[name]}" for name in ours if ours[name] != theirs[name])
        raise ValueError(f"{path} cannot be started from, its network is another one: {differing}; was another preset meant?")
    return bundle.vae.state_dict()


def _fit_prior(job: _Job, vae: MelodyVAE, device: torch.device) -> PriorFit:
    vae = vae.to(device).eval()
    line = StatusLine() if job.progress else None

    def report(text: str) -> None:
        if line is not None and line.due:
            line.write(text)

    fit = fit_prior(
        vae, job.corpus, job.options, bars=job.bars, device=device, checkpoint=job.run_dir / _PRIOR_FILE,
        notes={**job.notes, "weights": _digest(vae)}, report=report,
    )  # fmt: skip
    if line is not None:
        line.close()
    return fit


def _digest(vae: MelodyVAE) -> str:
    digest = hashlib.sha256()
    for parameter in vae.state_dict().values():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


# -- folders and resuming


def _prepare_folder(out: Path, run_dir: Path, *, resume: bool, force: bool) -> None:
    if out.exists() and not (force or resume):
        raise FileExistsError(f"{out} exists; use --force to replace it")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"folder {out.parent} does not exist, so {out.name} cannot be written there; create it first?")
    run_dir.mkdir(parents=True, exist_ok=True)
    old = [path for pattern in ("step-*.ckpt*", _NETWORK_FILE, _PRIOR_FILE) for path in run_dir.glob(pattern)]
    if old and not resume:
        if not force:
            raise FileExistsError(f"{run_dir} holds an unfinished or older run; use --resume to go on with it, or --force to begin anew")
        for path in old:
            path.unlink()


def _checkpoint_to_resume(job: _Job) -> Path | None:
    found = newest_checkpoint(job.run_dir)
    if found is None:
        _log.info("no checkpoint in %s yet; starting from the beginning", job.run_dir)
        return None
    path, content = found
    if differing := _differences(content.get("run", {}), job.notes):
        raise ValueError(f"{job.run_dir} is a run with other choices, so it cannot be resumed: {'; '.join(differing)}")
    return path


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two runs' notes, budgets left aside."""
    found = []
    for name in ("bars", "corpus", "init_from"):
        if then.get(name) != now[name]:
            found.append(f"{name} was {then.get(name)}, now {now[name]}")
    for group in ("config", "options"):
        before = then.get(group, {})
        for name, value in now[group].items():
            if name not in _BUDGETS and before.get(name) != value:
                found.append(f"{name} was {before.get(name)}, now {value}")
    return found


def _preset(name: str) -> ModelConfig:
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; allowed are {', '.join(PRESETS)}")
    return PRESETS[name]
