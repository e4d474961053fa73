"""How well holes in held-out tunes are filled, and wrong notes put right, against copying and an n-gram.

    python scripts/benchmark_revising.py CORPUS [--model MODEL] [--tunes 100] [--kinds 4/4 ...] [--only holes] [--seed 0] [--json]

CORPUS is a folder of a corpus of melodies; the n-gram is fitted to its training split, all else reads the test split. Tunes are drawn at
random over all its collections, and once more over those of folk tunes alone. Figures read ``value [low, high]`` with 95 % bootstrap
intervals over tunes. See `musicvae.evaluate.revisions` for what they mean.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from musicvae.compose.model import load_melodic
from musicvae.compose.revising.denoising import Judges
from musicvae.compose.revising.filling import Search
from musicvae.corpus.store import Corpus
from musicvae.evaluate.codec import Windows, select_windows
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.revisions import HOLE_BARS, measure_fills, measure_wrong_notes
from musicvae.evaluate.table import Evaluation, Section
from musicvae.music.meter import KINDS
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN

FOLK = ("aird", "nottingham", "oneill", "ryan")
HOLES = (
    "Bars 7 to 10 of 16 taken away and found anew",
    "tokens: share of steps with the same token, holds among them; gain: of tokens over the most alike bar, paired; pitch: share of "
    "steps at which the same pitch sounds; onsets: F1 of the steps at which notes start; notes: F1 of onsets with their pitch. All in "
    "the four bars only.",
)
IN_FOLK_TUNES = ("The same in folk tunes", f"Tunes of {', '.join(FOLK)} alone.")
WRONG = (
    "A tenth of the notes moved by 1 to 6 semitones",
    "found: share of wrong notes that were changed; corrected: to the right pitch; damaged: share of right notes that were changed.",
)


def drawn(corpus: Corpus, windows: Windows, count: int, seed: int, sources: Sequence[str] = ()) -> Windows:
    """At most so many of the windows whose hole had notes, drawn at random over the collections, or over some of them."""
    sounding = (windows.tokens[:, HOLE_BARS] >= FIRST_PITCH_TOKEN).any(axis=(1, 2))
    if sources:
        sounding &= np.isin(np.asarray(corpus.source)[windows.tunes], [corpus.sources.index(name) for name in sources])
    found = np.random.default_rng([seed, windows.kind]).permutation(sounding.nonzero()[0])  # the corpus has its collections one by one
    return windows.take(np.sort(found[:count]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--tunes", type=int, default=100, help="of each meter, at most")
    parser.add_argument("--only", choices=("holes", "folk", "wrong"))
    parser.add_argument("--alone", action="store_true", help="also without the reader, and with parts of what is asked")
    parser.add_argument("--expected", type=float, nargs="+", default=[0.05, 0.1], help="shares of wrong notes that are expected")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    model, corpus = load_melodic(args.model), Corpus.load(args.corpus)
    engine, reader, ngram = model.engine, model.reader, ngram_of(corpus)
    searches, judges = {"repair": Search(reader=reader)}, {"n-gram": Judges(ngram=ngram), "repair": Judges(engine, ngram, reader)}
    if args.alone:
        searches |= {"repair without the reader": Search(), "one draw of the reader": Search(temperature=1.0, reader=reader)}
        judges |= {"network and n-gram": Judges(engine, ngram), "reader": Judges(reader=reader)}

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    holes, folk, wrong = [], [], []
    for kind in map(KINDS.index, args.kinds):
        windows = select_windows(corpus, args.split, kind, bars=16, one_per_tune=True, seed=args.seed)
        chosen = drawn(corpus, windows, args.tunes, args.seed)
        if args.only in (None, "holes"):
            holes += measure_fills(engine, chosen, searches, ngram, seed=args.seed, tell=tell)
        if args.only in (None, "folk"):
            only = drawn(corpus, windows, args.tunes, args.seed, [name for name in FOLK if name in corpus.sources])
            folk += measure_fills(engine, only, searches, seed=args.seed, tell=tell)
        if args.only in (None, "wrong"):
            wrong += measure_wrong_notes(chosen, judges, wrong_shares=args.expected, seed=args.seed, tell=tell)
    sections = [Section("holes", *HOLES, holes), Section("folk", *IN_FOLK_TUNES, folk), Section("wrong notes", *WRONG, wrong)]
    about = {"model": engine.hash, "split": args.split, "tunes of each meter, at most": args.tunes, "seed": args.seed}
    result = Evaluation(about, tuple(section for section in sections if section.rows))
    print(result.to_json() if args.json else result.to_text(), end="")


if __name__ == "__main__":
    main()
