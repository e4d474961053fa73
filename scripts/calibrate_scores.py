"""Make the file beside a model of melodies by which `musicvae score` knows what is odd.

    python scripts/calibrate_scores.py MODEL CORPUS [-o MODEL.scores.safetensors] [--windows 400] [--seed 0] [--without-reader] [--force]

Validation tunes of the corpus are measured, half a second each on one core, by the reader of damaged music that lies beside the model;
two seconds each where there is none. The n-gram and what tells styles apart are learned from its training tunes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musicvae.compose.judging.yardstick import save_yardstick
from musicvae.compose.library import SCORES_SUFFIX, find_model
from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.yardsticks import make_yardstick


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
    target = Path(args.output) if args.output else path.with_name(path.name.removesuffix(".safetensors") + SCORES_SUFFIX)
    if target.exists() and not args.force:
        raise SystemExit(f"{target} exists; --force overwrites it")
    model = load_melodic(path, threads=args.threads)

    def tell(text: str) -> None:
        print(f"\r{text}", end="", file=sys.stderr, flush=True)

    reader, corpus = None if args.without_reader else model.reader, Corpus.load(args.corpus)
    made = make_yardstick(model.engine, corpus, reader=reader, windows=args.windows, seed=args.seed, progress=tell)
    print(file=sys.stderr)
    print(save_yardstick(made, target, force=args.force))


if __name__ == "__main__":
    main()
