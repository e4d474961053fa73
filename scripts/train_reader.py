"""Teach a model's reader of damaged music, which `repair` and `score` ask what stood where something is missing.

    python scripts/train_reader.py CORPUS [--model MODEL] [--minutes 50] -o FILE [--force]

CORPUS is a folder of a corpus of melodies, the one that the model was trained on; only its training split is learnt from. FILE belongs
beside the model, as NAME.reader.safetensors. Broken off, it goes on from FILE.ckpt when it is started again; the budget is time.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from musicvae.compose.library import find_model
from musicvae.corpus.store import Corpus
from musicvae.model.reading import save_reader
from musicvae.model.weights import load_melody_model
from musicvae.train.reader_fit import ReaderOptions, fit_reader
from musicvae.train.run import corpus_fingerprint


def main() -> None:
    """Teach and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model")
    parser.add_argument("--minutes", type=float, default=ReaderOptions.minutes)
    parser.add_argument("--steps", type=int, help="after which it ends all the same")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--force", action="store_true", help="write over FILE")
    args = parser.parse_args()
    if args.out.exists() and not args.force:
        parser.error(f"{args.out} exists: give another name, or --force")
    torch.set_num_threads(args.threads)
    bundle, corpus = load_melody_model(find_model(args.model)[1]), Corpus.load(args.corpus)
    options = ReaderOptions(minutes=args.minutes, most_steps=args.steps, seed=args.seed)
    state = args.out.with_name(args.out.name + ".ckpt")
    fit = fit_reader(bundle, corpus, options, checkpoint=state, report=lambda text: print(text, file=sys.stderr, flush=True))
    about = {"corpus": corpus_fingerprint(corpus), "options": asdict(options), "steps": fit.steps, "minutes": round(fit.seconds / 60, 1),
             "held-out nats": {name: round(nats, 4) for name, nats in fit.nats.items()}}  # fmt: skip
    save_reader(args.out, fit.reader, bundle.hash, about=about, force=args.force)
    state.unlink(missing_ok=True)
    print(f"{args.out}: {fit.steps} steps, {fit.seconds / 60:.0f} minutes; " + ", ".join(f"{k} {v:.3f}" for k, v in fit.nats.items()))


if __name__ == "__main__":
    main()
