"""Batches for the published networks: windows of a corpus, moved to another key, as a network's inputs and targets.

Conventions: W windows, N of them in a batch; other shapes as in `music.converters`. As with the project's own networks every batch is a
function of (seed, its number, rank).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.corpus.store import Corpus
from musicvae.corpus.tunes import COLUMNS
from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.conversion import converter_for
from musicvae.music.converters import Columns
from musicvae.train.data import MIN_WINDOWS, TrainingWindows, Windows
from musicvae.train.options import PublishedOptions

__all__ = ["ExampleReader", "Examples", "HeldOutExamples", "TrainingExamples", "example_report", "quieter_hits_dropped"]

_LEAST_CHANCE, _MAX_VELOCITY = 0.2, 127
_KIND = 0  # meters of 16 steps: the published networks know no other


class Examples(NamedTuple):
    """A batch, as `PublishedVAE` takes it; None where the network has no such thing."""

    inputs: Tensor
    targets: Tensor
    controls: Tensor | None
    lengths: Tensor | None

    @property
    def num_windows(self) -> int:
        """N."""
        return len(self.targets)

    def part(self, rows: slice) -> Examples:
        """Some of the examples."""
        controls, lengths = (None if x is None else x[rows] for x in (self.controls, self.lengths))
        return Examples(self.inputs[rows], self.targets[rows], controls, lengths)


class ExampleReader:
    """Windows of a corpus as examples of one network; ValueError for a corpus that does not fit it."""

    def __init__(self, corpus: Corpus, config: PublishedConfig) -> None:
        self.corpus, self.config = corpus, config
        self.converter = converter_for(config)
        corpus.require_material(self.converter.material)
        self._require_drums()
        self.bars = self.converter.bars(config.steps)
        self._columns = [name for name in COLUMNS[corpus.material] if name != "onsets" and name in corpus.columns]

    def columns(self, windows: Windows, semitones: NDArray[Any] | int = 0) -> Columns:
        """The columns (N, B, ...) of windows in the key of their file, then so many semitones higher; drums stay."""
        found = {name: self.corpus.rows(windows, name) for name in self._columns}
        shift = np.asarray(semitones) - np.asarray(self.corpus.shift[windows[:, 0]]).astype(np.int64)
        return self.converter.transposed(found, shift) if shift.any() else found

    def examples(self, columns: Columns, heard: Columns | None = None) -> Examples:
        """Columns as a batch; heard: what the encoder is given instead."""
        given, made = columns if heard is None else heard, self.converter
        controls, lengths = (None if x is None else _tensor(x) for x in (made.controls(columns), made.lengths(given)))
        return Examples(_tensor(made.inputs(given)), _tensor(made.targets(columns)), controls, lengths)

    def _require_drums(self) -> None:
        """Classes of drums are numbers: read by another map they would be learned, and played, as other drums."""
        wanted, have = self.converter.drum_map, self.corpus.options.get("drum_map", "")
        if wanted and have and have != wanted:
            raise ValueError(
                f"this corpus has drums of the map {have}, and {self.config.preset} goes by the map {wanted}: "
                f"build one with --drum-map {wanted}"
            )


class TrainingExamples:
    """Endless training batches, from any batch onward; windows as in `TrainingWindows`, all full ones in 4/4.

    Each window is moved by its own number of semitones, at most `options.transpose` either way, drawn anew every time it comes.
    """

    def __init__(self, reader: ExampleReader, options: PublishedOptions, *, rank: int = 0, world_size: int = 1) -> None:
        self.reader, self.options, self.rank = reader, options, rank
        self.source = TrainingWindows(
            reader.corpus, bars=reader.bars, hop_bars=options.hop_bars, batch_size=options.batch_size, seed=options.seed,
            short_share=0.0, kinds=(_KIND,), rank=rank, world_size=world_size,
        )  # fmt: skip
        self.batches_per_pass = self.source.batches_per_pass

    @property
    def batch_size(self) -> int:
        """Windows in each batch: as asked for, or all there are."""
        return self.source.size(_KIND, self.reader.bars)

    def batch(self, number: int) -> Examples:
        """Batch `number`, from 0, of this process."""
        options = self.options
        windows, _ = self.source.batch_windows(number)
        rng = np.random.default_rng([options.seed, 3, number, self.rank])
        semitones = rng.integers(-options.transpose, options.transpose + 1, len(windows))
        columns = self.reader.columns(windows, semitones)
        if not options.input_dropout:
            return self.reader.examples(columns)
        kept = quieter_hits_dropped(columns["bars"], rng.uniform(0.0, options.input_dropout, len(windows)), rng)
        return self.reader.examples(columns, {**columns, "bars": kept})

    def onward(self, number: int) -> Iterator[Examples]:
        """Batches from `number` on, without end."""
        while True:
            yield self.batch(number)
            number += 1


class HeldOutExamples:
    """The same windows, in the key of their files, in every validation."""

    def __init__(self, reader: ExampleReader, *, hop_bars: int, batch_size: int, most: int) -> None:
        found = reader.corpus.windows("validation", kind=_KIND, bars=reader.bars, hop=hop_bars)
        kept = found[np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)] if len(found) else found
        self._reader = reader
        self._parts = [kept[first : first + batch_size] for first in range(0, len(kept), batch_size)]

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._parts)

    def __iter__(self) -> Iterator[Examples]:
        """The batches, always in the same order."""
        return (self._reader.examples(self._reader.columns(part)) for part in self._parts)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def quieter_hits_dropped(velocity: NDArray[np.uint8], share: NDArray[Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Velocities (N, B, 16, 9) without some of their hits, each dropped with the chance share * max(0.2, 1 - velocity / 127).

    share: (N,), 0..1. As in the original.
    """
    chance = share[:, None, None, None] * np.maximum(_LEAST_CHANCE, 1 - velocity / _MAX_VELOCITY)
    kept: NDArray[np.uint8] = np.where(rng.random(velocity.shape) < chance, 0, velocity).astype(np.uint8)
    return kept


