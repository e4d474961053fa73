"""What the reading of one file came to: the tunes taken, what was left out and why, and all that as a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.tunes import SourceFile, StoredLine, Tune
from musicvae.music.key import Key

__all__ = [
    "LEFT_OUT",
    "STOPPED",
    "UNREADABLE",
    "Failure",
    "FileResult",
    "file_words",
    "pack_result",
    "pack_tune",
    "unpack_result",
    "unpack_tune",
]

UNREADABLE = "unreadable"
"""The reader raised an exception."""
LEFT_OUT = "left out"
"""It was read, and nothing in it was wanted."""
STOPPED = "stopped"
"""The reader crashed, took too long or too much memory; its process was replaced."""


_VALUES = attrgetter(*(each.name for each in fields(SourceFile)))

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Failure:
    """A tune, or with `tune_id` "" the file, that gave nothing. kind: `UNREADABLE`, `LEFT_OUT` or `STOPPED`."""

    tune_id: str
    reason: str
    kind: str = UNREADABLE


@dataclass(frozen=True)
class FileResult:
    """All that a file gave. sha256: hex digest of the whole file, "" where it could not be read; size: its bytes.

    tunes and failures are in the order of the file; losses: reason -> count inside the tunes that were taken; num_found: tunes in it.
    """

    file: SourceFile
    tunes: tuple[Tune, ...] = ()
    failures: tuple[Failure, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    sha256: str = ""
    size: int = 0
    num_found: int = 0


def file_words(file: SourceFile) -> list[Any]:
    """A file as JSON can hold it: ``SourceFile(*file_words(file))`` is the same."""
    return list(_VALUES(file))


def pack_tune(tune: Tune) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A tune as words and arrays: the rows of all its lines end to end, column by column."""
    lines = [_line_words(line) for line in tune.lines]
    columns = list(tune.lines[0].rows) if tune.lines else []
    if odd := [line for line in tune.lines if list(line.rows) != columns]:
        raise ValueError(f"the lines of {tune.tune_id!r} differ in their columns: {columns} and {list(odd[0].rows)}")
    arrays = {f"rows/{name}": np.concatenate([line.rows[name] for line in tune.lines]) for name in columns}
    arrays["shingles"], arrays["skeleton"] = tune.shingles, tune.skeleton
    tags = {str(facet): str(value) for facet, value in tune.tags.items()}
    return {"source": tune.source, "id": tune.tune_id, "file": tune.file, "tags": tags, "split": tune.split, "lines": lines}, arrays


def _line_words(line: StoredLine) -> list[Any]:
    key = None if line.key is None else [int(line.key.tonic), line.key.mode]
    return [line.num_bars, int(line.kind), line.meter, int(line.start_bar), float(line.tempo_qpm), key, int(line.shift)]


def unpack_tune(words: Mapping[str, Any], arrays: Arrays) -> Tune:
    """The tune that `pack_tune` took apart; ValueError for words and arrays that it cannot have made."""
    columns = {name.removeprefix("rows/"): array for name, array in arrays.items() if name.startswith("rows/")}
    try:
        ends = np.cumsum([0, *(int(line[0]) for line in words["lines"])]).tolist()
        if any(array.ndim < 1 or len(array) != ends[-1] for array in columns.values()) or sorted(ends) != ends:
            raise ValueError(f"its lines need {ends[-1]} rows")
        lines = tuple(
            _line(line, {name: array[start:end] for name, array in columns.items()})
            for line, start, end in zip(words["lines"], ends[:-1], ends[1:], strict=True)
        )
        shingles, skeleton = (arrays[name] for name in ("shingles", "skeleton"))
        return Tune(words["source"], words["id"], words["file"], words["tags"], words["split"], lines, shingles, skeleton)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"this frame holds no tune ({type(error).__name__}: {error})") from None


def _line(words: list[Any], rows: dict[str, NDArray[Any]]) -> StoredLine:
    _, kind, meter, start_bar, tempo_qpm, key, shift = words
    return StoredLine(rows, kind, meter, start_bar, tempo_qpm, None if key is None else Key(*key), shift)


def pack_result(result: FileResult) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A result as words and arrays, without the place where the file lies."""
    tunes, arrays = [], {}
    for number, tune in enumerate(result.tunes):
        words, its_arrays = pack_tune(tune)
        tunes.append(words)
        arrays.update({f"{number}/{name}": array for name, array in its_arrays.items()})
    words = {
        "file": file_words(replace(result.file, path="")), "tunes": tunes,
        "failures": [[failure.tune_id, failure.reason, failure.kind] for failure in result.failures],
        "losses": dict(sorted(result.losses.items())), "sha256": result.sha256, "size": result.size, "found": result.num_found,
    }  # fmt: skip
    return words, arrays


def unpack_result(words: Mapping[str, Any], arrays: Arrays) -> FileResult:
    """The result that `pack_result` took apart, the path of its file ""; ValueError for what it cannot have made."""
    by_tune: dict[int, dict[str, NDArray[Any]]] = {}
    try:
        for name, array in arrays.items():
            number, _, rest = name.partition("/")
            by_tune.setdefault(int(number), {})[rest] = array
        return FileResult(
            SourceFile(*words["file"]),
            tuple(unpack_tune(tune, by_tune.get(number, {})) for number, tune in enumerate(words["tunes"])),
            tuple(Failure(*failure) for failure in words["failures"]),
            words["losses"], words["sha256"], words["size"], words["found"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this frame holds no result of a file ({type(error).__name__}: {error})") from None
