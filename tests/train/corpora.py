"""A corpus that needs no files: scales, arpeggios and their repeats, easy enough for a tiny network."""

import numpy as np

from musicvae.corpus.store import Corpus
from musicvae.train.data import steps_per_bar

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def scale_bars(rng: np.random.Generator, kind: int, num_bars: int) -> np.ndarray:
    """(num_bars, 16): each bar goes up or down from a degree, in steps or thirds, a note every two sixteenths."""
    bars = np.zeros((num_bars, 16), np.uint8)
    for bar in bars:
        first, stride = rng.integers(0, 8), rng.choice([-2, -1, 1, 2])
        for i, step in enumerate(range(0, steps_per_bar(kind), 2)):
            bar[step] = SCALE[(first + stride * i) % 8] - 21 + 2
    for bar in range(2, num_bars, 4):  # every phrase begins as it began before
        bars[bar] = bars[bar - 2]
    return bars


def make_corpus(*, tunes: int = 40, validation: int = 8, bars: tuple[int, int] = (16, 24), kinds: int = 3, seed: int = 0) -> Corpus:
    rng = np.random.default_rng(seed)
    total = tunes + validation
    kind = np.arange(total) % kinds
    num_bars = rng.integers(bars[0], bars[1] + 1, total)
    start = np.concatenate([[0], np.cumsum(num_bars)[:-1]])
    zeros = np.zeros(total, np.int64)
    return Corpus(
        bars=np.concatenate([scale_bars(rng, int(k), int(n)) for k, n in zip(kind, num_bars, strict=True)]),
        start=start, num_bars=num_bars, kind=kind, split=(np.arange(total) >= tunes).astype(np.int64),
        mode=zeros, label=zeros - 1, source=zeros, sources=("made up",), tune_ids=tuple(f"tune {i}" for i in range(total)),
        report={"licences": {"made up": "CC0"}},
    )  # fmt: skip
