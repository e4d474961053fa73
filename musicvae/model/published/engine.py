"""The narrow interface through which the rest of the toolkit uses a published network: numpy in, numpy out.

Conventions: N rows; T = config.steps; Z latent size. *Columns* are the arrays of a corpus by name, (N, bars, ...), always of the
network's whole span (`corpus.tunes.COLUMNS`). What is drawn depends on the network, z, seed and options alone: not on the other rows
of the batch, on the number of threads or on the processor (`published.sampling`); what is read, on the others by rounding at most.
The methods can be called from several threads.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.noise import generator, standard_noise
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.conversion import converter_for
from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.sampling import Doubles, Sampler
from musicvae.model.published.vae import PublishedVAE
from musicvae.model.sampling import Draws
from musicvae.model.weights import PublishedBundle, load_published
from musicvae.music.converters import Columns, Converter
from musicvae.music.performance import END

__all__ = ["PRECISIONS", "PublishedEngine"]

Floats = NDArray[np.float64]

PRECISIONS = ("float32", "float64", "bfloat16")
"""Of the products: single (close decisions in double), double, or half of single, which is faster and draws other pieces."""
_REFINE_RATE = 0.05
_ROWS_AT_ONCE = 512  # stretches that are decoded together where all are at once
_EXAMPLES_AT_ONCE = 256  # examples where stretches are decoded in turn: enough rows for fast products
_KEPT_DOUBLED = 2**23  # numbers of a network that are kept in double precision too
_NOISE_AT_ONCE = 2**24  # random numbers that are held
_CHAINED_UP_TO = 256
"""Stretches that are decoded all at once. Of more, a step has enough rows even in turn, and nothing is decoded twice."""
_GATES_AT_ONCE = 2**23  # numbers that one layer of the encoder holds


class PublishedEngine:
    """A loaded network of the published family.

    config: its numbers; hash: what learned styles and codes are bound to; metadata: its story; material: what it is about;
    bars: of one row of columns; converter: how columns become its arrays.
    """

    def __init__(self, bundle: PublishedBundle, *, device: str = "cpu", threads: int | None = None, precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"unknown precision {precision!r}; allowed are {', '.join(PRECISIONS)}")
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads must be at least 1, got {threads}")
            torch.set_num_threads(threads)
        self.config: PublishedConfig = bundle.config
        self.hash = bundle.hash
        self.metadata: Mapping[str, Any] = bundle.metadata
        self.converter: Converter = converter_for(bundle.config)
        self.material = self.converter.material
        self.bars = self.converter.bars(bundle.config.steps)
        self._device = _usable(device)
        # Velocities and timing are numbers, not choices: to be the same anywhere they need the precision throughout.
        is_double = self._device.type != "mps" and (precision == "float64" or bundle.config.head == "groove")
        self._dtype = torch.float64 if is_double else torch.float32
        # Parameters of its own that share the bundle's memory, unless precision or device make them new.
        self._vae = _twin(bundle.vae).to(self._device, self._dtype).eval().requires_grad_(False)
        self._sampler = Sampler(self._vae, torch.bfloat16 if precision == "bfloat16" and not is_double else None)
        self._noise_width = sum(core.head.noise_width for core in cast(list[LstmDecoder], list(self._vae.cores)))
        self._frame_width = len(self.config.outputs) if self.config.head == "categorical" else self.config.outputs[0]
        drawing = sum(x.numel() for part in (self._vae.conductor, self._vae.cores) if part is not None for x in part.parameters())
        self._doubles = Doubles(self._vae) if drawing <= _KEPT_DOUBLED else None
        self._end = END if self.material == "performance" else None

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu", threads: int | None = None, precision: str = "float32") -> Self:
        """The engine of a model file; errors as `weights.load_published`, ValueError for an unknown device or precision."""
        return cls(load_published(path), device=device, threads=threads, precision=precision)

    def encode(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | columns)."""
        read = self.converter.inputs(columns)
        self._check_steps(read)
        inputs, controls, lengths = (self._given(x) for x in (read, self.converter.controls(columns), self.converter.lengths(columns)))
        assert inputs is not None
        widest = 8 * max(self.config.encoder_sizes) * self.config.steps
        parts = []
        with torch.no_grad():
            for rows in _batches(len(inputs), max(1, _GATES_AT_ONCE // widest)):
                part = [None if x is None else x[rows] for x in (inputs, controls, lengths)]
                parts.append(self._vae.encode(inputs[rows], *part[1:]))
        if not parts:
            return np.zeros((0, self.config.z_size)), np.zeros((0, self.config.z_size))
        mu, sigma = (_numpy(torch.cat(part)) for part in zip(*parts, strict=True))
        return mu, sigma

    def sample_prior(self, seeds: Sequence[int], *, temperature: float = 1.0) -> Floats:
        """Draw z (N, Z) from N(0, temperature^2), row i from `seeds[i]`."""
        z = np.empty((len(seeds), self.config.z_size))
        for row, seed in zip(z, seeds, strict=True):
            row[...] = generator(seed, "prior").standard_normal(self.config.z_size)
        return z * temperature

    def decode(
        self,
        z: Floats,
        *,
        temperature: float,
        seeds: Sequence[int] | None = None,
        controls: NDArray[Any] | None = None,
        bias: Floats | None = None,
        forced: NDArray[Any] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Columns of z (N, Z), drawn step by step; arguments as in `frames`."""
        return self.converter.columns(self.frames(z, temperature=temperature, seeds=seeds, controls=controls, bias=bias, forced=forced))

    def frames(
        self,
        z: Floats,
        *,
        temperature: float,
        seeds: Sequence[int] | None = None,
        controls: NDArray[Any] | None = None,
        bias: Floats | None = None,
        forced: NDArray[Any] | None = None,
        steps: int | None = None,
        is_chained: bool | None = None,
    ) -> NDArray[Any]:
        """What the decoder writes, (N, T, streams) classes, -1 for nothing, or (N, T, D) numbers.

        temperature: 0 takes the likeliest and needs no seeds; above, `seeds` are one a row. controls: (N, T, C), for networks that
        have them. bias: (N, T, V), added to the log-probabilities of the classes or to the log-odds of hits. forced: (N, T, streams),
        classes that are set, -1 where the network is free. steps: how many of the first are wanted. is_chained: whether all stretches
        are decoded at once; None leaves it to the engine, the result is the same.
        """
        steps = self.config.steps if steps is None else steps
        if not 1 <= steps <= self.config.steps:
            raise ValueError(f"steps must be 1 to {self.config.steps} for this network, got {steps}")
        self._check(z, temperature, seeds, controls, bias, forced)
        segments = self.config.segments
        if is_chained is None:
            is_chained = len(z) * segments <= _CHAINED_UP_TO
        # Close decisions are rare, so that large networks need not be held twice between calls.
        parts, doubles = [], self._doubles or Doubles(self._vae)
        at_once = min(_ROWS_AT_ONCE // segments if is_chained else _EXAMPLES_AT_ONCE, _NOISE_AT_ONCE // (steps * self._noise_width))
        for rows in _batches(len(z), max(1, at_once)):
            noise = None if seeds is None or temperature == 0 else self._noise(list(seeds)[rows])
            draws = Draws(temperature, noise, self._some(bias, rows), self._some(forced, rows, torch.int64), self._end)
            told = self._some(z, rows, self._dtype if self._device.type == "mps" else torch.float64)
            assert told is not None
            with torch.no_grad():
                sampled = self._sampler.draw(told, draws, self._some(controls, rows), steps=steps, is_chained=is_chained, doubles=doubles)
            parts.append(sampled.frames.cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, steps, self._frame_width), np.int64)

    def log_probs(self, columns: Columns, z: Floats) -> Floats:
        """Nats (N, T) of the columns, given z (N, Z) and what comes before; minus the published reconstruction loss."""
        return self.frame_log_probs(self.converter.targets(columns), z, self.converter.controls(columns))

    def refine(self, z: Floats, columns: Columns, steps: int, *, prior_weight: float = 0.1) -> Floats:
        """Better z (N, Z) for given columns, as `refine_frames`."""
        frames, controls = self.converter.targets(columns), self.converter.controls(columns)
        return self.refine_frames(z, frames, controls, steps, prior_weight=prior_weight)

    def frame_log_probs(self, frames: NDArray[Any], z: Floats, controls: NDArray[Any] | None = None) -> Floats:
        """Nats (N, T) of frames as `frames` gives them."""
        with torch.no_grad():
            parts = [self._vae.log_probs(*some) for some in self._scored(frames, z, controls)]
        return _numpy(torch.cat(parts)) if parts else np.zeros((0, self.config.steps))

    def frame_outputs(self, frames: NDArray[Any], z: Floats, controls: NDArray[Any] | None = None) -> list[Floats]:
        """The decoder's outputs (N, T, width), one array for each stream (`PublishedVAE.decode`), the frames being fed back."""
        with torch.no_grad():
            parts = [self._vae.decode(*some) for some in self._scored(frames, z, controls)]
        return [_numpy(torch.cat(stream)) for stream in zip(*parts, strict=True)]

    def refine_frames(
        self, z: Floats, frames: NDArray[Any], controls: NDArray[Any] | None, steps: int, *, prior_weight: float = 0.1
    ) -> Floats:
        """Better z (N, Z) for given frames, by gradient steps from an encoder's answer.

        Adam on -log p(frames | z) + prior_weight * |z|^2 / 2.
        """
        if steps == 0 or not len(z):
            return z
        return _numpy(torch.cat([self._refined(*some, steps, prior_weight) for some in self._scored(frames, z, controls)]))

    def _refined(self, z: Tensor, targets: Tensor, controls: Tensor | None, steps: int, prior_weight: float) -> Tensor:
        target = z.clone().requires_grad_()
        optimizer = torch.optim.Adam([target], lr=_REFINE_RATE)
        with torch.enable_grad():
            for _ in range(steps):
                loss = -self._vae.log_probs(target, targets, controls).sum() + prior_weight * target.square().sum() / 2
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        return target.detach()

    def _scored(self, frames: NDArray[Any], z: Floats, controls: NDArray[Any] | None) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """z, frames and controls, some rows at a time."""
        self._check_steps(frames)
        targets, told = self._given(frames), self._given(controls)
        assert targets is not None
        size = _GATES_AT_ONCE // (4 * max(self.config.decoder_sizes) * self.config.steps)
        for rows in _batches(len(z), max(1, size)):
            yield self._floats(z[rows]), targets[rows], None if told is None else told[rows]

    def _check_steps(self, frames: NDArray[Any]) -> None:
        if frames.shape[1] != self.config.steps:
            raise ValueError(f"this network takes {self.bars} bars ({self.config.steps} steps) at a time, got {frames.shape[1]} steps")

    def _given(self, values: NDArray[Any] | None) -> Tensor | None:
        """Integers as they are, numbers in the network's precision."""
        if values is None:
            return None
        given = torch.as_tensor(values, device=self._device)
        return given.to(self._dtype) if given.is_floating_point() else given.to(torch.int64)

    def _some(self, values: NDArray[Any] | None, rows: slice, dtype: torch.dtype | None = None) -> Tensor | None:
        return None if values is None else torch.as_tensor(values[rows], device=self._device).to(dtype or self._dtype)

    def _floats(self, values: Floats) -> Tensor:
        return torch.as_tensor(values, dtype=self._dtype, device=self._device)

    def _noise(self, seeds: Sequence[int]) -> Tensor:
        """Of the events of these pieces, (N, T, W)."""
        config = self.config
        distribution = "gumbel" if config.head == "categorical" else "logistic"
        drawn = standard_noise(seeds, (config.steps, self._noise_width), distribution)
        return torch.as_tensor(drawn, device=self._device).to(self._dtype)

    def _check(
        self,
        z: Floats,
        temperature: float,
        seeds: Sequence[int] | None,
        controls: NDArray[Any] | None,
        bias: NDArray[Any] | None,
        forced: NDArray[Any] | None,
    ) -> None:
        config, rows = self.config, len(z)
        if z.shape[1:] != (config.z_size,):
            raise ValueError(f"z has shape (rows, {config.z_size}) for this network, got {z.shape}")
        if not np.isfinite(z).all():
            raise ValueError("z holds numbers that are not finite: are the model's weights damaged?")
        if not temperature >= 0:
            raise ValueError(f"temperature must be 0 or more, got {temperature}")
        if temperature > 0 and (seeds is None or len(seeds) != rows):
            raise ValueError(f"{rows} rows need as many seeds to be drawn, got {0 if seeds is None else len(seeds)}")
        if forced is not None and config.head != "categorical":
            raise ValueError(f"only classes can be forced; {config.preset} writes {config.outputs[0]} numbers a step")
        if controls is not None and not config.control_depth:
            raise ValueError(f"{config.preset} takes no controls")
        if controls is None and config.control_depth:
            raise ValueError(f"{config.preset} is conditioned: it needs controls of shape ({rows}, {config.steps}, {config.control_depth})")
        widths = {"controls": config.control_depth, "bias": self._noise_width, "forced": len(config.outputs)}
        for (name, width), given in zip(widths.items(), (controls, bias, forced), strict=True):
            if given is not None and given.shape != (rows, config.steps, width):
                raise ValueError(f"{name}: shape ({rows}, {config.steps}, {width}) is needed here, got {given.shape}")
        if forced is not None and forced.size and not ((forced >= -1) & (forced < np.array(config.outputs))).all():
            raise ValueError(f"forced classes are -1 (free) or lie below {config.outputs}, got {forced.min()} to {forced.max()}")


def _usable(device: str) -> torch.device:
    """The device of this name; ValueError where this machine has none."""
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} cannot be used ({str(error).splitlines()[0]}); try cpu") from error
    return found


def _twin(network: PublishedVAE) -> PublishedVAE:
    """The network once more, its parameters being others over the same memory."""
    memo = {id(x): torch.nn.Parameter(x.detach()) for x in network.parameters()}
    return copy.deepcopy(network, memo)


def _batches(rows: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, rows, size))


def _numpy(values: Tensor) -> Floats:
    return values.cpu().to(torch.float64).numpy()
