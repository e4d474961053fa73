"""Known public collections: what they are, where they come from, and how they are found and read.

Conventions: a recipe is a JSON file of the folder ``data`` of the source tree, which an installed package
holds as ``musicvae/recipes``. The *root* of a collection is the folder that the recipe's file names start
from; a collection is known by what lies there (``markers``) and, where that is not telling enough, by the
root's name (``names``).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from musicvae.corpus.sources.labels import check_rules
from musicvae.corpus.sources.walking import Entry, fits, reaches, sorted_names, walk

__all__ = [
    "Check",
    "Checksum",
    "Found",
    "Recipe",
    "check",
    "checksum",
    "collection_at",
    "collection_around",
    "find_collections",
    "known_sources",
]
__all__ += ["music21_corpus", "recipe_named"]

READERS = ("abc", "musicxml", "midi", "pop909", "groove", "maestro", "gigamidi")
_DEPTH, _ABOVE = 3, 5


@dataclass(frozen=True)
class Checksum:
    """Of the files a recipe takes: how many, their bytes, and the sha256 over sorted lines ``name sha256-of-file``."""

    files: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A public collection and how it is read; ValueError for one that makes no sense.

    name: short, as in tune ids; title: as its makers call it; what, licence, origin (a URL or package), get (how to
    get it), taken (what is taken of it, and why): for people. materials: what it is good for. weights_may_ship: whether
    weights that were trained on it may be passed on, weights_why: and why.
    files: globs below the root; sides: of the files that are read beside them. markers: paths that are all there where the
    collection is; names: usual names of the root, one of which it must have. music21: its folder in music21's corpus, or "".
    reader: one of `READERS`; label: the rule for the tag ``type``, tags: rules for others (see `corpus.sources.labels`);
    fields: ABC letters to rename; parts: a pattern of part names; track: as `music.extract` takes it; ids: "stem" or "name".
    checksum: of the files taken, as we had them, checksum_note: of which version; archive: published checksums of its archives.
    tried: whether we have read it.
    """

    name: str
    title: str
    what: str
    licence: str
    origin: str
    get: str
    taken: str
    materials: tuple[str, ...]
    weights_may_ship: bool
    weights_why: str
    reader: str
    files: tuple[str, ...]
    markers: tuple[str, ...]
    names: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    music21: str = ""
    label: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    parts: str = ""
    track: int | str | None = None
    ids: str = "stem"
    checksum: Checksum | None = None
    checksum_note: str = ""
    archive: Mapping[str, str] = field(default_factory=dict)
    tried: bool = True

    def __post_init__(self) -> None:
        where = f"recipe {self.name!r}"
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"{where}: a name has small letters, digits and hyphens, as in pop909 or lakh-full")
        if self.reader not in READERS:
            raise ValueError(f"{where}: unknown reader {self.reader!r}; allowed are {', '.join(READERS)}")
        if self.ids not in ("stem", "name"):
            raise ValueError(f"{where}: ids are made of the file's stem or name, not {self.ids!r}")
        if not self.files or not (self.markers or self.names):
            raise ValueError(f"{where}: it names no {'markers' if self.files else 'files'}, so that nothing could be found")
        for path in (*self.files, *self.sides, *self.markers):
            if path.startswith("/") or ".." in path.split("/") or "\\" in path:
                raise ValueError(f"{where}: {path!r} is no path below its root")
        if any(re.search(r"[*?\[]", marker) for marker in self.markers):
            raise ValueError(f"{where}: a marker is a path, not a glob")
        check_rules(where, self.label, self.tags)
        if self.parts:
            re.compile(self.parts)

    @classmethod
    def from_dict(cls, words: Mapping[str, Any]) -> Recipe:
        """The recipe in a JSON object; ValueError for missing and unknown entries."""
        allowed = {f.name for f in fields(cls)}
        if unknown := set(words) - allowed:
            raise ValueError(f"recipe {words.get('name')!r}: unknown entry {min(unknown)!r}; was it misspelled?")
        made: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in words.items()}
        if made.get("checksum"):
            made["checksum"] = Checksum(**made["checksum"])
        try:
            return cls(**made)
        except TypeError as error:  # says which entries are missing
            raise ValueError(f"recipe {words.get('name')!r}: {str(error).partition(' ')[2]}") from None

    def takes(self, name: str) -> bool:
        """Whether the file of this name inside the root is music that the recipe takes."""
        return any(fits(name, glob) for glob in self.files)

    def reads_beside(self, name: str) -> bool:
        """Whether the file of this name is read beside the music."""
        return any(fits(name, glob) for glob in self.sides)

    def reaches(self, folder: str) -> bool:
        """Whether files it takes can lie in this folder of the root or below it; "" is the root."""
        return any(reaches(glob, folder) for glob in self.files)


