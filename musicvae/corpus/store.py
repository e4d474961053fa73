"""A corpus of melodies on disk: all bars in one array, and a table of tunes.

Conventions: tokens are those of the 90-event melody vocabulary on a sixteenth grid (0 hold, 1 note
off, 2-89 note on), one row of 16 per model bar; meters of 12 steps use the first 12 columns. Tunes
are stored in canonical key and keep to one meter. On disk: ``corpus.npz`` and ``corpus.json`` in one
folder. Nothing but numpy is needed here, so that a training machine can do without the rest.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR

__all__ = ["MODES", "SPLITS", "Corpus"]

SPLITS = ("train", "validation", "test")
MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
_ARRAYS = ("bars", "start", "num_bars", "kind", "split", "mode", "label", "source")
_HOLD, _NOTE_OFF, _FIRST_PITCH = 0, 1, 2

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """N tunes of T model bars in all.

    bars: (T, 16) uint8. Of shape (N,), int64: start (first row in bars), num_bars, kind (index into
    `KINDS`), split (index into `SPLITS`), mode (index into `MODES`), label (index into labels, or -1),
    source (index into sources). tune_ids: N names. report: how the corpus came about.
    """

    bars: NDArray[np.uint8]
    start: Ints
    num_bars: Ints
    kind: Ints
    split: Ints
    mode: Ints
    label: Ints
    source: Ints
    labels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tune_ids: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.start)
        if self.bars.ndim != 2 or self.bars.shape[1] != MAX_STEPS_PER_BAR or self.bars.dtype != np.uint8:
            raise ValueError(f"bars must be (T, {MAX_STEPS_PER_BAR}) uint8, got {self.bars.shape} {self.bars.dtype}")
        for name in _ARRAYS[1:]:
            if getattr(self, name).shape != (count,):
                raise ValueError(f"{name} must have shape ({count},) as start has, got {getattr(self, name).shape}")
        if count and int((self.start + self.num_bars).max()) > len(self.bars):
            raise ValueError(f"a tune reaches past the last of {len(self.bars)} bars; do the two files belong together?")
        sizes = {"kind": len(KINDS), "split": len(SPLITS), "mode": len(MODES), "label": len(self.labels), "source": len(self.sources)}
        for name, size in sizes.items():
            values = getattr(self, name)
            if count and not -1 <= int(values.min()) <= int(values.max()) < size:
                raise ValueError(f"{name} has values outside -1..{size - 1}")

    def __len__(self) -> int:
        return len(self.start)

    def save(self, folder: str | Path) -> Path:
        """Write ``corpus.npz`` and ``corpus.json`` into the folder, made if need be; returns it."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        words = {"format": 1, "labels": self.labels, "sources": self.sources, "tune_ids": self.tune_ids, "report": self.report}
        with (folder / "corpus.npz.part").open("wb") as file:
            np.savez_compressed(file, **{name: getattr(self, name) for name in _ARRAYS})
        (folder / "corpus.json.part").write_text(json.dumps(words, indent=1, ensure_ascii=False), encoding="utf-8")
        for name in ("corpus.json", "corpus.npz"):  # in this order, so that a folder with the .npz is complete
            (folder / f"{name}.part").replace(folder / name)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Corpus:
        """Read what `save` wrote; FileNotFoundError where it is not, ValueError where it is damaged."""
        folder = Path(folder)
        if not (folder / "corpus.npz").is_file() or not (folder / "corpus.json").is_file():
            raise FileNotFoundError(f"{folder} holds no corpus (corpus.npz and corpus.json are missing)")
        try:
            words = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
            with (folder / "corpus.npz").open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays: dict[str, Any] = {name: file[name] for name in _ARRAYS}
            names: dict[str, Any] = {name: tuple(map(str, words[name])) for name in ("labels", "sources", "tune_ids")}
            if words["format"] != 1:
                raise ValueError(f"format {words['format']} is newer than this library reads (1)")
            return cls(**arrays, **names, report=words["report"])
        except (KeyError, TypeError, EOFError, OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
            raise ValueError(f"the corpus in {folder} is damaged or newer: {error}") from error

    def select(self, split: str | None = None, *, kind: int | None = None) -> Ints:
        """Indices of the tunes of a split and kind (None: any), ascending."""
        chosen = np.ones(len(self), bool)
        if split is not None:
            if split not in SPLITS:
                raise ValueError(f"unknown split {split!r}; allowed are {', '.join(SPLITS)}")
            chosen &= self.split == SPLITS.index(split)
        if kind is not None:
            chosen &= self.kind == kind
        return np.flatnonzero(chosen)

    def windows(self, split: str | None, *, kind: int | None = None, bars: int = 16, hop: int = 4, allow_short: bool = False) -> Ints:
        """Windows (tune, start bar, bars), shape (W, 3), of a split (None: all) in the order of the tunes.

        They start every `hop` bars, and once more at the end of a tune where hop/2 bars or more would
        else be left over. A tune shorter than `bars` gives none, or, with allow_short, one of all its
        bars. Windows that hold too little are left out: see `window_counts`.
        """
        return self._windows(split, kind, bars, hop, allow_short)[0]

    def window_counts(
        self, split: str | None, *, kind: int | None = None, bars: int = 16, hop: int = 4, allow_short: bool = False
    ) -> dict[str, int]:
        """How many windows there are (``windows``), and how many were left out, by reason."""
        return self._windows(split, kind, bars, hop, allow_short)[1]

    def tokens(self, windows: Ints) -> NDArray[np.uint8]:
        """Tokens (W, bars, 16) of windows (W, 3); bars after a window's own length are 0.

        A note-off before the first onset, left over from a note before the window, becomes a hold.
        """
        windows = np.asarray(windows, dtype=np.int64).reshape(-1, 3)
        width = int(windows[:, 2].max(initial=1))
        offsets = np.arange(width)
        rows = self.start[windows[:, 0], None] + windows[:, 1, None] + offsets
        inside = offsets < windows[:, 2, None]
        tokens = self.bars[np.where(inside, rows, 0)] if len(self.bars) else np.zeros((len(windows), width, MAX_STEPS_PER_BAR), np.uint8)
        tokens[~inside] = _HOLD
        flat = tokens.reshape(len(windows), width * MAX_STEPS_PER_BAR)
        before = np.cumsum(flat >= _FIRST_PITCH, axis=1) == 0
        flat[before & (flat == _NOTE_OFF)] = _HOLD
        return flat.reshape(tokens.shape)

    def _windows(self, split: str | None, kind: int | None, bars: int, hop: int, allow_short: bool) -> tuple[Ints, dict[str, int]]:
        if bars < 1 or hop < 1:
            raise ValueError(f"bars {bars} and hop {hop} must be at least 1")
        found: list[tuple[int, int, int]] = []
        short = 0
        for tune in self.select(split, kind=kind):
            length = int(self.num_bars[tune])
            if length < bars:
                short += 1
                found += [(int(tune), 0, length)] if allow_short and length else []
                continue
            starts = list(range(0, length - bars + 1, hop))
            if 2 * (length - bars - starts[-1]) >= hop:
                starts.append(length - bars)
            found += [(int(tune), start, bars) for start in starts]
        windows = np.array(found, dtype=np.int64).reshape(-1, 3)
        notes_to = np.concatenate([[0], np.cumsum((self.bars >= _FIRST_PITCH).sum(1))])
        filled_to = np.concatenate([[0], np.cumsum((self.bars >= _FIRST_PITCH).any(1))])
        first = self.start[windows[:, 0]] + windows[:, 1]
        notes = notes_to[first + windows[:, 2]] - notes_to[first]
        empty = windows[:, 2] - (filled_to[first + windows[:, 2]] - filled_to[first])
        few, rests = 2 * notes < windows[:, 2], 2 * empty > windows[:, 2]
        none = notes == 0
        kept = ~(none | few | rests)
        counts = {
            "windows": int(kept.sum()),
            "tunes shorter than a window": short,
            "windows without a note": int(none.sum()),
            "windows with less than a note every two bars": int((few & ~none).sum()),
            "windows with more than half their bars empty": int((rests & ~few & ~none).sum()),
        }
        return windows[kept], counts
