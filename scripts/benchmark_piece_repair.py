"""How well `repair` fills holes in held-out beats and trios, writes a line of a trio for the others, and puts wrong hits and notes right.

    python scripts/benchmark_piece_repair.py MODEL CORPUS [--pieces 40] [--split test] [--seed 0] [--json] [--only PART ...]

MODEL is one of drums or trios, CORPUS a folder of a corpus of the same material. One window of 16 bars of each piece, drawn at random
over all pieces; the training split is read for the ways that copy from it. Figures read ``value [low, high]`` with 95 % bootstrap
intervals over pieces. See `musicvae.evaluate.pieces.repairs` and `musicvae.evaluate.pieces.errors` for what they mean.
"""

from __future__ import annotations

import argparse
import sys

from musicvae.compose.judging.events.odds import shipped_odds
from musicvae.compose.model import load
from musicvae.compose.revising.pieces.repairing import LINES
from musicvae.corpus.store import Corpus
from musicvae.evaluate.pieces.errors import measure_errors
from musicvae.evaluate.pieces.repairs import RepairRow, measure_holes, measure_lines
from musicvae.evaluate.pieces.windows import select_pieces
from musicvae.evaluate.table import Evaluation, Section

TRAINING_WINDOWS = 3000
TEXT = (
    "Bars and lines found again",
    "notes: F1 of hits, or of onsets with their pitch; pitch classes, onsets: the same whatever the octave, the pitch; steps: share of "
    "steps that are the very same; gain: of notes, over the first way.",
)
ERRORS = (
    "Wrong hits and notes put right",
    "A tenth of the hits moved by 1 to 3 sixteenths, a tenth of the notes by 1 to 6 semitones. found: share of the wrong ones that are "
    "changed; corrected: that are as they were; damaged: share of the right ones that are changed; gain: of corrected, over the majority.",
)
PARTS = ("all", "each", "lines", "errors")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="which holes, or errors")
    args = parser.parse_args()
    engine, corpus = load(args.model).engine, Corpus.load(args.corpus)
    windows = select_pieces(corpus, args.split, bars=16, limit=args.pieces, one_per_tune=True, seed=args.seed)
    names = list(LINES[engine.material])

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    rows: list[RepairRow] = []
    if "all" in args.only:
        rows += measure_holes(engine, windows, names, seed=args.seed, tell=tell)
    if len(names) > 1 and "each" in args.only:
        rows += [row for name in names for row in measure_holes(engine, windows, [name], seed=args.seed, tell=tell)]
    if len(names) > 1 and "lines" in args.only:
        train = select_pieces(corpus, "train", bars=16, limit=TRAINING_WINDOWS, seed=args.seed)
        rows += [row for name in names for row in measure_lines(engine, windows, train, name, seed=args.seed, tell=tell)]
    about = {"model": engine.hash, "split": args.split, "pieces": len(windows), "seed": args.seed}
    sections = [Section("repair", *TEXT, rows)] if rows else []
    if "errors" in args.only:
        found = measure_errors(windows, shipped_odds(), engine.material, wrong_shares=(0.05, 0.1), seed=args.seed, tell=tell)
        sections.append(Section("errors", *ERRORS, list(found)))
    result = Evaluation(about, tuple(sections))
    print(result.to_json() if args.json else result.to_text(), end="")


if __name__ == "__main__":
    main()
