"""The narrow interface through which the rest of the toolkit uses a network: numpy in, numpy out.

Everything is computed in double precision: sums then differ so little between batch sizes, thread
counts and processors that the same seed gives the same events, whatever else is in the batch.
The methods can be called from several threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.config import ModelConfig
from musicvae.model.noise import generator
from musicvae.model.prior import equal_lags, lags_of
from musicvae.model.sampling import bar_spread, decode_bars, decoding_margins, same_bars
from musicvae.model.tilt import prior_noise
from musicvae.model.weights import Bundle, load_melody_model
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import VOCABULARY_SIZE, Tokens

__all__ = ["Engine"]

Floats = NDArray[np.float64]
_REFINE_RATE = 0.05
_NOISES = VOCABULARY_SIZE + 1


class Engine:
    """A loaded model.

    config: its numbers; hash: what learned styles and codes are bound to; metadata: its story.
    `return_thresholds` (one for each kind) and `usual_spread` decide which bars count as the same idea when pieces are
    drawn (see `sampling.same_bars`).
    """

    def __init__(self, bundle: Bundle, *, device: str = "cpu", threads: int | None = None) -> None:
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads must be at least 1, got {threads}")
            torch.set_num_threads(threads)
        try:
            self._device = torch.device(device)
            # Apple's GPUs have no double precision; everything else does.
            self._dtype = torch.float32 if self._device.type == "mps" else torch.float64
            self._vae = bundle.vae.to(self._device, self._dtype).eval().requires_grad_(False)
            self._prior = bundle.prior.to(self._device, self._dtype).eval().requires_grad_(False)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device {device!r} cannot be used ({str(error).splitlines()[0]}); try cpu") from error
        self.config: ModelConfig = bundle.config
        self.hash = bundle.hash
        self.metadata: Mapping[str, Any] = bundle.metadata
        self.return_thresholds = _by_kind(bundle.metadata.get("return_threshold", 0.0))
        self.usual_spread = float(bundle.metadata.get("usual_spread", 0.0))

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu", threads: int | None = None) -> Self:
        """The engine of a model file; errors as `weights.load_melody_model`, ValueError for an unknown device."""
        return cls(load_melody_model(path), device=device, threads=threads)

    @property
    def device(self) -> str:
        """Where it computes, as torch names it."""
        return str(self._device)

    def encode(self, tokens: Tokens, kind: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | x) for tokens (N, B, S)."""
        with torch.no_grad():
            mu, sigma = self._vae.encode(self._events(tokens), kind)
        return _numpy(mu), _numpy(sigma)

    def sample_prior(
        self, seeds: Sequence[int], *, bars: int, kind: int, temperature: float = 1.0, given: Floats | None = None, given_bars: int = 0
    ) -> Floats:
        """Draw z (N, Z) from the learned prior, one for each seed.

        With `given` (N, Z) the tune block and the first `given_bars` bar blocks are kept and the
        rest is drawn to follow them.
        """
        self.config.z_used(bars)
        normals, uniforms = map(self._floats, prior_noise(self._prior, [generator(seed, "prior") for seed in seeds]))
        fixed, lags = None, None
        with torch.no_grad():
            if given is not None:
                fixed = self._floats(given)
                origin = self._origins(self._vae.conduct(fixed, bars, kind), kind)[:, :given_bars]
                lags = lags_of(origin[:, :, None] == origin[:, None])
            z = self._prior.sample(normals, uniforms, bars=bars, kind=kind, temperature=temperature, given=fixed, given_lags=lags)
        return _numpy(z)

    def decode(
        self,
        z: Floats,
        *,
        bars: int,
        kind: int,
        temperature: float,
        seeds: Sequence[int] | None = None,
        bias: Floats | None = None,
        forced: NDArray[np.int16] | None = None,
    ) -> Tokens:
        """Events (N, bars, S) of z (N, Z).

        temperature 0 is greedy. Above, `seeds` (one a row) are needed, and bars that return to an
        earlier one take its embedding and its noise, so that they are the same. bias: (N, bars, S, 90) added
        to the log-probabilities; forced: (N, bars, S), events >= 0 are taken as they are.
        """
        steps, rows = _steps(kind), len(z)
        with torch.no_grad():
            embeddings = self._vae.conduct(self._floats(z), bars, kind)
            gumbel = None
            if temperature > 0:
                if seeds is None or len(seeds) != rows:
                    raise ValueError(f"{rows} rows need as many seeds to be drawn, got {0 if seeds is None else len(seeds)}")
                origin = self._origins(embeddings, kind)
                embeddings = embeddings.gather(1, origin[:, :, None].expand_as(embeddings))
                gumbel = self._shared_noise(origin, seeds, steps)
            events = decode_bars(
                self._vae.decoder,
                embeddings.flatten(0, 1),
                steps=steps,
                kind=kind,
                temperature=temperature,
                gumbel=gumbel,
                bias=None if bias is None else self._floats(bias).flatten(0, 1),
                forced=None if forced is None else torch.as_tensor(forced, device=self._device).flatten(0, 1),
            )
        return events.view(rows, bars, steps).cpu().numpy().astype(np.uint8)

    def logits(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Log-probabilities (N, B, S, 90) of every event, given z and the true events before it in the bar."""
        with torch.no_grad():
            events = self._events(tokens)
            return _numpy(self._vae.logits(self._vae.conduct(self._floats(z), tokens.shape[1], kind), events, kind))

    def margins(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Bias (N, B, S) that the given events need for `decode` at temperature 0 to return them."""
        scores = torch.as_tensor(self.logits(z, tokens, kind=kind))
        return _numpy(decoding_margins(scores, torch.as_tensor(tokens.astype(np.int64))))

    def log_probs(self, tokens: Tokens, z: Floats, kind: int) -> Floats:
        """Log-probabilities (N, B, S) in nats of the given events, given z and those before in the bar."""
        with torch.no_grad():
            return _numpy(self._vae.log_probs(self._floats(z), self._events(tokens), kind))

    def bar_log_probs(self, tokens: Tokens, z: Floats, kind: int, *, bar: NDArray[np.int64]) -> Floats:
        """The rows (N, S) of `log_probs` for one bar of each tune, `bar` (N,) from 0; the other bars are not computed."""
        rows = np.arange(len(tokens))
        with torch.no_grad():
            embeddings = self._vae.conduct(self._floats(z), tokens.shape[1], kind)[rows, bar]
            events = self._events(tokens)[rows, bar]
            return _numpy(self._vae.score_bars(embeddings[:, None], events[:, None], kind)[:, 0])

    def prior_log_probs(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Log-densities (N, 1 + B) of the blocks of z (N, Z) under the learned prior: of the tune, then of each bar given those before.

        That of a bar holds the probability of its lag, which follows from the equal bars of tokens (N, B, S).
        """
        events = self._events(tokens)
        with torch.no_grad():
            return _numpy(self._prior.log_prob_blocks(self._floats(z), equal_lags(events), tokens.shape[1], kind))

    def same_bars(self, z: Floats, *, bars: int, kind: int) -> NDArray[np.int64]:
        """For each bar (N, bars) the index of the earlier bar that it repeats, or its own."""
        with torch.no_grad():
            origin = self._origins(self._vae.conduct(self._floats(z), bars, kind), kind)
        return origin.cpu().numpy().astype(np.int64)

    def bar_spread(self, z: Floats, *, bars: int, kind: int) -> Floats:
        """How far apart the bars of each tune are, (N,): `sampling.bar_spread` of their embeddings."""
        with torch.no_grad():
            return _numpy(bar_spread(self._vae.conduct(self._floats(z), bars, kind)))

    def refine(self, z: Floats, tokens: Tokens, *, kind: int, steps: int, prior_weight: float = 0.1) -> Floats:
        """Better z (N, Z) for given tokens (N, B, S), by gradient steps from an encoder's answer.

        Adam on -log p(x | z) + prior_weight * |z|^2 / 2; blocks of bars beyond B stay as they are.
        """
        events, target = self._events(tokens), self._floats(z).clone().requires_grad_()
        optimizer = torch.optim.Adam([target], lr=_REFINE_RATE)
        used = self.config.z_used(tokens.shape[1])
        with torch.enable_grad():
            for _ in range(steps):
                loss = -self._vae.log_probs(target, events, kind).sum() + prior_weight * target[:, :used].square().sum() / 2
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        return _numpy(target.detach())

    def _origins(self, embeddings: Tensor, kind: int) -> Tensor:
        return same_bars(embeddings, self.return_thresholds[kind], self.usual_spread)

    def _shared_noise(self, origin: Tensor, seeds: Sequence[int], steps: int) -> Tensor:
        """Gumbel noise (N * B, S, 91) of the bars (N, B) that each bar returns to."""
        shape = (self.config.max_bars, MAX_STEPS_PER_BAR, _NOISES)
        drawn = np.stack([generator(seed, "events").gumbel(size=shape) for seed in seeds])
        shared = drawn[np.arange(len(seeds))[:, None], origin.cpu().numpy()][:, :, :steps]
        return self._floats(shared).flatten(0, 1)

    def _events(self, tokens: Tokens) -> Tensor:
        if tokens.ndim != 3 or not 1 <= tokens.shape[1] <= self.config.max_bars:
            raise ValueError(f"tokens have shape (tunes, 1 to {self.config.max_bars} bars, steps), got {tokens.shape}")
        return torch.as_tensor(tokens.astype(np.int64), device=self._device)

    def _floats(self, values: Floats) -> Tensor:
        return torch.as_tensor(values, dtype=self._dtype, device=self._device)


def _numpy(values: Tensor) -> Floats:
    return values.cpu().to(torch.float64).numpy()


def _by_kind(thresholds: float | Sequence[float]) -> tuple[float, ...]:
    """One number for each kind of meter, from as many or from one for all."""
    values = tuple(thresholds) if isinstance(thresholds, Sequence) else (float(thresholds),) * len(KINDS)
    if len(values) != len(KINDS):
        raise ValueError(f"the model's header has {len(values)} return thresholds for {len(KINDS)} kinds of meter: is it damaged?")
    return values


def _steps(kind: int) -> int:
    return 16 if kind == 0 else 12
