"""Opening a corpus on disk: its manifest is checked against the files, and the arrays are mapped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import (
    HEADER_BYTES,
    LABEL,
    LINES,
    MODES,
    SPLITS,
    facet_path,
    file_digest,
    line_path,
    read_manifest,
    shard_path,
)  # fmt: skip
from musicvae.corpus.disk.mapped import IdList, ShardedRows, open_array
from musicvae.corpus.tunes import COLUMNS, Column
from musicvae.music.chords import QUALITIES
from musicvae.music.meter import KINDS

__all__ = ["read_arrays"]


def read_arrays(folder: Path, *, verify: bool = False) -> dict[str, Any]:
    """The fields of a `Corpus` in this folder, arrays mapped; FileNotFoundError and ValueError as `Corpus.load` has them."""
    words = read_manifest(folder)
    try:
        _check_numbering(words)
        if verify:
            _check_digests(folder, words["files"])
        return _fields(folder, words)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"the corpus in {folder} is damaged: its manifest lacks something ({error!r})") from error


def _fields(folder: Path, words: Mapping[str, Any]) -> dict[str, Any]:
    lines = {name: _line_array(folder, line_path(name), words["lines"], column.dtype) for name, column in LINES.items()}
    tags = {facet: _line_array(folder, facet_path(facet), words["lines"], "int32") for facet in words["tags"]}
    for facet, names in words["tags"].items():
        if len(tags[facet]) and not -1 <= int(tags[facet].min()) <= int(tags[facet].max()) < len(names):
            raise ValueError(f"the corpus in {folder} is damaged: tags of {facet} have values outside -1..{len(names) - 1}")
    columns = {name: _column(folder, name, words) for name in words["columns"]}
    names = {facet: tuple(map(str, values)) for facet, values in words["tags"].items()}
    end = _line_array(folder, line_path("id_end"), words["tunes"], "int64")
    text = _line_array(folder, line_path("ids"), int(end[-1]) if len(end) else 0, "uint8")
    if len(lines["tune"]) and not 0 <= int(lines["tune"].min()) <= int(lines["tune"].max()) < len(end):
        raise ValueError(f"the corpus in {folder} is damaged: lines of tunes outside 0..{len(end) - 1}")
    return {
        **lines, "bars": columns["bars"], "columns": columns, "material": words["material"], "options": words["options"],
        "label": tags.get(LABEL, np.broadcast_to(np.int32(-1), len(lines["start"]))), "labels": names.get(LABEL, ()),
        "sources": tuple(map(str, words["line_sources"])), "meters": tuple(map(str, words["meters"])), "tags": tags, "tag_names": names,
        "tune_ids": IdList(text, end, lines["tune"]), "report": _report(words),
    }  # fmt: skip


def _report(words: Mapping[str, Any]) -> dict[str, Any]:
    """The report, with what is known of the sources, if anything is."""
    sources = {source["name"]: {name: value for name, value in source.items() if name != "name"} for source in words["sources"]}
    return {**words["report"], **({"sources": sources} if any(sources.values()) else {})}


def _line_array(folder: Path, path: str, length: int, dtype: str) -> NDArray[Any]:
    if not length:  # an empty file cannot be mapped
        return np.zeros(0, dtype)
    return open_array(folder / path, dtype, (length,))


def _column(folder: Path, name: str, words: Mapping[str, Any]) -> ShardedRows:
    known: Mapping[str, Column] = COLUMNS[words["material"]]
    told = words["columns"][name]
    if name not in known or (told["dtype"], tuple(told["shape"])) != (known[name].dtype, known[name].shape):
        raise ValueError(f"the corpus in {folder} has a column {name!r} that this library does not know: is an update due?")
    rows, size, column = int(words["rows"]), int(words["rows_per_shard"]), known[name]
    paths = [folder / shard_path(name, number) for number in range(-(-rows // size))]
    per_row = np.dtype(column.dtype).itemsize * int(np.prod(column.shape, dtype=np.int64))
    for number, path in enumerate(paths):
        expected = HEADER_BYTES + per_row * min(size, rows - number * size)
        found = path.stat().st_size if path.is_file() else None
        if found != expected:
            what = "is missing" if found is None else f"has {found} bytes, not {expected}"
            raise ValueError(f"the corpus in {folder} is damaged: {path.name} {what}")
    return ShardedRows(paths, rows=rows, rows_per_shard=size, dtype=column.dtype, row_shape=column.shape)


def _check_numbering(words: Mapping[str, Any]) -> None:
    ours = {"splits": SPLITS, "kinds": KINDS, "modes": MODES, "chord_qualities": QUALITIES}
    for name, values in ours.items():
        if list(words[name]) != list(values):
            raise ValueError(f"the corpus numbers {name} as {words[name]}, this library as {list(values)}: build it again")


def _check_digests(folder: Path, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"the corpus in {folder} is damaged: its manifest names {name}, outside of it")
        if not (folder / path).is_file() or file_digest(folder / path) != digest:
            raise ValueError(f"the corpus in {folder} is damaged: {name} is missing or not what was written")
