"""Writing a corpus: lines are appended one by one and streamed to disk, and the folder appears when all of it is there.

Memory holds some thousand rows, the vocabularies of tags and, while windows are counted, a few numbers of each line. The same
lines in the same order give the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import (
    LINES,
    MANIFEST,
    MODES,
    ROWS_PER_SHARD,
    SCHEMA,
    SPLITS,
    facet_path,
    file_digest,
    line_path,
    window_path,
    write_manifest,
)  # fmt: skip
from musicvae.corpus.disk.streams import NpyStream, RowFiles
from musicvae.corpus.disk.windows import REASONS, SHORT, Table, find_windows, hop_of, reasons_of
from musicvae.corpus.tunes import COLUMNS, Column, StoredLine, Tune
from musicvae.music.chords import QUALITIES
from musicvae.music.key import Key
from musicvae.music.meter import KINDS

__all__ = ["ShardWriter", "put_in_place"]

_BUFFERED_ROWS = 1 << 14
_REMAPPED_AT_A_TIME = 1 << 20
_OWN_NAMES = frozenset({MANIFEST, "rows", "lines", "windows", "corpus.npz", "corpus.json"})


class ShardWriter:
    """Writes a corpus of one material into ``FOLDER.partial``, which `finish` renames.

    options: of the build, as JSON can hold them; windows of ``options["bars"]``, one every ``options["hop_bars"]`` bars, are
    written too. columns: those of `COLUMNS` that the lines come with (default: all). As a context manager it removes what it
    has written unless it came to its end. FileExistsError for a folder that holds other things than a corpus.
    """

    def __init__(
        self, folder: str | Path, material: str, *, options: Mapping[str, Any] | None = None, rows_per_shard: int = ROWS_PER_SHARD,
        columns: Iterable[str] | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.material, self.options = Path(folder), material, dict(options or {})
        self.rows_per_shard, self.lines, self.tunes = rows_per_shard, 0, 0
        _check_target(self.folder)
        self._partial = self.folder.with_name(self.folder.name + ".partial")
        if self._partial.exists():
            shutil.rmtree(self._partial)
        self._partial.mkdir(parents=True)
        names = list(COLUMNS[material]) if columns is None else [name for name in COLUMNS[material] if name in set(columns)]
        self._columns = {name: COLUMNS[material][name] for name in names}
        self._rows = {name: RowFiles(self._partial, name, column, rows_per_shard) for name, column in self._columns.items()}
        self._table = {name: self._line_stream(line_path(name), column) for name, column in LINES.items()}
        self._ids = self._line_stream(line_path("ids"), Column("uint8", (), "UTF-8 of the ids of all tunes, end to end"))
        self._id_end = self._line_stream(line_path("id_end"), Column("int64", (), "where the id of each tune ends"))
        self._facets: dict[str, NpyStream] = {}
        self._words: dict[str, dict[str, int]] = {"source": {}, "meter": {}}
        self._waiting = _Waiting(self._columns)
        self._next_row = 0

    def append(self, tune: Tune, *, split: int, family: int | None = None) -> int:
        """Append all lines of a tune; its number. family: number of the first tune it is related to (default: its own)."""
        if not tune.lines:
            raise ValueError(f"{tune.tune_id} has no lines to be stored")
        for line in tune.lines:
            self._check_line(line, tune.tags)
        number = self.begin_tune(tune.tune_id)
        for line in tune.lines:
            values = {"split": split, "family": number if family is None else family, **_key_values(line.key, line.shift)}
            self.append_line(line, tune.source, tune.tags, values)
        return number

    def begin_tune(self, tune_id: str) -> int:
        """Number of a new tune, to which the next lines belong."""
        text = tune_id.encode("utf-8", errors="backslashreplace")
        self._ids.write(np.frombuffer(text, np.uint8))
        self._id_end.write(np.array([self._ids.length]))
        self.tunes += 1
        return self.tunes - 1

    def append_line(self, line: StoredLine, source: str, tags: Mapping[str, str], values: Mapping[str, int]) -> None:
        """Append a line of the last tune; values: its split, family, mode, tonic and shift."""
        own = {"start": self._next_row, "num_bars": line.num_bars, "kind": line.kind, "start_bar": line.start_bar, "tune": self.tunes - 1}
        codes = {"source": self._code("source", source), "meter": self._code("meter", line.meter), "tempo_qpm": line.tempo_qpm}
        self._waiting.add(line.rows, {**own, **codes, **values}, {name: self._code(name, word) for name, word in tags.items() if word})
        self.lines, self._next_row = self.lines + 1, self._next_row + line.num_bars
        if self._waiting.rows >= _BUFFERED_ROWS:
            self._flush()

    def finish(self, report: Mapping[str, Any] | None = None, sources: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
        """Complete the corpus and put it in its place; the folder.

        report: how it came about. sources: what is known of each, by name; those without a line are told too.
        """
        self._flush()
        for stream in self._streams():
            stream.close()
        words = {name: self._sorted_words(name) for name in self._words}
        windows = self._write_windows(words["source"])
        facets = {name: words[name] for name in sorted(self._facets)}
        told = {name: value for name, value in (report or {}).items() if name != "sources"}
        known = {name: dict((sources or {}).get(name, {})) for name in {*words["source"], *(sources or {})}}
        write_manifest(self._partial, {
            "schema": SCHEMA, "material": self.material, "options": self.options, "rows": self._next_row, "lines": self.lines,
            "tunes": self.tunes, "rows_per_shard": self.rows_per_shard, "columns": _described(self._columns),
            "line_columns": _described(LINES), "splits": SPLITS, "kinds": KINDS, "modes": MODES, "chord_qualities": list(QUALITIES),
            "meters": words["meter"], "tags": facets, "sources": [{"name": name, **known[name]} for name in sorted(known)],
            "line_sources": words["source"], "windows": windows, "report": told,
            "files": {name: file_digest(self._partial / name) for name in self._written(windows)},
        })  # fmt: skip
        put_in_place(self._partial, self.folder)
        return self.folder

    def abandon(self) -> None:
        """Remove what has been written."""
        for stream in self._streams():
            stream.abandon()
        shutil.rmtree(self._partial, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.abandon()

    # -- pieces

    def _line_stream(self, path: str, column: Column) -> NpyStream:
        return NpyStream(self._partial / path, column)

    def _streams(self) -> list[NpyStream | RowFiles]:
        return [*self._rows.values(), *self._table.values(), self._ids, self._id_end, *self._facets.values()]

    def _code(self, vocabulary: str, word: str) -> int:
        words = self._words.setdefault(vocabulary, {})
        return words.setdefault(word, len(words))

    def _check_line(self, line: StoredLine, tags: Mapping[str, str]) -> None:
        if reserved := {"source", "meter"} & tags.keys():
            raise ValueError(f"{min(reserved)!r} is no facet of tags, it has a column of its own")
        for name, column in self._columns.items():
            found = line.rows.get(name)
            if found is None or found.shape != (line.num_bars, *column.shape):
                came = "nothing" if found is None else f"{found.shape}"
                raise ValueError(f"a line of {self.material} needs {name} of shape {(line.num_bars, *column.shape)}, got {came}")

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, _Waiting(self._columns)
        if not waiting.lines:
            return
        for name, parts in waiting.parts.items():
            self._rows[name].write(np.concatenate(parts))
        for name, stream in self._table.items():
            stream.write(np.array([values[name] for values in waiting.lines]))
        for facet in sorted(self._words.keys() - {"source", "meter"}):
            if facet not in self._facets:
                self._facets[facet] = self._new_facet(facet, self._table["start"].length - len(waiting.lines))
            self._facets[facet].write(np.array([codes.get(facet, -1) for codes in waiting.tags]))

    def _new_facet(self, facet: str, lines: int) -> NpyStream:
        """A column of tags of which so many lines before have none."""
        stream = self._line_stream(facet_path(facet), Column("int32", (), "index into the facet's values; -1: none"))
        while stream.length < lines:
            stream.write(np.full(min(lines - stream.length, _REMAPPED_AT_A_TIME), -1))
        return stream

    def _sorted_words(self, name: str) -> list[str]:
        """The words of a vocabulary in their order, by which its column on disk is numbered from now on."""
        words = self._words[name]
        ordered = sorted(words)
        place = np.empty(len(words) + 1, np.int32)
        place[[words[word] for word in ordered]] = np.arange(len(words))
        place[-1] = -1  # where there is none
        path = self._partial / (facet_path(name) if name in self._facets else line_path(name))
        if self.lines:
            column = np.load(path, mmap_mode="r+")
            for first in range(0, len(column), _REMAPPED_AT_A_TIME):
                column[first : first + _REMAPPED_AT_A_TIME] = place[column[first : first + _REMAPPED_AT_A_TIME]]
            column.flush()
        return ordered

    def _write_windows(self, sources: list[str]) -> dict[str, Any]:
        """Write the windows of every length, and say how many there are of what."""
        if not self.lines:
            table = {name: np.zeros(0, np.int64) for name in LINES}
        else:
            table = {name: np.load(self._partial / line_path(name), mmap_mode="r") for name in LINES}
        shape = (max(1, len(sources)), len(KINDS), len(SPLITS))
        group = np.ravel_multi_index((table["source"], table["kind"], table["split"]), shape)
        known = Table(self.material, table["start"], table["num_bars"], self._rows["onsets"].array())
        words: dict[str, Any] = {}
        for bars in self.options.get("bars", ()):
            stream = self._line_stream(window_path(bars), Column("int32", (3,), "line, first bar, bars"))
            counts, by_group = dict.fromkeys(reasons_of(self.material), 0), np.zeros(shape, np.int64).reshape(-1)
            for found in find_windows(known, np.arange(self.lines), bars=bars, hop=hop_of(bars, self.options["hop_bars"])):
                stream.write(found.kept)
                by_group += np.bincount(group[found.kept[:, 0]], minlength=len(by_group))
                counts[SHORT] += len(found.short)
                for name, count in zip(REASONS, np.bincount(found.reason, minlength=len(REASONS)).tolist(), strict=True):
                    counts[name] = counts.get(name, 0) + count
            stream.close()
            places = zip(*np.nonzero(by_group.reshape(shape)), by_group[by_group > 0].tolist(), strict=True)
            words[str(bars)] = {"counts": counts, "by": [[sources[s], KINDS[k], SPLITS[p], n] for s, k, p, n in places]}
        return words

    def _written(self, windows: Mapping[str, Any]) -> list[str]:
        lines = [line_path(name) for name in (*LINES, "ids", "id_end")] + [facet_path(name) for name in self._facets]
        return sorted([path for rows in self._rows.values() for path in rows.paths] + lines + [window_path(int(b)) for b in windows])


class _Waiting:
    """Lines that are not on disk yet."""

    def __init__(self, columns: Iterable[str]) -> None:
        self.parts: dict[str, list[NDArray[Any]]] = {name: [] for name in columns}
        self.lines: list[Mapping[str, int | float]] = []
        self.tags: list[Mapping[str, int]] = []
        self.rows = 0

    def add(self, rows: Mapping[str, NDArray[Any]], values: Mapping[str, int | float], tags: Mapping[str, int]) -> None:
        for name, parts in self.parts.items():
            parts.append(rows[name])
        self.lines.append(values)
        self.tags.append(tags)
        self.rows += len(rows["bars"])


def put_in_place(partial: Path, folder: Path) -> None:
    """Give a complete folder its name, in place of an older corpus."""
    _check_target(folder)
    old = folder.with_name(folder.name + ".old")
    if old.exists():
        shutil.rmtree(old)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    if old.exists():
        shutil.rmtree(old)


def _check_target(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file: a corpus is a folder")
    other = sorted(path.name for path in folder.iterdir() if path.name not in _OWN_NAMES) if folder.is_dir() else []
    if other:
        raise FileExistsError(f"{folder} holds {other[0]}, which is no part of a corpus and would be lost: name another folder")


def _key_values(key: Key | None, shift: int) -> dict[str, int]:
    return {"mode": MODES.index(key.mode) if key else -1, "tonic": key.tonic if key else -1, "shift": shift}


def _described(columns: Mapping[str, Column]) -> dict[str, Any]:
    return {name: {"dtype": c.dtype, "shape": c.shape, "meaning": c.meaning} for name, c in columns.items()}
