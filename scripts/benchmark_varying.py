"""What variations and blends are like beside real music and changes made at random, on held-out tunes.

    python scripts/benchmark_varying.py CORPUS [--model MODEL] [--tunes 24] [--pairs 8] [--groups 4] [--only mixtures] [--json]

CORPUS is a folder that `musicvae corpus build` wrote. Melodies: for each meter, one window of each of `--tunes` tunes and
`--pairs` pairs of windows are taken from the split, and `--groups` groups of four, three and two for grids, mixes and morphs; the
n-gram is fitted on the training tunes. Drums and trios (the model is that of the corpus' material by default): one window of each
of `--tunes` pieces; the table of beats is fitted on training pieces.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

import numpy as np

from musicvae.compose.model import Model, load
from musicvae.compose.pieces.model import PieceModel
from musicvae.corpus.store import Corpus
from musicvae.evaluate.blends import select_pairs
from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.mixtures import grid_rows, mix_rows, morph_rows
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.pieces.variations import piece_variation_rows
from musicvae.evaluate.pieces.windows import select_pieces
from musicvae.evaluate.table import Section
from musicvae.evaluate.variations import Yardsticks, blend_quality, variation_rows

TRAINING_WINDOWS = 20_000
PIECE_BARS = {"drums": 4, "trio": 16}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--tunes", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--groups", type=int, default=4, help="of each meter: grids of four tunes, mixes of three, morphs of two")
    parser.add_argument("--only", choices=("variations", "blends", "mixtures"))
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    corpus = Corpus.load(args.corpus)
    model = load(args.model or corpus.material)

    def tell(text: str) -> None:
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)

    measured = of_melodies(model, corpus, args, tell) if isinstance(model, Model) else of_pieces(model, corpus, args, tell)
    tell("")
    print(
        json.dumps({part.name: part.to_dict() for part in measured}, indent=1) if args.json else "\n\n".join(p.to_text() for p in measured)
    )


def of_melodies(model: Model, corpus: Corpus, args: argparse.Namespace, tell: Callable[[str], None]) -> list[Section]:
    """Variations and blends of melodies."""
    yard = Yardsticks(model, ngram_of(corpus))
    bars, kinds = model.engine.config.max_bars, model.engine.config.kinds
    parts = [select_windows(corpus, args.split, kind, bars=bars, limit=args.tunes, one_per_tune=True) for kind in kinds]
    pairs = [select_pairs(select_windows(corpus, args.split, kind, bars=bars, one_per_tune=True), args.pairs) for kind in kinds]
    groups = [select_windows(corpus, args.split, kind, bars=bars, limit=4 * args.groups, one_per_tune=True, seed=1) for kind in kinds]
    groups = [part.take(np.random.default_rng(part.kind).permutation(len(part))) for part in groups]
    few = [[part.take(range(min(len(part), size * args.groups))) for part in groups] for size in (4, 3, 2)]
    sections = {
        "variations": lambda: [("variations", "Variations", "One variation of each tune at each amount.",
                                variation_rows(yard, parts, progress=tell))],
        "blends": lambda: [("blends", "Blends", "Nine points between two tunes.", blend_quality(yard, pairs, progress=tell))],
        "mixtures": lambda: [
            ("grids", "Grids", "Five by five pieces between four tunes.", grid_rows(yard, few[0], progress=tell)),
            ("mixes", "Mixes", "A third of each of three tunes.", mix_rows(yard, few[1], progress=tell)),
            ("morphs", "Morphs", "One piece, four times as long, from one tune to another.", morph_rows(yard, few[2], progress=tell)),
        ],
    }  # fmt: skip
    return [Section(*part) for name, made in sections.items() if args.only in (None, name) for part in made()]


def of_pieces(model: PieceModel, corpus: Corpus, args: argparse.Namespace, tell: Callable[[str], None]) -> list[Section]:
    """Variations of beats or trios."""
    bars = PIECE_BARS[model.material]
    train = select_pieces(corpus, "train", bars=bars, limit=TRAINING_WINDOWS)
    windows = select_pieces(corpus, args.split, bars=bars, limit=args.tunes, one_per_tune=True)
    rows = piece_variation_rows(model, train, windows, progress=tell)
    return [Section("variations", "Variations", "One variation of each piece at each amount.", rows)]


if __name__ == "__main__":
    main()
