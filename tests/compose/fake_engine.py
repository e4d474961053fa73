"""An engine without weights, and melodies to feed it.

z is a linear code of the tokens: two numbers a step (how much of an onset it is, and the pitch), a
block for each bar, and a block for the tune whose first two numbers are added to those of every
step. Decoding takes the event whose own two numbers lie nearest.
"""

import zlib
from dataclasses import dataclass, field, replace

import numpy as np

from musicvae.model.config import ModelConfig
from musicvae.model.noise import generator
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import KINDS, Meter

STEPS = (16, 12, 12)
PITCH = (np.arange(90) - 45.5) / 12
ONSET = np.concatenate([[-1.0, 0.0], np.ones(88)])
IS_NOTE = np.arange(90) >= 2


@dataclass
class FakeEngine:
    """lossy: how far the encoder strays from the true code, 0 for not at all, about 1 for losing a fifth of the events."""

    lossy: float = 0.0
    canonical_key: bool = True
    max_bars: int = 16
    hash: str = "fake"
    metadata: dict = field(default_factory=dict)

    def __post_init__(self):
        self.config = ModelConfig(z_global=4, z_bar=32, max_bars=self.max_bars, canonical_key=self.canonical_key)

    def _clean(self, tokens):
        n, bars, steps = tokens.shape
        z = np.zeros((n, self.config.z_size))
        blocks = z[:, 4:].reshape(n, self.max_bars, 16, 2)
        blocks[:, :bars, :steps, 0] = ONSET[tokens]
        blocks[:, :bars, :steps, 1] = np.where(IS_NOTE[tokens], PITCH[tokens], 0)
        return z

    def encode(self, tokens, kind):
        assert tokens.dtype == np.uint8
        assert tokens.shape[2] == STEPS[kind]
        assert 1 <= tokens.shape[1] <= self.max_bars
        mu = self._clean(tokens)
        for row, own in zip(mu, tokens, strict=True):
            jitter = np.random.default_rng(zlib.crc32(own.tobytes())).uniform(-1, 1, (self.max_bars, 16))
            row[4:].reshape(self.max_bars, 16, 2)[: tokens.shape[1], : tokens.shape[2], 0] += (
                0.6 * self.lossy * jitter[: tokens.shape[1], : tokens.shape[2]]
            )
        sigma = np.ones_like(mu)
        sigma[:, : self.config.z_used(tokens.shape[1])] = 0.1
        return mu, sigma

    def sample_prior(self, seeds, *, bars, kind, temperature=1.0, given=None, given_bars=0):
        self.config.z_used(bars)
        z = np.zeros((len(seeds), self.config.z_size))
        for row, seed in zip(z, seeds, strict=True):
            rng = generator(seed, "prior")
            ideas = np.where(rng.random((3, 1, STEPS[kind])) < 0.4, rng.choice([41, 43, 45, 46, 48, 50, 52], (3, 1, STEPS[kind])), 0)
            ideas[:, :, 0] = rng.choice([41, 45, 48])
            tokens = ideas[rng.integers(3, size=bars), 0][None].astype(np.uint8)
            row += self._clean(tokens)[0]
            row[4 : self.config.z_used(bars)] += 0.01 * temperature * rng.standard_normal(self.config.z_used(bars) - 4)
        if given is not None:
            kept = self.config.z_used(given_bars) if given_bars else self.config.z_global
            z[:, :kept] = given[:, :kept]
        return z

    def logits(self, z, tokens, *, kind):
        return self._scores(z, tokens.shape[1], kind)

    def _scores(self, z, bars, kind):
        blocks = z[:, 4:].reshape(len(z), self.max_bars, 16, 2)[:, :bars, : STEPS[kind]] + z[:, None, None, :2]
        onset, pitch = blocks[..., :1], blocks[..., 1:]
        scores = -4 * (onset - ONSET) ** 2 - np.where(IS_NOTE, 400 * (pitch - PITCH) ** 2, 0)
        return scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True)

    def decode(self, z, *, bars, kind, temperature, seeds=None, bias=None, forced=None):
        assert z.shape == (len(z), self.config.z_size)
        scores = self._scores(z, bars, kind) + (0 if bias is None else bias)
        if temperature > 0:
            assert len(seeds) == len(z)
            noise = [generator(seed, "events").gumbel(size=(self.max_bars, 16, 90))[:bars, : STEPS[kind]] for seed in seeds]
            scores = scores / temperature + np.stack(noise)
        tokens = scores.argmax(-1)
        return np.where(forced >= 0, forced, tokens).astype(np.uint8) if forced is not None else tokens.astype(np.uint8)

    def margins(self, z, tokens, *, kind):
        scores = self.logits(z, tokens, kind=kind)
        own = np.take_along_axis(scores, tokens[..., None].astype(int), -1)[..., 0]
        needed = scores.max(-1) - own
        return np.where(scores.argmax(-1) == tokens, 0, needed + 1e-3)

    def log_probs(self, tokens, z, kind):
        return np.take_along_axis(self.logits(z, tokens, kind=kind), tokens[..., None].astype(int), -1)[..., 0]

    def bar_log_probs(self, tokens, z, kind, *, bar):
        return self.log_probs(tokens, z, kind)[np.arange(len(tokens)), bar]

    def prior_log_probs(self, z, tokens, *, kind):
        """Wide Gaussians; a bar that equals an earlier one is eight nats likelier."""
        blocks = z[:, 4:].reshape(len(z), self.max_bars, 32)[:, : tokens.shape[1]]
        densities = np.zeros((len(z), 1 + tokens.shape[1]))
        densities[:, 0] = -0.5 * (z[:, :4] ** 2).sum(axis=1)
        for bar in range(tokens.shape[1]):
            equal = (tokens[:, :bar] == tokens[:, bar, None]).all(axis=-1)
            densities[:, 1 + bar] = np.where(equal.any(axis=1), 0.0, -8.0) - 0.05 * (blocks[:, bar] ** 2).sum(axis=1)
        return densities

    def refine(self, z, tokens, *, kind, steps):
        return z + (1 - 0.5**steps) * (self._clean(tokens) - z)


