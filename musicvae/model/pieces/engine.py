"""Own networks of drums, grooves and trios behind the interface that composing has for all (`compose.pieces.engine`): numpy in, numpy out.

Everything is computed in double precision: sums then differ so little between batch sizes, thread counts and processors that the same
seed gives the same piece, whatever else is in the batch. The methods can be called from several threads.

Conventions: N rows of 1 to `bars` bars; columns are those of `corpus.tunes.COLUMNS`, (N, B, 16, ...), and ``tempo`` (N, B) in quarter
notes a minute, 120 where it is missing. Taps may be told apart from the beat they belong to, as ``taps`` (N, B, 16), 0 or 1, and
``tap_offsets`` (N, B, 16) sixteenths. Bars that return to an earlier one are the same when drawn, as with melodies (`sampling.same_bars`),
where they are also told the same; the feel of a groove, which is to be human, never is. What is written for taps has hits at every
tap and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.noise import generator
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import USUAL_TEMPO_QPM, Frames, columns_of, frames_of, told_of
from musicvae.model.pieces.inference import refined_posterior
from musicvae.model.pieces.reading import told_codes
from musicvae.model.pieces.streams import BarContext
from musicvae.model.pieces.taps import TappedDecoder
from musicvae.model.pieces.vae import returning_lags
from musicvae.model.prior import lags_of
from musicvae.model.sampling import bar_spread, same_bars
from musicvae.model.tilt import prior_noise
from musicvae.model.weights import PieceBundle, load_piece_model
from musicvae.music.converters import Columns
from musicvae.music.meter import MAX_STEPS_PER_BAR

__all__ = ["PiecesEngine"]

Floats = NDArray[np.float64]
_USUAL_BETA = 0.13
_REFINE_RATE = 0.05
_SMALLEST = 2.0**-54  # half of the smallest step of a uniform number: logarithms stay finite


class PiecesEngine:
    """A loaded model of drums, grooves or trios.

    config: its numbers; hash: what learned styles and codes are bound to; metadata: its story; bars: the most at once; the other
    properties are those of `compose.pieces.engine.PieceEngine`. `prior_scale` is what a temperature of 1 means to the learned prior,
    `first_scale`, unless it is None, what it means to a piece's own block and that of its first bar, from which the others follow;
    `return_threshold` and `usual_spread` decide which bars count as the same idea when pieces are drawn; above `hit_threshold` a hit
    belongs to the beat that is to be expected of taps.
    """

    fixed_window = False
    fills_in = False

    def __init__(self, bundle: PieceBundle, *, device: str = "cpu", threads: int | None = None) -> None:
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads must be at least 1, got {threads}")
            torch.set_num_threads(threads)
        try:
            self._device = torch.device(device)
            # Apple's GPUs have no double precision; everything else does.
            self._dtype = torch.float32 if self._device.type == "mps" else torch.float64
            self._vae = bundle.vae.to(self._device, self._dtype).eval().requires_grad_(False)
            prior = bundle.prior
            self._prior = None if prior is None else prior.to(self._device, self._dtype).eval().requires_grad_(False)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device {device!r} cannot be used ({str(error).splitlines()[0]}); try cpu") from error
        self.config: PieceConfig = bundle.config
        self.hash = bundle.hash
        self.metadata: Mapping[str, Any] = bundle.metadata
        self.title = str(bundle.metadata.get("name") or f"this model of {bundle.config.material}")
        self.material = bundle.config.material
        self.bars = bundle.config.max_bars
        self.drum_map = bundle.config.drums
        self.guide = bundle.config.told
        self.hears_tempo = bool(bundle.config.told)
        self.any_rhythm = bundle.config.told == "taps"
        self.prior_scale = float(bundle.metadata.get("prior_scale", 1.0))
        first = bundle.metadata.get("first_scale")
        self.first_scale = None if first is None else float(first)
        self.return_threshold = float(bundle.metadata.get("return_threshold", 0.0))
        self.usual_spread = float(bundle.metadata.get("usual_spread", 0.0))
        self.hit_threshold = float(bundle.metadata.get("hit_threshold", 0.5))

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu", threads: int | None = None) -> Self:
        """The engine of a model file; errors as `weights.load_piece_model`, ValueError for an unknown device."""
        return cls(load_piece_model(path), device=device, threads=threads)

    def z_used(self, bars: int) -> int:
        """Length of the part of z that so many bars have; ValueError outside 1..bars."""
        return self.config.z_used(bars)

    def losses(self, columns: Columns) -> dict[str, int]:
        """What the columns hold that the network has no sign for: nothing."""
        return {}

    def encode(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | columns)."""
        with torch.no_grad():
            mu, sigma = self._vae.encode(self._frames(columns))
        return _numpy(mu), _numpy(sigma)

    def posterior(self, columns: Columns, *, steps: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) as `encode` gives them, bettered by so many steps (`inference.refined_posterior`)."""
        beta = float(self.metadata.get("validation", {}).get("beta", _USUAL_BETA))
        frames = self._frames(columns)
        with torch.no_grad():
            mu, sigma = self._vae.encode(frames)
        mu, sigma = refined_posterior(self._vae, frames, mu, sigma, beta=beta, steps=steps)
        return _numpy(mu), _numpy(sigma)

    def sample_prior(
        self,
        seeds: Sequence[int],
        *,
        bars: int,
        temperature: float = 1.0,
        given: Floats | None = None,
        given_bars: int = 0,
        told: Columns | None = None,
    ) -> Floats:
        """Draw z (N, Z), one for each seed, from the learned prior, or from N(0, temperature ** 2) where there is none.

        With `given` (N, Z) the piece's block and the first `given_bars` bar blocks are kept and the rest is drawn to follow them;
        told: (N, bars, ...), what `guide` names, where the network is told something: z is drawn to go with it, as well as can be
        where it is not given.
        """
        used = self.config.z_used(bars)
        streams = [generator(seed, "prior") for seed in seeds]
        if self._prior is None:
            width = max(self.config.z_global, self.config.z_bar)
            normals = np.stack([s.standard_normal((1 + self.config.max_bars, width)) for s in streams])
            z = np.zeros((len(seeds), self.config.z_size))
            drawn = [normals[:, 0, : self.config.z_global], *(normals[:, 1 + b, : self.config.z_bar] for b in range(bars))]
            z[:, :used] = temperature * np.concatenate(drawn, axis=1)
            if given is not None:
                kept = self.config.z_used(given_bars) if given_bars else self.config.z_global
                z[:, :kept] = given[:, :kept]
            return z
        noise, uniforms = map(self._floats, prior_noise(self._prior, streams))
        heard = None if told is None else self._told(told)
        fixed, lags = None, None
        with torch.no_grad():
            if given is not None:
                fixed, lags = self._floats(given), self._given_lags(given, bars, given_bars, told)
            elif self.first_scale is not None:
                # Drawn as a piece of so many bars begins, of which the first bar alone is kept.
                fixed = self._prior.sample(noise, uniforms, bars=bars, kind=0, temperature=temperature * self.first_scale, told=heard)
                lags = torch.zeros(len(fixed), 1, dtype=torch.long, device=self._device)
            z_drawn = self._prior.sample(
                noise, uniforms, bars=bars, kind=0, temperature=temperature * self.prior_scale, given=fixed, given_lags=lags, told=heard
            )
        return _numpy(z_drawn)

    def decode(
        self,
        z: Floats,
        *,
        bars: int,
        temperature: float,
        seeds: Sequence[int] | None = None,
        told: Columns | None = None,
        given: Columns | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Columns (N, bars, ...) of z (N, Z).

        temperature 0 takes the likeliest. Above, `seeds` (one a row) are needed. told: what `guide` names, (N, bars, ...). given: columns
        of the first bars that are there already; bars that return to one of them are the same.
        """
        self._check(z, bars, temperature, seeds)
        with torch.no_grad():
            context = self._conduct(z, bars, told)
            noise, origin = None, None
            if temperature > 0 and seeds is not None:
                origin = self._origins(context)
                context = _returned(context, origin)
                noise = self._noise(origin.cpu().numpy(), seeds)
            frames = self._vae.draw_frames(context, noise, temperature)
        columns = columns_of(self.config, tuple(x.cpu().numpy() for x in frames))
        return columns if given is None else _with_given(columns, given, None if origin is None else origin.cpu().numpy())

    def hit_chances(self, z: Floats, *, bars: int, told: Columns, draws: int = 32) -> Floats:
        """How likely each hit is, (N, bars, 16, 9), of z (N, Z) and taps: the mean over so many drawn beats, the same at each call.

        ValueError for a network that is told no taps.
        """
        decoder = self._vae.decoder("drums") if self.guide == "taps" else None
        if not isinstance(decoder, TappedDecoder):
            raise ValueError(f"{self.title} makes no beats of taps")
        self._check(z, bars, 0.0, None)
        uniforms = self._floats(generator(0, "chances/drums").random((draws, MAX_STEPS_PER_BAR, decoder.noise_width)))
        with torch.no_grad():
            return _numpy(decoder.chances(self._conduct(z, bars, told), uniforms))

    def log_probs(self, columns: Columns, z: Floats) -> dict[str, Floats]:
        """Nats (N, B, 16) of each stream of the columns, given z (N, Z) and what comes before in the bar."""
        with torch.no_grad():
            found = _numpy(self._vae.log_probs(self._floats(z), self._frames(columns)))
        return {name: found[..., place] for place, name in enumerate(self.config.streams)}

    def bar_log_probs(self, columns: Columns, z: Floats, *, bar: int) -> dict[str, Floats]:
        """The rows (N, 16) of `log_probs` for one bar, from 0; the other bars are not computed."""
        with torch.no_grad():
            frames = self._frames(columns)
            context = self._vae.conduct(self._floats(z), frames.bars, frames.told)
            alone = _bar_of(context, bar)
            parts = zip(self.config.streams, frames.streams, strict=True)
            return {name: _numpy(self._vae.decoder(name).log_prob(alone, stream[:, bar : bar + 1])[:, 0]) for name, stream in parts}

    def decode_bar(self, z: Floats, *, bars: int, bar: int, told: Columns | None = None) -> dict[str, NDArray[Any]]:
        """Columns (N, 1, ...) of one bar, from 0, of what `decode` gives at temperature 0; the other bars are not computed."""
        self._check(z, bars, 0.0, None)
        with torch.no_grad():
            frames = self._vae.draw_frames(_bar_of(self._conduct(z, bars, told), bar))
        return columns_of(self.config, tuple(x.cpu().numpy() for x in frames))

    def prior_log_probs(self, z: Floats, columns: Columns) -> Floats:
        """Log-densities (N, 1 + B) of the blocks of z (N, Z) under the prior: of the piece, then of each bar given those before.

        That of a bar holds the probability of its lag, which follows from the equal bars of the columns. Under N(0, I) without a prior.
        """
        frames = self._frames(columns)
        with torch.no_grad():
            if self._prior is not None:
                heard = frames.told if self.config.told_of_bar else None
                return _numpy(self._prior.log_prob_blocks(self._floats(z), returning_lags(frames), frames.bars, 0, heard))
        densities = -0.5 * (z[:, : self.config.z_used(frames.bars)] ** 2 + np.log(2 * np.pi))
        start = self.config.z_global
        of_bars = densities[:, start:].reshape(len(z), frames.bars, -1).sum(axis=2)
        return np.concatenate([densities[:, :start].sum(axis=1, keepdims=True), of_bars], axis=1)

    def same_bars(self, z: Floats, *, bars: int, told: Columns | None = None) -> NDArray[np.int64]:
        """For each bar (N, bars) the index of the earlier bar that it repeats when drawn, or its own."""
        with torch.no_grad():
            return self._origins(self._conduct(z, bars, told)).cpu().numpy().astype(np.int64)

    def bar_spread(self, z: Floats, *, bars: int, told: Columns | None = None) -> Floats:
        """How far apart the bars of each piece are, (N,): `sampling.bar_spread` of their embeddings."""
        with torch.no_grad():
            return _numpy(bar_spread(self._conduct(z, bars, told).embeddings))

    def refine(self, z: Floats, columns: Columns, steps: int, *, prior_weight: float = 0.1) -> Floats:
        """Better z (N, Z) for given columns, by gradient steps from an encoder's answer.

        Adam on -log p(columns | z) + prior_weight * |z|^2 / 2; blocks of bars beyond theirs stay as they are.
        """
        frames, target = self._frames(columns), self._floats(z).clone().requires_grad_()
        optimizer = torch.optim.Adam([target], lr=_REFINE_RATE)
        used = self.config.z_used(frames.bars)
        with torch.enable_grad():
            for _ in range(steps):
                loss = -self._vae.log_probs(target, frames).sum() + prior_weight * target[:, :used].square().sum() / 2
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        return _numpy(target.detach())

    def _frames(self, columns: Columns) -> Frames:
        frames = frames_of(self.config, columns)
        self.config.z_used(frames.bars)
        told = frames.told if "taps" not in columns else self._told(columns)
        streams = tuple(self._given(stream) for stream in frames.streams)
        return Frames(streams, None if told is None else told.to(self._device, self._dtype))

    def _told(self, told: Columns | None) -> Tensor | None:
        """What the network is told (N, B, 16, T), in its precision; None for one that is told nothing."""
        if not self.guide:
            return None
        if told is None or self.guide not in told:
            raise ValueError(f"{self.title} is told {self.guide} besides z, and none were given")
        if self.guide == "hits":
            plain = {"bars": told["hits"], **{name: told[name] for name in ("tempo",) if name in told}}
            found = told_of(self.config, plain)
            assert found is not None
            return found.to(self._device, self._dtype)
        taps = np.asarray(told["taps"], np.float64) > 0
        offsets = np.where(taps, np.asarray(told.get("tap_offsets", np.zeros(taps.shape)), np.float64), 0)
        tempo = np.log2(np.asarray(told.get("tempo", np.full(taps.shape[:2], USUAL_TEMPO_QPM)), np.float64) / USUAL_TEMPO_QPM)
        wide = np.broadcast_to(tempo[:, :, None], taps.shape)
        return self._floats(np.stack([taps.astype(np.float64), offsets, wide], axis=-1))

    def _conduct(self, z: Floats, bars: int, told: Columns | None) -> BarContext:
        return self._vae.conduct(self._floats(z), bars, self._told(told))

    def _given_lags(self, given: Floats, bars: int, given_bars: int, told: Columns | None) -> Tensor:
        """Lags (N, given_bars) of the given bars; 0 where what is told is not known."""
        if self.guide and told is None:
            return torch.zeros(len(given), given_bars, dtype=torch.long, device=self._device)
        origin = self._origins(self._conduct(given, bars, told))[:, :given_bars]
        return lags_of(origin[:, :, None] == origin[:, None])

    def _origins(self, context: BarContext) -> Tensor:
        """For each bar (N, B) the bar that it returns to, or itself."""
        own = torch.arange(context.embeddings.shape[1], device=self._device).expand(context.embeddings.shape[:2])
        if self.material == "groove":
            return own
        origin = same_bars(context.embeddings, self.return_threshold, self.usual_spread)
        if context.told is None:
            return origin
        codes = told_codes(context.told)
        first = codes.gather(1, origin[:, :, None].expand_as(codes))
        return torch.where((codes == first).all(-1), origin, own)

    def _noise(self, origin: NDArray[np.int64], seeds: Sequence[int]) -> tuple[Tensor, ...]:
        """The random numbers of each stream, (N, B, 16, width), those of a bar being those of the bar that it returns to."""
        rows = np.arange(len(seeds))[:, None]
        found = []
        for name in self.config.streams:
            decoder = self._vae.decoder(name)
            shape = (self.config.max_bars, MAX_STEPS_PER_BAR, decoder.noise_width)
            drawn = np.stack([_random(seed, f"events/{name}", shape, decoder.noise) for seed in seeds])
            found.append(self._floats(drawn[rows, origin]))
        return tuple(found)

    def _check(self, z: Floats, bars: int, temperature: float, seeds: Sequence[int] | None) -> None:
        self.config.z_used(bars)
        if z.shape[1:] != (self.config.z_size,):
            raise ValueError(f"z has shape (rows, {self.config.z_size}) for this network, got {z.shape}")
        if not np.isfinite(z).all():
            raise ValueError("z holds numbers that are not finite: are the model's weights damaged?")
        if not temperature >= 0:
            raise ValueError(f"temperature must be 0 or more, got {temperature}")
        if temperature > 0 and (seeds is None or len(seeds) != len(z)):
            raise ValueError(f"{len(z)} rows need as many seeds to be drawn, got {0 if seeds is None else len(seeds)}")

    def _given(self, values: Tensor) -> Tensor:
        """Events as they are, numbers in the network's precision."""
        return values.to(self._device, self._dtype) if values.is_floating_point() else values.to(self._device)

    def _floats(self, values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(values, dtype=self._dtype, device=self._device)


def _returned(context: BarContext, origin: Tensor) -> BarContext:
    """What is known of each bar's origin in place of what is known of the bar."""

    def taken(values: Tensor | None) -> Tensor | None:
        if values is None:
            return None
        places = origin.view(*origin.shape, *[1] * (values.dim() - 2)).expand(*origin.shape, *values.shape[2:])
        return values.gather(1, places)

    embeddings = taken(context.embeddings)
    assert embeddings is not None
    return replace(context, embeddings=embeddings, told=taken(context.told), steps=taken(context.steps), bars=taken(context.bars))


def _bar_of(context: BarContext, bar: int) -> BarContext:
    """What is known of one bar, all else being left out."""

    def taken(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[:, bar : bar + 1]

    embeddings = context.embeddings[:, bar : bar + 1]
    return BarContext(embeddings, told=taken(context.told), steps=taken(context.steps), bars=taken(context.bars))


def _with_given(columns: Columns, given: Columns, origin: NDArray[np.int64] | None) -> dict[str, NDArray[Any]]:
    """The columns with the given first bars, and these again where a bar was drawn as one of them."""
    found = {}
    for name, column in columns.items():
        first = given[name]
        joined = np.concatenate([first, column[:, first.shape[1] :]], axis=1)
        if origin is not None:
            joined = joined[np.arange(len(joined))[:, None], np.where(origin < first.shape[1], origin, np.arange(joined.shape[1]))]
            joined[:, : first.shape[1]] = first
        found[name] = joined
    return found


def _random(seed: int, stream: str, shape: tuple[int, ...], distribution: str) -> Floats:
    """Standard random numbers of one piece: "gumbel", "logistic", "normal" or "laplace"."""
    source = generator(seed, stream)
    if distribution == "normal":
        return source.standard_normal(shape)
    if distribution == "laplace":
        return source.laplace(size=shape)
    uniform = np.maximum(source.random(shape), _SMALLEST)
    return -np.log(-np.log(uniform)) if distribution == "gumbel" else np.log(uniform / (1 - uniform))


def _numpy(values: Tensor) -> Floats:
    return values.cpu().to(torch.float64).numpy()