@dataclass(frozen=True)
class Found:
    """A collection that lies somewhere: its recipe and its root."""

    recipe: Recipe
    root: Path


@cache
def known_sources() -> tuple[Recipe, ...]:
    """All recipes, sorted by name; ValueError for one that is damaged."""
    files = sorted((p for p in _recipes_folder().iterdir() if p.suffix == ".json"), key=lambda p: p.name)
    recipes = []
    for path in files:
        try:
            recipes.append(Recipe.from_dict(json.loads(path.read_text(encoding="utf-8"))))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None
    return tuple(sorted(recipes, key=lambda r: r.name))


def _recipes_folder() -> Path:
    package = Path(__file__).parents[2]
    for folder in (package / "recipes", package.parent / "data"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the recipes of the known collections are not in {package}; was the package installed completely?")


def recipe_named(name: str) -> Recipe:
    """The recipe of this name; ValueError with near names for one that is not known."""
    known = {recipe.name: recipe for recipe in known_sources()}
    if name not in known:
        near = get_close_matches(name, known, 3) or sorted(known)
        raise ValueError(f"no recipe is called {name!r}; did you mean {' or '.join(near)}?")
    return known[name]


def collection_at(folder: str | Path) -> Recipe | None:
    """The recipe of the collection whose root is this folder."""
    name = os.path.basename(os.path.abspath(folder)).lower()
    for recipe in known_sources():
        if recipe.names and name not in (n.lower() for n in recipe.names):
            continue
        if all(os.path.lexists(os.path.join(folder, marker)) for marker in recipe.markers):
            return recipe
    return None


def collection_around(folder: str | Path) -> Found | None:
    """The collection that this folder is the root of, or lies in where the recipe takes files from."""
    folder = Path(os.path.abspath(folder))
    for above in (folder, *folder.parents[:_ABOVE]):
        recipe = collection_at(above)
        if recipe is not None:
            return Found(recipe, above) if recipe.reaches("/".join(folder.relative_to(above).parts)) else None
    return None


def find_collections(folder: str | Path) -> tuple[Found, ...]:
    """The known collections at this folder, around it, or up to three folders below it, sorted by place.

    FileNotFoundError for a folder that is not there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder: was it misspelled?")
    around = collection_around(folder)
    return (around,) if around else tuple(_below(folder))


def _below(folder: Path) -> Iterator[Found]:
    found: list[Found] = []

    def enter(entry: Entry) -> bool:
        recipe = collection_at(entry.path)
        if recipe:
            found.append(Found(recipe, Path(entry.path)))
        return recipe is None and entry.name.count("/") < _DEPTH - 1

    for _ in walk(folder, enter=enter):
        yield from found
        found.clear()
    yield from found


def music21_corpus() -> Path:
    """The corpus folder of the music21 package; FileNotFoundError without one."""
    spec = find_spec("music21")
    folder = Path(spec.origin).parent / "corpus" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        raise FileNotFoundError("the music21 package, or the corpus in it, is not installed: pip install music21")
    return folder


@dataclass(frozen=True)
class Check:
    """What lies in a folder against a recipe's checksum. fits: None where the recipe has no checksum to compare with."""

    found: Checksum
    expected: Checksum | None

    @property
    def fits(self) -> bool | None:
        """Whether the same files with the same content lie there."""
        return None if self.expected is None else self.found == self.expected

    def __str__(self) -> str:
        if self.expected is None:
            return f"{self.found.files} files; there is no checksum to compare with"
        if self.fits:
            return f"{self.found.files} files, as they were when the recipe was made"
        if self.found.files != self.expected.files:
            return f"{self.found.files} files; the recipe was made with {self.expected.files}"
        return f"{self.found.files} files, but their content differs from what the recipe was made with"


def check(recipe: Recipe, folder: str | Path) -> Check:
    """Compare a collection with its recipe's checksum. folder: its root, as `find_collections` gives it. Every file is read."""
    return Check(checksum(recipe, folder), recipe.checksum)


def checksum(recipe: Recipe, folder: str | Path) -> Checksum:
    """The checksum of the files in this root that a recipe takes or reads beside them."""
    sizes: list[int] = [0, 0]
    whole = hashlib.sha256()
    for line in sorted_names(_sum_lines(recipe, folder, sizes)):
        whole.update(line.encode())
    return Checksum(sizes[0], sizes[1], whole.hexdigest())


def _sum_lines(recipe: Recipe, folder: str | Path, sizes: list[int]) -> Iterator[str]:
    for entry in walk(folder):
        if not entry.is_folder and (recipe.takes(entry.name) or recipe.reads_beside(entry.name)):
            with open(entry.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            sizes[0] += 1
            sizes[1] += entry.size
            yield f"{entry.name} {digest}\n"
