"""Drawing from the published decoders: exactly, and not as deep as they are long.

A stretch (a bar, a track) begins with the last frame of the one before, so that the published decoders were run from the first step to
the last. With the noise fixed for each stretch, step and class, a stretch is a function of its first input alone: all are drawn
at once from guessed first inputs, and those whose guess was wrong again, until none is. The first stretch is right after one
round, the second after two at the latest, and so on: what stands in the end is what one after another would have given.

Products in single precision depend a little on the library and the processor. A stretch in which some decision was so close that they
could tip it is drawn again in double precision; so the same noise gives the same frames anywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musicvae.model.heads import Categorical, Head
from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.stepping import PackedConductor, PackedCore
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.sampling import Draws, unroll

__all__ = ["CLOSE", "Chained", "Decode", "Doubles", "Sampled", "Sampler", "decode_chained", "decode_sequential"]

CLOSE = 1e-4
"""Decisions whose best and second best scores lie nearer than this are taken in double precision; in nats of the outputs, and for
stretches of 16 steps: rounding errors grow with the steps, and so does this."""
_STEPS_OF_CLOSE = 16

_FEW = 16  # stretches that are decoded in about the time of one

Decode = Callable[[Tensor, Tensor], Tensor]
"""Rows (R,), each example * stretches + stretch, and their first inputs (R, K), to frames (R, S, K)."""


@dataclass(frozen=True)
class Chained:
    """frames: (N, stretches, S, K). rounds: how often stretches were decoded, one or many at once. decoded: how many in all."""

    frames: Tensor
    rounds: int
    decoded: int


def decode_chained(decode: Decode, guess: Tensor) -> Chained:
    """Every stretch begun with the last frame of the one before; guess: (N, stretches, K), of which that of the first is right.

    After the first round all stretches with a wrong first input are decoded again at once. Where most of those decoded turn out to end
    otherwise than before, so that the next were decoded in vain, and they are not so few that it costs nothing, only the first wrong
    one of each example is: in all then hardly more than one after another.
    """
    n, stretches, _ = guess.shape
    begun = guess.clone()
    rows = torch.arange(n * stretches, device=guess.device)
    frames: Tensor | None = None
    rounds = decoded = 0
    while len(rows):
        drawn = decode(rows, begun.flatten(0, 1)[rows])
        rounds, decoded = rounds + 1, decoded + len(rows)
        frames = drawn if frames is None else frames.index_copy(0, rows, drawn)
        last = frames.view(n, stretches, *frames.shape[1:])[:, :-1, -1].to(begun.dtype)
        wrong = (last != begun[:, 1:]).any(-1)
        if rounds > 1 and len(rows) > _FEW and 2 * int(wrong.sum()) > len(rows):
            wrong &= wrong.cumsum(1) == 1
        begun[:, 1:] = torch.where(wrong[..., None], last, begun[:, 1:])
        rows = F.pad(wrong, (1, 0)).flatten().nonzero()[:, 0]
    assert frames is not None
    return Chained(frames.view(n, stretches, *frames.shape[1:]), rounds, decoded)


def decode_sequential(decode: Decode, guess: Tensor) -> Chained:
    """What `decode_chained` gives, one stretch after another; of the guess only that of the first is used."""
    n, stretches, _ = guess.shape
    first, parts = guess[:, 0], []
    for stretch in range(stretches):
        parts.append(decode(torch.arange(n, device=guess.device) * stretches + stretch, first))
        first = parts[-1][:, -1].to(guess.dtype)
    return Chained(torch.stack(parts, 1), stretches, n * stretches)


@dataclass(frozen=True)
class Sampled:
    """frames: (N, T, K). rounds, decoded: of each core. redrawn: stretches that were taken in double precision."""

    frames: Tensor
    rounds: tuple[int, ...]
    decoded: tuple[int, ...]
    redrawn: int


class Sampler:
    """Draws frames from a published network, which must not change meanwhile.

    products: precision of the decoders' products, that of the network by default; close decisions are looked at again only where
    that is single, and the device knows double precision.
    """

    def __init__(self, vae: PublishedVAE, products: torch.dtype | None = None) -> None:
        weight = next(vae.parameters())
        self._vae, self._dtype = vae, weight.dtype
        self._is_exact = weight.device.type != "mps" and (products or self._dtype) == torch.float32
        self._cores = [PackedCore(cast(LstmDecoder, core), products or self._dtype) for core in vae.cores]
        self._conduct = vae.conduct if vae.conductor is None else PackedConductor(vae.conductor, self._dtype)

    def draw(
        self,
        z: Tensor,
        draws: Draws,
        controls: Tensor | None = None,
        *,
        steps: int | None = None,
        is_chained: bool = True,
        doubles: Doubles | None = None,
    ) -> Sampled:
        """Frames (N, T, K) of z (N, Z), in double precision; fields of `draws`: (N, T, ...).

        controls: (N, T, C) or None. steps: how many, from the first; None for all. is_chained: whether all stretches are decoded at
        once, or one after another, with the same result. doubles: those of the network, kept from an earlier draw.
        """
        config = self._vae.config
        steps = config.steps if steps is None else steps
        length = min(steps, config.steps_per_segment)
        plan = _Plan(z, controls, stretches=-(-steps // length), length=length)
        told = _told(self._vae, self._conduct, plan, torch.arange(len(z), device=z.device), self._dtype)
        doubles = (doubles or Doubles(self._vae)) if self._is_exact else None
        parts, redrawn = [], 0
        for index, (core, own) in enumerate(zip(self._cores, self._draws_of_cores(draws, plan), strict=True)):
            decode = _Stretches(core, told, own, None if doubles is None else _doubled(doubles, index, plan))
            guess = _guess(core.head, plan, draws.end, told.embeddings)
            parts.append((decode_chained if is_chained else decode_sequential)(decode, guess))
            redrawn += decode.redrawn
        frames = torch.cat([part.frames.flatten(1, 2) for part in parts], -1)[:, :steps]
        return Sampled(frames, tuple(part.rounds for part in parts), tuple(part.decoded for part in parts), redrawn)

    def _draws_of_cores(self, draws: Draws, plan: _Plan) -> list[Draws]:
        """Noise, bias and what is forced of each core's streams, stretch by stretch: (N * stretches, S, ...)."""

        def parts(values: Tensor | None, widths: list[int]) -> list[Tensor | None]:
            if values is None:
                return [None] * len(widths)
            return list(torch.split(plan.cut(values), widths, dim=-1))

        scores = [core.head.noise_width for core in self._cores]
        places = [_frame_width(core.head) for core in self._cores]
        split = zip(parts(draws.noise, scores), parts(draws.bias, scores), parts(draws.forced, places), strict=True)
        return [Draws(draws.temperature, noise, bias, forced, draws.end) for noise, bias, forced in split]


