"""Batches of windows of a corpus, each of one kind of meter and one number of bars.

Every batch is a function of (seed, its number, rank), so that a run can go on at any batch without
having drawn those before. A corpus of melodies is small: it stays in memory whole, and drawing a
batch is one gather.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicvae.corpus.store import Corpus
from musicvae.music.meter import KINDS, Meter

__all__ = ["MIN_WINDOWS", "Batch", "TrainingWindows", "ValidationWindows", "Windows", "data_report", "full_bars", "steps_per_bar"]

MIN_WINDOWS = 64
"""Training windows of at least one bar that a run needs."""
_MIN_FULL_WINDOWS = 32
_FIXED_SHORT_BARS = (8, 4, 2, 1)
_MOST_SHORT_WINDOWS = 4  # times the batch size

Windows = NDArray[np.int64]
"""(W, 3): tune, first bar, bars."""


class Batch(NamedTuple):
    """tokens: (N, B, S) uint8; kind: index in `music.meter.KINDS`."""

    tokens: Tensor
    kind: int


def steps_per_bar(kind: int) -> int:
    """Steps in a bar of this kind: 16 or 12."""
    return Meter.parse(KINDS[kind]).steps_per_model_bar


def full_bars(corpus: Corpus, max_bars: int, *, hop_bars: int, kind: int | None = None) -> int:
    """Length of a full window (of a kind of meter, None: any) in bars: `max_bars`, or half as often as needed to find enough of them.

    ValueError where training or validation tunes are too few to learn from.
    """
    have, held_out = (_count(corpus, split, 1, hop_bars, kind) for split in ("train", "validation"))
    if have < MIN_WINDOWS:
        raise ValueError(f"too little data: {have} training windows of at least 1 bar; needed are {MIN_WINDOWS}, better some thousands")
    if not held_out:
        raise ValueError(f"too little data: no validation tunes ({have} training windows); needed is at least 1, better one in ten")
    bars = max_bars
    while bars > 1 and (
        _count(corpus, "train", bars, hop_bars, kind) < _MIN_FULL_WINDOWS or not _count(corpus, "validation", bars, hop_bars, kind)
    ):
        bars //= 2
    return bars


def data_report(corpus: Corpus, *, bars: int, hop_bars: int) -> dict[str, Any]:
    """What there is to learn from: tunes and windows by split and kind, and the corpus' own report."""
    windows = {
        split: {name: corpus.window_counts(split, kind=kind, bars=bars, hop=hop_bars)["windows"] for kind, name in enumerate(KINDS)}
        for split in ("train", "validation")
    }
    tunes = {name: int((np.asarray(corpus.split) == i).sum()) for i, name in enumerate(("train", "validation", "test"))}
    sources = np.asarray(corpus.source)
    return {
        "tunes": tunes,
        "tunes_by_source": {name: int((sources == i).sum()) for i, name in enumerate(corpus.sources)},
        "window_bars": bars,
        "windows": windows,
        "corpus": dict(corpus.report),
    }


def _count(corpus: Corpus, split: str, bars: int, hop: int, kind: int | None) -> int:
    return corpus.window_counts(split, kind=kind, bars=bars, hop=hop)["windows"]


def _batch(corpus: Corpus, windows: Windows, kind: int) -> Batch:
    tokens = np.ascontiguousarray(corpus.tokens(windows)[:, :, : steps_per_bar(kind)])
    return Batch(torch.from_numpy(tokens), kind)


class _Pass(NamedTuple):
    """The order of one pass: kind and bars of each batch, and the how-manieth of its group it is."""

    kinds: NDArray[np.int64]
    bars: NDArray[np.int64]
    turns: NDArray[np.int64]
    orders: dict[tuple[int, int], NDArray[np.int64]]


