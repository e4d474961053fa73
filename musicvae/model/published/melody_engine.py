"""Published networks of melodies behind the interface that composing has for our own (`compose.engine.Engine`).

Tokens are those of `music.vocabulary`; networks with a narrower range hear notes outside it as note-offs. A network has one window:
pieces of fewer bars are filled up with holds to be read, and only their bars are written. Everything is 4/4-like, kind 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.engine import PublishedEngine
from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE, Tokens

__all__ = ["MelodyEngine", "MelodyLayout"]

Floats = NDArray[np.float64]
_IMPOSSIBLE = -1e4  # log-probability of notes that the network has no class for
_MARGIN = 1e-3


@dataclass(frozen=True)
class MelodyLayout:
    """Numbers of a published network of melodies that composing goes by (`compose.engine.Layout`)."""

    network: PublishedConfig

    canonical_key = False
    """Whether melodies are moved to a key before they are encoded: published networks know all keys."""
    fixed_window = True
    """Whether z stands for `max_bars` bars as a whole."""
    kinds = (0,)
    """The kinds of meter that the network knows."""

    @property
    def max_bars(self) -> int:
        """Bars of the network's window."""
        return self.network.steps // MAX_STEPS_PER_BAR

    @property
    def z_size(self) -> int:
        """Length of z."""
        return self.network.z_size

    @property
    def lowest_pitch(self) -> int:
        """Lowest MIDI pitch that the network can write."""
        return self.network.min_pitch

    @property
    def highest_pitch(self) -> int:
        """Highest MIDI pitch that the network can write."""
        return self.network.min_pitch + self.network.outputs[0] - FIRST_PITCH_TOKEN - 1

    @property
    def takes_chords(self) -> bool:
        """Whether the network is conditioned on chords."""
        return self.network.control_depth > 0

    def z_used(self, bars: int) -> int:
        """Length of z, whatever the number of bars; ValueError outside 1..max_bars."""
        if not 1 <= bars <= self.max_bars:
            raise ValueError(f"this model takes 1 to {self.max_bars} bars at a time, got {bars}")
        return self.z_size


