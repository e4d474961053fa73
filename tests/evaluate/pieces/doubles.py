"""A corpus of beats and an engine without files or weights, whose right answers are known."""

from types import SimpleNamespace

import numpy as np

from musicvae.corpus.store import Corpus
from musicvae.evaluate.pieces.hits import hit_bits, struck

STYLES = ("rock", "jazz")


class TransparentBeats:
    """z holds the hits themselves, a number for each step and class: decoding rounds, and every figure can be worked out.

    blur: what the encoder takes off mu of the first step of each bar. guide "taps": what is decoded is kept to the taps. The prior's
    likeliest z is silent.
    """

    material, drum_map, hears_tempo, fills_in, any_rhythm, fixed_window = "drums", "nine", False, False, False, False
    hash, title, metadata = "transparent", "double", {"name": "double"}

    def __init__(self, *, bars=4, guide="", sigma=0.001, blur=0.0):
        self.bars, self.guide, self.sigma, self.blur, self.batches = bars, guide, sigma, blur, []
        self.config = SimpleNamespace(z_size=bars * 144)

    def z_used(self, bars):
        return bars * 144

    def encode(self, columns):
        hits = struck(columns)
        self.batches.append(len(hits))
        z = np.zeros((len(hits), self.bars, 16, 9))
        z[:, : hits.shape[1]] = hits
        z[:, : hits.shape[1], 0] -= self.blur
        sigma = np.ones_like(z)
        sigma[:, : hits.shape[1]] = self.sigma
        return z.reshape(len(z), -1), sigma.reshape(len(z), -1)

    def sample_prior(self, seeds, *, bars, temperature=1.0, given=None, given_bars=0, told=None):
        z = np.zeros((len(seeds), self.bars, 16, 9))
        for row, seed in zip(z, seeds, strict=True):
            row[:bars] = temperature * (np.random.default_rng(seed).random((bars, 16, 9)) < 0.1)
        return z.reshape(len(seeds), -1)

    def decode(self, z, *, bars, temperature, seeds=None, told=None, given=None):
        hits = z.reshape(len(z), self.bars, 16, 9)[:, :bars] > 0.5
        if temperature > 0:  # loses a tenth of the hits
            hits = np.stack([h & (np.random.default_rng([s, 1]).random(h.shape) > 0.1) for h, s in zip(hits, seeds, strict=True)])
        if self.guide == "taps":
            assert {"taps", "tap_offsets"} <= set(told) <= {"taps", "tap_offsets", "tempo"}
            hits &= told["taps"][..., None] > 0
        return {"bars": hit_bits(hits)}

    def refine(self, z, columns, steps):
        target = self.encode(columns)[0].reshape(len(z), self.bars, 16, 9)
        target[:, : columns["bars"].shape[1], 0] += self.blur
        for _ in range(steps):
            z = z + 0.5 * (target.reshape(z.shape) - z)
        return z


class TransparentFeel(TransparentBeats):
    """Plays the hits it is told; z of the first bar is what it adds to a velocity of 64 at each step and class, in units of 10."""

    material = "groove"

    def __init__(self, **options):
        super().__init__(guide="hits", **options)

    def decode(self, z, *, bars, temperature, seeds=None, told=None, given=None):
        assert set(told) == {"hits", "tempo"}
        louder = np.clip(64 + 10 * z.reshape(len(z), self.bars, 16, 9)[:, :1], 1, 127)
        hits = struck({"bars": told["hits"]})
        return {"bars": np.where(hits, louder, 0).astype(np.uint8), "offsets": np.zeros(hits.shape, np.float16)}


def beats(count, bars, *, style=0, seed=0):
    """Hits (count, bars, 16, 9): a kick on the quarters and hats between them; rock has a snare as backbeat, jazz a ride in swing."""
    rng = np.random.default_rng([seed, style])
    hits = np.zeros((count, bars, 16, 9), bool)
    hits[:, :, ::4, 0] = True
    hits[:, :, 2::4, 2] = True
    if style == 0:
        hits[:, :, 4::8, 1] = True
    else:
        hits[:, :, 3::4, 8] = True
    return hits ^ (rng.random(hits.shape) < 0.02)


def beat_corpus(tunes_per_split=(12, 2, 6), *, bars=8, material="drums", seed=0, labels=STYLES):
    """Recordings of two styles in turn."""
    hits = np.concatenate([beats(1, bars, style=i % 2, seed=seed + i) for i in range(sum(tunes_per_split))])
    count = len(hits)
    rows = {"bars": hit_bits(hits).reshape(-1, 16)}
    if material == "groove":
        rng = np.random.default_rng(seed)
        loud = np.where(hits, rng.integers(40, 120, hits.shape), 0).astype(np.uint8).reshape(-1, 16, 9)
        rows = {"bars": loud, "offsets": np.where(loud > 0, rng.uniform(-0.3, 0.3, loud.shape), 0).astype(np.float16)}
    each = np.arange(count)
    split = np.repeat([0, 1, 2], tunes_per_split)
    return Corpus(
        bars=rows["bars"], columns=rows, start=each * bars, num_bars=np.full(count, bars), kind=0 * each, split=split, mode=0 * each - 1,
        label=each % 2, source=0 * each, labels=tuple(labels), sources=("made up",), tune_ids=tuple(map(str, each)), material=material,
        tempo_qpm=np.full(count, 120.0), report={"sources": {"made up": {"origin": "here", "licence": "none", "tunes_read": count}}},
    )  # fmt: skip