@dataclass(frozen=True)
class _Plan:
    """Which stretches of z (N, Z) are drawn: the first `stretches` of each, `length` steps of them."""

    z: Tensor
    controls: Tensor | None
    stretches: int
    length: int

    def cut(self, values: Tensor) -> Tensor:
        """(N, T, W) as (N * stretches, length, W)."""
        return values[:, : self.stretches * self.length].reshape(-1, self.length, values.shape[-1])


@dataclass(frozen=True)
class _Told:
    """What decoders are told of M stretches: embeddings (M, E), controls (M, length, C) or None, and how many steps there are."""

    embeddings: Tensor
    controls: Tensor | None
    length: int

    def of(self, rows: Tensor) -> _Told:
        return _Told(self.embeddings[rows], None if self.controls is None else self.controls[rows], self.length)


def _told(vae: PublishedVAE, conduct: Callable[[Tensor], Tensor], plan: _Plan, examples: Tensor, dtype: torch.dtype) -> _Told:
    """All stretches of some examples, in the precision of the network."""
    embeddings = conduct(plan.z[examples].to(dtype))[:, : plan.stretches].flatten(0, 1)
    if plan.controls is None:
        return _Told(embeddings, None, plan.length)
    controls = vae.condition(plan.controls[examples].to(dtype))
    assert controls is not None
    of_example = controls.view(len(examples), -1, *controls.shape[1:])
    return _Told(embeddings, of_example[:, : plan.stretches, : plan.length].flatten(0, 1), plan.length)