class MelodyEngine:
    """A `PublishedEngine` of melodies as an `Engine`. Chord-conditioned networks: without chords, until `over` gives some."""

    def __init__(self, engine: PublishedEngine, chords: NDArray[np.uint8] | None = None) -> None:
        if engine.material != "melody":
            raise ValueError(f"{engine.config.preset} is a network of {engine.material}, not of melodies")
        self.network = engine
        self.config = MelodyLayout(engine.config)
        self.hash = engine.hash
        self.metadata: Mapping[str, Any] = engine.metadata
        self._chords = chords
        low = self.config.lowest_pitch - MIN_PITCH
        width = engine.config.outputs[0]
        # The token that each class of the network stands for.
        self._token = np.concatenate([np.arange(FIRST_PITCH_TOKEN), np.arange(FIRST_PITCH_TOKEN, width) + low])

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu", threads: int | None = None, precision: str = "float32") -> Self:
        """The engine of a model file; errors as `PublishedEngine.load`, ValueError for another material."""
        return cls(PublishedEngine.load(path, device=device, threads=threads, precision=precision))

    def over(self, chords: NDArray[np.uint8]) -> MelodyEngine:
        """The engine for rows over these chords (N, B, 8), `music.chords.Chord.code` at each eighth, 0 for none; bars beyond have none.

        ValueError for a network without chords, or more bars than its window.
        """
        if not self.config.takes_chords:
            raise ValueError(f"{self.network.config.preset} takes no chords")
        if chords.ndim != 3 or chords.shape[2] != EIGHTHS_PER_ROW:
            raise ValueError(f"chords have shape (rows, bars, {EIGHTHS_PER_ROW}), got {chords.shape}")
        self.config.z_used(chords.shape[1])
        return MelodyEngine(self.network, chords)

    def encode(self, tokens: Tokens, kind: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation (N, Z) of q(z | tokens (N, B, 16))."""
        return self.network.encode(self._columns(tokens, kind))

    def sample_prior(
        self, seeds: Sequence[int], *, bars: int, kind: int, temperature: float = 1.0, given: Floats | None = None, given_bars: int = 0
    ) -> Floats:
        """Draw z (N, Z) from N(0, temperature^2), row i from `seeds[i]`; ValueError for `given`: this prior has no parts to keep."""
        self._check(bars, kind)
        if given is not None:
            raise ValueError(f"{self.network.config.preset} cannot go on from given bars: its code stands for the whole window")
        return self.network.sample_prior(seeds, temperature=temperature)

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
        """Tokens (N, bars, 16) of z (N, Z); arguments as `compose.engine.Engine.decode`."""
        self._check(bars, kind)
        steps = bars * MAX_STEPS_PER_BAR
        frames = self.network.frames(
            z,
            temperature=temperature,
            seeds=seeds,
            controls=self._controls(len(z)),
            bias=None if bias is None else self._window(bias[..., self._token], 0.0),
            forced=None if forced is None else self._window(self._classes(forced), -1)[..., None],
            steps=steps,
        )
        tokens: Tokens = self._token[frames[..., 0]].reshape(len(z), bars, MAX_STEPS_PER_BAR).astype(np.uint8)
        return tokens

    def logits(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Log-probabilities (N, B, 16, 90) of every event, given z and the events (N, B, 16) before it."""
        (outputs,) = self.network.frame_outputs(*self._scored(tokens, z, kind))
        outputs = outputs - np.logaddexp.reduce(outputs, axis=-1, keepdims=True)
        scores = np.full((*outputs.shape[:2], VOCABULARY_SIZE), _IMPOSSIBLE)
        scores[..., self._token] = outputs
        return scores.reshape(len(z), -1, MAX_STEPS_PER_BAR, VOCABULARY_SIZE)[:, : tokens.shape[1]]

    def margins(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """What must be added to the score of each token (N, B, 16) for `decode` at temperature 0 to give it; 0 where it does."""
        scores = self.logits(z, tokens, kind=kind)
        own = np.take_along_axis(scores, tokens[..., None].astype(np.int64), axis=-1)[..., 0]
        needed = scores.max(axis=-1) - own
        return np.where(needed > 0, needed + _MARGIN, 0.0)

    def log_probs(self, tokens: Tokens, z: Floats, kind: int) -> Floats:
        """Log-probabilities (N, B, 16) of the given tokens, in nats."""
        scores = self.network.frame_log_probs(*self._scored(tokens, z, kind))
        return scores.reshape(len(z), -1, MAX_STEPS_PER_BAR)[:, : tokens.shape[1]]

    def bar_log_probs(self, tokens: Tokens, z: Floats, kind: int, *, bar: NDArray[np.int64]) -> Floats:
        """The rows (N, 16) of `log_probs` for one bar of each melody, `bar` (N,) from 0."""
        return self.log_probs(tokens, z, kind)[np.arange(len(tokens)), bar]

    def prior_log_probs(self, z: Floats, tokens: Tokens, *, kind: int) -> Floats:
        """Log-densities (N, 1 + B) of z (N, Z) under N(0, I), all in the first column."""
        self._check(tokens.shape[1], kind)
        densities = np.zeros((len(z), 1 + tokens.shape[1]))
        densities[:, 0] = -0.5 * (z**2 + np.log(2 * np.pi)).sum(axis=1)
        return densities

    def refine(self, z: Floats, tokens: Tokens, *, kind: int, steps: int, prior_weight: float = 0.1) -> Floats:
        """The z (N, Z) after `steps` gradient steps towards tokens (N, B, 16), as `PublishedEngine.refine_frames`."""
        frames, _, controls = self._scored(tokens, z, kind)
        return self.network.refine_frames(z, frames, controls, steps, prior_weight=prior_weight)

    def _columns(self, tokens: Tokens, kind: int) -> dict[str, NDArray[Any]]:
        """The network's columns: whole windows, filled up with holds."""
        if tokens.ndim != 3 or tokens.shape[2] != MAX_STEPS_PER_BAR:
            raise ValueError(f"tokens have shape (melodies, bars, {MAX_STEPS_PER_BAR}), got {tokens.shape}")
        self._check(tokens.shape[1], kind)
        columns: dict[str, NDArray[Any]] = {"bars": self._padded(tokens, HOLD)}
        if self._chords is not None:
            columns["chords"] = self._padded(self._chords_of(len(tokens)), 0)
        return columns

    def _scored(self, tokens: Tokens, z: Floats, kind: int) -> tuple[NDArray[np.int64], Floats, NDArray[Any] | None]:
        """Frames of whole windows, as they would be written, z and controls."""
        bars = self._columns(tokens, kind)["bars"]
        class_of = np.full(VOCABULARY_SIZE, NOTE_OFF, np.int64)
        class_of[self._token] = np.arange(len(self._token))
        return class_of[bars].reshape(len(bars), -1, 1), z, self._controls(len(bars))

    def _controls(self, rows: int) -> NDArray[Any] | None:
        chords = self._padded(self._chords_of(rows), 0)
        silence = np.zeros((rows, self.config.max_bars, MAX_STEPS_PER_BAR), np.uint8)
        return self.network.converter.controls({"bars": silence, "chords": chords})

    def _chords_of(self, rows: int) -> NDArray[np.uint8]:
        if self._chords is None:
            return np.zeros((rows, self.config.max_bars, EIGHTHS_PER_ROW), np.uint8)
        if len(self._chords) != rows:
            raise ValueError(f"this engine is bound to the chords of {len(self._chords)} rows, got {rows} rows")
        return self._chords

    def _classes(self, tokens: NDArray[Any]) -> NDArray[np.int64]:
        """Classes of tokens, -1 kept; ValueError for a note that the network has no class for."""
        class_of = np.full(VOCABULARY_SIZE, -2, np.int64)
        class_of[self._token] = np.arange(len(self._token))
        classes = np.where(tokens < 0, -1, class_of[np.maximum(tokens, 0)])
        if (classes == -2).any():
            low, high = self.config.lowest_pitch, self.config.highest_pitch
            raise ValueError(f"a forced note lies outside {low} to {high}, the pitches this network can write: fold it in by octaves")
        return classes

    def _padded(self, values: NDArray[Any], fill: float) -> NDArray[Any]:
        """(N, B, ...) with bars of `fill` up to the window."""
        missing = self.config.max_bars - values.shape[1]
        return np.pad(values, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)], constant_values=fill)

    def _window(self, values: NDArray[Any], fill: float) -> NDArray[Any]:
        """(N, B, 16, ...) as (N, T, ...), with `fill` up to the window."""
        padded = self._padded(values, fill)
        return padded.reshape(len(padded), -1, *padded.shape[3:])

    def _check(self, bars: int, kind: int) -> None:
        if kind not in self.config.kinds:
            raise ValueError(f"{self.network.config.preset} writes bars of 16 sixteenths, as in 4/4 or 2/2; got a kind of {KINDS[kind]}")
        self.config.z_used(bars)
