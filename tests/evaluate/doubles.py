"""A corpus and an engine without files or weights, whose right answers are known."""

from types import SimpleNamespace

import numpy as np

from musicvae.corpus.store import Corpus

STEPS = (16, 12, 12)
SCALE = 10.0


class TransparentEngine:
    """z holds the tokens themselves, divided by `SCALE`: decoding rounds, and every figure can be worked out.

    blur: what the encoder adds to mu of the first step of each bar, so that it errs there unless refined.
    """

    def __init__(self, *, sigma=0.001, blur=0.0, bars=16):
        self.config = SimpleNamespace(
            z_size=bars * 16, max_bars=bars, canonical_key=True, z_used=lambda b: b * 16, fixed_window=False, kinds=(0, 1, 2),
            lowest_pitch=21, highest_pitch=108, takes_chords=False,
        )  # fmt: skip
        self.hash, self.metadata = "transparent", {"name": "double"}
        self.sigma, self.blur, self.bars, self.batches = sigma, blur, bars, []

    def _place(self, tokens):
        n, b, s = tokens.shape
        z = np.zeros((n, self.bars, 16))
        z[:, :b, :s] = tokens / SCALE
        return z.reshape(n, -1)

    def encode(self, tokens, kind):
        self.batches.append(len(tokens))
        mu = self._place(tokens)
        mu.reshape(len(tokens), self.bars, 16)[:, : tokens.shape[1], 0] += self.blur
        return mu, np.full_like(mu, self.sigma)

    def sample_prior(self, seeds, *, bars, kind, temperature=1.0, given=None, given_bars=0):
        rng = [np.random.default_rng(seed) for seed in seeds]
        tokens = np.stack([r.choice([0, 0, 0, 41, 43, 45, 47], (bars, STEPS[kind])) for r in rng]).astype(float)
        return self._place(tokens)

    def decode(self, z, *, bars, kind, temperature, seeds=None, bias=None, forced=None):
        tokens = np.clip(np.rint(z.reshape(len(z), self.bars, 16)[:, :bars, : STEPS[kind]] * SCALE), 0, 89).astype(np.uint8)
        if temperature > 0:
            for row, seed in zip(tokens, seeds, strict=True):  # temperature 1 loses a tenth of the steps
                row[np.random.default_rng(seed).random(row.shape) < 0.1] = 0
        return tokens

    def logits(self, z, tokens, *, kind):
        own = self.decode(z, bars=tokens.shape[1], kind=kind, temperature=0)
        return np.log(np.where(np.arange(90) == own[..., None], 0.9, 0.1 / 89))

    def log_probs(self, tokens, z, kind):
        return np.take_along_axis(self.logits(z, tokens, kind=kind), tokens[..., None].astype(int), -1)[..., 0]

    def refine(self, z, tokens, *, kind, steps):
        target = self._place(tokens)
        for _ in range(steps):
            z = z + 0.5 * (target - z)
        return z


def corpus_of(tunes, labels=()):
    """A corpus of tunes given as (split, kind, label, tokens (B, S))."""
    rows = [np.pad(tune, ((0, 0), (0, 16 - tune.shape[1]))) for *_, tune in tunes]
    num_bars = np.array([len(row) for row in rows])
    split, kind, label = (np.array([tune[i] for tune in tunes]) for i in range(3))
    return Corpus(
        bars=np.concatenate(rows).astype(np.uint8), start=np.cumsum(num_bars) - num_bars, num_bars=num_bars, kind=kind, split=split,
        mode=0 * kind, label=label, source=0 * kind, labels=tuple(labels), sources=("made up",),
        tune_ids=tuple(map(str, range(len(tunes)))),
    )  # fmt: skip


def random_corpus(tunes_per_split=(40, 8, 12), *, bars=20, seed=0, labels=("jig",)):
    """Tunes of 4/4 and 6/8 out of a few two-bar ideas each, so that bars come back; half of those in 6/8 are jigs, and busy."""
    rng = np.random.default_rng(seed)
    tunes = []
    for split, count in enumerate(tunes_per_split):
        for index in range(count):
            kind, busy = (0, 2)[index % 2], index % 4 == 1
            rate = 0.6 if busy else 0.25
            ideas = rng.choice(np.arange(37, 55), (3, 2, STEPS[kind])) * (rng.random((3, 2, STEPS[kind])) < rate)
            ideas[:, :, 0] = 42
            tunes.append((split, kind, 0 if busy else -1, ideas[rng.integers(3, size=bars // 2)].reshape(bars, -1)))
    return corpus_of(tunes, labels)