class Doubles:
    """The parts of a network that draw, in double precision, each made when it is first asked for; worth keeping for a few draws."""

    def __init__(self, vae: PublishedVAE) -> None:
        self._vae = vae
        self._cores: dict[int, LstmDecoder] = {}

    def core(self, index: int) -> LstmDecoder:
        """A core decoder."""
        if index not in self._cores:
            self._cores[index] = cast(LstmDecoder, _double(self._vae.cores[index]))
        return self._cores[index]

    @cached_property
    def teller(self) -> PublishedVAE:
        """The network with what decoders are told by alone."""
        teller = copy.copy(self._vae)
        kept = ("conductor", "controls")
        teller._modules = {name: _double(module) for name, module in self._vae._modules.items() if module is not None and name in kept}
        return teller

    def told(self, plan: _Plan, rows: Tensor) -> _Told:
        """What a decoder is told of these stretches."""
        examples, place = torch.unique(rows // plan.stretches, return_inverse=True)
        told = _told(self.teller, self.teller.conduct, plan, examples, torch.float64)
        return told.of(place * plan.stretches + rows % plan.stretches)


def _double(module: nn.Module) -> nn.Module:
    """A copy in double precision, of which the rest is never copied in single."""
    doubled: dict[int, Any] = {id(x): nn.Parameter(x.detach().double(), requires_grad=False) for x in module.parameters()}
    return copy.deepcopy(module, doubled)


class _Stretches:
    """Decodes stretches of one core: a `Decode`. redrawn: how many were taken in double precision."""

    def __init__(self, core: PackedCore, told: _Told, draws: Draws, doubled: Callable[[Tensor], tuple[LstmDecoder, _Told]] | None) -> None:
        self._core, self._told, self._draws, self._doubled = core, told, draws, doubled
        self._all = core.prepare(told.embeddings, told.controls)
        self.redrawn = 0
        # Above temperature 0 the scores are divided by it, and so is the distance.
        self._close = CLOSE * max(told.length / _STEPS_OF_CLOSE, 1.0) / min(draws.temperature or 1.0, 1.0)

    def __call__(self, rows: Tensor, first: Tensor) -> Tensor:
        context, state = self._all
        draws = self._draws
        if len(rows) < len(self._told.embeddings):
            # Gates that are the same at every step are one row each, whatever their number of steps says.
            context = context[0][rows].expand(len(context), -1, -1) if self._told.controls is None else context[:, rows]
            state, draws = tuple(part[rows] for part in state), draws.of(rows)
        frames, gaps = unroll(self._core, context[: self._told.length], state, first, draws, gaps=self._doubled is not None)
        near = (gaps < self._close).nonzero()[:, 0]
        if self._doubled is not None and len(near):
            core, told = self._doubled(rows[near])
            context, state = core.prepare(told.embeddings, told.controls)
            exact = draws.of(near).to(torch.float64)
            frames[near] = unroll(core, context[: told.length], state, first[near], exact)[0].to(frames.dtype)
            self.redrawn += len(near)
        return frames


def _doubled(doubles: Doubles, index: int, plan: _Plan) -> Callable[[Tensor], tuple[LstmDecoder, _Told]]:
    """A core in double precision and what it is told, for rows of the plan."""
    return lambda rows: (doubles.core(index), doubles.told(plan, rows))


def _frame_width(head: Head) -> int:
    return len(head.widths) if isinstance(head, Categorical) else head.depth


def _guess(head: Head, plan: _Plan, end: int | None, like: Tensor) -> Tensor:
    """First inputs (N, stretches, K): nothing for the first, for the others the likeliest: a hold, no hit, or nothing after an end."""
    shape = (len(plan.z), plan.stretches, _frame_width(head))
    if not isinstance(head, Categorical):
        return like.new_zeros(shape, dtype=torch.promote_types(like.dtype, torch.float32))
    guess = torch.full(shape, 0 if end is None else -1, device=like.device)
    guess[:, 0] = -1
    return guess