@dataclass(frozen=True)
class WindowLayout:
    """As that of a published network."""

    max_bars: int
    z_size: int
    takes_chords: bool = False
    lowest_pitch: int = 21
    highest_pitch: int = 108
    canonical_key = False
    fixed_window = True
    kinds = (0,)

    def z_used(self, bars):
        assert 1 <= bars <= self.max_bars
        return self.z_size


@dataclass
class FakeWindowEngine(FakeEngine):
    """As a published network: one z for a window of fixed length, N(0, I) as prior, and pitches above the root of a chord.

    asked: the shapes of tokens that were encoded.
    """

    max_bars: int = 2
    hash: str = "window"
    takes_chords: bool = False
    lowest_pitch: int = 21
    highest_pitch: int = 108
    chords: object = None

    def __post_init__(self):
        self.config = WindowLayout(self.max_bars, 4 + 32 * self.max_bars, self.takes_chords, self.lowest_pitch, self.highest_pitch)
        self.asked = []

    def over(self, chords):
        assert self.takes_chords
        assert chords.dtype == np.uint8
        assert chords.shape[1] <= self.max_bars
        bound = replace(self, chords=chords)
        bound.asked = self.asked
        return bound

    def _roots(self, rows, bars):
        """Semitones that each step (N, bars, 16) is lifted by its chord."""
        if self.chords is None:
            return np.zeros((rows, bars, 16), int)
        assert self.chords.shape == (rows, bars, 8)
        return np.where(self.chords > 0, (self.chords.astype(int) - 1) // 21, 0).repeat(2, axis=-1)

    def _lowered(self, tokens):
        notes = np.where(tokens >= 2, tokens - self._roots(*tokens.shape[:2]), tokens)
        return np.pad(notes, ((0, 0), (0, self.max_bars - tokens.shape[1]), (0, 0))).astype(np.uint8)

    def encode(self, tokens, kind):
        assert kind == 0
        assert tokens.dtype == np.uint8
        self.asked.append(tokens.copy())
        return super().encode(self._lowered(tokens), kind)

    def sample_prior(self, seeds, *, bars, kind, temperature=1.0, given=None, given_bars=0):
        assert given is None
        return temperature * np.stack([generator(seed, "prior").standard_normal(self.config.z_size) for seed in seeds])

    def _scores(self, z, bars, kind):
        assert kind == 0
        source = np.arange(90) - self._roots(len(z), bars)[..., None] * IS_NOTE
        return np.take_along_axis(super()._scores(z, bars, kind), np.where(IS_NOTE, np.maximum(source, 2), source), -1)

    def refine(self, z, tokens, *, kind, steps):
        return super().refine(z, self._lowered(tokens), kind=kind, steps=steps)


def tune(seed=0, bars=16, meter="4/4", key="C", *, rate=0.35, shift=0, **fields):
    """A tune of the key's scale around B4, with rests and notes of several lengths; `shift` moves it by semitones."""
    rng = np.random.default_rng([seed, bars])
    meter, key = Meter.parse(meter), Key.parse(key)
    steps = bars * meter.steps_per_bar
    onsets = np.flatnonzero(rng.random(steps) < np.where(np.arange(steps) % 2, rate / 4, rate))
    onsets = onsets if len(onsets) else np.array([0])
    # Weighted so that the key finder hears C major, which the shift then moves.
    degrees = rng.choice([60, 62, 64, 65, 67, 69, 71, 72, 76, 79], len(onsets), p=np.array([6, 2, 4, 1, 4, 1, 1, 6, 3, 2]) / 30)
    notes = []
    for i, (onset, pitch) in enumerate(zip(onsets.tolist(), degrees.tolist(), strict=True)):
        limit = (onsets[i + 1] if i + 1 < len(onsets) else steps) - onset
        notes.append(Note(pitch + shift, onset, int(max(1, limit - (limit > 2 and rng.random() < 0.3))), int(rng.integers(40, 120))))
    return Melody(tuple(notes), meter=meter, num_bars=bars, key=key.transposed(shift), **fields)


def same_music(a, b):
    """Whether two melodies have the same pitches at the same times, in the same meter and length."""

    def music(melody):
        notes = tuple((n.pitch, n.onset_steps, n.duration_steps) for n in melody.notes)
        return notes, melody.meter, melody.num_bars

    return music(a) == music(b)


def all_kinds():
    return [Meter.parse(kind) for kind in KINDS]
