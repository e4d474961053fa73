"""Teaching a reader to read damaged music: a copy of a trained network, taught by what was taken out of training windows.

The loss of a window is the sum of the nats of all that is missing in it, divided by the square root of how many events these are, so that
one missing note counts for something beside eight missing bars. AdamW; what is new learns faster than what comes from the network;
the rate falls as a cosine of the time that is given; kept is a running mean of the weights (Polyak & Juditsky, 1992).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from musicvae.corpus.store import Corpus
from musicvae.model.reader import ANY, PITCH, Reader
from musicvae.model.weights import Bundle
from musicvae.music.meter import KINDS
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN
from musicvae.train.checkpoints import load_plain, save_plain
from musicvae.train.control import cosine_share
from musicvae.train.damage import Damage, damaged, with_wrong_notes
from musicvae.train.data import TrainingWindows, steps_per_bar

__all__ = ["ReaderFit", "ReaderOptions", "fit_reader"]

_READING = ("tokens", "bar", "places", "likeness", "tune", "bar_heads", "tune_heads")  # layers of the encoder
_WRITING = ("conductor", "decoder")


@dataclass(frozen=True, kw_only=True)
class ReaderOptions:
    """How a reader is taught; ValueError for numbers that make no sense."""

    minutes: float = 50.0
    """Time for steps, looks at held-out tunes included."""
    most_steps: int | None = None
    """Steps after which it ends all the same; the rate falls with these, if they are given."""
    batch: int = 64
    """Full windows in a step."""
    hop_bars: int = 2
    """Bars from one training window to the next."""
    lr: float = 1e-3
    """Learning rate of what is new; that of the encoder is a half, that of conductor and decoder a third of it."""
    clip_norm: float = 5.0
    """Largest norm of the gradient."""
    ema_decay: float = 0.998
    """Of the running mean of the weights."""
    look_every_seconds: float = 240.0
    """Between looks at held-out tunes, each of which leaves a checkpoint."""
    held_out: int = 120
    """Held-out windows of each meter, one of a tune."""
    seed: int = 0
    """Decides all chance but for the time that steps take."""

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise ValueError(f"minutes must be above 0, got {self.minutes:g}")
        for name in ("batch", "hop_bars", "held_out"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class ReaderFit:
    """A reader that was taught. nats: of held-out windows, by task and meter as in "bars 7-10, 4/4", for each missing event."""

    reader: Reader
    steps: int
    seconds: float
    nats: Mapping[str, float]


def fit_reader(
    bundle: Bundle, corpus: Corpus, options: ReaderOptions, *, checkpoint: Path | None = None, report: Callable[[str], None] | None = None
) -> ReaderFit:
    """Teach a reader of this model on the training tunes of a corpus of melodies.

    checkpoint: a file where its state is kept, and from which it goes on. ValueError for a corpus of another material.
    """
    corpus.require_material("melody")
    torch.manual_seed(options.seed)
    reader = Reader(bundle.config)
    reader.start_from(bundle.vae)
    course = _Course(reader, options)
    if checkpoint is not None and checkpoint.is_file():
        course.load(load_plain(checkpoint), bundle.hash)
    source = TrainingWindows(corpus, bars=bundle.config.max_bars, hop_bars=options.hop_bars, batch_size=options.batch, seed=options.seed)
    held_out, looked = _held_out(corpus, bundle.config.max_bars, options), time.monotonic()
    while course.progress < 1:
        begun, batch = time.monotonic(), source.batch(course.step)
        rng = np.random.default_rng([options.seed, 7, course.step])
        course.learn(damaged(batch.tokens.numpy().astype(np.int64), rng), batch.kind)
        if time.monotonic() - looked > options.look_every_seconds:
            if report is not None:
                report(f"step {course.step}, {course.seconds / 60:.0f} min: {_told(_nats(course.mean, held_out))}")
            if checkpoint is not None:
                save_plain(checkpoint, course.state(bundle.hash))
            looked = time.monotonic()
        course.seconds += time.monotonic() - begun
    return ReaderFit(course.mean.eval(), course.step, course.seconds, _nats(course.mean, held_out))


class _Course:
    """Where the teaching is: the reader, the mean of its weights, the optimizer, steps and seconds."""

    def __init__(self, reader: Reader, options: ReaderOptions) -> None:
        self.reader, self.mean, self.options = reader, copy.deepcopy(reader), options
        self.step, self.seconds = 0, 0.0
        shares = {name: 1 / 2 if name in _READING else 1 / 3 if name in _WRITING else 1.0 for name, _ in reader.named_children()}
        groups = [
            {"params": [p for name, p in reader.named_parameters() if shares.get(name.split(".")[0], 1.0) == share], "share": share}
            for share in sorted(set(shares.values()))
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)

    @property
    def progress(self) -> float:
        """The share of the time or of the steps that is over."""
        options = self.options
        by_steps = self.step / options.most_steps if options.most_steps else 0.0
        return max(by_steps, self.seconds / 60 / options.minutes)

    def learn(self, damage: Damage, kind: int) -> None:
        """One step."""
        share = cosine_share(self.step, warmup_steps=200, progress=self.progress, end=0.02)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * share * group["share"]
        nats, missing = _missed(self.reader, damage, kind, half=True)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward((nats / missing.sqrt()).mean())
        torch.nn.utils.clip_grad_norm_(self.reader.parameters(), self.options.clip_norm)
        self.optimizer.step()
        self.step += 1
        decay = min(self.options.ema_decay, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            for mean, own in zip(self.mean.parameters(), self.reader.parameters(), strict=True):
                mean.lerp_(own, 1 - decay)

    def state(self, model_hash: str) -> dict[str, Any]:
        """All that is needed to go on."""
        return {"model_hash": model_hash, "reader": self.reader.state_dict(), "mean": self.mean.state_dict(),
                "optimizer": self.optimizer.state_dict(), "step": self.step, "seconds": self.seconds}  # fmt: skip

    def load(self, state: Mapping[str, Any], model_hash: str) -> None:
        """Go on from a state; ValueError for that of another model's reader."""
        if state.get("model_hash") != model_hash:
            raise ValueError(f"the checkpoint is of a reader of model {state.get('model_hash')}, not of {model_hash}: name another file")
        self.reader.load_state_dict(state["reader"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def _missed(reader: Reader, damage: Damage, kind: int, *, half: bool) -> tuple[Tensor, Tensor]:
    """Nats (N,) of all that is missing in each window, and how many events that is; half: products in bfloat16."""
    clean, heard, gaps = (torch.from_numpy(x) for x in (damage.clean, damage.heard, damage.gaps))
    rows, bars = torch.nonzero((gaps > 0).any(-1), as_tuple=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        experts = reader.experts(heard, gaps, kind, rows, bars, doubtful=damage.doubtful)
        log_probs = reader.log_probs(experts, torch.where(gaps > 0, clean, heard)[rows, bars], kind)
    nats = torch.zeros(len(clean)).index_add(0, rows, -log_probs.float().sum(-1))
    return nats, (gaps > 0).sum((1, 2)).float()


def _held_out(corpus: Corpus, bars: int, options: ReaderOptions) -> list[tuple[str, Damage, int]]:
    """Tasks with held-out windows: four bars in the middle, and a twentieth of the notes where a tenth is wrong."""
    rng, tasks = np.random.default_rng(options.seed), []
    for kind, meter in enumerate(KINDS):
        found = np.asarray(corpus.windows("validation", kind=kind, bars=bars, hop=4)).reshape(-1, 3)
        found = found[np.unique(found[:, 0], return_index=True)[1]]
        if not len(found):
            continue
        chosen = found[np.sort(rng.permutation(len(found))[: options.held_out])]
        tokens = corpus.tokens(chosen)[:, :, : steps_per_bar(kind)].astype(np.int64)
        hole = np.zeros_like(tokens)
        hole[:, 3 * bars // 8 : 3 * bars // 8 + max(1, bars // 4)] = ANY
        tasks.append((f"bars, {meter}", Damage(tokens, tokens, hole, False), kind))
        notes = np.where((tokens >= FIRST_PITCH_TOKEN) & (rng.random(tokens.shape) < 0.05), PITCH, 0)
        kept = (notes > 0).any((1, 2))
        if kept.any():
            wrong = with_wrong_notes(tokens[kept], np.full(int(kept.sum()), 0.1), rng)
            tasks.append((f"notes, {meter}", Damage(tokens[kept], wrong, notes[kept], True), kind))
    return tasks


@torch.no_grad()
def _nats(reader: Reader, tasks: list[tuple[str, Damage, int]]) -> dict[str, float]:
    reader.eval()
    sums = {name: _missed(reader, damage, kind, half=False) for name, damage, kind in tasks}
    return {name: float(nats.sum() / missing.sum()) for name, (nats, missing) in sums.items()}


def _told(nats: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in nats.items()) + f" nats (chance {math.log(90):.1f})"
