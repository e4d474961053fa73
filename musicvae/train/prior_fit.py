"""Fitting the prior to where the encoder puts real tunes, after the network is trained.

Maximum likelihood on z ~ q(z | x) of training windows of all kinds and lengths (Dai & Wipf, 2019).
Windows are encoded once; every step draws new noise for them. Fitting ends when held-out windows
stop gaining. What the prior gains over N(0, I) on the same z is exactly what the evidence bound
gains, so it is reported in nats.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from musicvae.model.config import BarConfig
from musicvae.model.prior import BarPrior
from musicvae.train.checkpoints import load_plain, save_plain
from musicvae.train.control import cosine_share
from musicvae.train.options import TrainOptions

__all__ = ["Code", "Codes", "PriorFit", "encode_batches", "encode_windows", "fit_prior"]

_EVALUATE_EVERY_STEPS = 100
_WARMUP_STEPS = 100
_SAVE_EVERY_SECONDS = 30.0
_UNTOLD_SHARE = 0.1
"""Share of steps that a prior is told nothing, so that it can do without."""
_SCORED_AT_ONCE = 256


@dataclass(frozen=True)
class Code:
    """q(z | x) of windows of one kind and length. mu, sigma: (N, Z); lags: (N, bars), of bars that return.

    told: (N, bars, ...), what the network is told besides, None for nothing.
    """

    mu: Tensor
    sigma: Tensor
    lags: Tensor
    bars: int
    kind: int
    told: Tensor | None = None

    def draw(self, generator: torch.Generator, rows: Tensor | None = None) -> Tensor:
        """Noisy z (N, Z) of these rows, or of all; noise comes from a generator on the CPU."""
        mu, sigma = (self.mu, self.sigma) if rows is None else (self.mu[rows], self.sigma[rows])
        return mu + sigma * torch.randn(mu.shape, generator=generator).to(mu.device)


class Codes(NamedTuple):
    """What a prior is fitted to, and measured on; each with codes of one kind and length joined."""

    training: list[Code]
    held_out: list[Code]


@dataclass(frozen=True)
class PriorFit:
    """The fitted prior, and held-out log-densities in nats per full window."""

    prior: BarPrior
    steps: int
    nats_standard_normal: float
    nats_prior: float

    def figures(self) -> dict[str, float]:
        """The numbers, for a model's card."""
        gain = self.nats_prior - self.nats_standard_normal
        return {"steps": self.steps, "log_density_nats": self.nats_prior, "gain_over_standard_normal_nats": gain}


@dataclass
class _State:
    """Where a fit is; plain values and tensors only."""

    step: int = 0
    waits: int = 0
    best_nats: float = float("-inf")
    best_step: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)


class _Batches(Protocol):
    batches_per_pass: int

    def onward(self, number: int) -> Iterator[Any]: ...


