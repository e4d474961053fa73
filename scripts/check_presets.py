"""Whether every published preset trains: some steps at its published size, the loss on a fixed held-out batch before and after.

    python scripts/check_presets.py DATA... [--preset NAME ...] [--steps 50] [--batch 8] [--heart]

DATA are corpora built for these networks (melodies, drums in nine and sixty-one classes, grooves, trios, performances), or folders of
files to build them from; a preset takes the first that fits it. Each preset trains by its recipe, but for the batch, in a process of
its own, so that its memory is known. With --heart networks of the same parts, but 256 units wide, learn eight of the windows by heart.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import lightning as L
import torch

from musicvae.corpus.build import build_corpus
from musicvae.corpus.store import Corpus
from musicvae.model.losses import kl_per_dimension
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED
from musicvae.train.accuracy import Hits
from musicvae.train.examples import ExampleReader, Examples, HeldOutExamples, TrainingExamples
from musicvae.train.machine import build_trainer, machine_settings
from musicvae.train.options import MachineOptions
from musicvae.train.published_task import PublishedTask
from musicvae.train.recipes import build_options_for, options_for
from musicvae.train.schedules import forgiven

HEADING = ("preset", "million", "windows", "s/step", "GiB", "nats before", "after", "bits", "accuracy before", "after")
HEART_UNITS, HEART_STEPS, HEART_WINDOWS = 256, 1000, 8


@dataclass(frozen=True)
class Asked:
    """What to do with one preset."""

    name: str
    corpus: str
    steps: int
    batch: int
    threads: int
    precision: str


@dataclass(frozen=True)
class Measured:
    """Loss with a weight of the KL and noise that are always the same, the truth fed back; KL in bits; share of likeliest frames right."""

    nats: float
    kl_bits: float
    accuracy: float


def measure(task: PublishedTask, batch: Examples, *, beta: float = 0.0, noisy: bool = True) -> Measured:
    vae = task.vae
    hits = Hits()
    was_training = vae.training
    vae.eval()
    with torch.no_grad():
        mu, sigma = vae.encode(batch.inputs, batch.controls, batch.lengths)
        noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
        z = mu + sigma * noise if noisy else mu
        nats = -vae.log_probs(z, batch.targets, batch.controls).float().sum(1)
        kl = kl_per_dimension(mu.float(), sigma.float()).sum(1)
        loss = nats + beta * forgiven(kl, task.options.free_bits)
        hits.count(vae, vae.outputs(z, batch.targets, batch.controls), batch.targets)
    vae.train(was_training)
    return Measured(float(loss.mean()), float(kl.mean()) / 0.6931, hits.shares("accuracy")["accuracy"])


def check(asked: Asked) -> tuple[object, ...]:
    """The row of a preset."""
    config = PUBLISHED[asked.name].config
    options = options_for(config, batch_size=asked.batch, max_steps=asked.steps, patience=None)
    machine = MachineOptions(accelerator="cpu", precision=asked.precision, threads=asked.threads)
    reader = ExampleReader(Corpus.load(asked.corpus), config)
    held_out = next(iter(HeldOutExamples(reader, hop_bars=1, batch_size=2 * asked.batch, most=2 * asked.batch)))
    source = TrainingExamples(reader, options)
    torch.manual_seed(options.seed)
    task = PublishedTask(config, options)
    with machine_settings(machine), tempfile.TemporaryDirectory() as folder:
        beta = task.beta(asked.steps)  # where the schedule is at the end
        before = measure(task, held_out, beta=beta)
        clock = Clock()
        trainer = build_trainer(machine, options, log_dir=Path(folder), callbacks=[clock])
        fit(trainer, task, Batches(source))
        after = measure(task, held_out, beta=beta)
    parameters = sum(p.numel() for p in task.vae.parameters()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    words = (f"{parameters:.1f}", asked.batch, f"{clock.per_step:.2f}", f"{peak:.1f}", f"{before.nats:.1f}", f"{after.nats:.1f}")
    return asked.name, *words, f"{after.kl_bits:.0f}", f"{before.accuracy:.3f}", f"{after.accuracy:.3f}"


class Clock(L.Callback):
    """Seconds of a step, the first one left aside."""

    def __init__(self) -> None:
        self._begin, self._steps, self._end = 0.0, 0, 0.0

    def on_train_batch_end(self, *args: object, **kwargs: object) -> None:
        """Note the time."""
        self._end = time.monotonic()
        self._begin = self._begin or self._end
        self._steps += 1

    @property
    def per_step(self) -> float:
        """Seconds."""
        return (self._end - self._begin) / max(1, self._steps - 1)


@dataclass(frozen=True)
class Batches:
    """Training batches from the first on."""

    source: TrainingExamples

    def __iter__(self):
        return self.source.onward(0)


def fit(trainer: L.Trainer, task: PublishedTask, batches: Batches | Same) -> None:
    """Train without validation."""
    trainer.limit_val_batches = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You defined a `validation_step`")
        trainer.fit(task, batches)


def learn_by_heart(asked: Asked) -> tuple[object, ...]:
    """The row of a preset whose small likeness has eight windows to learn."""
    config = small(PUBLISHED[asked.name].config)
    options = options_for(
        config, batch_size=HEART_WINDOWS, max_steps=HEART_STEPS, free_bits=1e6, sampling="", dropout_keep=1.0, transpose=0,
        input_dropout=0.0, lr=1e-3, min_lr=1e-3,
    )  # fmt: skip
    reader = ExampleReader(Corpus.load(asked.corpus), config)
    windows = reader.corpus.windows("train", kind=0, bars=reader.bars, hop=reader.bars)
    batch = reader.examples(reader.columns(windows[:: max(1, len(windows) // HEART_WINDOWS)][:HEART_WINDOWS]))
    torch.manual_seed(0)
    task = PublishedTask(config, options)
    for name, parameter in task.vae.named_parameters():
        if name == "encoder.mu.weight" or name.endswith("start.weight"):  # from near 0 it takes hundreds of steps to leave
            torch.nn.init.normal_(parameter, std=0.5 if "mu" in name else 0.2)
    torch.nn.init.constant_(task.vae.encoder.sigma.bias, -4.0)
    machine = MachineOptions(accelerator="cpu", precision="32-true", threads=asked.threads)
    known = Known(batch)
    with machine_settings(machine), tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(machine, options, log_dir=Path(folder), callbacks=[known])
        fit(trainer, task, Same(batch))
        found = measure(task, batch, noisy=False)
    return asked.name, trainer.global_step, f"{found.accuracy:.4f}"


class Known(L.Callback):
    """Ends a run when its one batch is known by heart."""

    def __init__(self, batch: Examples) -> None:
        self._batch = batch

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *args: object) -> None:
        """Look now and then."""
        if trainer.global_step % 20 == 0 and isinstance(pl_module, PublishedTask):
            trainer.should_stop = measure(pl_module, self._batch, noisy=False).accuracy == 1.0


@dataclass(frozen=True)
class Same:
    """The same batch for ever."""

    batch: Examples

    def __iter__(self):
        while True:
            yield self.batch


def small(config: PublishedConfig) -> PublishedConfig:
    names = ("encoder_sizes", "decoder_sizes", "conductor_sizes")
    sizes = {name: (HEART_UNITS,) * len(getattr(config, name)) for name in names}
    nade = {"nade_size": HEART_UNITS} if config.nade_size else {}
    return replace(config, z_size=HEART_UNITS, **sizes, **nade)


def corpora_for(names: list[str], data: list[str], work: Path) -> dict[str, str]:
    """The corpus of each preset: the first that fits, or one built of the folders; presets without one are left out and named."""
    given = [path for path in data if (Path(path) / "manifest.json").is_file()]
    folders = [path for path in data if path not in given]
    found: dict[str, str] = {}
    for name in names:
        config = PUBLISHED[name].config
        for path in given:
            try:
                reader = ExampleReader(Corpus.load(path), config)
            except ValueError:
                continue
            if len(reader.corpus.windows("train", kind=0, bars=reader.bars, hop=reader.bars)) >= HEART_WINDOWS:
                found[name] = path
                break
        if name not in found and folders:
            options = build_options_for(config)
            path = work / f"{options.material}-{options.drum_map}-{options.bars[0]}"
            if not path.exists():
                print(f"building {path.name} ...", flush=True)
                build_corpus(folders, path, options)
            found[name] = str(path)
        if name not in found:
            print(f"{name}: no data for it among {', '.join(data)}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="DATA")
    parser.add_argument("--preset", nargs="+", default=list(PUBLISHED), choices=list(PUBLISHED), metavar="NAME")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--heart", action="store_true", help="learn eight windows by heart instead")
    args = parser.parse_args()
    heading = ("preset", "steps", "accuracy") if args.heart else HEADING
    widths = [46, *(max(8, len(word)) for word in heading[1:])]
    with tempfile.TemporaryDirectory() as work:
        corpora = corpora_for(args.preset, args.data, Path(work))
        print("  ".join(word.ljust(width) for word, width in zip(heading, widths, strict=True)), flush=True)
        for name, path in corpora.items():
            asked = Asked(name, path, args.steps, args.batch, args.threads, args.precision)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                row = pool.apply(learn_by_heart if args.heart else check, (asked,))
            print("  ".join(str(word).ljust(width) for word, width in zip(row, widths, strict=True)), flush=True)


if __name__ == "__main__":
    main()
