"""A corpus of made-up grooves, drums or trios, easy enough for a tiny network."""

import numpy as np

from musicvae.corpus.store import Corpus

PATTERNS = ("X...X...X...X...", "....X.......X...", "x.x.x.x.x.x.x.x.", "..x...x...x...x.", "X.....x...X.....", "X..X..X.X..X..X.")


def struck(rng, num_bars):
    """(num_bars, 16, 9): three drums, each with a pattern that comes back every other bar."""
    hits = np.zeros((num_bars, 16, 9), bool)
    for drum in (0, 1, 2):
        for parity in (0, 1):
            pattern = PATTERNS[rng.integers(len(PATTERNS))]
            hits[parity::2, :, drum] = np.array([letter != "." for letter in pattern])
    return hits


def make_corpus(material, *, tunes=30, validation=6, bars=(16, 20), sources=("played",), drum_map="nine", seed=0):
    rng = np.random.default_rng(seed)
    total = tunes + validation
    num_bars = rng.integers(bars[0], bars[1] + 1, total)
    hits = np.concatenate([struck(rng, int(n)) for n in num_bars])
    bits = np.bitwise_or.reduce(hits.astype(np.uint64) << np.arange(9, dtype=np.uint64), axis=-1)
    columns = {"bars": bits}
    if material == "groove":
        columns = {"bars": np.where(hits, 80, 0).astype(np.uint8), "offsets": np.where(hits, 0.125, 0).astype(np.float16)}
    if material == "trio":
        voice = np.where(hits[..., 0], 40, 0).astype(np.uint8)
        columns = {"bars": voice, "bass": (voice > 0) * np.uint8(20), "drums": bits}
    zeros = np.zeros(total, np.int64)
    return Corpus(
        **{"bars": columns["bars"]}, columns=columns, material=material, start=np.concatenate([[0], np.cumsum(num_bars)[:-1]]),
        num_bars=num_bars, kind=zeros, split=(np.arange(total) >= tunes).astype(np.int64), mode=zeros - 1, label=zeros - 1,
        source=(np.arange(total) % 8 == 0).astype(np.int64) * (len(sources) - 1), sources=sources,
        tune_ids=tuple(f"tune {i}" for i in range(total)), tempo_qpm=np.full(total, 90.0), options={"drum_map": drum_map},
    )  # fmt: skip
