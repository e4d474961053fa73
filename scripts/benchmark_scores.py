"""Whether `musicvae score` finds what is wrong: wrong notes, foreign bars, foreign styles, on held-out tunes.

    python scripts/benchmark_scores.py CORPUS [--model MODEL] [--scores FILE] [--tunes 60] [--kinds 4/4,3/4,6/8]
                                       [--foreign NAME=FOLDER ...] [--only notes|styles] [--split test] [--without-reader-too] [--json]

CORPUS is the folder of the corpus that the model was trained on. For melodies what `scripts/calibrate_scores.py` made must lie beside the
model, or be named by --scores. --foreign adds melodies of a folder of music files to the styles that are put among others, of which styles
nothing must have been learned. Of a corpus of drums or trios (the model is that of the material by default) it is measured whether wrong
hits and notes and bars of another piece are found; a table of hits and n-grams are fitted on the training pieces.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict

import numpy as np

from musicvae.compose.judging.collection import windows_of_piece
from musicvae.compose.judging.folders import melodies_in
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.judging.yardstick import Yardstick, load_yardstick
from musicvae.compose.model import load, load_melodic
from musicvae.corpus.store import Corpus
from musicvae.evaluate.foreign_styles import StyleRow, foreign_rows, summary_row
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.oddity import spoiled_rows
from musicvae.evaluate.pieces.oddity import PieceRival, ensemble_rows
from musicvae.evaluate.pieces.windows import select_pieces
from musicvae.evaluate.style_sense import pieces_of_split
from musicvae.evaluate.table import Section
from musicvae.music.meter import KINDS

_MOST = 120
_PIECE_BARS, _TRAINING_WINDOWS = 16, 3000


def tell(text: str) -> None:
    """Say how far it is."""
    print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)


def held_out_styles(engine, corpus: Corpus, kind: int, split: str) -> dict:
    """Pieces of a split by their label."""
    styles = defaultdict(list)
    pieces, labels, _ = pieces_of_split(engine, corpus, split, kind)
    for own, label in zip(pieces, labels, strict=True):
        if label:
            styles[label].append(own)
    return dict(sorted(styles.items()))


def foreign_pieces(engine, folder: str, kind: int) -> list:
    """Pieces of a folder in one kind of meter, if there are some."""
    found = [melody for _, melody in melodies_in(folder, range(len(KINDS)))[0] if melody.meter.kind_index == kind]
    melodies = [melody for melody in found if melody.meter.model_bars(melody.num_bars) >= 8 and len(melody.notes) >= 16]
    picked = np.random.default_rng(0).permutation(len(melodies))[:_MOST]
    return [windows_of_piece(engine, melodies[i])[:2] for i in sorted(picked.tolist())]


def style_rows(engine, corpus: Corpus, kind: int, yardstick: Yardstick, ngram: NGram, args: argparse.Namespace) -> list[StyleRow]:
    """Rows of one kind of meter, and their means, for collections of 30 and of 8."""
    styles, unknown, shown = held_out_styles(engine, corpus, kind, args.split), [], []
    for name, _, folder in (entry.partition("=") for entry in args.foreign):
        if pieces := foreign_pieces(engine, folder, kind):
            styles[name] = pieces
            unknown.append(name)
    homes = [*args.homes.split(","), *unknown]
    for size in (30, 8):
        found = foreign_rows(
            yardstick.styles[kind], ngram, kind, KINDS[kind], styles, homes, unknown=unknown, pieces=size, tell=tell
        )  # fmt: skip
        shown += [row for row, _ in found] if size == 30 else []
        shown += [mean for known in (True, False) if (mean := summary_row(found, KINDS[kind], known)) is not None]
    return shown


def piece_section(corpus: Corpus, args: argparse.Namespace) -> Section:
    """The table of drums or trios."""
    train = select_pieces(corpus, "train", bars=_PIECE_BARS, limit=_TRAINING_WINDOWS)
    windows = select_pieces(corpus, args.split, bars=_PIECE_BARS, limit=args.tunes, one_per_tune=True)
    model = load(args.model or corpus.material)
    rows = ensemble_rows(model.engine, windows, PieceRival.fitted(train), model.yardstick, tell=tell)
    text = "Area under the ROC curve: spoiled windows against those as they were. odd: share that is called odd at the default threshold."
    return Section("spoiled", f"Spoiled {corpus.material}", text, rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--scores")
    parser.add_argument("--tunes", type=int, default=60)
    parser.add_argument("--kinds", default="4/4,3/4,6/8")
    parser.add_argument("--homes", default="reel,hornpipe,jig,pop,song")
    parser.add_argument("--foreign", nargs="*", default=[])
    parser.add_argument("--only", choices=("notes", "styles"))
    parser.add_argument("--split", default="test")
    parser.add_argument("--without-reader-too", action="store_true", help="also judge as models without a reader of damaged music do")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    corpus = Corpus.load(args.corpus)
    if corpus.material != "melody":
        show([piece_section(corpus, args)], args.json)
        return
    model = load_melodic(args.model)
    engine = model.engine
    yardstick = load_yardstick(args.scores, model.hash) if args.scores else model.yardstick
    if yardstick is None:
        raise SystemExit("no scores of held-out tunes lie beside the model: make them with scripts/calibrate_scores.py")
    ngram = ngram_of(corpus)
    reader = model.reader if yardstick.with_reader else None
    spoiled, styles = [], []
    for kind in (KINDS.index(name) for name in args.kinds.split(",")):
        if args.only != "styles":
            spoiled.append(
                spoiled_rows(
                    engine, corpus, kind, yardstick, ngram, reader=reader, without_too=args.without_reader_too, tunes=args.tunes,
                    split=args.split, tell=tell,
                )
            )  # fmt: skip
        if args.only != "notes":
            styles += style_rows(engine, corpus, kind, yardstick, ngram, args)
    sections = [
        Section(
            "spoiled",
            "Spoiled tunes",
            "Area under the ROC curve: spoiled windows of 16 bars against those as they were.",
            [row for rows in spoiled for row in rows.areas],
        ),
        Section(
            "gains",
            "Spoiled tunes, paired",
            "The area of `score` less another's on the same windows.",
            [row for rows in spoiled for row in rows.gains],
        ),
        Section(
            "marked", "What is called odd", "Share of windows, at the default threshold.", [row for rows in spoiled for row in rows.alarms]
        ),
        Section(
            "wrong notes",
            "The wrong note among the others of its tune",
            "One note moved by 1 to 6 semitones.",
            [row for rows in spoiled for row in rows.ranks],
        ),
        Section(
            "styles",
            "Foreign styles",
            "Area under the ROC curve: a tenth of each collection is of another style.",
            styles,
        ),
    ]
    show([section for section in sections if section.rows], args.json)


def show(sections: list[Section], as_json: bool) -> None:
    """Print tables."""
    tell("")
    print(json.dumps({part.name: part.to_dict() for part in sections}, indent=1) if as_json else "\n\n".join(p.to_text() for p in sections))


if __name__ == "__main__":
    main()
