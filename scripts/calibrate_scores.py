"""Make the file beside a model of melodies, drums or trios by which `musicvae score` knows what is odd.

    python scripts/calibrate_scores.py MODEL CORPUS [-o FILE] [--windows 400] [--seed 0] [--without-reader] [--force]

Validation tunes of the corpus are measured, half a second each on one core, by the reader of damaged music that lies beside the model;
two seconds each where there is none. The n-gram and what tells styles apart are learned from its training tunes. Of drums and trios
as many windows of 16, of 8 and of 4 bars are measured, which may be of one piece.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musicvae.compose.judging.piece_yardstick import PIECE_SCORES_SUFFIX, save_piece_yardstick
from musicvae.compose.judging.yardstick import save_yardstick
from musicvae.compose.library import SCORES_SUFFIX, find_model
from musicvae.compose.model import load, load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.yardsticks import make_piece_yardstick, make_yardstick


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="name or path of a model")
    parser.add_argument("corpus", help="folder of the corpus that it was trained on")
    parser.add_argument("-o", "--output", help="where to write (default: beside the model)")
    parser.add_argument("--windows", type=int, default=400, help="validation windows to measure (default: 400)")
    parser.add_argument("--without-reader", action="store_true", help="measure by the model alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    args = parser.parse_args()
    _, path = find_model(args.model)
    corpus = Corpus.load(args.corpus)
    suffix = SCORES_SUFFIX if corpus.material == "melody" else PIECE_SCORES_SUFFIX
    target = Path(args.output) if args.output else path.with_name(path.name.removesuffix(".safetensors") + suffix)
    if target.exists() and not args.force:
        raise SystemExit(f"{target} exists; --force overwrites it")

    def tell(text: str) -> None:
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    if corpus.material != "melody":
        pieces = make_piece_yardstick(load(path, threads=args.threads).engine, corpus, windows=args.windows, seed=args.seed, progress=tell)
        save_piece_yardstick(pieces, target, force=args.force)
    else:
        model = load_melodic(path, threads=args.threads)
        reader = None if args.without_reader else model.reader
        made = make_yardstick(model.engine, corpus, reader=reader, windows=args.windows, seed=args.seed, progress=tell)
        save_yardstick(made, target, force=args.force)
    print(f"\n{target}")


if __name__ == "__main__":
    main()
