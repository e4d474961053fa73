"""The list of files cut into units of work, and a unit of work done: files -> specs -> parts.

In one folder: ``00000.json`` ... tell the files of each unit, ``00000.part`` ... hold what they gave. A part is written under another
name and then renamed, so that one that is there is whole; its key tells from which files, options and version of the library it was
made, and one that does not fit, or one of whose files was written or put in place since, is made again. (The tables that recipes
read beside the music are not looked at.) Equal inputs give equal bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import musicvae
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.reasons import normal_reason
from musicvae.corpus.tunes import SourceFile, Tune
from musicvae.corpus.work.frames import pack, read_frames, unpack
from musicvae.corpus.work.guard import Guard
from musicvae.corpus.work.results import LEFT_OUT, Failure, FileResult, file_words, pack_result, unpack_result
from musicvae.corpus.work.tally import tally
from musicvae.music.reading import FORMATS

__all__ = ["Part", "PartSummary", "plan", "read_part", "release_readers", "run_partition", "spec_paths"]

_SCHEMA = 1  # of parts; to be raised whenever the same files would give other parts
_DIGITS = 5
_ABC_TUNE, _WRITTEN_SCORE = 4, 32
_local = threading.local()


@dataclass(frozen=True)
class PartSummary:
    """Counts of a part that is done. num_stopped: tunes in which a reader crashed, hung or needed too much memory.

    was_there: nothing was to be done.
    """

    spec: str
    num_files: int
    num_tunes: int
    num_failed: int
    num_stopped: int
    num_bytes: int
    was_there: bool = False


@dataclass(frozen=True)
class Part:
    """What the files of a unit gave, in order; the paths of the files are not kept ("")."""

    results: tuple[FileResult, ...]

    @cached_property
    def tunes(self) -> Sequence[Tune]:
        """The tunes of all files."""
        return tuple(tune for result in self.results for tune in result.tunes)

    @cached_property
    def report(self) -> dict[str, Any]:
        """Counts, reasons and losses: a `corpus.work.tally`."""
        return tally(self.results)


def plan(files: Iterable[SourceFile], folder: str | Path, options: BuildOptions) -> int:
    """Write the specs of units of at most `partition_files` MIDI files (or fewer that take longer) and `partition_mib` MiB; their number.

    Files are taken one after another, so that there may be any number. Specs and parts beyond them, and what was only half
    written, are removed from the folder; parts that may still fit are left.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.tmp"):
        left.unlink()
    count = 0
    for group in _groups(files, options):
        spec = folder / f"{count:0{_DIGITS}}.json"
        # Workers, and whoever goes on with this, may run in another folder.
        words = {"schema": _SCHEMA, "files": [file_words(replace(file, path=os.path.abspath(file.path))) for file in group]}
        with _atomically(spec) as out:
            out.write(json.dumps(words, indent=0).encode("ascii"))
        count += 1
    for path in (*folder.glob("*.json"), *folder.glob("*.part")):
        if path.stem.isdecimal() and int(path.stem) >= count:
            path.unlink()
    return count


def _groups(files: Iterable[SourceFile], options: BuildOptions) -> Iterator[list[SourceFile]]:
    group: list[SourceFile] = []
    work = size = 0
    for file in files:
        more = _work(file)
        if group and (work + more > options.partition_files or size + file.size > options.partition_mib << 20):
            yield group
            group, work, size = [], 0, 0
        group.append(file)
        work += more
        size += file.size
    if group:
        yield group


def _work(file: SourceFile) -> int:
    """What a file costs to read, in MIDI files of a song: an ABC tune some ten, a written score some hundred, of milliseconds each."""
    suffix = PurePath(file.name).suffix.lower()
    if suffix in FORMATS["ABC"]:
        return _ABC_TUNE * max(1, file.tunes or 1)
    return _WRITTEN_SCORE if suffix in FORMATS["MusicXML"] or suffix in FORMATS["Humdrum"] else 1


