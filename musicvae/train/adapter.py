"""Moving a prior towards a few pieces of one's own, without learning them by heart.

A handful of pieces is far too little for the two million numbers of a `BarPrior`: fitted to them alone, it soon draws them again.
So the prior first *dreams*: it draws many z, and these are weighted so that on average they are like the codes of the pieces. The
weights w_i ~ exp(a . s(z_i)) are those that change the dreams least among all that bring their mean summary to that of the pieces
(exponential tilting; Csiszar, 1975), with a penalty on |a|^2 that is the greater the fewer pieces there are. The summary s of a z is its
tune's block, and mean and spread of its bars' blocks. The prior is then fitted to dreams drawn by weight, which are many and are
nobody's pieces, and to the pieces for a share of the steps. What it dreams then is nearer, and the rounds are repeated.
The encoder and the decoder stay as they are, so that z means what it meant.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.latent import LatentVAE
from musicvae.model.prior import BarPrior, equal_lags
from musicvae.train.prior_fit import Code

__all__ = ["Adapted", "AdapterOptions", "adapt_prior", "codes_of", "tilted_weights"]

Tokens = NDArray[np.uint8]
_AT_ONCE = 500
_WARMUP_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class AdapterOptions:
    """How a prior is moved; ValueError for numbers that make no sense."""

    rounds: int = 2
    """How often dreams are drawn, weighted and learned."""
    steps: int = 60
    """Optimizer steps in a round."""
    dreams: int = 2000
    """Dreams in a round, over all lengths and meters."""
    piece_share: float = 0.25
    """Share of the steps that go to the pieces themselves."""
    penalty: float = 0.02
    """Weight of |a|^2 / 2 for many pieces; for n pieces 1/n is added."""
    batch: int = 32
    """Windows in a step."""
    lr: float = 3e-4
    """Learning rate of Adam."""
    seed: int = 0
    """Decides all chance."""

    def __post_init__(self) -> None:
        for name in ("rounds", "steps", "dreams", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.piece_share <= 1:
            raise ValueError(f"piece_share must be a share from 0 to 1, got {self.piece_share}")


@dataclass(frozen=True)
class Adapted:
    """A moved prior. effective: dreams that carried the weight in each round, 1 / sum of w^2, over all lengths."""

    prior: BarPrior
    effective: tuple[float, ...]
    seconds: float


@torch.no_grad()
def codes_of(vae: LatentVAE, windows: Sequence[tuple[Tokens, int]]) -> list[Code]:
    """The codes of windows, each (tokens (B, S), kind), joined by length and kind."""
    groups: dict[tuple[int, int], list[Tokens]] = {}
    for tokens, kind in windows:
        groups.setdefault((len(tokens), kind), []).append(tokens)
    found = []
    for (bars, kind), parts in sorted(groups.items()):
        events = torch.as_tensor(np.stack(parts).astype(np.int64))
        mu, sigma = vae.encode(events, kind)
        found.append(Code(mu, sigma, equal_lags(events), bars, kind))
    return found


def adapt_prior(
    prior: BarPrior, codes: Sequence[Code], pieces: int, options: AdapterOptions, *, threads: int | None = None,
    report: Callable[[str], None] | None = None,
) -> Adapted:  # fmt: skip
    """A copy of the prior, moved towards the codes of so many pieces; the prior itself stays as it is.

    ValueError without codes. threads: to compute with (default: torch's choice). report: called with what is being done.
    """
    if not codes:
        raise ValueError("there is nothing to adapt a prior to: give it pieces of at least one bar")
    if threads is not None:
        torch.set_num_threads(threads)
    begun, generator = time.monotonic(), torch.Generator().manual_seed(options.seed)
    moved, effective = copy.deepcopy(prior).float(), []
    moved.train()
    optimizer = torch.optim.Adam(moved.parameters(), lr=options.lr)
    for number in range(options.rounds):
        if report is not None:
            report(f"round {number + 1} of {options.rounds}")
        dreams = [_dreams(moved, code, codes, pieces, options, generator) for code in codes]
        effective.append(sum(size for _, size in dreams))
        _fit(moved, optimizer, [(dream, code) for (dream, _), code in zip(dreams, codes, strict=True)], options, number)
    moved.eval()
    return Adapted(moved, tuple(effective), time.monotonic() - begun)


def tilted_weights(dreams: Tensor, wanted: Tensor, penalty: float) -> Tensor:
    """Weights (N,), summing to 1, of the summaries dreams (N, F), for their mean to be that of wanted (M, F).

    The minimum over a of log sum exp(a . s_i) - a . mean(wanted) + penalty |a|^2 / 2, on summaries scaled by those of the dreams.
    """
    mean, spread = dreams.mean(0), dreams.std(0).clamp(min=1e-3)
    summaries, target = ((dreams - mean) / spread).double(), ((wanted - mean) / spread).mean(0).double()
    tilt = torch.zeros(summaries.shape[1], dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([tilt], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = torch.logsumexp(summaries @ tilt, 0) - tilt @ target + penalty * tilt.square().sum() / 2
        torch.autograd.backward(value)
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return (summaries @ tilt.detach()).softmax(0)


def _summary(prior: BarPrior, z: Tensor, bars: int) -> Tensor:
    """The tune's block of z (N, Z), and mean and spread of its bars' blocks."""
    start, end = prior.config.z_global, prior.config.z_used(bars)
    blocks = z[:, start:end].reshape(len(z), bars, -1)
    return torch.cat([z[:, :start], blocks.mean(1), blocks.std(1, unbiased=False)], 1)


def _dreams(
    prior: BarPrior, code: Code, codes: Sequence[Code], pieces: int, options: AdapterOptions, generator: torch.Generator
) -> tuple[Code, float]:
    """Dreams of a group's length and meter, drawn by weight, and how many of them carry the weight."""
    count = max(200, options.dreams * len(code.mu) // sum(len(other.mu) for other in codes))
    drawn, shape = [], (1 + prior.config.max_bars, prior.width)
    for first in range(0, count, _AT_ONCE):
        size = min(_AT_ONCE, count - first)
        normals = torch.randn(size, *shape, generator=generator)
        uniforms = torch.rand(size, shape[0], 2, generator=generator)
        drawn.append(prior.sample_with_lags(normals, uniforms, bars=code.bars, kind=code.kind))
    z, lags = (torch.cat([part[i] for part in drawn]) for i in range(2))
    wanted = torch.cat([_summary(prior, code.draw(generator), code.bars) for _ in range(4)])
    weights = tilted_weights(_summary(prior, z, code.bars), wanted, options.penalty + 1 / pieces)
    rows = torch.multinomial(weights, count, replacement=True, generator=generator)
    return Code(z[rows], torch.zeros_like(z[rows]), lags[rows], code.bars, code.kind), float(1 / weights.square().sum())


def _fit(
    prior: BarPrior, optimizer: torch.optim.Optimizer, groups: Sequence[tuple[Code, Code]], options: AdapterOptions, number: int
) -> None:
    """Steps towards (dreams, pieces) of each group, groups drawn by their size."""
    rng, generator = np.random.default_rng([options.seed, number]), torch.Generator().manual_seed(options.seed + number)
    sizes = np.array([len(code.mu) for _, code in groups], float)
    for step in range(options.steps):
        dreams, pieces = groups[rng.choice(len(groups), p=sizes / sizes.sum())]
        code = pieces if rng.random() < options.piece_share else dreams
        rows = torch.from_numpy(rng.integers(0, len(code.mu), options.batch))
        loss = -prior.log_prob(code.draw(generator, rows), code.lags[rows], code.bars, code.kind).mean()
        for group in optimizer.param_groups:
            group["lr"] = options.lr * min(1.0, (number * options.steps + step + 1) / _WARMUP_STEPS)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss / prior.config.z_used(code.bars))
        torch.nn.utils.clip_grad_norm_(prior.parameters(), 1.0)
        optimizer.step()
