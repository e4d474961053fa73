"""Files below a folder, one after the other, sorted, however many there are.

Conventions: names are paths inside the folder with slashes, sorted part by part as Python sorts their
text. Of a folder of more than `RUN` entries the names wait in temporary files, so that memory does not
grow with their number.
"""

from __future__ import annotations

import heapq
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

from musicvae.corpus.sources.skipped import Skipped

__all__ = ["Entry", "fits", "reaches", "readable_name", "sorted_names", "walk"]

RUN = 100_000
"""Names that are sorted in memory at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a folder before what is in it. name: inside the folder walked; path: where it lies."""

    name: str
    path: str
    is_folder: bool
    size: int = 0


def walk(folder: str | Path, *, skipped: Skipped | None = None, enter: Callable[[Entry], bool] | None = None) -> Iterator[Entry]:
    """Every file and folder below `folder`, sorted; a folder for which `enter` is false is yielded, but not gone into.

    Hidden entries, links to folders, broken links, devices and folders that may not be read are counted in `skipped`.
    FileNotFoundError or NotADirectoryError for a folder that is none.
    """
    skipped = Skipped() if skipped is None else skipped
    pending = [_entries(str(folder), "", skipped)]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
            continue
        yield entry
        if entry.is_folder and (enter is None or enter(entry)):
            try:
                pending.append(_entries(entry.path, entry.name + "/", skipped))
            except OSError as error:
                skipped.add(f"folder that cannot be read ({error.strerror})", entry.name)


def _entries(folder: str, prefix: str, skipped: Skipped) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        names = iter(sorted_names((_kind(e) + e.name for e in found), key=_without_kind))
        first = next(names, None)  # scandir is used up here, so that its errors come at once and no folder stays open
    return _described(folder, prefix, first, names, skipped)


def _kind(entry: os.DirEntry[str]) -> str:
    """A letter for what an entry is: folder, file, link, other; the folder's own table tells without a look at the entry."""
    if entry.is_symlink():
        return "l"
    return "d" if entry.is_dir(follow_symlinks=False) else "f" if entry.is_file(follow_symlinks=False) else "o"


def _without_kind(name: str) -> str:
    return name[1:]


def _described(folder: str, prefix: str, first: str | None, names: Iterator[str], skipped: Skipped) -> Iterator[Entry]:
    if first is None:
        return
    for kind, own in ((text[0], text[1:]) for text in _chain(first, names)):
        name, path = prefix + readable_name(own), os.path.join(folder, own)
        if own.startswith(".") or own == "__MACOSX":
            skipped.add("hidden folder" if kind == "d" else "hidden file", name)
        elif kind == "d":
            yield Entry(name, path, True)
        elif kind == "l" and os.path.isdir(path):
            skipped.add("link to a folder (give the folder itself)", name)
        elif kind == "f" or os.path.isfile(path):
            yield Entry(name, path, False, os.path.getsize(path))
        else:
            skipped.add("broken link or device", name)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def sorted_names(names: Iterable[str], *, key: Callable[[str], str] | None = None, run: int = RUN) -> Iterator[str]:
    """These names sorted; more than `run` of them are sorted in temporary files."""
    names = iter(names)
    chunk = _chunk(names, run, key)
    if len(chunk) < run:
        yield from chunk
        return
    with ExitStack() as stack:
        runs: list[Iterator[str]] = []
        while chunk:
            file = stack.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))
            # As JSON a name may hold line ends and bytes that are no UTF-8.
            file.writelines(json.dumps(name) + "\n" for name in chunk)
            file.seek(0)
            runs.append(_lines(file))
            chunk = _chunk(names, run, key)
        yield from heapq.merge(*runs, key=key)


def _chunk(names: Iterator[str], run: int, key: Callable[[str], str] | None) -> list[str]:
    return sorted(islice(names, run), key=key)


def _lines(file: IO[str]) -> Iterator[str]:
    for line in file:
        yield json.loads(line)


def readable_name(name: str) -> str:
    r"""The name as UTF-8 can hold it: bytes of a file name that are none become ``\udcXX``; slashes on every system."""
    text = name.replace(os.sep, "/") if os.sep != "/" else name
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a glob; ``*``, ``?``, ``[...]`` stay inside a part, ``**`` is any parts or none. ValueError for a bad glob."""
    return bool(_compiled(pattern).fullmatch(name))


def reaches(pattern: str, folder: str) -> bool:
    """Whether a name in this folder, or below it, can fit the glob; "" is the folder that the glob starts from."""
    globs = pattern.split("/")
    for place, part in enumerate(folder.split("/") if folder else ()):
        if place < len(globs) and globs[place] == "**":
            return True
        if place >= len(globs) - 1 or not fits(part, globs[place]):
            return False
    return True


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    out = []
    parts = pattern.split("/")
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part == "**":
            out.append(".*" if last else "(?:[^/]+/)*")
        else:
            out.append(_part(part) + ("" if last else "/"))
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no glob ({error}); *, ?, [abc] and ** are known") from None


def _part(glob: str) -> str:
    """One part of a glob as a regular expression that stays inside the part."""
    out, at = [], 0
    while at < len(glob):
        char = glob[at]
        end = glob.find("]", at + 2) if char == "[" else -1
        if char == "[" and end > 0:
            inside = glob[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            negated = inside[0] in "!^"
            out.append(f"(?!/)[{'^' if negated else ''}{inside[1:] if negated else inside}]")
            at = end
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        at += 1
    return "".join(out)
