"""Whether a personalised model composes like tunes it was not given, and whether it copies those that it was.

    python scripts/benchmark_personalise.py CORPUS [--model MODEL] [--kinds jig:6/8,reel:4/4] [--files 1,5,20] [--pieces 128] [--json]

CORPUS is a folder that `musicvae corpus build` wrote, with melodies and types. The files are tunes of its validation split, which the model
was not trained on, drawn at random; what is drawn is compared with tunes of its test split (--split validation: to try things out).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from musicvae.compose.examples import Examples
from musicvae.compose.model import load_melodic
from musicvae.compose.personalising.personalise import personalise
from musicvae.corpus.store import Corpus
from musicvae.evaluate.personal import PersonalRow, labels_and_kinds, tune_tokens, yard_for
from musicvae.evaluate.table import Section
from musicvae.evaluate.variations import window_melody
from musicvae.music.meter import KINDS


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--kinds", default="jig:6/8,reel:4/4,pop:4/4,song:4/4")
    parser.add_argument("--files", default="20", help="how many files; several between commas")
    parser.add_argument("--pieces", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0, help="decides which tunes are the files")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    corpus, base = Corpus.load(args.corpus), load_melodic(args.model)
    rows: list[PersonalRow] = []
    notices: list[str] = []
    before = np.zeros(0)
    for label, kind in labels_and_kinds(args.kinds).items():
        for place, count in enumerate(int(word) for word in args.files.split(",")):
            files = tune_tokens(corpus, label, "validation", kind, count, seed=args.seed)
            yard = yard_for(corpus, label, kind, files)
            before = yard.bits(base.engine) if not place else before
            if not place:
                rows.append(yard.row("held-out tunes", len(files), yard.held_out, None, before, 0.0))
                rows.append(yard.row("base", len(files), yard.draw(base.engine, args.pieces), before, before, 0.0))
            with tempfile.TemporaryDirectory() as folder:
                begun = time.process_time()
                melodies = tuple(window_melody(tune, KINDS[kind]) for tune in files)
                made = personalise(args.model, Examples(melodies), Path(folder) / "mine.safetensors")
                seconds = time.process_time() - begun
                mine = load_melodic(made.path)
                bits = yard.bits(mine.engine)
                rows.append(yard.row("personalised", len(files), yard.draw(mine.engine, args.pieces), bits, before, seconds))
                notices.append(f"{label}, {len(files)} files: {'; '.join(made.notices)}")
                print(rows[-1], file=sys.stderr, flush=True)
    note = "Seconds are those of a core, with the measuring of copies. " + " | ".join(notices)
    section = Section("personal", "Personalised models", note, rows)
    print(json.dumps(section.to_dict(), indent=1) if args.json else section.to_text())


if __name__ == "__main__":
    main()
