"""Build the corpus of the shipped model from public collections, as the recipes in data/ tell.

    python scripts/build_corpus.py DATASETS -o CORPUS [--only NAME ...] [--cache FOLDER] [--workers N]

DATASETS holds a folder for each collection; collections inside the music21 package are found there.
Extracted lines are kept in the cache folder, one file per recipe, so that a second build is quick.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.corpus.build import Tune, assemble, read_tunes
from musicvae.corpus.sources import from_recipe
from musicvae.corpus.store import SPLITS, Corpus
from musicvae.music.meter import KINDS
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

RECIPES = Path(__file__).resolve().parent.parent / "data"


def read_recipe(recipe: dict[str, Any], base: Path, part: int, parts: int) -> tuple[list[Tune], dict[str, Any]]:
    """One of `parts` interleaved shares of a recipe's tunes (tunes hold closures, so each worker finds its own)."""
    return read_tunes(list(from_recipe(recipe, base))[part::parts])


def merged(reports: list[dict[str, Any]]) -> dict[str, Any]:
    unreadable: dict[str, Any] = {}
    losses: Counter[str] = Counter()
    for report in reports:
        losses.update(report["losses"])
        for reason, entry in report["unreadable"].items():
            known = unreadable.setdefault(reason, {"count": 0, "examples": []})
            known["count"] += entry["count"]
            known["examples"] = (known["examples"] + entry["examples"])[:5]
    counts = {name: sum(r[name] for r in reports) for name in ("tunes_found", "tunes_read")}
    return {**counts, "unreadable": unreadable, "losses": dict(sorted(losses.items()))}


def collect(recipe: dict[str, Any], base: Path, cache: Path | None, workers: int) -> tuple[list[Tune], dict[str, Any]]:
    kept = cache / f"{recipe['name']}.pickle" if cache else None
    if kept and kept.exists():
        cached: tuple[list[Tune], dict[str, Any]] = pickle.loads(kept.read_bytes())  # our own file, in a folder the caller named
        return cached
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            shares = list(pool.map(read_recipe, *zip(*[(recipe, base, i, workers) for i in range(workers)], strict=True)))
    else:
        shares = [read_recipe(recipe, base, 0, 1)]
    tunes = sorted((t for share, _ in shares for t in share), key=lambda t: t.tune_id)
    result = tunes, merged([report for _, report in shares])
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(result))
    return result


def print_table(corpus: Corpus) -> None:
    windows = corpus.windows(None)
    print(f"{len(corpus)} lines, {len(corpus.bars)} bars, {len(windows)} windows of 16 bars (hop 4)")
    for title, names, values in (
        ("kind", KINDS, corpus.kind), ("split", SPLITS, corpus.split), ("source", corpus.sources, corpus.source),
        ("label", (*corpus.labels, "(none)"), corpus.label % (len(corpus.labels) + 1)),
    ):  # fmt: skip
        print(f"\n{title:24}{'lines':>8}{'windows':>9}{'per line':>9}")
        for i, name in enumerate(names):
            count, found = int((values == i).sum()), int((values[windows[:, 0]] == i).sum())
            print(f"  {name:22}{count:8}{found:9}{found / max(1, count):9.1f}")
    print("\nkind x split (windows):")
    for split in SPLITS:
        print(f"  {split:12}", *(f"{name} {len(corpus.windows(split, kind=k)):6}" for k, name in enumerate(KINDS)))
    for name, chosen in [("all", windows)] + [(s, windows[corpus.source[windows[:, 0]] == i]) for i, s in enumerate(corpus.sources)]:
        tokens = corpus.tokens(chosen)
        different = [len({bar.tobytes() for bar in window}) / len(window) for window in tokens]
        notes = (tokens >= FIRST_PITCH_TOKEN).sum((1, 2)) / 16
        share, density = np.mean(different or [0]), notes.sum() / max(1, len(notes))
        print(f"different bars per window, {name:18} {share:.3f}   notes per bar {density:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the corpus of the shipped model.")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", nargs="+", help="names of recipes (default: all)")
    parser.add_argument("--cache", type=Path, help="folder for extracted lines")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    recipes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECIPES.glob("*.json"))]
    spec = find_spec("music21")
    bases = {"datasets": args.datasets, "music21": Path(spec.origin).parent / "corpus" if spec and spec.origin else args.datasets}
    tunes: list[Tune] = []
    reports: dict[str, dict[str, Any]] = {}
    for recipe in recipes:
        if args.only and recipe["name"] not in args.only:
            continue
        found, report = collect(recipe, bases[recipe["base"]], args.cache, args.workers)
        print(f"{recipe['name']}: {report['tunes_read']} of {report['tunes_found']} tunes", file=sys.stderr, flush=True)
        tunes += found
        reports[recipe["name"]] = {**report, "licence": recipe["licence"], "origin": recipe["origin"]}
    corpus = assemble(tunes, {"collections": reports})
    corpus.save(args.output)
    print_table(corpus)
    for name, report in corpus.report["collections"].items():
        print(f"\n{name}: {report['tunes_read']} of {report['tunes_found']} tunes\n  lost: {report['losses']}")
        for reason, entry in report["unreadable"].items():
            print(f"  left out: {entry['count']} ({reason}), as {entry['examples'][0]}")
    print(f"\nduplicates: {corpus.report['duplicates']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
