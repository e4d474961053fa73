"""A corpus of trios and an engine without files or weights, whose right answers are known."""

from types import SimpleNamespace

import numpy as np
from evaluate.pieces.doubles import beats

from musicvae.corpus.store import Corpus
from musicvae.evaluate.pieces.hits import hit_bits, struck

STREAMS = ("melody", "bass", "drums")
_PER_STEP = 11  # numbers of z a step: melody, bass, nine classes


class TransparentTrios:
    """z holds the events themselves: decoding rounds. wrong: share of melody steps that the encoder turns into rests (every nth)."""

    material, drum_map, guide, hears_tempo, fills_in, any_rhythm, fixed_window = "trio", "nine", "", False, False, False, False
    hash, title, metadata = "transparent", "double", {"name": "double"}

    def __init__(self, *, bars=4, sigma=0.001, streams=STREAMS, wrong=0):
        self.bars, self.sigma, self.streams, self.wrong = bars, sigma, streams, wrong
        self.config = SimpleNamespace(z_size=bars * 16 * _PER_STEP)

    def z_used(self, bars):
        return bars * 16 * _PER_STEP

    def encode(self, columns):
        count, bars = columns["bars"].shape[:2]
        z = np.zeros((count, self.bars, 16, _PER_STEP))
        z[:, :bars, :, 0], z[:, :bars, :, 1], z[:, :bars, :, 2:] = columns["bars"], columns["bass"], struck(columns)
        if self.wrong:
            z[:, :bars, :: self.wrong, 0] = 0
        sigma = np.ones_like(z)
        sigma[:, :bars] = self.sigma
        return z.reshape(count, -1), sigma.reshape(count, -1)

    def sample_prior(self, seeds, *, bars, temperature=1.0, given=None, given_bars=0, told=None):
        z = np.zeros((len(seeds), self.bars, 16, _PER_STEP))
        z[:, :bars, ::4, 0] = 40
        z[:, :bars, ::8, 1] = 20
        return z.reshape(len(seeds), -1)

    def decode(self, z, *, bars, temperature, seeds=None, told=None, given=None):
        wide = np.rint(z.reshape(len(z), self.bars, 16, _PER_STEP)[:, :bars])
        voices = {"bars": np.clip(wide[..., 0], 0, 89).astype(np.uint8), "bass": np.clip(wide[..., 1], 0, 89).astype(np.uint8)}
        silent = np.zeros(wide.shape[:3])
        return {
            "bars": voices["bars"] if "melody" in self.streams else silent.astype(np.uint8),
            "bass": voices["bass"] if "bass" in self.streams else silent.astype(np.uint8),
            "drums": hit_bits(wide[..., 2:] > 0.5) if "drums" in self.streams else silent.astype(np.uint64),
        }


def trio_corpus(tunes_per_split=(10, 2, 6), *, bars=8, seed=0):
    """Songs of two sources in turn: a melody on the beats, a bass on every second one, drums."""
    count = sum(tunes_per_split)
    rng = np.random.default_rng(seed)
    melody, bass = np.zeros((count, bars, 16), np.uint8), np.zeros((count, bars, 16), np.uint8)
    melody[:, :, ::4] = rng.integers(40, 60, (count, bars, 4))
    bass[:, :, ::8] = rng.integers(12, 24, (count, bars, 2))
    drums = hit_bits(np.concatenate([beats(1, bars, style=i % 2, seed=i) for i in range(count)]))
    rows = {"bars": melody.reshape(-1, 16), "bass": bass.reshape(-1, 16), "drums": drums.reshape(-1, 16)}
    each = np.arange(count)
    return Corpus(
        bars=rows["bars"], columns=rows, start=each * bars, num_bars=np.full(count, bars), kind=0 * each,
        split=np.repeat([0, 1, 2], tunes_per_split), mode=0 * each, label=0 * each - 1, source=each % 2,
        sources=("games", "synthetic-songs"), tune_ids=tuple(map(str, each)), material="trio", tempo_qpm=np.full(count, 120.0),
    )  # fmt: skip
