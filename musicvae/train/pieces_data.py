"""Batches for networks of drums, grooves and trios: windows of a corpus in 4/4 as frames, of all lengths.

As everywhere a batch is a function of (seed, its number, rank).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from musicvae.corpus.store import Corpus
from musicvae.corpus.tunes import COLUMNS
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.frames import USUAL_TEMPO_QPM, Columns, Frames, frames_of
from musicvae.train.data import TrainingWindows, Windows, full_bars
from musicvae.train.options import PieceOptions
from musicvae.train.variation import varied_beats, varied_lines

__all__ = ["FrameReader", "HeldOutFrames", "TrainingFrames", "frames_report"]

_KIND = 0  # meters of 16 steps
_UNREAD = ("onsets", "chords")


class FrameReader:
    """Windows of a corpus as frames of one network; `bars` is the length of a full one.

    ValueError for a corpus of another material or map of drums, or one that is too small.
    """

    def __init__(self, corpus: Corpus, config: PieceConfig, *, hop_bars: int) -> None:
        self.corpus, self.config = corpus, config
        if corpus.material not in config.corpus_materials:
            corpus.require_material(config.corpus_materials[0])
        have = corpus.options.get("drum_map", "")
        if have and have != config.drums:
            raise ValueError(f"this corpus has drums of the map {have}, the network goes by {config.drums}: build one with its map")
        self.bars = full_bars(corpus, config.max_bars, hop_bars=hop_bars, kind=_KIND)
        self._columns = [name for name in COLUMNS[corpus.material] if name not in _UNREAD and name in corpus.columns]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the corpus that are read."""
        return tuple(self._columns)

    def frames(self, windows: Windows, vary: Callable[[Columns], Columns] | None = None) -> Frames:
        """The frames of windows (N, 3) of one length, their columns varied before; what is told has the tempo of each line."""
        found: Columns = {name: self.corpus.rows(windows, name) for name in self._columns}
        found = found if vary is None else vary(found)
        tempo = np.asarray(self.corpus.tempo_qpm[windows[:, 0]], np.float32)
        tempo = np.where(tempo > 0, tempo, USUAL_TEMPO_QPM)
        return frames_of(self.config, {**found, "tempo": np.broadcast_to(tempo[:, None], found["bars"].shape[:2])})


class _EvenWindows(TrainingWindows):
    """Training windows in which those of small collections come again and again.

    Each comes as often as the ratio of the largest collection's windows to its own collection's to the power 1 - `source_power`, rounded.
    """

    def __init__(self, *args: Any, source_power: float, **options: Any) -> None:
        self.source_power = source_power
        super().__init__(*args, **options)

    def windows(self, kind: int, bars: int) -> Windows:
        """All training windows of one kind and length, some of them more than once."""
        if (kind, bars) not in self._groups and self.source_power < 1:
            found = super().windows(kind, bars)
            sources = np.asarray(self.corpus.source)[found[:, 0]]
            counts = np.bincount(sources, minlength=1)
            times = np.rint((counts.max() / np.maximum(counts, 1)) ** (1 - self.source_power)).astype(np.int64)
            self._groups[kind, bars] = np.repeat(found, times[sources], axis=0)
        return super().windows(kind, bars)


class TrainingFrames:
    """Endless training batches of 4/4, windows of small collections above their share, a share of windows varied (`train.variation`)."""

    def __init__(
        self, reader: FrameReader, options: PieceOptions, *, seed: int, rank: int = 0, world_size: int = 1, vary_share: float = 0.0
    ) -> None:
        self.reader, self._draw, self._vary_share = reader, (seed, 5, rank), vary_share
        self.source = _EvenWindows(
            reader.corpus, bars=reader.bars, hop_bars=options.hop_bars, batch_size=options.batch_size, seed=seed,
            short_share=options.short_share, kinds=(_KIND,), rank=rank, world_size=world_size, source_power=options.source_power,
        )  # fmt: skip
        self.batches_per_pass = self.source.batches_per_pass

    def batch(self, number: int) -> Frames:
        """Batch `number`, from 0, of this process."""
        windows = self.source.batch_windows(number)[0]
        if not self._vary_share:
            return self.reader.frames(windows)
        rng = np.random.default_rng([*self._draw, number])
        return self.reader.frames(windows, lambda columns: self._varied(columns, rng))

    def _varied(self, columns: Columns, rng: np.random.Generator) -> Columns:
        if self.reader.config.material != "trio":
            return varied_beats(columns, self._vary_share, rng)
        return varied_lines(varied_beats(columns, self._vary_share, rng, names=("drums",)), self._vary_share, rng)

    def onward(self, number: int) -> Iterator[Frames]:
        """Batches from `number` on, without end."""
        while True:
            yield self.batch(number)
            number += 1


class HeldOutFrames:
    """The same full windows in every validation."""

    def __init__(self, reader: FrameReader, options: PieceOptions) -> None:
        found = reader.corpus.windows("validation", kind=_KIND, bars=reader.bars, hop=options.validation_hop_bars)
        most = options.validation_windows
        kept = found[np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)] if len(found) else found
        self._reader = reader
        self._parts = [kept[first : first + options.batch_size] for first in range(0, len(kept), options.batch_size)]

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._parts)

    def __iter__(self) -> Iterator[Frames]:
        """The batches, always in the same order."""
        return map(self._reader.frames, self._parts)


def frames_report(reader: FrameReader, *, hop_bars: int) -> dict[str, Any]:
    """What there is to learn from: tunes and full windows by split, and the corpus' own report."""
    corpus = reader.corpus
    counts = {name: corpus.window_counts(name, kind=_KIND, bars=reader.bars, hop=hop_bars)["windows"] for name in ("train", "validation")}
    tunes = {name: int((np.asarray(corpus.split) == i).sum()) for i, name in enumerate(("train", "validation", "test"))}
    return {"tunes": tunes, "window_bars": reader.bars, "windows": counts, "corpus": dict(corpus.report)}
