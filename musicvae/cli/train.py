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
from musicvae.cli.parsing import Commands, add_command, positive_int, positive_number, seed_number
from musicvae.cli.targets import check_file
from musicvae.cli.terminal import Terminal

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus
    from musicvae.model.config import ModelConfig
    from musicvae.train.options import MachineOptions, TrainOptions

__all__ = ["add_commands", "run_train"]

_TEXT = """
DATA is a folder of MIDI, MusicXML, ABC and Humdrum files, or what 'musicvae corpus build' made of
one. What it holds, and why some of it was left out, is reported first. Near-duplicates are dropped,
and tunes are set aside for validation, by which training stops early. Checkpoints and logs (CSV, TensorBoard) lie in
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
        "--preset", metavar="NAME", help="size of the network: tiny, small or melody (default: melody, or that of --init-from)"
    )
    parser.add_argument("--init-from", metavar="MODEL", help="model to start from (name or path)")
    parser.add_argument("--description", default="", metavar="TEXT", help="a sentence about the model, kept in its file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    learning = parser.add_argument_group("learning")
    learning.add_argument(
        "--steps", type=positive_int, metavar="N", help="longest run in steps (default: 20000, or no bound with --minutes)"
    )
    learning.add_argument("--minutes", type=positive_number, metavar="M", help="longest run in minutes (default: no bound)")
    learning.add_argument("--batch", type=positive_int, metavar="N", help="windows in a batch, on each process (default: 64)")
    learning.add_argument("--seed", type=seed_number, metavar="S", help="decides all chance (default: 0)")
    learning.add_argument("--target-bits", type=positive_number, metavar="B", help="bits of a full window's code (default: 192)")
    learning.add_argument("--lr", type=positive_number, metavar="R", help="highest learning rate (default: 0.001)")
    learning.add_argument("--patience", type=positive_int, metavar="N", help="validations without progress that end the run (default: 12)")
    learning.add_argument(
        "--prior-steps", type=positive_int, metavar="N", help="longest fit of the prior, after the network (default: 4000)"
    )
    machine = parser.add_argument_group("machine")
    machine.add_argument("--accelerator", metavar="A", help="cpu, gpu, mps or auto (default: auto)")
    machine.add_argument("--devices", metavar="D", help="how many devices or processes, or which, such as 2 or 0,1 (default: 1)")
    machine.add_argument("--num-nodes", type=positive_int, metavar="N", help="machines that take part (default: 1)")
    machine.add_argument("--strategy", metavar="S", help="how they work together: auto or ddp (default: auto)")
    machine.add_argument("--precision", metavar="P", help="32-true, bf16-mixed or auto, the faster one here (default: auto)")
    machine.add_argument("--threads", type=positive_int, metavar="N", help="threads of a process on the CPU (default: torch's choice)")


def run_train(args: argparse.Namespace, terminal: Terminal) -> None:
    """Report the data, learn, write the model."""
    out = Path(args.output)
    run_dir = out.with_name(f"{out.name}.run")
    is_first = _is_first_process()
    if is_first:
        _check_output(out, run_dir, args)
    config = _config(args)
    learning, machine = _learning_options(args), _machine_options(args, run_dir)
    with _nothing_left_of(run_dir) if is_first else contextlib.nullcontext():
        corpus = _corpus(Path(args.data), run_dir, args, terminal if is_first else Terminal(as_json=True))
        if is_first:
            for text in report_lines(corpus):
                terminal.line(text)
        from musicvae.train.data import full_bars
        from musicvae.train.run import train

        full_bars(corpus, config.max_bars, hop_bars=learning.hop_bars)  # too little data is said before anything is trained
    result = train(
        corpus, out, config=config, options=learning, machine=machine, resume=args.resume, force=args.force,
        init_from=_model_path(args.init_from), metadata={"description": args.description} if args.description else None,
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
    if out.suffix != ".safetensors":
        raise ValueError(f"{out}: a model is kept in a .safetensors file; let -o name one, such as {out.with_suffix('.safetensors')}")
    if args.resume and args.force:
        raise ValueError("--resume goes on with a run and --force begins anew: give one of them")
    if run_dir.exists() and not (args.resume or args.force):
        raise FileExistsError(f"{run_dir} holds an older or interrupted run: --resume goes on with it, --force begins anew")


def _model_path(name: str | None) -> Path | None:
    from musicvae.compose.library import find_model

    return None if name is None else find_model(name)[1]


def _config(args: argparse.Namespace) -> ModelConfig:
    from musicvae.model.config import PRESETS, ModelConfig

    start = _model_path(args.init_from)
    if start is not None and args.preset is None:
        from musicvae.model.weights import read_metadata

        return ModelConfig.from_dict(read_metadata(start)["config"])
    name = args.preset or "melody"
    if name not in PRESETS:
        raise ValueError(f"unknown preset '{name}'; allowed are {', '.join(PRESETS)}")
    return PRESETS[name]


def _learning_options(args: argparse.Namespace) -> TrainOptions:
    from musicvae.train.options import TrainOptions

    given = {
        "max_minutes": args.minutes, "batch_size": args.batch, "seed": args.seed, "target_bits": args.target_bits, "lr": args.lr,
        "patience": args.patience, "prior_steps": args.prior_steps,
    }  # fmt: skip
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if args.steps is not None or args.minutes is not None:
        chosen["max_steps"] = args.steps
    return TrainOptions(**chosen)


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


def _corpus(data: Path, run_dir: Path, args: argparse.Namespace, terminal: Terminal) -> Corpus:
    """The corpus, built from files in the run's folder if need be."""
    from musicvae.corpus.store import Corpus

    kept = _kept_corpus(run_dir)
    if (args.resume or not _is_first_process()) and is_corpus(kept):
        terminal.notice(f"the data is what the run began with, kept in {kept}")
        return Corpus.load(kept)
    return open_corpus(data, terminal, build_in=kept if _is_first_process() else None)


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
