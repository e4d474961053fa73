"""Held-out windows of drums, grooves and trios, and an engine called in batches of bounded memory.

Conventions: W windows of B bars of 4/4; columns (W, B, 16, ...) as in `compose.pieces.engine`; z has Z numbers. What a network is told
is made here from the columns, hit by hit, so that it can hold no more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import Posterior, batches
from musicvae.evaluate.pieces.hits import Flags, hit_bits, struck
from musicvae.music.drum_maps import drum_map

if TYPE_CHECKING:
    from musicvae.compose.pieces.engine import Columns, PieceEngine
    from musicvae.corpus.store import Corpus

__all__ = ["PieceCodec", "PieceWindows", "select_pieces", "told_of"]

Floats = NDArray[np.float64]
_FOUR_FOUR = 0  # of music.meter.KINDS


@dataclass(frozen=True, eq=False)
class PieceWindows:
    """Windows as columns, with the tune (W,), the label index (W,; -1: none) and the tempo (W,) in quarter notes a minute of each."""

    columns: Mapping[str, NDArray[Any]]
    tunes: NDArray[np.int64]
    labels: NDArray[np.int64]
    tempo_qpm: Floats

    def __len__(self) -> int:
        return len(self.tunes)

    @property
    def bars(self) -> int:
        """Bars of each window."""
        return int(self.columns["bars"].shape[1])

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> PieceWindows:
        """The windows of these rows, in their order."""
        index = np.asarray(rows, np.int64)
        columns = {name: column[index] for name, column in self.columns.items()}
        return PieceWindows(columns, self.tunes[index], self.labels[index], self.tempo_qpm[index])


def select_pieces(
    corpus: Corpus, split: str, *, bars: int, hop: int | None = None, limit: int | None = None, one_per_tune: bool = False, seed: int = 0
) -> PieceWindows:
    """Windows of a split, at most `limit` of them, drawn evenly at random and kept in order.

    hop: bars from one to the next, default as many as they have but at most 4. one_per_tune keeps one window of each tune, drawn at
    random, before the limit. Grooves, whose feel depends on it, have a column "tempo" (W, B) too.
    """
    found = corpus.windows(split, kind=_FOUR_FOUR, bars=bars, hop=min(bars, 4) if hop is None else hop)
    rng = np.random.default_rng([seed, bars])
    tunes = np.asarray(corpus.tune, np.int64)
    if one_per_tune:
        order = rng.permutation(len(found))
        _, first = np.unique(tunes[found[order, 0]], return_index=True)
        found = found[np.sort(order[first])]
    if limit is not None and len(found) > limit:
        found = found[np.sort(rng.permutation(len(found))[:limit])]
    lines = found[:, 0]
    columns: dict[str, NDArray[Any]] = {name: _rows(corpus, found, name, bars) for name in corpus.columns if name != "onsets"}
    tempo = np.asarray(corpus.tempo_qpm, np.float64)[lines]
    if corpus.material == "groove":
        columns["tempo"] = np.repeat(tempo[:, None], bars, axis=1)
    return PieceWindows(columns, tunes[lines], np.asarray(corpus.label, np.int64)[lines], tempo)


def _rows(corpus: Corpus, found: NDArray[np.int64], name: str, bars: int) -> NDArray[Any]:
    if len(found):
        return corpus.rows(found, name)
    column = corpus.columns[name]
    return np.zeros((0, bars, *column.shape[1:]), column.dtype)


def told_of(engine: PieceEngine, columns: Columns) -> dict[str, NDArray[Any]] | None:
    """What this network is told of windows (W, B, ...) of a corpus; None for one that is told nothing.

    A tap is a step with any hit, its timing that of the step's loudest one, 0 where the corpus tells no timing.
    """
    if not engine.guide:
        return None
    tempo = {"tempo": columns["tempo"]} if "tempo" in columns else {}
    if engine.guide == "chords":
        return {"chords": columns["chords"]}
    hits = struck(columns, len(drum_map(engine.drum_map)))
    if engine.guide == "hits":
        return {"hits": hit_bits(hits), **tempo}
    tapped: Flags = np.any(hits, axis=-1)
    return {"taps": tapped.astype(np.uint8), "tap_offsets": _tap_offsets(columns, hits), **tempo}


def _tap_offsets(columns: Columns, hits: Flags) -> NDArray[np.float32]:
    if "offsets" not in columns:
        return np.zeros(hits.shape[:-1], np.float32)
    loudest = columns["bars"].argmax(axis=-1)[..., None]
    return np.asarray(np.take_along_axis(columns["offsets"], loudest, -1)[..., 0] * hits.any(axis=-1), np.float32)


@dataclass(frozen=True)
class PieceCodec:
    """An engine called with `batch` windows at a time; `progress` hears how many windows each call did."""

    engine: PieceEngine
    batch: int = 64
    progress: Callable[[int], None] | None = None

    def encode(self, windows: PieceWindows) -> Posterior[PieceWindows]:
        """The posterior of all windows."""
        parts = [self.engine.encode(self._own(windows.columns, rows)) for rows in self._rows(len(windows))]
        empty = np.zeros((0, self.engine.config.z_size))
        mu, sigma = (np.concatenate([empty, *(part[i] for part in parts)]) for i in (0, 1))
        return Posterior(windows, mu, sigma)

    def decode(
        self, z: Floats, *, bars: int, temperature: float = 0.0, seeds: Sequence[int] | None = None, told: Columns | None = None
    ) -> dict[str, NDArray[Any]]:
        """Free-running columns (W, bars, ...) of z (W, Z); temperature 0 is greedy, else `seeds` has one for each window.

        told: as `told_of` gives it. ValueError without rows.
        """
        if not len(z):
            raise ValueError("there is no z to decode: ask for at least one window")
        parts = []
        for rows in self._rows(len(z)):
            chosen = None if seeds is None else seeds[rows]
            part = None if told is None else {name: column[rows] for name, column in told.items()}
            parts.append(self.engine.decode(z[rows], bars=bars, temperature=temperature, seeds=chosen, told=part))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def hits(self, columns: Columns) -> Flags:
        """The hits in columns, by the engine's drum map."""
        return struck(columns, len(drum_map(self.engine.drum_map)))

    def refine(self, z: Floats, windows: PieceWindows, *, steps: int) -> Floats:
        """Refined z (W, Z), after `steps` gradient steps towards each window itself."""
        parts = [np.zeros((0, z.shape[1]))]
        parts += [self.engine.refine(z[rows], self._own(windows.columns, rows), steps) for rows in self._rows(len(z))]
        return np.concatenate(parts)

    def sample_prior(self, seeds: Sequence[int], *, bars: int, temperature: float = 1.0, told: Columns | None = None) -> Floats:
        """Draw z (len(seeds), Z) from the engine's prior, for what it is told; temperature 0 is its likeliest way."""
        parts = [np.zeros((0, self.engine.config.z_size))]
        for rows in self._rows(len(seeds)):
            part = None if told is None else {name: column[rows] for name, column in told.items()}
            parts.append(self.engine.sample_prior(seeds[rows], bars=bars, temperature=temperature, told=part))
        return np.concatenate(parts)

    def standard(self, count: int, *, bars: int, rng: np.random.Generator) -> Floats:
        """Draw z (count, Z) from N(0, I), 0 in the blocks of bars that are not there."""
        z = np.zeros((count, self.engine.config.z_size))
        used = self.engine.z_used(bars)
        z[:, :used] = rng.standard_normal((count, used))
        return z

    def own(self, columns: Columns) -> dict[str, NDArray[Any]]:
        """The columns as the engine's material has them: a model of drums may be tried on grooves."""
        if self.engine.material == "drums" and columns["bars"].dtype != np.uint64:
            return {"bars": hit_bits(struck(columns))}
        return dict(columns)

    def _own(self, columns: Columns, rows: slice) -> dict[str, NDArray[Any]]:
        """These rows as the encoder takes them; one for taps hears their timing in a groove."""
        part = {name: column[rows] for name, column in columns.items()}
        return part if self.engine.guide == "taps" else self.own(part)

    def _rows(self, count: int) -> Iterator[slice]:
        return batches(count, self.batch, self.progress)
