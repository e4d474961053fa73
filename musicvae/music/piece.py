"""A piece of any material on the grids of the networks: what they are given and what they make.

Conventions: a piece is in 4/4 throughout. Its columns are arrays (B, ...), B bars, named and shaped as a corpus stores its rows:
melody: ``bars``; drums: ``bars``; groove: ``bars``, ``offsets``; trio: ``bars`` (melody), ``bass``, ``drums``; performance: ``bars``; and
``chords``, codes at each eighth, beside whatever has pitches. A piece is immutable; the methods return new ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.drum_maps import DrumMap, drum_map
from musicvae.music.groove import GROOVE_CLASSES
from musicvae.music.key import Key
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import MAX_STEPS_PER_BAR, Meter
from musicvae.music.performance import END, MAX_EVENTS, MAX_PARTS, NUM_TOKENS
from musicvae.music.score import NoteTable, Score
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, VOCABULARY_SIZE

__all__ = ["FOUR_FOUR", "PIECE_COLUMNS", "PIECE_MATERIALS", "VOICES", "Piece", "is_hits"]

FOUR_FOUR = Meter(4, 4)
_STEPS, _GROOVE = (MAX_STEPS_PER_BAR,), (MAX_STEPS_PER_BAR, GROOVE_CLASSES)
_TOKENS, _HITS = ("uint8", _STEPS), ("uint64", _STEPS)
PIECE_COLUMNS: Mapping[str, Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "melody": {"bars": _TOKENS},
    "drums": {"bars": _HITS},
    "groove": {"bars": ("uint8", _GROOVE), "offsets": ("float16", _GROOVE)},
    "trio": {"bars": _TOKENS, "bass": _TOKENS, "drums": _HITS},
    "performance": {"bars": ("int16", (MAX_PARTS, MAX_EVENTS))},
}
"""Type and shape of a row of each column of each material; ``chords`` may come beside any that has pitches."""
PIECE_MATERIALS = tuple(PIECE_COLUMNS)
VOICES = {"melody": ("bars",), "trio": ("bars", "bass")}
"""Columns of melody tokens, by material."""
_CHORDS = ("uint8", (EIGHTHS_PER_ROW,))
_FINGERPRINT_DIGITS = 12


def is_hits(column: NDArray[Any]) -> bool:
    """Whether a column holds hits of drums, not tokens of a line."""
    return column.dtype == np.uint64


@dataclass(frozen=True, eq=False)
class Piece:
    """Some bars of a material, at least one; ValueError for columns that do not fit it.

    material: one of `PIECE_MATERIALS`. columns: as above, read-only. tempo_qpm: quarter notes a minute. drum_map: name of the map of its
    drums. key: None where unknown. provenance: what made it, kept in the file as a text event. notices: what the user should know
    about how it was taken, a sentence each.
    """

    material: str
    columns: Mapping[str, NDArray[Any]]
    tempo_qpm: float = DEFAULT_TEMPO_QPM
    drum_map: str = "nine"
    key: Key | None = None
    name: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.material not in PIECE_COLUMNS:
            raise ValueError(f"unknown material {self.material!r}; allowed are {', '.join(PIECE_MATERIALS)}")
        if not 0 < self.tempo_qpm < 10_000:
            raise ValueError(f"tempo {self.tempo_qpm:g} is outside (0, 10000) quarter notes a minute")
        if self.material == "groove" and len(self.drums) != GROOVE_CLASSES:
            raise ValueError(f"a groove has {GROOVE_CLASSES} classes, the drum map {self.drum_map} {len(self.drums)}")
        object.__setattr__(self, "columns", {name: self._checked(name) for name in self._names()})
        self._check_values()

    # -- what it is

    @property
    def drums(self) -> DrumMap:
        """The map of its drums."""
        return drum_map(self.drum_map)

    @property
    def num_bars(self) -> int:
        """Bars, of 16 sixteenths each."""
        return len(self.columns["bars"])

    @property
    def meter(self) -> Meter:
        """4/4."""
        return FOUR_FOUR

    @property
    def num_steps(self) -> int:
        """Length in sixteenths."""
        return self.num_bars * MAX_STEPS_PER_BAR

    @property
    def num_beats(self) -> float:
        """Length in quarter notes."""
        return self.num_bars * FOUR_FOUR.beats_per_bar

    @property
    def has_pitches(self) -> bool:
        """Whether there is more in it than drums."""
        return self.material not in ("drums", "groove")

    @property
    def lead_in_bars(self) -> int:
        """Silent bars that a file has before the first: 1 where a hit comes before beat one, which no file could hold, else 0."""
        from musicvae.music.piece_score import lead_in_bars

        return lead_in_bars(self)

    @cached_property
    def notes(self) -> NoteTable:
        """All notes and hits, at 480 ticks a quarter from the start of the file (`lead_in_bars` before the first bar)."""
        tables = [NoteTable.of(track.notes) for track in self.to_score().tracks]
        names = ("onset_ticks", "pitch", "duration_ticks", "velocity")
        none = np.zeros(0, np.int64)
        return NoteTable(*(np.concatenate([none, *(getattr(table, name) for table in tables)]) for name in names))

    @cached_property
    def fingerprint(self) -> str:
        """The first 12 hex digits of a SHA-256 over all that sounds: the same for the same music."""
        facts = f"{self.material} {self.drum_map} {float(self.tempo_qpm)!r} {self.key} {self.num_bars}"
        digest = hashlib.sha256(facts.encode("ascii"))
        for name, column in self.columns.items():
            digest.update(name.encode("ascii") + column.astype(column.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()[:_FINGERPRINT_DIGITS]

    def __eq__(self, other: object) -> bool:
        """Whether the music, its key, tempo and drum map are the same; name, provenance and notices do not count."""
        return isinstance(other, Piece) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    # -- parts of it

    def cut(self, start_bar: int, num_bars: int) -> Piece:
        """Bars `start_bar` (0-based) to ``start_bar + num_bars``; bars past the end are empty.

        A note held over the left edge is left out, one held over the right edge is shortened.
        """
        if start_bar < 0 or num_bars < 1:
            raise ValueError(f"bars {start_bar} to {start_bar + num_bars} cannot be cut: a part has at least 1 bar, and bars count from 0")
        missing = max(0, start_bar + num_bars - max(self.num_bars, start_bar))
        columns = {}
        for name, column in self.columns.items():
            part = column[start_bar : start_bar + num_bars]
            if missing:
                part = np.concatenate([part, self._empty(name, missing)])
                if name in VOICES.get(self.material, ()):
                    part = _ended(part, num_bars - missing)
            columns[name] = _settled(part) if name in VOICES.get(self.material, ()) else part
        return replace(self, columns=columns)

    @staticmethod
    def joined(parts: Iterable[Piece]) -> Piece:
        """Parts one after another; tempo, key, name, provenance and notices of the first. Notes end where their part does."""
        parts = list(parts)
        if not parts:
            raise ValueError("no parts to join")
        first = parts[0]
        sorts = list(dict.fromkeys(f"{part.material} ({part.drum_map})" for part in parts))
        if len(sorts) > 1:
            raise ValueError(f"{len(parts)} parts of different materials or drum maps cannot be joined: {', '.join(sorts[:4])}")
        columns = {}
        for name in [name for part in parts for name in part.columns]:
            columns[name] = np.concatenate([part.columns.get(name, part._empty(name, part.num_bars)) for part in parts])
            if name in VOICES.get(first.material, ()):
                seam = 0
                for part in parts[:-1]:
                    seam += part.num_bars
                    columns[name] = _ended(columns[name], seam)
        return replace(first, columns=columns)

    # -- files

    def to_score(self, *, ticks_per_beat: int = 480) -> Score:
        """A score of its tracks: melody, bass and drums, or each instrument; see `music.piece_score`."""
        from musicvae.music.piece_score import piece_score

        return piece_score(self, ticks_per_beat=ticks_per_beat)

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Write a MIDI file, where the piece came from in its text; FileExistsError if it is there and `force` is off."""
        from musicvae.music.midi_writing import write_score

        return write_score(self.to_score(), path, force=force)

    def to_pretty_midi(self) -> Any:
        """The piece as a `pretty_midi.PrettyMIDI` object."""
        from musicvae.music.export import score_to_pretty_midi

        return score_to_pretty_midi(self.to_score())

    # -- pieces

    def _names(self) -> list[str]:
        wanted = [*PIECE_COLUMNS[self.material]]
        if missing := [name for name in wanted if name not in self.columns]:
            raise ValueError(f"a piece of {self.material} needs the column {missing[0]!r}; there are {', '.join(self.columns) or 'none'}")
        allowed = [*wanted, "chords"] if self.has_pitches else wanted
        if unknown := [name for name in self.columns if name not in allowed]:
            raise ValueError(f"a piece of {self.material} has no column {unknown[0]!r}; it has {', '.join(allowed)}")
        return [name for name in allowed if name in self.columns]

    def _checked(self, name: str) -> NDArray[Any]:
        dtype, row = _CHORDS if name == "chords" else PIECE_COLUMNS[self.material][name]
        given = np.asarray(self.columns[name])
        bars = len(self.columns["bars"])
        if given.shape != (bars, *row) or not bars:
            raise ValueError(
                f"column {name!r} of {bars} bars has shape {(bars or 'B', *row)}, got {given.shape}: is it one piece, not many?"
            )
        column = given.astype(dtype)
        if given.dtype != column.dtype and np.issubdtype(column.dtype, np.integer) and not np.array_equal(column, given):
            raise ValueError(f"column {name!r} holds numbers that {dtype} cannot: {given.min()} to {given.max()}")
        column.flags.writeable = False
        return column

    def _check_values(self) -> None:
        for name, column in self.columns.items():
            if name in VOICES.get(self.material, ()) and int(column.max()) >= VOCABULARY_SIZE:
                raise ValueError(f"token {int(column.max())} in {name!r} is outside 0..{VOCABULARY_SIZE - 1}")
            if column.dtype == np.uint64 and int(np.bitwise_or.reduce(column, axis=None)) >> len(self.drums):
                raise ValueError(f"hits of classes beyond the {len(self.drums)} of the drum map {self.drum_map}: drums of another map?")
            if self.material == "performance" and name == "bars" and int(column.max()) >= NUM_TOKENS:
                raise ValueError(f"token {int(column.max())} is outside 0..{NUM_TOKENS - 1}")
            if name == "offsets" and not np.abs(column).max() <= 0.5:
                raise ValueError("offsets lie between -0.5 and 0.5 sixteenths: are they in other units?")

    def _empty(self, name: str, bars: int) -> NDArray[Any]:
        """Bars in which this column has nothing."""
        dtype, row = _CHORDS if name == "chords" else PIECE_COLUMNS[self.material][name]
        rows = np.zeros((bars, *row), dtype)
        if self.material == "performance" and name == "bars":
            rows[:] = -1
            rows[:, :, 0] = END
        return rows


def _ended(tokens: NDArray[Any], bar: int) -> NDArray[Any]:
    """The tokens (B, 16) with a note-off at the start of a bar, if a note sounds there that goes on."""
    before = np.flatnonzero(tokens[:bar])
    if tokens[bar, 0] != HOLD or not len(before) or tokens[:bar].reshape(-1)[before[-1]] < FIRST_PITCH_TOKEN:
        return tokens
    ended = tokens.copy()
    ended[bar, 0] = NOTE_OFF
    return ended


def _settled(tokens: NDArray[Any]) -> NDArray[Any]:
    """The tokens without note-offs before the first onset, left from a note that began before."""
    flat = tokens.reshape(-1).copy()
    starts = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    flat[: starts[0] if len(starts) else len(flat)] = HOLD
    return flat.reshape(tokens.shape)