class TrainingWindows:
    """Endless training batches, from any batch onward.

    A pass over the full windows has `batches_per_pass` batches. Kind and bars of batch i are the
    same for all `world_size` processes (their work is equal and so are the parameters in use);
    their windows differ. `kinds`: those that take part. Within a pass no window comes twice in a group unless the group is short.
    """

    def __init__(
        self, corpus: Corpus, *, bars: int, hop_bars: int, batch_size: int, seed: int, short_share: float = 0.2,
        kind_power: float = 0.75, rank: int = 0, world_size: int = 1, kinds: Sequence[int] = tuple(range(len(KINDS))),
    ) -> None:  # fmt: skip
        self.corpus, self.bars, self.hop_bars = corpus, bars, hop_bars
        self.batch_size, self.seed = batch_size, seed
        self.short_share = short_share if bars > 1 else 0.0
        self.kind_power, self.rank, self.world_size = kind_power, rank, world_size
        self.kinds = np.array(kinds)
        self._groups: dict[tuple[int, int], Windows] = {}
        total = sum(len(self.windows(kind, bars)) for kind in kinds)
        self.batches_per_pass = max(1, round(total / (batch_size * world_size) / (1.0 - self.short_share)))
        self._pass: tuple[int, _Pass] | None = None

    def windows(self, kind: int, bars: int) -> Windows:
        """All training windows of one kind and length."""
        if (kind, bars) not in self._groups:
            found = self.corpus.windows("train", kind=kind, bars=bars, hop=self.hop_bars)
            self._groups[kind, bars] = found.astype(np.int32)  # many lengths are kept side by side
        return self._groups[kind, bars]

    def batch_windows(self, number: int) -> tuple[Windows, int]:
        """The windows of this process in batch `number` (from 0), and their kind."""
        pass_number, place = divmod(number, self.batches_per_pass)
        if self._pass is None or self._pass[0] != pass_number:
            self._pass = pass_number, self._plan(pass_number)
        plan = self._pass[1]
        kind, bars, turn = int(plan.kinds[place]), int(plan.bars[place]), int(plan.turns[place])
        size = self.size(kind, bars)
        begin = (turn * self.world_size + self.rank) * size
        return self.windows(kind, bars)[plan.orders[kind, bars][begin : begin + size]], kind

    def batch(self, number: int) -> Batch:
        """Batch `number`, from 0, of this process."""
        return _batch(self.corpus, *self.batch_windows(number))

    def onward(self, number: int) -> Iterator[Batch]:
        """Batches from `number` on, without end."""
        while True:
            yield self.batch(number)
            number += 1

    def size(self, kind: int, bars: int) -> int:
        """Windows in a batch of this group: more of the shorter ones, never more than there are."""
        wanted = self.batch_size * min(_MOST_SHORT_WINDOWS, max(1, self.bars // bars))
        return max(1, min(wanted, len(self.windows(kind, bars)) // self.world_size))

    def _plan(self, pass_number: int) -> _Pass:
        rng = np.random.default_rng([self.seed, 0, pass_number])
        n = self.batches_per_pass
        bars = np.full(n, self.bars)
        short = rng.random(n) < self.short_share
        choices = [b for b in _FIXED_SHORT_BARS if b < self.bars]
        picks = rng.integers(0, len(choices) + 1, n)
        drawn = rng.integers(1, max(2, self.bars), n)
        bars[short] = np.where(picks < len(choices), np.array([*choices, 0])[picks], drawn)[short]
        drawn_kinds = np.empty(n, dtype=np.int64)
        turns = np.empty(n, dtype=np.int64)
        orders: dict[tuple[int, int], NDArray[np.int64]] = {}
        uniform = rng.random(n)
        for length in np.unique(bars):
            at = np.flatnonzero(bars == length)
            shares = np.array([len(self.windows(kind, int(length))) for kind in self.kinds.tolist()], dtype=float) ** self.kind_power
            drawn_kinds[at] = self.kinds[np.searchsorted(np.cumsum(shares) / shares.sum(), uniform[at], side="right")]
            for kind in np.unique(drawn_kinds[at]):
                group = at[drawn_kinds[at] == kind]
                turns[group] = np.arange(len(group))
                orders[int(kind), int(length)] = self._order(pass_number, int(kind), int(length), len(group))
        return _Pass(drawn_kinds, bars, turns, orders)

    def _order(self, pass_number: int, kind: int, bars: int, batches: int) -> NDArray[np.int64]:
        """Indices of windows for that many batches of all processes: shuffled decks, one after another.

        A deck gives whole batches only, so that no batch holds a window twice.
        """
        rng = np.random.default_rng([self.seed, 1, pass_number, kind, bars])
        count = len(self.windows(kind, bars))
        joint = self.size(kind, bars) * self.world_size
        if count < joint:  # fewer windows than processes: there is no way around sharing
            return rng.integers(0, count, batches * joint)
        per_deck = count // joint
        decks = [rng.permutation(count)[: per_deck * joint] for _ in range(-(-batches // per_deck))]
        return np.concatenate(decks)[: batches * joint].copy()


class ValidationWindows:
    """The same full windows of all kinds in every validation, each batch with its own fixed noise seed."""

    def __init__(self, corpus: Corpus, *, bars: int, hop_bars: int, batch_size: int, most: int) -> None:
        groups = [np.asarray(corpus.windows("validation", kind=kind, bars=bars, hop=hop_bars)) for kind in range(len(KINDS))]
        keep = min(1.0, most / max(1, sum(map(len, groups))))
        self._batches: list[Batch] = []
        for kind, group in enumerate(groups):
            kept = group[np.linspace(0, len(group) - 1, max(1, round(keep * len(group)))).astype(int)] if len(group) else group
            self._batches += [_batch(corpus, kept[i : i + batch_size], kind) for i in range(0, len(kept), batch_size)]

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """The batches, always in the same order."""
        return iter(self._batches)
