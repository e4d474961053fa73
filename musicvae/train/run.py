"""From a corpus to a model file, by the course of the network's family: the network by Lightning, then what follows, then the file."""

from __future__ import annotations

import hashlib
import logging
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch

from musicvae.corpus.store import Corpus
from musicvae.model.headers import AnyConfig
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.published.config import PublishedConfig
from musicvae.model.weights import load_model
from musicvae.train.checkpoints import CheckpointWriter, load_plain, newest_checkpoint, save_plain
from musicvae.train.course import Course, Finish, HeldOut, Source
from musicvae.train.fitted_course import PRIOR_FILE
from musicvae.train.machine import build_trainer, machine_settings, versions
from musicvae.train.options import MachineOptions, PieceOptions, PublishedOptions, RunOptions, TrainOptions
from musicvae.train.own_course import OwnCourse
from musicvae.train.pieces_course import PieceCourse
from musicvae.train.progress import ProgressLine, StatusLine
from musicvae.train.published_course import PublishedCourse
from musicvae.train.recipes import options_for, piece_options_for, preset_named
from musicvae.train.shell import TrainingTask

__all__ = ["TrainResult", "corpus_fingerprint", "course_of", "train"]

_log = logging.getLogger(__name__)
_BUDGETS = frozenset({"max_steps", "max_minutes", "patience", "prior_steps", "prior_patience"})
_NETWORK_FILE = "network.ckpt"
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
    """Of a prior that was fitted; {} for a network whose prior is N(0, I)."""
    report: Mapping[str, Any]
    """The data: what there is to learn from."""
    rank: int = 0


@dataclass(frozen=True)
class _Job:
    """All that a run's stages need to know."""

    course: Course
    machine: MachineOptions
    run_dir: Path
    notes: dict[str, Any]
    progress: bool


def train(
    corpus: Corpus, out: str | Path, *, config: AnyConfig | str = "melody", options: RunOptions | None = None,
    machine: MachineOptions | None = None, resume: bool = False, force: bool = False, init_from: str | Path | None = None,
    metadata: Mapping[str, Any] | None = None, progress: bool = True,
) -> TrainResult:  # fmt: skip
    """Learn a network (and its prior, where it has one to learn) from a corpus and write the model file `out`.

    config: numbers of a network or the name of a preset, the project's own or a published one. options: `TrainOptions` for the
    project's networks of melodies, `PieceOptions` for its others, `PublishedOptions` for published ones; None: the defaults, or the
    preset's recipe. resume: go on from the
    newest checkpoint in the run's folder, exactly as if nothing had happened (from the beginning, where there is none).
    force: replace `out`, and forget an older run. init_from: a model file of the same sizes
    to start from. metadata: further entries of the file's header. Raises ValueError for too little
    data or contradicting options, FileExistsError where `out` or an older run would be lost.
    """
    out, machine = Path(out), machine or MachineOptions()
    course = course_of(corpus, preset_named(config) if isinstance(config, str) else config, options)
    run_dir = machine.run_dir or out.with_name(out.name + ".run")
    notes = {
        "options": course.options.to_dict(), "config": course.config.to_dict(), "bars": course.bars,
        "corpus": corpus_fingerprint(corpus, course.hashed_columns),
        "init_from": load_model(init_from).hash if init_from is not None else None,
    }  # fmt: skip
    job = _Job(course, machine, run_dir, notes, progress)
    with machine_settings(machine):
        callbacks = [CheckpointWriter(run_dir, minutes=machine.checkpoint_minutes, notes=notes), *([ProgressLine()] if progress else [])]
        trainer = build_trainer(machine, course.options, log_dir=run_dir, callbacks=callbacks)
        if trainer.global_rank == 0:
            _prepare_folder(out, run_dir, resume=resume, force=force)
        network = _train_network(job, trainer, resume=resume, init_from=init_from)
        found = (network["steps"], network["seconds"], network["figures"])
        if trainer.global_rank != 0:
            return TrainResult(out, run_dir, *found, {}, course.report, trainer.global_rank)
        begin = time.monotonic()
        story = {
            **(metadata or {}),
            "recipe": {**notes, "precision": str(trainer.precision), "processes": trainer.world_size, "pieces": network.get("pieces", 1)},
            "data": course.report, "versions": versions(), "seed": course.options.seed, "steps": network["steps"],
            "best_step": network["best_step"], "seconds": round(network["seconds"], 1), "validation": network["figures"],
        }  # fmt: skip
        prior = _write(job, out, network["weights"], story, trainer.strategy.root_device)
    return TrainResult(out, run_dir, found[0], found[1] + time.monotonic() - begin, found[2], prior, course.report)