def encode_windows(encode: Callable[[Any], Code], source: _Batches, held_out: Iterable[Any], options: TrainOptions) -> Codes:
    """Codes of training windows of all lengths, and of held-out full windows; `encode` gives q(z | x) of a batch."""
    # One pass is enough where it has every window; a small corpus gains nothing from being encoded again.
    batches = max(1, min(-(-options.prior_windows // options.batch_size), source.batches_per_pass))
    training = encode_batches(encode, itertools.islice(source.onward(0), batches)) if options.prior_steps else []
    return Codes(training, encode_batches(encode, held_out))


@torch.no_grad()
def encode_batches(encode: Callable[[Any], Code], batches: Iterable[Any]) -> list[Code]:
    """q(z | x) of batches, those of one kind and length joined."""
    parts: dict[tuple[int, int], list[Code]] = {}
    for code in map(encode, batches):
        parts.setdefault((code.bars, code.kind), []).append(code)
    joined = []
    for found in parts.values():
        mu, sigma, lags = (torch.cat([getattr(code, name) for code in found]) for name in ("mu", "sigma", "lags"))
        told = None if found[0].told is None else torch.cat([code.told for code in found if code.told is not None])
        joined.append(replace(found[0], mu=mu.float(), sigma=sigma.float(), lags=lags, told=told))
    return joined


def fit_prior(
    config: BarConfig, codes: Codes, options: TrainOptions, *, device: torch.device | str = "cpu", checkpoint: Path | None = None,
    notes: dict[str, Any] | None = None, report: Callable[[str], None] | None = None,
) -> PriorFit:  # fmt: skip
    """Fit a `BarPrior` to the codes of a trained network of this configuration, on the device where they are.

    `checkpoint`: a file from which a fit with the same `notes` goes on exactly, and where its state is kept.
    """
    generator = torch.Generator().manual_seed(0)
    training, held_out = codes.training, [(code, code.draw(generator)) for code in codes.held_out]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed + 1)
        prior = BarPrior(config).to(device)
    optimizer = torch.optim.AdamW(prior.parameters(), lr=options.prior_lr, betas=(0.9, 0.99), weight_decay=0.01)
    state = _State(best=_copies(prior))
    if checkpoint is not None and checkpoint.exists():
        state = _restore(checkpoint, notes, prior, optimizer) or state
    last_saved = time.monotonic()
    while state.step < options.prior_steps and state.waits <= options.prior_patience:
        loss = _train_step(prior, optimizer, training, options, state.step)
        state.step += 1
        if state.step % _EVALUATE_EVERY_STEPS and state.step < options.prior_steps:
            continue
        _judge(state, prior, _held_out_nats(prior, held_out))
        if report is not None:
            report(f"prior: step {state.step} of at most {options.prior_steps}  {-float(loss):.1f} nats, held out {state.best_nats:.1f}")
        if checkpoint is not None and time.monotonic() - last_saved >= _SAVE_EVERY_SECONDS:
            networks = {"prior": prior.state_dict(), "optimizer": optimizer.state_dict()}
            save_plain(checkpoint, {"notes": notes, "state": asdict(state), **networks})
            last_saved = time.monotonic()
    prior.load_state_dict(state.best)
    prior.eval()
    normal = _mean([(-0.5 * (z.square() + np.log(2 * np.pi))[:, : config.z_used(code.bars)].sum(1)) for code, z in held_out])
    return PriorFit(prior, state.best_step, normal, _held_out_nats(prior, held_out))


def _train_step(prior: BarPrior, optimizer: torch.optim.Optimizer, codes: list[Code], options: TrainOptions, step: int) -> Tensor:
    """One step on one group of windows, drawn in proportion to its size; returns the loss in nats."""
    rng = np.random.default_rng([options.seed, 2, step])
    sizes = np.array([len(code.mu) for code in codes], dtype=float)
    code = codes[rng.choice(len(codes), p=sizes / sizes.sum())]
    rows = torch.from_numpy(rng.integers(0, len(code.mu), min(options.prior_batch_size, len(code.mu)))).to(code.mu.device)
    z = code.draw(torch.Generator().manual_seed(int(rng.integers(2**62))), rows)
    share = cosine_share(step, warmup_steps=_WARMUP_STEPS, progress=step / max(1, options.prior_steps), end=options.lr_end)
    for group in optimizer.param_groups:
        group["lr"] = options.prior_lr * share
    told = None if code.told is None or rng.random() < _UNTOLD_SHARE else code.told[rows]
    loss = -prior.log_prob(z, code.lags[rows], code.bars, code.kind, told).mean()
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss / prior.config.z_used(code.bars))
    torch.nn.utils.clip_grad_norm_(prior.parameters(), options.clip_norm)
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def _held_out_nats(prior: BarPrior, held_out: list[tuple[Code, Tensor]]) -> float:
    parts = []
    for code, z in held_out:
        for first in range(0, len(z), _SCORED_AT_ONCE):
            rows = slice(first, first + _SCORED_AT_ONCE)
            told = None if code.told is None else code.told[rows]
            parts.append(prior.log_prob(z[rows], code.lags[rows], code.bars, code.kind, told))
    return _mean(parts)


def _mean(parts: list[Tensor]) -> float:
    return float(torch.cat([part.cpu().double() for part in parts]).mean())  # not every device has doubles


def _judge(state: _State, prior: BarPrior, nats: float) -> None:
    if nats > state.best_nats:
        state.best_nats, state.best_step, state.best, state.waits = nats, state.step, _copies(prior), 0
    else:
        state.waits += 1


def _copies(prior: BarPrior) -> dict[str, Tensor]:
    return {name: x.detach().to("cpu", copy=True) for name, x in prior.state_dict().items()}


def _restore(path: Path, notes: dict[str, Any] | None, prior: BarPrior, optimizer: torch.optim.Optimizer) -> _State | None:
    """The state in the file, or None where it belongs to another fit."""
    content = load_plain(path)
    if content.get("notes") != notes:
        return None
    prior.load_state_dict(content["prior"])
    optimizer.load_state_dict(content["optimizer"])
    return _State(**content["state"])
