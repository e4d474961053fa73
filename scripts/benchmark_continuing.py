"""How well held-out tunes are gone on with, against repeating them and an n-gram.

    python scripts/benchmark_continuing.py CORPUS [--model MODEL] [--tunes 80] [--kinds 4/4 ...] [--split test] [--seed 0] [--json]

CORPUS is a folder of a corpus of melodies; the n-gram is fitted to its training split. Tunes of 16 bars and more are drawn at random over
all collections and broken off after half and after three quarters of their bars. Figures read ``value [low, high]`` with 95 % bootstrap
intervals over tunes. See `musicvae.evaluate.continuations` for what they mean.
"""

from __future__ import annotations

import argparse
import sys

from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.continuations import follow_gains, follow_row, followed, select_broken, ways_of
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.table import Evaluation, Section
from musicvae.music.meter import KINDS

FOLLOWS = (
    "Tunes broken off, and what follows",
    "returns: F1 of bars that return to an earlier bar of the tune as its own do; form: share of bars that return rightly or are rightly "
    "new; tokens, pitch, onsets: agreement with the tune's own bars; leap: semitones at the seam. At most 16 new bars of each tune.",
)
GAINS = ("Paired gains over other ways", "Differences over the same tunes.")
SHARES = {"half": 0.5, "3/4": 0.75}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--tunes", type=int, default=80, help="of each meter, at most")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    engine, corpus = load_melodic(args.model).engine, Corpus.load(args.corpus)
    ngram = ngram_of(corpus)
    rows, gains = [], []
    for kind in map(KINDS.index, args.kinds):
        for given, share in SHARES.items():
            tunes = select_broken(corpus, args.split, kind, share, args.tunes, args.seed)
            found = {}
            for way, follow in ways_of(engine, ngram).items():
                print(f"{KINDS[kind]}, {given} given: {way}", file=sys.stderr, flush=True)
                found[way] = followed(follow, tunes, args.seed)
                rows.append(follow_row(engine, ngram, tunes, found[way], given=given, way=way))
            gains += follow_gains(tunes, found, "continue, auto, likeliest", given=given)
    about = {"model": engine.hash, "split": args.split, "tunes of each meter, at most": args.tunes, "seed": args.seed}
    result = Evaluation(about, (Section("continuations", *FOLLOWS, rows), Section("gains", *GAINS, gains)))
    print(result.to_json() if args.json else result.to_text(), end="")


if __name__ == "__main__":
    main()
