"""Sources a user names, as a stream of files to read.

Conventions: a source is a folder, a file, a glob, an archive, a list file or ``music21:NAME``. Files come sorted inside each source
and are never held all at once. Where a known collection lies in or around a source, its recipe decides what is taken;
elsewhere every file whose suffix is one of `music.reading.FORMATS` is. A file of many ABC tunes becomes several items, whose
``(name, first_tune)`` differ.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain, count
from pathlib import Path

from musicvae.corpus.sources.archives import ARCHIVES, archive_stem, is_archive
from musicvae.corpus.sources.archives import unpack as unpack_archive
from musicvae.corpus.sources.books import count_tunes
from musicvae.corpus.sources.recipes import Found, collection_around, collection_at, music21_corpus
from musicvae.corpus.sources.skipped import Skipped
from musicvae.corpus.sources.walking import Entry, fits, reaches, readable_name, sorted_names, walk
from musicvae.corpus.tunes import SourceFile
from musicvae.music.reading import FORMATS, file_format

__all__ = ["Skipped", "expand"]

_LISTS = (".txt", ".lst")
_OTHER_ARCHIVES = (".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_RECIPE_DEPTH = 3
_SUFFIXES = {suffix for group in FORMATS.values() for suffix in group}


def expand(
    specs: str | Path | Sequence[str | Path],
    *,
    unpack: Path | None = None,
    split_abc: int = 100,
    skipped: Skipped | None = None,
    without: Sequence[Path] = (),
) -> Iterator[SourceFile]:
    """Every file that these sources hold, sorted in each source, the same each time.

    unpack: folder that archives are unpacked into, each into one of its own. split_abc: the most tunes of an ABC file in one item.
    skipped: counts what is passed over. without: folders that are no part of what lies around them. FileNotFoundError at once for a
    source that is not there, and in the end for a glob or list that names no file; ValueError for one that makes no sense, and for an
    archive that is refused.
    """
    if split_abc < 1:
        raise ValueError(f"an item holds at least 1 tune, got {split_abc}")
    specs = [specs] if isinstance(specs, str | Path) else specs
    if not specs:
        raise ValueError("no sources given; a folder, file, glob, archive, list file or music21:NAME is needed")
    listing = _Listing(unpack, split_abc, Skipped() if skipped is None else skipped, without)
    places = [_place(str(spec)) for spec in specs]
    for place in places:
        if is_archive(place) and unpack is None and os.path.isfile(place):
            raise ValueError(f"{place} is an archive, for which a folder to unpack into is needed")
    return chain.from_iterable(listing.of(place) for place in dict.fromkeys(places))


def _place(spec: str) -> str:
    """The path or glob behind a source; FileNotFoundError where nothing can be there."""
    if spec.startswith("music21:"):
        return _music21_place(spec.removeprefix("music21:"))
    if not spec.strip():
        raise ValueError("a source is empty text; a folder, file, glob, archive, list file or music21:NAME is needed")
    spec = os.path.expanduser(spec)
    if os.path.exists(spec):
        if spec.lower().endswith(_OTHER_ARCHIVES) and not is_archive(spec) and os.path.isfile(spec):
            raise ValueError(
                f"{spec} is an archive of a kind that is not read; allowed are {' '.join(ARCHIVES)}: unpack it and give the folder"
            )
        return os.path.normpath(spec)
    if re.search(r"[*?\[]", spec):
        base, _ = _cut_glob(spec)
        if not os.path.isdir(base):
            raise FileNotFoundError(f"{base}, where the glob {spec} begins, is not there: was it misspelled?")
        return spec
    raise FileNotFoundError(f"{spec} is not there; a folder, file, glob, archive, list file or music21:NAME is needed")


def _music21_place(name: str) -> str:
    corpus = music21_corpus()
    folders = sorted(p.name for p in corpus.iterdir() if p.is_dir() and not p.name.startswith("_"))
    if ".." not in name.split("/") and name.strip("/") and (corpus / name).exists():
        return str(corpus / name)
    near = get_close_matches(name.lower(), [f.lower() for f in folders], 3, 0.5)
    known = [f for f in folders if f.lower() in near] or folders
    raise FileNotFoundError(f"music21's corpus has no folder {name!r}; did you mean {', '.join(known)}?")


def _cut_glob(glob: str) -> tuple[str, str]:
    """The folder in which a glob begins, and what is to be matched below it."""
    parts = Path(glob).parts
    first = next(i for i, part in enumerate(parts) if re.search(r"[*?\[]", part))
    return str(Path(*parts[:first])), "/".join(parts[first:])


class _Listing:
    """One run through all sources: names are given out here, and what is passed over is counted."""

    def __init__(self, unpack: Path | None, split_abc: int, skipped: Skipped, without: Sequence[Path]) -> None:
        self.unpack, self.split_abc, self.skipped = unpack, split_abc, skipped
        self.without = {os.path.realpath(folder) for folder in without}
        self.names: set[str] = set()
        self.homes: dict[str, str] = {}
        self.around = lru_cache(maxsize=1024)(collection_around)

    def of(self, place: str) -> Iterator[SourceFile]:
        """The files of one source."""
        if os.path.isdir(place):
            return self.folder(place, _folder_name(place))
        if not os.path.exists(place):
            return self.glob(place)
        if is_archive(place):
            return self.archive(place)
        if place.lower().endswith(_LISTS) and not _is_music(place):
            return self.list_file(place)
        folder = os.path.dirname(os.path.abspath(place))
        return self.named_file(os.path.abspath(place), folder, _folder_name(folder))

    def source_name(self, wanted: str) -> str:
        """The name, or where it is taken that with -2, -3 ..."""
        wanted = readable_name(wanted)
        name = next(n for n in (f"{wanted}-{i}" if i > 1 else wanted for i in count(1)) if n not in self.names)
        self.names.add(name)
        return name

    def home(self, folder: str, wanted: str) -> str:
        """The source name of a folder of which files are named one by one: the same for all of them."""
        if folder not in self.homes:
            self.homes[folder] = self.source_name(wanted)
        return self.homes[folder]

    def archive(self, place: str) -> Iterator[SourceFile]:
        """The files of an archive, unpacked when the first of them is asked for."""
        assert self.unpack is not None
        stem, whole = archive_stem(place), os.path.abspath(place)
        folder = self.unpack / f"{stem}-{hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]}"
        yield from self.folder(str(unpack_archive(place, folder, skipped=self.skipped)), stem)

    def glob(self, place: str) -> Iterator[SourceFile]:
        """The files that fit a glob; FileNotFoundError if there are none."""
        base, glob = _cut_glob(place)
        found = False
        for item in self.folder(base, _folder_name(base), glob):
            found = True
            yield item
        if not found:
            raise FileNotFoundError(
                f"no file with music fits {place}; ** stands for any folders, as in {os.path.join(base, '**', '*.mid')}"
            )

    def folder(self, place: str, name: str, glob: str = "**") -> Iterator[SourceFile]:
        """The files below a folder that fit a glob: of collections by their recipes, the others by their suffixes."""
        around = self.around(place)
        if around is not None:
            inside = readable_name(os.path.relpath(os.path.abspath(place), around.root))
            yield from self.collection(around, place, "" if inside == "." else inside + "/", glob, "")
            return
        source = ""
        found: list[tuple[Found, str]] = []

        def enter(entry: Entry) -> bool:
            if self.is_left(entry):
                return False
            recipe = collection_at(entry.path) if entry.name.count("/") < _RECIPE_DEPTH else None
            if recipe is not None:
                found.append((Found(recipe, Path(entry.path)), entry.name + "/"))
            return recipe is None and reaches(glob, entry.name)

        for entry in chain(walk(place, skipped=self.skipped, enter=enter), [None]):
            while found:  # in the folder that came before this entry
                collection, prefix = found.pop()
                yield from self.collection(collection, str(collection.root), "", glob, prefix)
            if entry is not None and not entry.is_folder and fits(entry.name, glob) and self.is_music(entry):
                source = source or self.source_name(name)
                yield from self.split(SourceFile(source, entry.name, entry.path, label=_label(entry.name), size=entry.size))

    def collection(self, found: Found, place: str, inside: str, glob: str, prefix: str) -> Iterator[SourceFile]:
        """The files below a folder of a collection that its recipe takes.

        inside: that folder within the root; prefix: the folder within that from which `glob` starts.
        """
        recipe, source = found.recipe, ""
        for entry in walk(place, skipped=self.skipped, enter=lambda e: not self.is_left(e) and reaches(glob, prefix + e.name)):
            name = inside + entry.name
            if entry.is_folder or not fits(prefix + entry.name, glob):
                continue
            if recipe.takes(name):
                source = source or self.source_name(recipe.name)
                yield from self.split(SourceFile(source, name, entry.path, recipe.name, size=entry.size))
            elif not recipe.reads_beside(name):
                self.skipped.add(f"not taken by the recipe {recipe.name}", f"{recipe.name}/{name}")

    def is_left(self, folder: Entry) -> bool:
        """Whether this is one of the folders that are not gone into."""
        return bool(self.without) and os.path.realpath(folder.path) in self.without

    def is_music(self, entry: Entry) -> bool:
        """Whether the file's suffix is one that is read; if not, it is counted."""
        suffix = os.path.splitext(entry.name)[1].lower()
        if suffix in _SUFFIXES:
            return True
        kind = "archive inside a folder (give the archive itself)" if is_archive(entry.name) else f"no music ({suffix or 'no suffix'})"
        self.skipped.add(kind, entry.name)
        return False

    def list_file(self, place: str) -> Iterator[SourceFile]:
        """The files that a list names, one in a line, beside which paths are relative to the list; FileNotFoundError if none is there."""
        base = _folder_of_all(place)
        found, last, stem = 0, "", os.path.splitext(os.path.basename(place))[0]
        for path in sorted_names(_listed(place)):
            if path == last:
                self.skipped.add("named twice in a list", readable_name(os.path.relpath(path, base)))
                continue
            last = path
            if not os.path.isfile(path):
                kind = "folder in a list, which names files" if os.path.isdir(path) else "named in a list, but not there"
                self.skipped.add(kind, readable_name(os.path.relpath(path, base)))
                continue
            found += 1
            yield from self.named_file(path, base, stem, place)
        if not found:
            raise FileNotFoundError(f"none of the files that {place} names is there; it holds one path a line, relative to its own folder")

    def named_file(self, path: str, base: str, wanted: str, home: str = "") -> Iterator[SourceFile]:
        """A file that is named itself, whatever its suffix; `base`: folder that its name starts from."""
        around = self.around(os.path.dirname(path))
        size = os.path.getsize(path)
        if around is not None:
            name = readable_name(os.path.relpath(path, around.root))
            if around.recipe.takes(name):
                source = self.home(str(around.root), around.recipe.name)
                yield from self.split(SourceFile(source, name, path, around.recipe.name, size=size))
                return
        name = readable_name(os.path.relpath(path, base))
        yield from self.split(SourceFile(self.home(home or base, wanted), name, path, label=_label(name), size=size))

    def split(self, item: SourceFile) -> Iterator[SourceFile]:
        """The item, or several of at most `split_abc` tunes; their sizes add up to that of the file."""
        whole = count_tunes(item.path) if item.name.lower().endswith(FORMATS["ABC"]) else 1
        if whole <= self.split_abc:
            yield item
            return
        for first in range(0, whole, self.split_abc):
            tunes = min(self.split_abc, whole - first)
            size = item.size * (first + tunes) // whole - item.size * first // whole
            yield replace(item, first_tune=first, tunes=tunes, size=size)


def _folder_name(place: str) -> str:
    return os.path.basename(os.path.realpath(place) if os.path.basename(place) in ("", ".", "..") else place) or "files"


def _label(name: str) -> str:
    return name.split("/")[0] if "/" in name else ""


def _is_music(place: str) -> bool:
    try:
        return bool(file_format(place))
    except (ValueError, OSError):
        return False


def _listed(place: str) -> Iterator[str]:
    """The paths in a list file, absolute; blank lines and those that begin with # are left out."""
    folder = os.path.dirname(os.path.abspath(place))
    with open(place, encoding="utf-8-sig", errors="surrogateescape") as file:
        for line in file:
            text = line.rstrip("\r\n")
            if text.strip() and not text.startswith("#"):
                yield os.path.normpath(os.path.join(folder, os.path.expanduser(text)))


def _folder_of_all(place: str) -> str:
    """The list's own folder if all files lie below it, else the deepest folder that holds all."""
    base = os.path.dirname(os.path.abspath(place))
    for path in _listed(place):
        if not path.startswith(base.rstrip(os.sep) + os.sep):
            base = os.path.commonpath([base, os.path.dirname(path)])
    return base