def spec_paths(folder: str | Path) -> list[Path]:
    """The specs in a folder, in order."""
    found = [path for path in Path(folder).glob("*.json") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def run_partition(spec: str | Path, options: BuildOptions, *, readers: str = "") -> PartSummary:
    """Read all files of a spec into its part, unless a part that fits is there.

    readers: as `Guard` takes it. The child process that reads is kept for the next partition: see `release_readers`. ValueError for
    a spec that is none; RuntimeError where no child can be started.
    """
    spec = Path(spec)
    files = _spec_files(spec)
    key = _key(files, options, readers)
    part = spec.with_suffix(".part")
    if (found := _fitting(part, key, files)) is not None:
        return PartSummary(spec.stem, was_there=True, **found)
    counts: dict[str, Any] = {"num_files": 0, "num_tunes": 0, "num_failed": 0, "num_stopped": 0, "num_bytes": 0}
    with _atomically(part) as out:
        out.write(pack({"schema": _SCHEMA, "key": key}))
        for result in _guard(options, readers).read_all(files, options):
            try:
                frame = pack(*pack_result(result))
            except ValueError as error:  # more than a frame holds: one file does not stop the others
                failure = Failure("", normal_reason(error), LEFT_OUT)
                result = replace(result, tunes=(), failures=(*result.failures, failure), losses={})
                frame = pack(*pack_result(result))
            out.write(frame)
            _count(counts, result)
        out.write(pack({"counts": counts}))
    return PartSummary(spec.stem, **counts)


def _count(counts: dict[str, Any], result: FileResult) -> None:
    counts["num_files"] += 1
    counts["num_tunes"] += len(result.tunes)
    counts["num_failed"] += len(result.failures)
    counts["num_stopped"] += sum(failure.kind == "stopped" for failure in result.failures)
    counts["num_bytes"] += result.size if result.file.first_tune == 0 else 0


def read_part(path: str | Path) -> Part:
    """The part in this file; ValueError if it is none or damaged."""
    try:
        with open(path, "rb") as stream:
            frames = [unpack(frame) for frame in read_frames(stream)]
        if len(frames) < 2 or "key" not in frames[0][0] or "counts" not in frames[-1][0]:
            raise ValueError("its beginning or its end is missing")
        return Part(tuple(unpack_result(*frame) for frame in frames[1:-1]))
    except ValueError as error:
        raise ValueError(f"{path} is no part of a build: {error}") from None


def release_readers() -> None:
    """End the child process that this thread's partitions were read with, if there is one."""
    guard: Guard | None = getattr(_local, "guard", None)
    if guard is not None:
        guard.close()
    _local.guard = None


def _guard(options: BuildOptions, readers: str) -> Guard:
    """The guard of this thread: engines run several partitions in one process, after each other or in threads."""
    made_for = (options.max_seconds, options.max_memory_mib, readers)
    if getattr(_local, "process", None) != os.getpid():
        _local.guard = None  # that of the process this one was forked from is none of ours
    if _local.guard is None or _local.made_for != made_for:
        release_readers()
        _local.guard = Guard(options.max_seconds, options.max_memory_mib, readers=readers)
        _local.made_for, _local.process = made_for, os.getpid()
    guard: Guard = _local.guard
    return guard


def _spec_files(spec: Path) -> list[SourceFile]:
    try:
        words = json.loads(spec.read_bytes())
        if words["schema"] != _SCHEMA:
            raise ValueError(f"its schema is {words['schema']!r}, not {_SCHEMA}")
        return [SourceFile(*file) for file in words["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{spec} is no spec of a partition: {error}") from None


def _key(files: Sequence[SourceFile], options: BuildOptions, readers: str) -> str:
    """Digest of all that decides what is in a part; where the files lie does not."""
    names = [[file.source, file.name, *file_words(file)[3:]] for file in files]
    facts = [_SCHEMA, musicvae.__version__, options.to_dict(), readers, names]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii")).hexdigest()


def _fitting(part: Path, key: str, files: Sequence[SourceFile]) -> dict[str, Any] | None:
    """The counts of a part that is there, whole, of this key and younger than its files; else None."""
    try:
        made = part.stat().st_mtime_ns
        with part.open("rb") as stream:
            words, _ = unpack(next(read_frames(stream)))
            if words.get("key") != key or any(_changed_ns(file.path) > made for file in files):
                return None
            last = words
            for frame in read_frames(stream):
                last = unpack(frame)[0]
        counts: dict[str, Any] | None = last.get("counts")
    except (OSError, ValueError, StopIteration):
        return None
    return counts


def _changed_ns(path: str) -> int:
    """When a file was last written or, with an older date of its own, put in its place."""
    about = os.stat(path)
    return max(about.st_mtime_ns, about.st_ctime_ns)


@contextlib.contextmanager
def _atomically(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when all is written; left out if that fails."""
    # Two workers may make the same part, when one of them was given up too early.
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as out:
            yield out
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
