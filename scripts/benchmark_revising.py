"""How well holes in held-out tunes are filled, and wrong notes put right, against copying and an n-gram.

    python scripts/benchmark_revising.py CORPUS [--model MODEL] [--tunes 40] [--kinds 4/4 ...] [--only holes] [--seed 0] [--json]

CORPUS is a folder of a corpus of melodies; the n-gram is fitted to its training split, all else reads the test split. Figures read
``value [low, high]`` with 95 % bootstrap intervals over tunes. See `musicvae.evaluate.revisions` for what they mean.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.revisions import HOLE_BARS, measure_fills, measure_wrong_notes
from musicvae.evaluate.table import Evaluation, Section
from musicvae.music.meter import KINDS
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

HOLES = (
    "Bars 7 to 10 of 16 taken away and found anew",
    "tokens: share of steps with the same token, holds among them; pitch: share of steps at which the same pitch sounds; onsets: F1 of the "
    "steps at which notes start; notes: F1 of onsets with their pitch. All in the four bars only.",
)
WRONG = (
    "A tenth of the notes moved by 1 to 6 semitones",
    "found: share of wrong notes that were changed; corrected: to the right pitch; damaged: share of right notes that were changed.",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--tunes", type=int, default=40, help="of each meter")
    parser.add_argument("--only", choices=("holes", "wrong"))
    parser.add_argument("--alone", action="store_true", help="holes with the n-gram, wrong notes without it, too")
    parser.add_argument("--expected", type=float, nargs="+", default=[0.05, 0.1], help="shares of wrong notes that are expected")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    engine, corpus = load_melodic(args.model).engine, Corpus.load(args.corpus)
    ngram = ngram_of(corpus)

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    holes, wrong = [], []
    for kind in map(KINDS.index, args.kinds):
        windows = select_windows(corpus, args.split, kind, bars=16, one_per_tune=True, seed=args.seed)
        sounding = (windows.tokens[:, HOLE_BARS] >= FIRST_PITCH_TOKEN).any(axis=(1, 2)).nonzero()[0]
        drawn = np.random.default_rng([args.seed, kind]).permutation(sounding)[: args.tunes]  # the corpus has its collections one by one
        windows = windows.take(np.sort(drawn))
        if args.only != "wrong":
            holes += measure_fills(engine, windows, ngram, both=args.alone, seed=args.seed, tell=tell)
        if args.only != "holes":
            options = {"ngram": ngram, "alone": args.alone, "seed": args.seed, "tell": tell}
            wrong += measure_wrong_notes(engine, windows, wrong_shares=args.expected, **options)
    sections = [Section("holes", *HOLES, holes), Section("wrong notes", *WRONG, wrong)]
    about = {"model": engine.hash, "split": args.split, "tunes of each meter, at most": args.tunes, "seed": args.seed}
    result = Evaluation(about, tuple(section for section in sections if section.rows))
    print(result.to_json() if args.json else result.to_text(), end="")


if __name__ == "__main__":
    main()
