"""Whether every published preset trains: some steps at its published size, the loss on a fixed held-out batch before and after.

    python scripts/check_presets.py DATA... [--preset NAME ...] [--steps 50] [--batch 8] [--lr RATE] [--heart [--bars 2]]

DATA are corpora built for these networks (melodies, drums in nine and sixty-one classes, grooves, trios, performances), or folders of
files to build them from; a preset takes the first that fits it. Each preset trains by its recipe, but for the batch, in a process of
its own, so that its memory is known. Rates of recipes are made for batches of 256 and 512: with far smaller ones the largest networks
diverge unless --lr is lower. With --heart networks of the same parts, but 256 units wide and, with --bars, not of sixteen bars
but of fewer, learn eight windows by heart, by reconstruction alone and with no noise.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch

from musicvae.corpus.build import build_corpus
from musicvae.corpus.store import Corpus
from musicvae.model.losses import kl_per_dimension
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE
from musicvae.train.accuracy import Hits
from musicvae.train.examples import ExampleReader, Examples, HeldOutExamples, TrainingExamples
from musicvae.train.machine import build_trainer, machine_settings
from musicvae.train.options import MachineOptions
from musicvae.train.published_task import PublishedTask
from musicvae.train.recipes import build_options_for, options_for
from musicvae.train.schedules import forgiven

HEADING = ("preset", "million", "windows", "s/step", "GiB", "nats before", "after", "bits", "accuracy before", "after")
HEART_HEADING = ("preset", "window", "steps", "seconds", "nats", "accuracy")
HEART_UNITS, HEART_STEPS, HEART_WINDOWS = 256, 900, 8
HEART_RATE, HEART_HALVED = 3e-3, 600


@dataclass(frozen=True)
class Asked:
    """What to do with one preset."""

    name: str
    corpus: str
    steps: int
    batch: int
    threads: int
    precision: str
    bars: int | None
    lr: float | None


@dataclass(frozen=True)
class Measured:
    """Loss with a weight of the KL and noise that are always the same, the truth fed back; KL in bits; share of likeliest frames right."""

    nats: float
    kl_bits: float
    accuracy: float


def measure(task: PublishedTask, batch: Examples, *, beta: float) -> Measured:
    vae = task.vae
    hits = Hits()
    was_training = vae.training
    vae.eval()
    with torch.no_grad():
        mu, sigma = vae.encode(batch.inputs, batch.controls, batch.lengths)
        noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
        z = mu + sigma * noise
        nats = -vae.log_probs(z, batch.targets, batch.controls).float().sum(1)
        kl = kl_per_dimension(mu.float(), sigma.float()).sum(1)
        loss = nats + beta * forgiven(kl, task.options.free_bits)
        hits.count(vae, vae.outputs(z, batch.targets, batch.controls), batch.targets)
    vae.train(was_training)
    return Measured(float(loss.mean()), float(kl.mean()) / 0.6931, hits.shares("accuracy")["accuracy"])


def check(asked: Asked) -> tuple[object, ...]:
    """The row of a preset."""
    config = PUBLISHED[asked.name].config
    changes = {} if asked.lr is None else {"lr": asked.lr}
    options = options_for(config, batch_size=asked.batch, max_steps=asked.steps, patience=None, **changes)
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

    def __iter__(self) -> Iterator[Examples]:
        return self.source.onward(0)


def fit(trainer: L.Trainer, task: PublishedTask, batches: Batches) -> None:
    """Train without validation."""
    trainer.limit_val_batches = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You defined a `validation_step`")
        trainer.fit(task, batches)


def learn_by_heart(asked: Asked) -> tuple[object, ...]:
    """The row of a preset whose small likeness has eight windows to learn."""
    config = small(PUBLISHED[asked.name].config, asked.bars)
    torch.set_num_threads(asked.threads)
    batch = distinct_examples(ExampleReader(Corpus.load(asked.corpus), config))
    begin = time.monotonic()
    found = by_heart(config, batch)
    return asked.name, config.steps, found.steps, f"{time.monotonic() - begin:.0f}", f"{found.nats:.2f}", f"{found.accuracy:.4f}"


def distinct_examples(reader: ExampleReader, count: int = HEART_WINDOWS) -> Examples:
    """Windows no two of which the network hears the same: of two alike with different targets it could not know both."""
    windows = reader.corpus.windows(None, kind=0, bars=reader.bars, hop=reader.bars)
    heard: dict[tuple[bytes, ...], int] = {}
    for row in np.random.default_rng(0).permutation(len(windows)):
        example = reader.examples(reader.columns(windows[row : row + 1]))
        parts = (example.inputs, example.controls, example.lengths)
        heard.setdefault(tuple(part.numpy().tobytes() for part in parts if part is not None), int(row))
        if len(heard) == count:
            return reader.examples(reader.columns(windows[sorted(heard.values())]))
    raise ValueError(f"only {len(heard)} windows that differ, {count} are needed")


@dataclass(frozen=True)
class Learned:
    """Steps taken, nats of an example and share of likeliest frames right, the truth fed back, at the last of them."""

    steps: int
    nats: float
    accuracy: float


def by_heart(config: PublishedConfig, batch: Examples, *, most_steps: int = HEART_STEPS) -> Learned:
    """Train on one batch until it is known, by reconstruction alone, with z = mu.

    Published networks begin with codes that are all but 0, and take hundreds of steps to leave from there: this one begins with codes
    whose dimensions have mean 0 and variance 1 over the batch. Without a price on the KL an encoder that learns as fast as the decoder
    drives them to where the decoder's states are all at their bounds and learn no more; so it learns at a tenth of the rate.
    """
    torch.manual_seed(0)
    vae = PublishedVAE(config)
    spread_codes(vae, batch)
    encoder = list(vae.encoder.parameters())
    rest = [weight for name, weight in vae.named_parameters() if not name.startswith("encoder.")]
    optimizer = torch.optim.Adam([{"params": encoder}, {"params": rest}])
    for step in range(1, most_steps + 1):
        rate = HEART_RATE * min(1.0, step / 10) * 0.5 ** (step / HEART_HALVED)
        for group, share in zip(optimizer.param_groups, (0.1, 1.0), strict=True):
            group["lr"] = share * rate
        z, _ = vae.encode(batch.inputs, batch.controls, batch.lengths)
        outputs = vae.outputs(z, batch.targets, batch.controls)
        loss = -vae.score(outputs, batch.targets).float().sum(1).mean()
        hits = Hits()
        hits.count(vae, [x.detach() for x in outputs], batch.targets)
        accuracy = hits.shares("accuracy")["accuracy"]
        if accuracy == 1.0:
            break
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
    return Learned(step, loss.item(), accuracy)


@torch.no_grad()
def spread_codes(vae: PublishedVAE, batch: Examples) -> None:
    """Begin with different codes for different examples, and with states that tell them apart."""
    for name, weight in vae.named_parameters():
        if name.endswith("start.weight"):
            torch.nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    layer = vae.encoder.mu
    torch.nn.init.normal_(layer.weight)
    mu, _ = vae.encode(batch.inputs, batch.controls, batch.lengths)
    layer.weight /= mu.std(0)[:, None]
    layer.bias.copy_(-mu.mean(0) / mu.std(0))


def small(config: PublishedConfig, bars: int | None = None) -> PublishedConfig:
    """A network of the same parts, 256 wide, sixteen bars cut to so many."""
    names = ("encoder_sizes", "decoder_sizes", "conductor_sizes")
    sizes = {name: (HEART_UNITS,) * len(getattr(config, name)) for name in names}
    nade = {"nade_size": HEART_UNITS} if config.nade_size else {}
    shorter: dict[str, Any] = {}
    if bars is not None and config.steps == 256:
        shorter = {"steps": 16 * bars, "segments": bars if config.conductor_sizes else 1}
        shorter["encoder_levels"] = (16, bars) if config.encoder_levels else ()
    return replace(config, **{"z_size": HEART_UNITS, **sizes, **nade, **shorter})


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
            built = work / f"{options.material}-{options.drum_map}-{options.bars[0]}"
            if not built.exists():
                print(f"building {built.name} ...", flush=True)
                build_corpus(folders, built, options)
            found[name] = str(built)
        if name not in found:
            print(f"{name}: no data for it among {', '.join(data)}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="DATA")
    parser.add_argument("--preset", nargs="+", default=list(PUBLISHED), choices=list(PUBLISHED), metavar="NAME")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, metavar="RATE", help="instead of the recipe's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--heart", action="store_true", help="learn eight windows by heart instead")
    parser.add_argument("--bars", type=int, help="with --heart: of sixteen bars only so many")
    args = parser.parse_args()
    heading = HEART_HEADING if args.heart else HEADING
    widths = [46, *(max(8, len(word)) for word in heading[1:])]
    with tempfile.TemporaryDirectory() as work:
        corpora = corpora_for(args.preset, args.data, Path(work))
        print("  ".join(word.ljust(width) for word, width in zip(heading, widths, strict=True)), flush=True)
        for name, path in corpora.items():
            asked = Asked(name, path, args.steps, args.batch, args.threads, args.precision, args.bars, args.lr)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                row = pool.apply(learn_by_heart if args.heart else check, (asked,))
            print("  ".join(str(word).ljust(width) for word, width in zip(row, widths, strict=True)), flush=True)


if __name__ == "__main__":
    main()
