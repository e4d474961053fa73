"""What variations and blends are like beside real tunes and changes made at random, on held-out tunes.

    python scripts/benchmark_varying.py CORPUS [--model MODEL] [--tunes 24] [--pairs 8] [--split test] [--json]

CORPUS is a folder that `musicvae corpus build` wrote, with melodies; the n-gram is fitted on its training tunes. For each meter, one
window of each of `--tunes` tunes and `--pairs` pairs of windows are taken from the split.
"""

from __future__ import annotations

import argparse
import json
import sys

from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.blends import select_pairs
from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.table import Section
from musicvae.evaluate.variations import Yardsticks, blend_quality, variation_rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--tunes", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    model, corpus = load_melodic(args.model), Corpus.load(args.corpus)
    yard = Yardsticks(model, ngram_of(corpus))
    bars, kinds = model.engine.config.max_bars, model.engine.config.kinds

    def tell(text: str) -> None:
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)

    parts = [select_windows(corpus, args.split, kind, bars=bars, limit=args.tunes, one_per_tune=True) for kind in kinds]
    pairs = [select_pairs(select_windows(corpus, args.split, kind, bars=bars, one_per_tune=True), args.pairs) for kind in kinds]
    sections = (
        Section("variations", "Variations", "One variation of each tune at each amount.", variation_rows(yard, parts, progress=tell)),
        Section("blends", "Blends", "Nine points between two tunes.", blend_quality(yard, pairs, progress=tell)),
    )
    tell("")
    text = json.dumps({part.name: part.to_dict() for part in sections}, indent=1) if args.json else None
    print(text or "\n\n".join(part.to_text() for part in sections))


if __name__ == "__main__":
    main()
