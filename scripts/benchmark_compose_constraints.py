"""How well melodies fit chords and keep to constraints, and what that costs in bits per note.

    python scripts/benchmark_compose_constraints.py CORPUS [--model MODEL] [--kind 4/4] [--tunes 40] [--borrow] [--ways NAME ...]
        [--parts chords given constraints] [--seed 0] [--json]

CORPUS is a folder of a corpus of melodies; only its test split is read. The chords, rhythms, ranges and notes asked for are those of
held-out tunes, one window of 16 bars each; with --borrow the chords are those of tunes in 4/4, bar by bar, since few tunes in other
meters come with chords. Figures read ``value [low, high]`` with 95 % bootstrap intervals over tunes. See
`musicvae.evaluate.fitting_chords`, `musicvae.evaluate.chords_given` and `musicvae.evaluate.constraints` for what they mean.
"""

from __future__ import annotations

import argparse
import sys

from musicvae.compose.model import load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.chord_ways import CHORD_WAYS
from musicvae.evaluate.chords_given import measure_given_chords
from musicvae.evaluate.constraints import measure_constraints
from musicvae.evaluate.fitting_chords import borrowed_chords, harmonized_tunes, measure_chords
from musicvae.evaluate.table import Evaluation, Section
from musicvae.music.meter import KINDS

PARTS = ("chords", "given", "constraints")
CHORDS = (
    "Melodies over the chords of held-out tunes, by a model that knows no chords",
    "strong: share of the notes at strong places of the bar that are notes of the chord; every: of all notes. Cost: bits per note "
    "above free pieces of the same seeds, under the model without chords.",
)
GIVEN = (
    "Chords given to each command",
    "strong: share of notes at strong places on the chord, in the bars that are new; unasked: of the same without chords. Cost: bits per "
    "note above the same without chords.",
)
CONSTRAINTS = (
    "Constraints taken from held-out tunes",
    "kept: share of pieces that keep to all that is asked, exactly; by chance: of free pieces of the same seeds.",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--tunes", type=int, default=40)
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--ways", nargs="+", choices=tuple(CHORD_WAYS), help="ways of fitting chords, beside 'free' (default: all)")
    parser.add_argument("--borrow", action="store_true", help="chords of tunes in 4/4, for any tunes of the meter (default: their own)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="sections to measure (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    model, corpus, kind = load_melodic(args.model), Corpus.load(args.corpus), KINDS.index(args.kind)
    engine = model.engine
    chosen = {name: way for name, way in CHORD_WAYS.items() if args.ways is None or name in ("free", *args.ways)}

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    find = borrowed_chords if args.borrow else harmonized_tunes
    tunes = find(corpus, kind, bars=engine.config.max_bars, limit=args.tunes, split=args.split, seed=args.seed)
    sections = []
    if len(tunes.tokens) > 1 and "chords" in args.parts:
        sections.append(Section("chords", *CHORDS, list(measure_chords(engine, tunes, ways=chosen, seed=args.seed, progress=tell))))
    if len(tunes.tokens) > 1 and "given" in args.parts:
        sections.append(Section("given", *GIVEN, list(measure_given_chords(model, tunes, seed=args.seed, tell=tell))))
    if "constraints" in args.parts:
        rows = measure_constraints(engine, corpus, kind, limit=args.tunes, split=args.split, seed=args.seed, progress=tell)
        sections.append(Section("constraints", *CONSTRAINTS, list(rows)))
    about = {"model": engine.hash, "meter": args.kind, "split": args.split, "tunes with chords": len(tunes.tokens), "seed": args.seed}
    result = Evaluation(about, tuple(sections))
    print(result.to_json() if args.json else result.to_text(), end="")


if __name__ == "__main__":
    main()
