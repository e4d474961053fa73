"""``musicvae corpus sources``: public collections that are known, how to get them, and whether they lie somewhere."""

from __future__ import annotations

import argparse
import itertools
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.corpora import filled
from musicvae.cli.parsing import Commands, add_command
from musicvae.cli.terminal import Terminal, table

if TYPE_CHECKING:
    from musicvae.corpus.sources.recipes import Recipe

__all__ = ["add_sources", "run_sources"]

_SOURCES = """
Without a NAME all of them are listed. With one, it is shown in full: licence, how to get it, what
is taken and how. --check looks which of them lie in a folder, and whether the files are those that
the recipe was made with. Nothing is downloaded: fetch a collection yourself, and give its folder to
'musicvae corpus build'."""


def add_sources(inner: Commands) -> None:
    """Add ``sources``."""
    parser = add_command(
        inner, "sources", run_sources, summary="list public collections and how to get them", text=_SOURCES,
        example="musicvae corpus sources pop909",
    )  # fmt: skip
    parser.add_argument("name", nargs="?", metavar="NAME", help="collection to show in full")
    parser.add_argument("--check", metavar="FOLDER", help="folder in which to look for collections; their files are read")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run_sources(args: argparse.Namespace, terminal: Terminal) -> None:
    """List the known collections, show one, or look for them in a folder."""
    from musicvae.corpus.sources.recipes import known_sources, recipe_named

    wanted = [recipe_named(args.name)] if args.name else list(known_sources())
    if args.check is not None:
        _check(args, wanted, terminal)
        return
    for text in _in_full(wanted[0]) if args.name else _listed(wanted):
        terminal.line(text)
    terminal.finish({"command": "corpus sources", "sources": [_described(recipe) for recipe in wanted]})


def _listed(recipes: list[Recipe]) -> list[str]:
    """A row a collection, what it is and its licence broken into lines."""
    rows: list[tuple[str, ...]] = []
    for recipe in recipes:
        what, licence = textwrap.wrap(recipe.what, 46) or [""], textwrap.wrap(re.split("[;:]", recipe.licence)[0], 22)
        cells = itertools.zip_longest([recipe.name], what, licence, [recipe.reader], fillvalue="")
        rows += cells
    return [
        *table(rows, heading=("name", "what", "licence", "reader")),
        "",
        "'musicvae corpus sources NAME' says how to get one and what is taken of it",
    ]


def _in_full(recipe: Recipe) -> list[str]:
    where = f"music21:{recipe.music21}" if recipe.music21 else ""
    told = {
        "what": recipe.what, "licence": recipe.licence, "origin": recipe.origin, "how to get it": recipe.get,
        "give to build": where, "kinds": ", ".join(recipe.materials), "taken": recipe.taken, "reader": recipe.reader,
        "files": ", ".join(recipe.files), "known by": ", ".join(recipe.markers), "weights": _weights(recipe),
        "checksum": _checksum(recipe), "archives": ", ".join(f"{name}: sha256 {digest}" for name, digest in recipe.archive.items()),
        "tried": "" if recipe.tried else "not yet: this recipe was made from the collection's description",
    }  # fmt: skip
    lines = [f"{recipe.name}: {recipe.title}"]
    for name, text in told.items():
        if text:
            lines += filled(f"{name}: {text}", "  ", "    ")
    return lines


def _weights(recipe: Recipe) -> str:
    return f"{'may' if recipe.weights_may_ship else 'may not'} be passed on when trained on it: {recipe.weights_why}"


def _checksum(recipe: Recipe) -> str:
    if recipe.checksum is None:
        return f"none{f': {recipe.checksum_note}' if recipe.checksum_note else ''}"
    size = f"{recipe.checksum.files} files, {recipe.checksum.bytes / 2**20:.1f} MiB, sha256 {recipe.checksum.sha256}"
    return size + (f" ({recipe.checksum_note})" if recipe.checksum_note else "")


def _check(args: argparse.Namespace, wanted: list[Recipe], terminal: Terminal) -> None:
    from musicvae.corpus.sources.recipes import check, find_collections

    rows, described = [], []
    for found in find_collections(Path(args.check)):
        if found.recipe not in wanted:
            continue
        terminal.progress(f"reading {found.recipe.name}")
        result = check(found.recipe, found.root)
        rows.append((found.recipe.name, str(found.root), str(result)))
        described.append(
            {"name": found.recipe.name, "root": found.root, "fits": result.fits, "found": vars(result.found), "told": str(result)}
        )
    terminal.progress("")
    what = args.name or "none of the known collections"
    for text in table(rows, heading=("name", "folder", "state")) if rows else [f"{what} {'is not' if args.name else 'is'} in {args.check}"]:
        terminal.line(text)
    terminal.finish({"command": "corpus sources", "folder": args.check, "found": described})


def _described(recipe: Recipe) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(recipe)
