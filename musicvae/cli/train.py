"""``musicvae train``: from a folder of music to a model."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.corpora import is_corpus, open_corpus, report_lines
from musicvae.cli.parsing import Commands, add_command, number_from_0, positive_int, positive_number, seed_number
from musicvae.cli.targets import check_ending, check_file
from musicvae.cli.terminal import Terminal

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus
    from musicvae.model.headers import AnyConfig
    from musicvae.train.options import MachineOptions, RunOptions

__all__ = ["add_commands", "run_train"]

_OWN_ONLY = ("target_bits", "prior_steps")
_DRUMS_ONLY = ("vary_share",)
_PUBLISHED_ONLY = ("free_bits", "max_beta", "pieces")

_TEXT = """
DATA is a folder of MIDI, MusicXML, ABC and Humdrum files, or what 'musicvae corpus build' made of
one; from files what the network is for is taken: melodies, drums, grooves, trios or performances.
What it holds, and why some of it was left out, is reported first. Near-duplicates are dropped, and
tunes are set aside for validation, by which training stops early. Published networks ('musicvae
presets') are trained by their published recipe. Checkpoints and logs (CSV, TensorBoard) lie in
MODEL.run; after a kill at any moment --resume goes on from the newest checkpoint. --devices,
--num-nodes, --strategy, --accelerator and --precision are Lightning's own options."""


def add_commands(commands: Commands) -> None:
    """Add ``train``."""
    parser = add_command(
        commands, "train", run_train, summary="learn a model from a folder of music", text=_TEXT,
        example="musicvae train tunes/ -o tunes.safetensors --preset small --minutes 60",
    )  # fmt: skip
    parser.add_argument("data", metavar="DATA", help="folder of music files, or a built corpus")
    parser.add_argument("-o", "--output", metavar="MODEL", required=True, help=".safetensors file to write")
    parser.add_argument("--force", action="store_true", help="replace MODEL, and forget an older run")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="network: melody, small, tiny, drums, groove, drumify or trio, or a published one, see 'musicvae presets' "
        "(default: melody, or that of --init-from)",
    )
    parser.add_argument("--init-from", metavar="MODEL", help="model to start from (name or path)")
    parser.add_argument("--description", default="", metavar="TEXT", help="a sentence about the model, kept in its file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    _add_learning(parser.add_argument_group("learning"))
    _add_machine(parser.add_argument_group("machine"))


def _add_learning(learning: Any) -> None:
    learning.add_argument(
        "--steps", type=positive_int, metavar="N",
        help="longest run in steps (default: 20000, of published networks 200000; no bound with --minutes)",
    )  # fmt: skip
    learning.add_argument("--minutes", type=positive_number, metavar="M", help="longest run in minutes (default: no bound)")
    learning.add_argument(
        "--batch", type=positive_int, metavar="N", help="windows in a batch, on each process (default: 64, or the recipe's)"
    )
    learning.add_argument("--seed", type=seed_number, metavar="S", help="decides all chance (default: 0)")
    learning.add_argument(
        "--target-bits", type=positive_number, metavar="B", help="bits of a full window's code (default: 192 of melodies; by preset)"
    )
    learning.add_argument("--lr", type=positive_number, metavar="R", help="highest learning rate (default: 0.001)")
    learning.add_argument("--patience", type=positive_int, metavar="N", help="validations without progress that end the run (default: 12)")
    learning.add_argument(
        "--prior-steps", type=positive_int, metavar="N", help="longest fit of the prior, after the network (default: 2500)"
    )
    learning.add_argument(
        "--vary-share", type=number_from_0, metavar="S",
        help="networks of drums: share of windows whose beats are varied (default: 0.9, of drumify 0.3)",
    )  # fmt: skip
    learning.add_argument("--free-bits", type=number_from_0, metavar="B", help="published networks: bits of the code that cost nothing")
    learning.add_argument("--max-beta", type=number_from_0, metavar="W", help="published networks: full weight of the code's bits")
    learning.add_argument(
        "--pieces", type=positive_int, metavar="N", help="published networks: parts a batch is gone through in (default: as few as fit)"
    )


def _add_machine(machine: Any) -> None:
    machine.add_argument("--accelerator", metavar="A", help="cpu, gpu, mps or auto (default: auto)")
    machine.add_argument("--devices", metavar="D", help="how many devices or processes, or which, such as 2 or 0,1 (default: 1)")
    machine.add_argument("--num-nodes", type=positive_int, metavar="N", help="machines that take part (default: 1)")
    machine.add_argument("--strategy", metavar="S", help="how they work together: auto or ddp (default: auto)")
    machine.add_argument("--precision", metavar="P", help="32-true, bf16-mixed or auto, the faster one here (default: auto)")
    machine.add_argument("--threads", type=positive_int, metavar="N", help="threads of a process on the CPU (default: torch's choice)")


def run_train(args: argparse.Namespace, terminal: Terminal) -> None:
    """Report the data, learn, write the model."""
    out = Path(args.output)
    run_dir = Path(f"{out}.run")
    is_first = _is_first_process()
    if is_first:
        _check_output(out, run_dir, args)
    config = _config(args)
    learning, machine = _learning_options(args, config), _machine_options(args, run_dir)
    with _nothing_left_of(run_dir) if is_first else contextlib.nullcontext():
        corpus = _corpus(Path(args.data), run_dir, config, args, terminal if is_first else Terminal(as_json=True))
        if is_first:
            for text in report_lines(corpus):
                terminal.line(text)
        from musicvae.train.run import course_of, train

        # A corpus or a start that does not fit, or is too small, is told before anything is trained.
        course, start = course_of(corpus, config, learning), _model_path(args.init_from)
        if start is not None and args.preset is not None:
            course.starting_weights(start)
    result = train(
        corpus, out, config=config, options=learning, machine=machine, resume=args.resume, force=args.force,
        init_from=start, metadata={"description": args.description} if args.description else None,
        progress=not args.json,
    )  # fmt: skip
    if result.rank != 0:
        return
    for name, value in {**result.figures, **{f"prior {name}": value for name, value in result.prior.items()}}.items():
        terminal.notice(f"validation: {name} {value:.4g}" if isinstance(value, float) else f"validation: {name} {value}")
    terminal.notice(f"{result.steps} steps in {result.seconds / 60:.1f} minutes; checkpoints and logs lie in {result.run_dir}")
    terminal.line(str(result.path))
    terminal.finish({"command": "train", **{field.name: getattr(result, field.name) for field in fields(result)}})


def _is_first_process() -> bool:
    """Whether this process is the only one or the first of several, started by Lightning, torchrun or SLURM."""
    ranks = ("LOCAL_RANK", "NODE_RANK", "RANK", "SLURM_PROCID")
    return not any(os.environ.get(name, "0").strip() not in ("", "0") for name in ranks)


def _check_output(out: Path, run_dir: Path, args: argparse.Namespace) -> None:
    check_file(out, force=args.force or args.resume)
    check_ending(out, ".safetensors", "a model")
    if args.resume and args.force:
        raise ValueError("--resume goes on with a run and --force begins anew: give one of them")
    if run_dir.exists() and not (args.resume or args.force):
        raise FileExistsError(f"{run_dir} holds an older or interrupted run: --resume goes on with it, --force begins anew")


def _model_path(name: str | None) -> Path | None:
    from musicvae.compose.library import find_model

    return None if name is None else find_model(name)[1]


def _config(args: argparse.Namespace) -> AnyConfig:
    from musicvae.train.recipes import preset_named

    start = _model_path(args.init_from)
    if start is not None and args.preset is None:
        from musicvae.model.weights import config_of, read_metadata

        return config_of(read_metadata(start))
    return preset_named(args.preset or "melody")


def _learning_options(args: argparse.Namespace, config: AnyConfig) -> RunOptions:
    from musicvae.model.pieces.config import PieceConfig
    from musicvae.model.published.config import PublishedConfig
    from musicvae.train.options import TrainOptions
    from musicvae.train.recipes import options_for, piece_options_for

    given = {
        "max_minutes": args.minutes, "batch_size": args.batch, "seed": args.seed, "lr": args.lr, "patience": args.patience,
        **{name: getattr(args, name) for name in (*_OWN_ONLY, *_DRUMS_ONLY, *_PUBLISHED_ONLY)},
    }  # fmt: skip
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    is_published = isinstance(config, PublishedConfig)
    for name in _OWN_ONLY if is_published else _PUBLISHED_ONLY:
        if name in chosen:
            instead = "--free-bits and --max-beta" if is_published else "--target-bits"
            whose = "networks of this project; for published ones there is" if is_published else "published networks; for this one there is"
            raise ValueError(f"--{name.replace('_', '-')} is for {whose} {instead}")
    if "vary_share" in chosen and not isinstance(config, PieceConfig):
        raise ValueError("--vary-share is for this project's networks of drums")
    if args.steps is not None or args.minutes is not None:
        chosen["max_steps"] = args.steps
    if isinstance(config, PublishedConfig):
        return options_for(config, **chosen)
    return piece_options_for(config, **chosen) if isinstance(config, PieceConfig) else TrainOptions(**chosen)


def _machine_options(args: argparse.Namespace, run_dir: Path) -> MachineOptions:
    from musicvae.train.options import MachineOptions

    given = {name: getattr(args, name) for name in ("accelerator", "devices", "num_nodes", "strategy", "precision", "threads")}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if str(chosen.get("devices", "")).isdigit():
        chosen["devices"] = int(chosen["devices"])
    return MachineOptions(run_dir=run_dir, **chosen)


# -- the data


def _kept_corpus(run_dir: Path) -> Path:
    """Where the corpus of a run is kept, so that resuming it, or its other processes, need not build it again."""
    return run_dir / "corpus"


def _corpus(
    data: Path, run_dir: Path, config: AnyConfig, args: argparse.Namespace, terminal: Terminal
) -> Corpus:  # fmt: skip
    """The corpus, built from files in the run's folder if need be, of the material that the network is for."""
    from musicvae.corpus.store import Corpus
    from musicvae.model.config import ModelConfig
    from musicvae.train.recipes import build_options_for

    kept = _kept_corpus(run_dir)
    if (args.resume or not _is_first_process()) and is_corpus(kept):
        terminal.notice(f"the data is what the run began with, kept in {kept}")
        return Corpus.load(kept)
    options = None if isinstance(config, ModelConfig) else build_options_for(config)
    return open_corpus(data, terminal, build_in=kept if _is_first_process() else None, options=options)


@contextlib.contextmanager
def _nothing_left_of(run_dir: Path) -> Iterator[None]:
    """Remove what was built in the folder of a run, if the run cannot begin and the folder was not there before."""
    was_there = run_dir.exists()
    try:
        yield
    except (ValueError, OSError):
        if not was_there:
            shutil.rmtree(run_dir, ignore_errors=True)
        raise
