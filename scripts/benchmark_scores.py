"""Whether `musicvae score` finds what is wrong: wrong notes, foreign bars, foreign styles, on held-out tunes.

    python scripts/benchmark_scores.py CORPUS [--model MODEL] [--scores FILE] [--tunes 40] [--kinds 4/4,6/8]
                                       [--foreign NAME=FOLDER ...] [--only notes|styles] [--json]

CORPUS is the folder of the corpus that the model was trained on; what `scripts/calibrate_scores.py` made must lie beside the model, or be
named by --scores. --foreign adds melodies of a folder of music files to the styles that are put among others. About ten seconds a tune.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict

import numpy as np

from musicvae.compose.coding import windows_of
from musicvae.compose.judging.collection import windows_of_piece
from musicvae.compose.judging.folders import melodies_in
from musicvae.compose.judging.yardstick import load_yardstick
from musicvae.compose.model import load_melodic
from musicvae.compose.windows import cut_tokens
from musicvae.corpus.store import Corpus
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.oddity import foreign_rows, spoiled_rows
from musicvae.evaluate.table import Section
from musicvae.music.meter import KINDS, Meter

_FEWEST, _MOST = 5, 120


def tell(text: str) -> None:
    """Say how far it is."""
    print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)


def held_out_styles(engine, corpus: Corpus, kind: int, split: str) -> dict:
    """Pieces of a split by their label."""
    styles, meter = defaultdict(list), Meter.parse(KINDS[kind])
    for line in corpus.select(split, kind=kind).tolist():
        label = int(corpus.label[line])
        if label >= 0 and corpus.num_bars[line] >= 8:
            whole = corpus.tokens([(line, 0, int(corpus.num_bars[line]))])[0][:, : meter.steps_per_model_bar]
            styles[corpus.labels[label]].append(cut_tokens(whole, windows_of(engine, [whole], meter))[:2])
    return {name: pieces for name, pieces in sorted(styles.items()) if len(pieces) >= _FEWEST}


def foreign_pieces(engine, folder: str, kind: int) -> list:
    """Pieces of a folder in one kind of meter."""
    found, _ = melodies_in(folder, (kind,))
    melodies = [melody for _, melody in found if melody.meter.model_bars(melody.num_bars) >= 8 and len(melody.notes) >= 16]
    picked = np.random.default_rng(0).permutation(len(melodies))[:_MOST]
    return [windows_of_piece(engine, melodies[i])[:2] for i in sorted(picked.tolist())]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--scores")
    parser.add_argument("--tunes", type=int, default=40)
    parser.add_argument("--kinds", default="4/4,6/8")
    parser.add_argument("--homes", default="reel,jig,pop,song")
    parser.add_argument("--foreign", nargs="*", default=[])
    parser.add_argument("--only", choices=("notes", "styles"))
    parser.add_argument("--split", default="test")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    model, corpus = load_melodic(args.model), Corpus.load(args.corpus)
    engine = model.engine
    yardstick = load_yardstick(args.scores, model.hash) if args.scores else model.yardstick
    if yardstick is None:
        raise SystemExit("no scores of held-out tunes lie beside the model: make them with scripts/calibrate_scores.py")
    ngram = ngram_of(corpus)
    areas, ranks, styles = [], [], []
    for kind in (KINDS.index(name) for name in args.kinds.split(",")):
        if args.only != "styles":
            found = spoiled_rows(engine, corpus, kind, yardstick, ngram, tunes=args.tunes, split=args.split, tell=tell)
            areas += found[0]
            ranks += found[1]
        if args.only != "notes":
            pieces = held_out_styles(engine, corpus, kind, args.split)
            for name, _, folder in (entry.partition("=") for entry in args.foreign):
                added = foreign_pieces(engine, folder, kind)
                if len(added) >= _FEWEST:
                    pieces[name] = added
            homes = [name for name in args.homes.split(",") if len(pieces.get(name, ())) >= 3 * _FEWEST]
            styles += foreign_rows(engine, kind, KINDS[kind], yardstick, pieces, homes, pieces=30, rounds=8, tell=tell)
    tell("")
    sections = [
        Section("spoiled", "Spoiled tunes", "Area under the ROC curve: spoiled windows of 16 bars against those as they were.", areas),
        Section("wrong notes", "The wrong note among the others of its tune", "One note moved by 1 to 6 semitones.", ranks),
        Section("styles", "Foreign styles", "Area under the ROC curve: a tenth of a collection of 30 is of another style.", styles),
    ]
    shown = [section for section in sections if section.rows]
    print(json.dumps({part.name: part.to_dict() for part in shown}, indent=1) if args.json else "\n\n".join(p.to_text() for p in shown))


if __name__ == "__main__":
    main()
