"""A corpus: a table of lines of music, and arrays with a row for each of their bars.

Conventions: bars are model bars; a *line* is a stretch of constant meter, stored in consecutive rows. Tokens of melodies are those of
the 90-event vocabulary on a sixteenth grid (0 hold, 1 note off, 2-89 note on); meters of 12 steps use the first 12 of 16
columns. On disk see `corpus.disk.layout`: arrays are mapped, not read, so that a corpus may be larger than memory. Nothing but numpy is
needed here, so that a training machine can do without the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import LABEL, MODES, SPLITS
from musicvae.corpus.disk.mapped import ShardedRows
from musicvae.corpus.disk.opening import read_arrays
from musicvae.corpus.disk.shards import ShardWriter
from musicvae.corpus.disk.windows import REASONS, SHORT, Table, find_windows, onsets_of, reasons_of
from musicvae.corpus.tunes import COLUMNS, StoredLine
from musicvae.music.key import Key
from musicvae.music.meter import KINDS, Meter

__all__ = ["MODES", "SPLITS", "Corpus", "WindowAbout"]

_HOLD, _NOTE_OFF, _FIRST_PITCH = 0, 1, 2
_TABLE = ("num_bars", "kind", "split", "mode", "label", "source", "tonic", "shift", "start_bar", "tempo_qpm", "tune", "family", "meter")

Ints = NDArray[Any]
"""Integers, of any width."""
Rows = NDArray[Any] | ShardedRows


def _none() -> NDArray[Any]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class WindowAbout:
    """What is known of a window. bar: written bar of the file it begins with, from 1 (0: unknown); bars: model bars.

    key: in the file; stored notes are `shift` semitones higher. tempo_qpm: 0 where unknown. tags: by facet. chords: (bars, 8) codes
    of `music.chords.Chord` as stored, at each eighth, 0 for none known; None for a material without chords.
    """

    source: str
    tune_id: str
    split: str
    meter: str
    bar: int
    bars: int
    key: Key | None
    shift: int
    tempo_qpm: float
    tags: Mapping[str, str]
    chords: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class Corpus:
    """N lines of R rows (model bars) in all; ValueError for arrays that do not belong together.

    bars: (R, 16) tokens of melodies, or as `COLUMNS` has it for another material. Integers of shape (N,): start (first row), num_bars,
    kind (index into `KINDS`), split (index into `SPLITS`), mode (index into `MODES`, or -1), label (index into
    labels, or -1), source (index into sources). tune_ids: of each line, N. report: how the corpus came about.
    material: one of `MATERIALS`. columns: all columns by name, ``bars`` among them, each (R, ...). Also of shape (N,): tonic (of the
    key in the file, -1: unknown), shift (semitones from the file to what is stored), start_bar (written bar of the file, from 1;
    0: unknown), tempo_qpm (120 where the file states none), tune (number of the tune), family (number of the first tune it is related
    to), meter (index into meters, as written). tags: facet -> (N,) index into tag_names[facet], or -1; the labels are the facet
    ``type``. options: those of the build.
    What is left out is filled in. Arrays may be mapped from disk, and are then read-only.
    """

    bars: Rows
    start: Ints
    num_bars: Ints
    kind: Ints
    split: Ints
    mode: Ints
    label: Ints
    source: Ints
    labels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tune_ids: Sequence[str] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    material: str = "melody"
    columns: Mapping[str, Rows] = field(default_factory=dict)
    tonic: Ints = field(default_factory=_none)
    shift: Ints = field(default_factory=_none)
    start_bar: Ints = field(default_factory=_none)
    tempo_qpm: NDArray[Any] = field(default_factory=_none)
    tune: Ints = field(default_factory=_none)
    family: Ints = field(default_factory=_none)
    meter: Ints = field(default_factory=_none)
    meters: tuple[str, ...] = ()
    tags: Mapping[str, Ints] = field(default_factory=dict)
    tag_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_rows()
        self._fill()
        self._check_lines()

    def __len__(self) -> int:
        return len(self.start)

    # -- on disk

    def save(self, folder: str | Path) -> Path:
        """Write the corpus into a folder, made if need be, in place of an older one; returns it.

        FileExistsError for a folder that holds other things.
        """
        columns = {**self.columns} if "onsets" in self.columns else {**self.columns, "onsets": self._onsets()}
        with ShardWriter(folder, self.material, options=self.options, columns=columns) as writer:
            last = -1
            for line in range(len(self)):
                if self.tune[line] != last:
                    last = int(self.tune[line])
                    writer.begin_tune(self.tune_ids[line] if len(self.tune_ids) else "")
                rows = slice(int(self.start[line]), int(self.start[line]) + int(self.num_bars[line]))
                stored = StoredLine(
                    {name: np.asarray(column[rows]) for name, column in columns.items()}, int(self.kind[line]),
                    self.meters[int(self.meter[line])], int(self.start_bar[line]), float(self.tempo_qpm[line]),
                )  # fmt: skip
                values = {name: int(getattr(self, name)[line]) for name in ("split", "family", "mode", "tonic", "shift")}
                writer.append_line(stored, self._source(line), self._tags(line), values)
            return writer.finish(self.report, self.report.get("sources"))

    @classmethod
    def load(cls, folder: str | Path, *, verify: bool = False) -> Corpus:
        """Open what `save` or a build wrote; arrays are mapped. verify: compare every file with its checksum, which reads all of it.

        FileNotFoundError where there is no corpus, ValueError where it is damaged or newer than this library.
        """
        return cls(**read_arrays(Path(folder), verify=verify))

    # -- lines and windows

    def require_material(self, material: str) -> None:
        """ValueError unless the corpus is of this material."""
        if self.material != material:
            raise ValueError(f"this corpus holds {self.material}, and {material} is needed: build one with --kind {material}")

    def select(self, split: str | None = None, *, kind: int | None = None) -> NDArray[np.int64]:
        """Indices of the lines of a split and kind (None: any), ascending."""
        chosen = np.ones(len(self), bool)
        if split is not None:
            if split not in SPLITS:
                raise ValueError(f"unknown split {split!r}; allowed are {', '.join(SPLITS)}")
            chosen &= np.asarray(self.split == SPLITS.index(split))
        if kind is not None:
            chosen &= np.asarray(self.kind == kind)
        return np.flatnonzero(chosen)

    def windows(
        self, split: str | None, *, kind: int | None = None, bars: int = 16, hop: int = 4, allow_short: bool = False
    ) -> NDArray[np.int64]:
        """Windows (line, first bar, bars), shape (W, 3), of a split (None: all) in the order of the lines.

        They start every `hop` bars, and once more at the end of a line where hop/2 bars or more would
        else be left over. A line shorter than `bars` gives none, or, with allow_short, one of all its
        bars. Windows that hold too little are left out: see `window_counts`.
        """
        found = find_windows(self._window_table(), self.select(split, kind=kind), bars=bars, hop=hop, allow_short=allow_short)
        return np.concatenate([np.zeros((0, 3), np.int64), *(part.kept for part in found)])

    def window_counts(
        self, split: str | None, *, kind: int | None = None, bars: int = 16, hop: int = 4, allow_short: bool = False
    ) -> dict[str, int]:
        """How many windows there are (``windows``), and how many were left out, by reason.

        A melody's hold a note every two bars, melodies and drums are not empty in more than half their bars; in trios every line is
        covered by all three parts as it is.
        """
        counts = dict.fromkeys(reasons_of(self.material), 0)
        for part in find_windows(self._window_table(), self.select(split, kind=kind), bars=bars, hop=hop, allow_short=allow_short):
            counts[SHORT] += len(part.short)
            for name, count in zip(REASONS, np.bincount(part.reason, minlength=len(REASONS)).tolist(), strict=True):
                if name in counts:
                    counts[name] += count
        return counts

    def rows(self, windows: Any, column: str = "bars") -> NDArray[Any]:
        """A column's rows (W, bars, ...) of windows (W, 3); bars after a window's own length are 0 (of performances: -1)."""
        if column not in self.columns:
            raise ValueError(f"this corpus has no column {column!r}; it has {', '.join(self.columns)}")
        array = self.columns[column]
        windows = np.asarray(windows, dtype=np.int64).reshape(-1, 3)
        width = int(windows[:, 2].max(initial=1))
        if not len(array):
            return np.zeros((len(windows), width, *array.shape[1:]), array.dtype)
        first = np.asarray(self.start[windows[:, 0]]).astype(np.int64) + windows[:, 1]
        inside = np.arange(width) < windows[:, 2, None]
        found = array[np.where(inside, first[:, None] + np.arange(width), first[:, None])]
        if not inside.all():
            found[~inside] = -1 if self.material == "performance" and column == "bars" else 0
        return found

    def tokens(self, windows: Any) -> NDArray[np.uint8]:
        """Tokens (W, bars, 16) of windows (W, 3) of a melody; bars after a window's own length are 0.

        A note-off before the first onset, left over from a note before the window, becomes a hold. ValueError for drums and grooves.
        """
        if self.columns["bars"].dtype != np.uint8 or self.columns["bars"].ndim != 2:
            raise ValueError(f"a corpus of {self.material} has no melody tokens; take rows(windows, column) instead")
        tokens = self.rows(windows)
        flat = tokens.reshape(len(tokens), tokens.shape[1] * tokens.shape[2])
        before = np.cumsum(flat >= _FIRST_PITCH, axis=1) == 0
        flat[before & (flat == _NOTE_OFF)] = _HOLD
        return flat.reshape(tokens.shape)

    def describe(self, windows: Any) -> list[WindowAbout]:
        """What is known of each of these windows (W, 3)."""
        windows = np.asarray(windows, dtype=np.int64).reshape(-1, 3)
        chords = self.rows(windows, "chords") if "chords" in self.columns else [None] * len(windows)
        return [self._about(line, first, bars, chord) for (line, first, bars), chord in zip(windows.tolist(), chords, strict=True)]

    # -- pieces

    def _about(self, line: int, first: int, bars: int, chords: NDArray[np.uint8] | None) -> WindowAbout:
        meter, begin = self.meters[int(self.meter[line])], int(self.start_bar[line])
        tonic, mode = int(self.tonic[line]), int(self.mode[line])
        return WindowAbout(
            source=self._source(line), tune_id=self.tune_ids[line] if len(self.tune_ids) else "", split=SPLITS[int(self.split[line])],
            meter=meter, bar=begin and begin + first * Meter.parse(meter).written_per_model_bar, bars=bars,
            key=Key(tonic, MODES[mode]) if tonic >= 0 and mode >= 0 else None, shift=int(self.shift[line]),
            tempo_qpm=float(self.tempo_qpm[line]), tags=self._tags(line), chords=None if chords is None else chords[:bars],
        )  # fmt: skip

    def _source(self, line: int) -> str:
        number = int(self.source[line])
        return self.sources[number] if 0 <= number < len(self.sources) else ""

    def _tags(self, line: int) -> dict[str, str]:
        return {name: self.tag_names[name][code] for name in sorted(self.tags) if (code := int(self.tags[name][line])) >= 0}

    def _window_table(self) -> Table:
        return Table(self.material, self.start, self.num_bars, self._onsets())

    def _onsets(self) -> Rows:
        return self.columns["onsets"] if "onsets" in self.columns else onsets_of(np.asarray(self.bars), self.material)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _fill(self) -> None:
        """Derive what was not given."""
        # Columns of other bars say nothing of these.
        columns = self.columns if self.columns.get("bars", self.bars) is self.bars else {}
        self._set(columns={"bars": self.bars, **{name: column for name, column in columns.items() if name != "bars"}})
        count = len(self)
        for name, missing in (("tonic", -1), ("shift", 0), ("start_bar", 0), ("tempo_qpm", 0)):
            if not len(getattr(self, name)):
                self._set(**{name: np.full(count, missing, np.int64)})
        if not len(self.tune):
            self._set(tune=_numbered(self.tune_ids, self.source, count))
        if not len(self.family):
            self._set(family=self.tune)
        if not self.meters:
            self._set(meters=KINDS, meter=self.kind)
        if self.labels or LABEL in self.tags:
            self._set(tags={**self.tags, LABEL: self.label}, tag_names={**self.tag_names, LABEL: self.labels})

    def _check_rows(self) -> None:
        if self.material not in COLUMNS:
            raise ValueError(f"unknown material {self.material!r}; allowed are {', '.join(COLUMNS)}")
        wanted = COLUMNS[self.material]["bars"]
        if self.bars.shape[1:] != wanted.shape or self.bars.dtype != np.dtype(wanted.dtype):
            size = ", ".join(map(str, ("R", *wanted.shape)))
            raise ValueError(f"bars must be ({size}) {wanted.dtype}, got {self.bars.shape} {self.bars.dtype}")

    def _check_lines(self) -> None:
        count = len(self)
        for name in (*_TABLE, *(f"tags[{facet}]" for facet in self.tags)):
            values = self.tags[name[5:-1]] if name.startswith("tags[") else getattr(self, name)
            if values.shape != (count,):
                raise ValueError(f"{name} must have shape ({count},) as start has, got {values.shape}")
        for name, column in self.columns.items():
            if len(column) != len(self.bars):
                raise ValueError(f"column {name} has {len(column)} rows, bars {len(self.bars)}")
        if count and int((self.start + self.num_bars).max()) > len(self.bars):
            raise ValueError(f"a tune reaches past the last of {len(self.bars)} bars; do the two files belong together?")
        sizes = {"kind": len(KINDS), "split": len(SPLITS), "mode": len(MODES), "label": len(self.labels), "source": len(self.sources)}
        for name, size in {**sizes, "meter": len(self.meters)}.items():
            values = getattr(self, name)
            if count and not -1 <= int(values.min()) <= int(values.max()) < size:
                raise ValueError(f"{name} has values outside -1..{size - 1}")


def _numbered(tune_ids: Sequence[str], source: Ints, count: int) -> NDArray[np.int64]:
    """Numbers of tunes, where successive lines of one id and source are of one tune."""
    if len(tune_ids) != count or not count:
        return np.arange(count)
    new = [i == 0 or tune_ids[i] != tune_ids[i - 1] or source[i] != source[i - 1] for i in range(count)]
    numbers: NDArray[np.int64] = np.cumsum(new) - 1
    return numbers
