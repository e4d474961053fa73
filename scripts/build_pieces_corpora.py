"""Build the corpora of the shipped models of drums, grooves and trios from public collections, by the recipes in data/.

    python scripts/build_pieces_corpora.py DATASETS -o FOLDER [--only drums groove trio] [--synthetic TRIOS] [--final] [--force]

DATASETS holds the collections, each where its recipe finds it ('musicvae corpus sources --check DATASETS' tells). Each corpus comes
into FOLDER under its own name. Drums and grooves are those of the Groove MIDI Dataset in 4/4, divided as data/splits/groove.json says: its
own validation files are the split test, two whole sessions of its training files the split validation. With --final, for the weights that
ship after all choices were made on those two, only the smaller of them is held out (groove-final.json). Trios are Freedoom's and, from the
folder TRIOS that scripts/synthesize_trios.py wrote, those put together of POP909 and Groove, divided as data/splits/trio.json says.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musicvae.cli.terminal import table
from musicvae.corpus.build import build_corpus
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.report import CorpusReport, corpus_report
from musicvae.corpus.sources.recipes import check, find_collections, recipe_named
from musicvae.corpus.store import SPLITS, Corpus

DIVISIONS = Path(__file__).resolve().parent.parent / "data" / "splits"
BARS = (1, 2, 4, 8, 16)
COLLECTIONS = {"drums": "groove", "groove": "groove", "trio": "freedoom"}
# Tunes that share a beat, and versions of a song, are near-duplicates by design or by nature; a copy of one that is held out is never
# learnt from.
OPTIONS = {
    "drums": BuildOptions(material="drums", bars=BARS, hop_bars=1, meters=("4/4",), keep_duplicates=True),
    "groove": BuildOptions(material="groove", bars=BARS, hop_bars=1, meters=("4/4",), keep_duplicates=True),
    "trio": BuildOptions(material="trio", bars=BARS, hop_bars=1, meters=("4/4",), keep_duplicates=True),
}


def root_of(name: str, datasets: Path) -> Path:
    """Where a collection lies; ValueError for one whose weights may not be passed on, FileNotFoundError where it is not there."""
    recipe = recipe_named(name)
    if not recipe.weights_may_ship:
        raise ValueError(f"weights that were trained on {name} may not be shipped: {recipe.weights_why}")
    roots = [found.root for found in find_collections(datasets) if found.recipe.name == name]
    if not roots:
        raise FileNotFoundError(f"{name} is not in {datasets}: {recipe.get}")
    result = check(recipe, roots[0])
    if result.fits is False:
        print(f"{name}: {result}", file=sys.stderr)
    return roots[0]


def build(material: str, datasets: Path, folder: Path, synthetic: Path | None, *, force: bool, final: bool = False) -> Corpus:
    """The corpus of a material."""
    sources = [str(root_of(COLLECTIONS[material], datasets))]
    if material == "trio":
        if synthetic is None:
            raise ValueError("trios of songs and beats come from scripts/synthesize_trios.py: name the folder it wrote with --synthetic")
        sources.append(str(synthetic))
    name = "trio" if material == "trio" else "groove-final" if final else "groove"
    splits = DIVISIONS / f"{name}.json"
    return build_corpus(sources, folder / material, OPTIONS[material], splits=splits, force=force, jobs=1)


def sessions(corpus: Corpus) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """For each style the tunes of each split, and the sessions of those to learn from."""
    first = [line for line in range(len(corpus)) if line == 0 or corpus.tune[line] != corpus.tune[line - 1]]
    found: dict[str, tuple[list[int], set[str]]] = {}
    for about in (corpus.describe([[line, 0, 1]])[0] for line in first):
        counts, played = found.setdefault(about.tags.get("type", ""), ([0] * len(SPLITS), set()))
        counts[SPLITS.index(about.split)] += 1
        if about.split == "train":
            played.add(about.tags.get("session", about.tune_id))
    rows = [(style, *counts, len(played)) for style, (counts, played) in sorted(found.items(), key=lambda item: (-item[1][0][0], item[0]))]
    return ("style", *SPLITS, "sessions in train"), rows


def show(material: str, corpus: Corpus, report: CorpusReport) -> None:
    print(f"\n== {material}: {len(corpus)} lines")
    for part in report.tables():
        print("\n" + part.title, *table(part.rows, heading=part.heading), sep="\n")
    heading, rows = sessions(corpus)
    print("\nfiles by style", *table(rows, heading=heading), sep="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the corpora of the shipped models of drums, grooves and trios.")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=tuple(OPTIONS), default=tuple(OPTIONS))
    parser.add_argument("--synthetic", type=Path, help="folder of trios that scripts/synthesize_trios.py wrote")
    parser.add_argument("--final", action="store_true", help="hold out less of Groove: choices are made")
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    try:
        for material in args.only:
            corpus = build(material, args.datasets, args.output, args.synthetic, force=args.force, final=args.final)
            show(material, corpus, corpus_report(corpus))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
