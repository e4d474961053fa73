"""Leaning a prior towards a few pieces of one's own, without learning them by heart.

A handful of pieces is far too little for the two million numbers of a `BarPrior`: fitted to them alone, it is soon worse at telling what
else is of their kind, and draws them again. So the prior stays, and what is learned are the F numbers a of a leaning (`model.tilt`), by
maximum likelihood: the mean summary of the pieces is to be that of the leaning prior, whose normalizer is known from *dreams*, many z
that the prior draws. It is a convex problem, and a normal prior of a keeps it modest: n pieces pay `caution` / n * |a|^2 / 2, in summaries
scaled by the dreams, so that one piece moves next to nothing and fifty say what they have in common. How cautious to be is found out
on the pieces themselves, some of which are left out in turn; where nothing is gained on those that were left out, nothing leans.
What is drawn leans farther (`pull`), since it is to be heard. Encoder and decoder stay as they are, so that z means what it meant.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.latent import LatentVAE
from musicvae.model.pieces.frames import Columns, frames_of
from musicvae.model.pieces.vae import PieceVAE, returning_lags
from musicvae.model.prior import BarPrior, equal_lags
from musicvae.model.tilt import TiltedPrior, summary
from musicvae.music.meter import KINDS
from musicvae.train.prior_fit import Code

__all__ = ["Adapted", "AdapterOptions", "Drawing", "Examples", "Leaning", "adapt_prior", "fitted_leaning", "melody_code", "pieces_code"]

Tokens = NDArray[np.uint8]
_AT_ONCE = 500
_CAUTIONS = (0.3, 1.0, 3.0, 10.0)
_COMPARED_BARS = 8


@dataclass(frozen=True, kw_only=True)
class AdapterOptions:
    """How a prior is leant; ValueError for numbers that make no sense."""

    dreams: int = 2000
    """Dreams of each meter and length."""
    caution: float = 10.0
    """Penalty of |a|^2 / 2 for one piece, to begin with; of n pieces 1/n of it. What is scored leans by this, or multiples of it."""
    pull: float = 1.0
    """The same for what is drawn."""
    emphasis: float = 2.0
    """How much farther than that what is drawn leans: as a whole it is to be as much of their kind as the pieces are."""
    folds: int = 5
    """Parts of the pieces that are left out in turn, at most."""
    seed: int = 0
    """Decides all chance."""

    def __post_init__(self) -> None:
        for name in ("dreams", "folds"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} must be at least 2, got {getattr(self, name)}")
        for name in ("caution", "pull", "emphasis"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class Drawing:
    """What a temperature of 1 means to an engine that draws: `scale` to its prior, `first_scale`, if any, to how pieces begin."""

    scale: float = 1.0
    first_scale: float | None = None


@dataclass(frozen=True)
class Examples:
    """Windows of one meter and length. files: (N,), the file each is of."""

    code: Code
    files: NDArray[np.int64]


@dataclass(frozen=True)
class Leaning:
    """What was learned of one kind of meter.

    files: how many there were. gain_nats: what a window of a file that is left out gains, of `bars` bars, the mean over files; 0 where
    nothing leans, and for a single file. caution: what was found best, None where nothing leans. effective: share of the dreams that
    carry the weight of what is drawn, (sum w)^2 / sum w^2 over their number.
    """

    kind: int
    files: int
    bars: int
    gain_nats: float
    caution: float | None
    effective: float


@dataclass(frozen=True)
class Adapted:
    """A prior that leans, and how."""

    prior: TiltedPrior
    leanings: tuple[Leaning, ...]
    seconds: float


@torch.no_grad()
def melody_code(vae: LatentVAE, tokens: Tokens, kind: int) -> Code:
    """The code of windows of melodies (N, B, S)."""
    events = torch.as_tensor(tokens.astype(np.int64))
    mu, sigma = vae.encode(events, kind)
    return Code(mu, sigma, equal_lags(events), events.shape[1], kind)


@torch.no_grad()
def pieces_code(vae: PieceVAE, columns: Columns) -> Code:
    """The code of windows of pieces, columns (N, B, 16, ...)."""
    frames = frames_of(vae.config, columns)
    mu, sigma = vae.encode(frames)
    return Code(mu, sigma, returning_lags(frames), frames.bars, 0)


def adapt_prior(
    prior: BarPrior, examples: Sequence[Examples], options: AdapterOptions, *, drawing: Drawing | None = None, threads: int | None = None,
    report: Callable[[str], None] | None = None,
) -> Adapted:  # fmt: skip
    """The prior, leant towards examples of any meters and lengths, each meter by its own; it leans in all lengths of these meters.

    ValueError without examples. drawing: how the prior is drawn from, so that what is drawn leans as far as it should.
    threads: to compute with (default: torch's choice). report: called with what is being done.
    """
    if not examples:
        raise ValueError("there is nothing to adapt a prior to: give it pieces of at least one bar")
    if threads is not None:
        torch.set_num_threads(threads)
    begun, leanings = time.monotonic(), []
    moved = TiltedPrior(prior.float().eval())
    for kind in sorted({part.code.kind for part in examples}):
        of_kind = {part.code.bars: part for part in examples if part.code.kind == kind}
        leanings.append(_lean(moved, kind, of_kind, options, drawing or Drawing(), report or (lambda text: None)))
    return Adapted(moved.eval(), tuple(leanings), time.monotonic() - begun)


def fitted_leaning(dreams: Tensor, wanted: Tensor, penalty: float) -> Tensor:
    """The a (F,) that minimizes log mean exp(a . s_i) - a . wanted + penalty |a|^2 / 2 over summaries dreams (N, F); wanted: (F,)."""
    tilt = torch.zeros(dreams.shape[1], dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([tilt], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = torch.logsumexp(dreams @ tilt, 0) - tilt @ wanted + penalty * tilt.square().sum() / 2
        torch.autograd.backward(value)
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return tilt.detach()


@dataclass(frozen=True)
class _Scaled:
    """Summaries of one meter and length, scaled by the mean and deviation of the dreams. dreams: (N, F); by_file: {file: (F,)}."""

    dreams: Tensor
    mean: Tensor
    deviation: Tensor
    by_file: Mapping[int, Tensor]

    @classmethod
    def of(cls, prior: TiltedPrior, bars: int, kind: int, examples: Examples | None, options: AdapterOptions, drawing: Drawing) -> _Scaled:
        """Of dreams, always the same ones, and of examples, where there are any of this length."""
        generator = torch.Generator().manual_seed(int(np.random.default_rng([options.seed, kind, bars]).integers(2**62)))
        dreams = _dreams(prior.base, bars, kind, options.dreams, drawing, generator)
        mean, deviation = dreams.mean(0), dreams.std(0).clamp(min=1e-3)
        found: dict[int, Tensor] = {}
        if examples is not None:
            code = examples.code
            summaries = torch.stack([summary(prior.config, code.draw(generator), code.lags, bars) for _ in range(4)]).mean(0).double()
            rows = {int(file): np.flatnonzero(examples.files == file) for file in np.unique(examples.files)}
            found = {file: ((summaries[of_file] - mean) / deviation).mean(0) for file, of_file in rows.items()}
        return cls((dreams - mean) / deviation, mean, deviation, found)

    def fitted(self, files: Sequence[int], penalty: float) -> Tensor:
        """The leaning towards these files, each of which says as much as the others."""
        return fitted_leaning(self.dreams, torch.stack([self.by_file[file] for file in files]).mean(0), penalty / len(files))

    def log_norm(self, tilt: Tensor) -> float:
        """Logarithm of the mean of exp(a . s) over dreams."""
        return float(torch.logsumexp(self.dreams @ tilt, 0)) - math.log(len(self.dreams))


@torch.no_grad()
def _dreams(prior: BarPrior, bars: int, kind: int, count: int, drawing: Drawing, generator: torch.Generator) -> Tensor:
    """Summaries (count, F) of z that are drawn from the prior."""
    shape, found = (1 + prior.config.max_bars, prior.width), []
    for first in range(0, count, _AT_ONCE):
        size = min(_AT_ONCE, count - first)
        normals = torch.randn(size, *shape, generator=generator)
        uniforms = torch.rand(size, shape[0], 2, generator=generator)
        options: dict[str, Any] = {"bars": bars, "kind": kind}
        if drawing.first_scale is not None:  # as `model.pieces.engine` does
            given = prior.sample(normals, uniforms, temperature=drawing.first_scale, **options)
            options |= {"given": given, "given_lags": torch.zeros(size, 1, dtype=torch.long)}
        found.append(summary(prior.config, *prior.sample_with_lags(normals, uniforms, temperature=drawing.scale, **options), bars))
    return torch.cat(found).double()


def _lean(
    prior: TiltedPrior, kind: int, examples: Mapping[int, Examples], options: AdapterOptions, drawing: Drawing, tell: Callable[[str], None]
) -> Leaning:
    """Let the prior lean in one kind of meter, in all lengths; of those without examples as in the nearest one that has some."""
    compared = max(examples, key=lambda bars: (len(np.unique(examples[bars].files)), -abs(bars - _COMPARED_BARS)))
    most, tilts, share = prior.config.max_bars, dict[int, tuple[Tensor, Tensor]](), 1.0
    leaning = _compared(_Scaled.of(prior, compared, kind, examples[compared], options, Drawing()), kind, compared, options)
    # Lengths with examples first, so that the others find their nearest.
    for done, bars in enumerate([*sorted(examples), *(bars for bars in range(1, most + 1) if bars not in examples)], 1):
        tell(f"{KINDS[kind]}: {done} of {most} lengths")
        own = _Scaled.of(prior, bars, kind, examples.get(bars), options, Drawing())
        heard = own if drawing == Drawing() else _Scaled.of(prior, bars, kind, examples.get(bars), options, drawing)
        if bars in examples:
            files = sorted(own.by_file)
            drawn = options.emphasis * heard.fitted(files, options.pull)
            tilts[bars] = (torch.zeros_like(drawn) if leaning.caution is None else own.fitted(files, leaning.caution), drawn)
        else:
            tilts[bars] = tilts[min(examples, key=lambda known: (abs(known - bars), known))]
        scored, drawn = tilts[bars]
        prior.scored[kind, bars], prior.drawn[kind, bars] = scored / own.deviation, drawn / heard.deviation
        prior.log_norms[kind, bars] = own.log_norm(scored) + float(scored @ (own.mean / own.deviation))
        if bars == compared:
            weights = (heard.dreams @ drawn).softmax(0)
            share = float(1 / weights.square().sum()) / len(weights)
    return replace(leaning, effective=share)


def _compared(scaled: _Scaled, kind: int, bars: int, options: AdapterOptions) -> Leaning:
    """How cautious to be, by what files gain that are left out in turn."""
    files = np.array(sorted(scaled.by_file))
    if len(files) == 1:
        return Leaning(kind, 1, bars, 0.0, options.caution, 1.0)
    part = np.random.default_rng([options.seed, kind]).permutation(len(files)) % min(options.folds, len(files))
    gains = {}
    for caution in (options.caution * factor for factor in _CAUTIONS):
        own = []
        for fold in np.unique(part).tolist():
            tilt = scaled.fitted(files[part != fold].tolist(), caution)
            own += [float(tilt @ scaled.by_file[file]) - scaled.log_norm(tilt) for file in files[part == fold].tolist()]
        gains[caution] = float(np.mean(own))
    best = max(gains, key=lambda caution: gains[caution])
    if gains[best] <= 0:
        return Leaning(kind, len(files), bars, 0.0, None, 1.0)
    return Leaning(kind, len(files), bars, gains[best], best, 1.0)
