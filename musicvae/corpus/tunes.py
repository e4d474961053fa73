"""The types a file passes through on its way into a corpus.

    SourceFile -> SourceTune (one that can be read) -> Score -> Tune of StoredLines -> rows of shards

Conventions: bars are model bars unless said otherwise; a *row* is one bar of one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.key import Key
from musicvae.music.score import Score

__all__ = ["COLUMNS", "Column", "SourceFile", "SourceTune", "StoredLine", "Tune"]


@dataclass(frozen=True)
class Column:
    """One array of a corpus, a row for each bar: its type, the shape of a row, and what is in it."""

    dtype: str
    shape: tuple[int, ...]
    meaning: str


_CHORDS = Column("uint8", (8,), "chord at each eighth, as `music.chords.Chord.code`; 0: none known")
_ONSETS = Column("uint8", (), "onsets in the bar, at most 255")
_MELODY = "events of the 90-event vocabulary at each sixteenth"
COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "melody": {"bars": Column("uint8", (16,), _MELODY), "chords": _CHORDS, "onsets": _ONSETS},
    "drums": {"bars": Column("uint64", (16,), "a bit for each class of the drum map that is hit, at each sixteenth"), "onsets": _ONSETS},
    "groove": {
        "bars": Column("uint8", (16, 9), "velocity 1-127 of each class at each sixteenth; 0: no hit"),
        "offsets": Column("float16", (16, 9), "played onset minus grid, in sixteenths, -0.5 to 0.5; positive is late"),
        "onsets": _ONSETS,
    },
    "trio": {
        "bars": Column("uint8", (16,), f"melody: {_MELODY}"),
        "bass": Column("uint8", (16,), f"bass: {_MELODY}"),
        "drums": Column("uint64", (16,), "a bit for each class of the drum map that is hit, at each sixteenth"),
        "chords": _CHORDS,
        "onsets": _ONSETS,
    },
    "performance": {
        "bars": Column("int16", (8, 64), "rows of tokens of up to 8 instruments, as in `music.performance`; -1: nothing"),
        "chords": _CHORDS,
        "onsets": _ONSETS,
    },
}
"""The columns of each material; meters of 12 steps use the first 12 of 16 (and 6 of 8)."""


@dataclass(frozen=True)
class SourceFile:
    """A file to read. source: collection or folder it belongs to; name: its path inside that, with slashes.

    path: where it lies. recipe: name of the recipe that tells how to read it, "" for none. first_tune, tunes: which tunes
    of a file of many (tunes None: all). label: the name of its folder, "" at the top. size: bytes.
    """

    source: str
    name: str
    path: str
    recipe: str = ""
    label: str = ""
    first_tune: int = 0
    tunes: int | None = None
    size: int = 0


@dataclass(frozen=True)
class SourceTune:
    """A tune that can be read: `read` gives its score or raises ValueError or OSError.

    tags: facets such as ``type`` (dance type or style), ``composer``. track: as `music.extract` takes it. split: that of the
    collection's own division, "" if it has none.
    """

    source: str
    tune_id: str
    file: str
    read: Callable[[], Score]
    tags: Mapping[str, str] = field(default_factory=dict)
    track: int | str | None = None
    split: str = ""


@dataclass(frozen=True)
class StoredLine:
    """A stretch of constant meter as it is stored: `rows` holds the material's `COLUMNS`, each (B, ...).

    kind: index into `music.meter.KINDS`; meter: as written. start_bar: written bar of the file, from 1.
    key: as in the file, None for drums; shift: semitones from the file's pitch to the stored one.
    """

    rows: Mapping[str, NDArray[Any]]
    kind: int
    meter: str
    start_bar: int
    tempo_qpm: float
    key: Key | None = None
    shift: int = 0

    @property
    def num_bars(self) -> int:
        """Model bars."""
        return len(self.rows["bars"])


@dataclass(frozen=True)
class Tune:
    """A tune as it is stored, with its shingles for finding duplicates: (P,) uint64, ascending, none twice."""

    source: str
    tune_id: str
    file: str
    tags: Mapping[str, str]
    split: str
    lines: tuple[StoredLine, ...]
    shingles: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    skeleton: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """Shingles of the notes on the beats alone, which settings of one tune share though their ornaments differ."""
