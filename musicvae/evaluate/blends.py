"""Whether a blend starts and ends at its inputs and moves evenly between them.

Conventions: a path has P points; its first is decoded from A's code, its last from B's, all greedy.
Distance is the share of steps whose tokens differ. Pairs are of one meter and of two tunes. Intervals
are over pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.blending import blend
from musicvae.compose.canonical import to_coordinates
from musicvae.compose.latent import between
from musicvae.evaluate.codec import Codec, Windows
from musicvae.evaluate.metrics import Estimate, agreement, mean_estimate, spearman
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import Tokens, from_tokens

if TYPE_CHECKING:
    from musicvae.compose.engine import Engine

__all__ = ["BlendMeasures", "BlendRow", "blend_row", "measure_path", "measure_paths", "measure_shipped", "select_pairs"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BlendMeasures:
    """By pair: mean onset F1 of the two ends (N,), rank correlation (N,), largest jump (N,), distance to A (N, P)."""

    meter: str
    ends: Floats
    correlation: Floats
    jump: Floats
    distance_to_a: Floats


@dataclass(frozen=True)
class BlendRow:
    """One way of blending over all its pairs.

    end_f1: onset F1 of first and last point against A and B. rank_correlation: Spearman of place and
    distance to A, by pair. largest_jump: the greatest distance between neighbours over the mean one. distances: mean
    distance to A at each point.
    """

    meter: str
    way: str
    refine_steps: int
    pairs: int
    end_f1: Estimate
    rank_correlation: Estimate
    largest_jump: Estimate
    distances: tuple[float, ...]


def select_pairs(windows: Windows, count: int, *, seed: int = 0) -> tuple[Windows, Windows]:
    """`count` pairs of windows of different tunes; every window once before any comes again.

    ValueError where there are pairs to make but fewer than two tunes.
    """
    if count and len(set(windows.tunes.tolist())) < 2:
        raise ValueError(f"a blend needs windows of two tunes in {windows.meter}, got {len(set(windows.tunes.tolist()))}")
    rng = np.random.default_rng([seed, windows.kind])
    first: list[int] = []
    second: list[int] = []
    while len(first) < count:
        order = rng.permutation(len(windows))
        half = len(order) // 2
        for a, b in zip(order[:half], order[half : 2 * half], strict=True):
            if windows.tunes[a] != windows.tunes[b] and len(first) < count:
                first.append(int(a))
                second.append(int(b))
    return windows.take(first), windows.take(second)


def measure_paths(codec: Codec, pairs: tuple[Windows, Windows], *, method: str, points: int = 9, refine_steps: int = 0) -> BlendMeasures:
    """Blend the codes of all pairs (posterior means, refined if asked) and measure the decoded paths.

    method: "slerp" or "lerp".
    """
    codes = []
    for windows in pairs:
        mu = codec.encode(windows).mu
        codes.append(codec.refine(mu, windows, steps=refine_steps) if refine_steps else mu)
    kind, bars, count = pairs[0].kind, pairs[0].bars, len(pairs[0])
    alphas = np.linspace(0, 1, points)
    path = [between(a, b, float(alpha), method) for a, b in zip(*codes, strict=True) for alpha in alphas]
    tokens = codec.decode(np.array(path).reshape(count * points, codes[0].shape[1]), kind=kind, bars=bars)
    return measure_path(pairs, tokens.reshape(count, points, *tokens.shape[1:]))


def measure_shipped(
    engine: Engine, pairs: tuple[Windows, Windows], *, points: int = 9, refine_steps: int = 0, progress: Callable[[str], None] | None = None
) -> BlendMeasures:
    """Blend all pairs as `musicvae interpolate` does by default, melodies in and melodies out."""
    meter, paths = Meter.parse(pairs[0].meter), []
    for number, (a, b) in enumerate(zip(pairs[0].tokens, pairs[1].tokens, strict=True)):
        # The scale of C major is that of every canonical key.
        ends = [replace(from_tokens(tokens, meter), key=Key(0)) for tokens in (a, b)]
        pieces = blend(engine, ends[0], ends[1], points, refine=refine_steps)
        paths.append([to_coordinates(piece, canonical_key=False).tokens for piece in pieces])
        if progress:
            progress(f"{pairs[0].meter} interpolate: {number + 1}")
    return measure_path(pairs, np.array(paths, np.uint8))


def measure_path(pairs: tuple[Windows, Windows], paths: Tokens) -> BlendMeasures:
    """Measure paths (N, P, B, S) between the windows of N pairs."""
    a, b = pairs[0].tokens, pairs[1].tokens
    ends = (agreement(a, paths[:, 0]).window_f1 + agreement(b, paths[:, -1]).window_f1) / 2
    distance = (paths != a[:, None]).mean(axis=(2, 3))
    jumps = (paths[:, 1:] != paths[:, :-1]).mean(axis=(2, 3))
    mean_jump = jumps.mean(axis=1)
    jump = np.where(mean_jump > 0, jumps.max(axis=1, initial=0) / np.where(mean_jump > 0, mean_jump, 1), np.nan)
    correlation = np.array([spearman(np.arange(paths.shape[1]), row) for row in distance], np.float64)
    return BlendMeasures(pairs[0].meter, ends, correlation, jump, distance)


def blend_row(measures: Sequence[BlendMeasures], *, way: str, refine_steps: int) -> BlendRow:
    """One row over the pairs of one meter, or of several ("all"); paths that do not move have no correlation and no jump."""
    meters = {part.meter for part in measures}

    def estimate(values: Callable[[BlendMeasures], Floats]) -> Estimate:
        joined = np.concatenate([values(part) for part in measures])
        return mean_estimate(joined, np.arange(len(joined)))

    return BlendRow(
        meter=meters.pop() if len(meters) == 1 else "all",
        way=way,
        refine_steps=refine_steps,
        pairs=sum(len(part.ends) for part in measures),
        end_f1=estimate(lambda part: part.ends),
        rank_correlation=estimate(lambda part: part.correlation),
        largest_jump=estimate(lambda part: part.jump),
        distances=tuple(float(d) for d in np.concatenate([part.distance_to_a for part in measures]).mean(axis=0)),
    )
