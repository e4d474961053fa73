"""``musicvae evaluate``: the measured table of a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicvae.cli.corpora import open_corpus
from musicvae.cli.parsing import Commands, add_command, positive_int, seed_number
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_evaluate"]

_TEXT = """
Measures reconstruction against a linear code, latent dimensions, generated melodies, blends and
style vectors on the corpus' test tunes, and prints the tables as Markdown. CORPUS is one that was
built before, or a folder of music files."""


def add_commands(commands: Commands) -> None:
    """Add ``evaluate``."""
    parser = add_command(
        commands, "evaluate", run_evaluate, summary="measure a model on held-out tunes", text=_TEXT,
        example="musicvae evaluate tunes.safetensors corpus/ --quick",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="name of a model or path of a .safetensors file")
    parser.add_argument("corpus", metavar="CORPUS", help="a corpus, or a folder of music files")
    parser.add_argument("--quick", action="store_true", help="measure less of everything: minutes, wider intervals")
    parser.add_argument("--seed", type=seed_number, default=0, metavar="S", help="decides all chance (default: 0)")
    parser.add_argument("--device", default="cpu", metavar="DEVICE", help="where to compute: cpu, cuda, cuda:1, mps (default: cpu)")
    parser.add_argument("--threads", type=positive_int, metavar="N", help="threads to compute with (default: torch's choice)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run_evaluate(args: argparse.Namespace, terminal: Terminal) -> None:
    """Measure a model and print the tables."""
    from musicvae.compose.library import find_model

    find_model(args.model)  # a slip in its name is said before the corpus is built
    corpus = open_corpus(Path(args.corpus), terminal)
    from musicvae.compose.model import load_melodic
    from musicvae.evaluate.run import evaluate

    model = load_melodic(args.model, device=args.device, threads=args.threads)
    result = evaluate(model, corpus, quick=args.quick, seed=args.seed, progress=terminal.progress)
    terminal.progress("")
    terminal.line(result.to_text().rstrip())
    terminal.finish({"command": "evaluate", **result.to_dict()})
