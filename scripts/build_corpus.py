"""Build the corpus of the shipped model from public collections, by the recipes in data/.

    python scripts/build_corpus.py DATASETS -o CORPUS [--only NAME ...] [--jobs N] [--resume] [--force]

DATASETS holds the collections, each where its recipe finds it ('musicvae corpus sources --check DATASETS' tells); those that come
with music21 are found there. A collection whose weights may not be passed on is refused. The division into train, validation and test is
that of the shipped model (data/splits/melody.json), so that nothing it learnt from is ever held out, however readers improve.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musicvae.cli.terminal import table
from musicvae.corpus.build import Progress, build_corpus
from musicvae.corpus.report import corpus_report
from musicvae.corpus.sources.recipes import Recipe, check, find_collections, recipe_named

SPLITS = Path(__file__).resolve().parent.parent / "data" / "splits" / "melody.json"
SHIPPED = ("aird", "nottingham", "oneill", "openhymnal", "openscore-lieder", "pop909", "ryan")


def sources_of(recipes: list[Recipe], datasets: Path) -> list[str]:
    """What to give to the build: the root of each collection, or its name in music21."""
    roots = {found.recipe.name: found for found in find_collections(datasets)}
    sources = []
    for recipe in recipes:
        if not recipe.weights_may_ship:
            raise ValueError(f"weights that were trained on {recipe.name} may not be shipped: {recipe.weights_why}")
        if recipe.music21:
            sources.append(f"music21:{recipe.music21}")
            continue
        if recipe.name not in roots:
            raise FileNotFoundError(f"{recipe.name} is not in {datasets}: {recipe.get}")
        result = check(recipe, roots[recipe.name].root)
        if result.fits is False:
            print(f"{recipe.name}: {result}", file=sys.stderr)
        sources.append(str(roots[recipe.name].root))
    return sources


def tell(progress: Progress) -> None:
    end = "\n" if progress.files and progress.files_done == progress.files else ""
    print(f"\r{progress.stage}: {progress.files_done} of {progress.files or '?'} files, {progress.seconds:.0f} s", end=end, file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the corpus of the shipped model.")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=SHIPPED, metavar="NAME", help=f"names of recipes (default: {' '.join(SHIPPED)})")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    try:
        sources = sources_of([recipe_named(name) for name in args.only], args.datasets)
        corpus = build_corpus(sources, args.output, jobs=args.jobs, splits=SPLITS, resume=args.resume, force=args.force, progress=tell)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for part in corpus_report(corpus).tables():
        print("\n" + part.title, *table(part.rows, heading=part.heading), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
