"""``musicvae evaluate``: the measured table of a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from musicvae.cli.corpora import open_corpus
from musicvae.cli.parsing import Commands, add_command, positive_int, seed_number
from musicvae.cli.terminal import Terminal

if TYPE_CHECKING:
    from musicvae.compose.model import AnyModel, Model
    from musicvae.compose.pieces.model import PieceModel
    from musicvae.corpus.options import BuildOptions
    from musicvae.corpus.store import Corpus
    from musicvae.evaluate.table import Evaluation

__all__ = ["add_commands", "run_evaluate"]

_TEXT = """
Measures a model on the corpus' test tunes and prints the tables as Markdown: of melodies and drums
reconstruction against a linear code, latent dimensions, what is generated and style vectors; of
melodies blends too; of grooves the timing and velocity of humanised beats; of a model for taps the
beats it makes of them; of trios each part. CORPUS is one that was built before, or a folder of
music files."""


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
    from musicvae.compose.model import load

    model = load(args.model, device=args.device, threads=args.threads)
    corpus = open_corpus(Path(args.corpus), terminal, options=_options(model))
    result = _measured(model, corpus, quick=args.quick, seed=args.seed, progress=terminal.progress)
    terminal.progress("")
    terminal.line(result.to_text().rstrip())
    terminal.finish({"command": "evaluate", **result.to_dict()})


def _options(model: AnyModel) -> BuildOptions | None:
    """How a corpus for this model is built from a folder of music; None as ever, for melodies."""
    if model.material == "melody":
        return None
    from musicvae.corpus.options import BuildOptions
    from musicvae.evaluate.pieces.run import corpus_material

    engine = cast("PieceModel", model).engine
    return BuildOptions(material=corpus_material(engine), drum_map=engine.drum_map, meters=("4/4",))


def _measured(model: AnyModel, corpus: Corpus, **options: Any) -> Evaluation:
    """The evaluation of the model's kind."""
    if model.material == "melody":
        from musicvae.evaluate.run import evaluate

        return evaluate(cast("Model", model), corpus, **options)
    from musicvae.evaluate.pieces.run import evaluate_pieces

    return evaluate_pieces(cast("PieceModel", model), corpus, **options)