def course_of(corpus: Corpus, config: AnyConfig, options: RunOptions | None = None) -> Course:
    """The course of a network; ValueError for options of the other family, and for a corpus that does not fit."""
    if isinstance(config, PublishedConfig):
        options = options or options_for(config)
        if not isinstance(options, PublishedOptions):
            raise ValueError(f"{config.preset} is a published network and needs PublishedOptions, got {type(options).__name__}")
        return PublishedCourse(corpus, config, options)
    if isinstance(config, PieceConfig):
        options = options or piece_options_for(config)
        if not isinstance(options, PieceOptions):
            raise ValueError(f"networks of drums, grooves and trios of this project need PieceOptions, got {type(options).__name__}")
        return PieceCourse(corpus, config, options)
    options = options or TrainOptions()
    if not isinstance(options, TrainOptions):
        raise ValueError(f"networks of this project need TrainOptions, got {type(options).__name__}; was a published preset meant?")
    return OwnCourse(corpus, config, options)


def _write(job: _Job, out: Path, weights: Mapping[str, torch.Tensor], story: dict[str, Any], device: torch.device) -> Mapping[str, float]:
    line = StatusLine() if job.progress else None

    def tell(text: str) -> None:
        if line is not None and line.due:
            line.write(text)

    prior = job.course.write(weights, story, Finish(out, device, job.run_dir, job.notes, tell))
    if line is not None:
        line.close()
    return prior


def corpus_fingerprint(corpus: Corpus, columns: Sequence[str] = ()) -> str:
    """Sixteen hexadecimal digits that change with any bar, tune or split of the corpus, and with further columns of its bars."""
    digest = hashlib.sha256()
    for name in ("bars", *columns, "start", "num_bars", "kind", "split"):
        of_bars = name == "bars" or name in columns
        column = corpus.columns[name] if of_bars else getattr(corpus, name)
        dtype = column.dtype if of_bars else np.int64  # however narrow it is kept
        for first in range(0, len(column), _HASHED_AT_A_TIME):
            digest.update(np.ascontiguousarray(column[first : first + _HASHED_AT_A_TIME], dtype=dtype).data)
    return digest.hexdigest()[:16]


# -- the network


@dataclass(frozen=True)
class _FromStep:
    """Training batches from the trainer's step on: what makes a resumed run see the data it would have seen."""

    source: Source
    trainer: L.Trainer

    def __iter__(self) -> Iterator[Any]:
        return self.source.onward(self.trainer.global_step)


def _train_network(job: _Job, trainer: L.Trainer, *, resume: bool, init_from: str | Path | None) -> dict[str, Any]:
    """Weights, figures, steps and seconds of the trained network, from this run or a finished one that is resumed."""
    finished = job.run_dir / _NETWORK_FILE
    options = job.course.options
    if resume and finished.exists():
        content = load_plain(finished)
        if _differences(content["notes"], job.notes) == [] and content["notes"]["options"] == options.to_dict():
            return content
    checkpoint = _checkpoint_to_resume(job) if resume else None
    source = job.course.training(trainer.global_rank, trainer.world_size)
    held_out = job.course.held_out()
    torch.manual_seed(options.seed)
    task = job.course.task(trainer, log_every_steps=job.machine.log_every_steps)
    if init_from is not None:
        task.start_from(job.course.starting_weights(init_from))
    trainer.val_check_interval = options.validate_every_steps or min(1000, max(50, source.batches_per_pass))
    _fit(trainer, task, _FromStep(source, trainer), held_out, checkpoint)
    weights, figures, best_step = task.result()
    content = {"notes": job.notes, "weights": weights, "figures": figures, "best_step": best_step}
    content |= {"pieces": getattr(task, "pieces", 1), "steps": trainer.global_step, "seconds": task.seconds}
    if trainer.global_rank == 0:
        save_plain(finished, content)
    return content


def _fit(trainer: L.Trainer, task: TrainingTask[Any, Any], batches: _FromStep, held_out: HeldOut, checkpoint: Path | None) -> None:
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(task, batches, held_out, ckpt_path=checkpoint)
    except SystemExit:
        if not trainer.interrupted:
            raise
        # Lightning answers Ctrl-C by ignoring the next ones and ending the program, which is not for a library to decide.
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None


# -- folders and resuming


def _prepare_folder(out: Path, run_dir: Path, *, resume: bool, force: bool) -> None:
    if out.exists() and not (force or resume):
        raise FileExistsError(f"{out} exists; use --force to replace it")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"folder {out.parent} does not exist, so {out.name} cannot be written there; create it first?")
    run_dir.mkdir(parents=True, exist_ok=True)
    old = [path for pattern in ("step-*.ckpt*", _NETWORK_FILE, PRIOR_FILE) for path in run_dir.glob(pattern)]
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