def example_report(reader: ExampleReader, *, hop_bars: int) -> dict[str, Any]:
    """What there is to learn from: tunes and windows by split, the corpus' own report, and what the network is not told.

    ValueError where there are too few windows to learn from.
    """
    corpus = reader.corpus
    counts = {name: corpus.window_counts(name, kind=_KIND, bars=reader.bars, hop=hop_bars)["windows"] for name in ("train", "validation")}
    tell = f"in 4/4 of {reader.bars} bar{'s' if reader.bars > 1 else ''}"
    if counts["train"] < MIN_WINDOWS:
        raise ValueError(f"too little data: {counts['train']} training windows {tell}; needed are {MIN_WINDOWS}, better some thousands")
    if not counts["validation"]:
        raise ValueError(f"too little data: no validation windows {tell} ({counts['train']} for training); needed is at least 1")
    tunes = {name: int((np.asarray(corpus.split) == i).sum()) for i, name in enumerate(("train", "validation", "test"))}
    found: dict[str, Any] = {"tunes": tunes, "window_bars": reader.bars, "windows": counts, "corpus": dict(corpus.report)}
    if reader.converter.drum_map:
        found["drum_map"] = corpus.options.get("drum_map", reader.converter.drum_map)
    if reader.converter.control_depth and "chords" in COLUMNS[corpus.material]:
        chords = corpus.columns.get("chords")
        found["share_of_bars_with_chords"] = 0.0 if chords is None else _share_with_chords(chords)
    return found


def _share_with_chords(chords: Any, most: int = 100_000) -> float:
    rows = np.asarray(chords[:most])
    return float((rows > 0).any(axis=tuple(range(1, rows.ndim))).mean()) if len(rows) else 0.0
