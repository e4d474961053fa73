"""``musicvae augment``: labelled variations of a folder, for training sets."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from musicvae.cli.parsing import Commands, add_command, add_kind, new_seed, positive_int, seed_number, share_number
from musicvae.cli.terminal import Terminal, counted, table

__all__ = ["add_commands", "run_augment"]

_TEXT = """
DIR is a folder of MIDI, MusicXML, ABC or Humdrum files; subfolders are labels (DIR/jig/tune.mid has the
label jig), and are made again in OUT. Each file gives N variations; the amount is the share of notes
that become others. None is a near-copy of its source or of another variation, and none is much
farther away than asked, so that its label still fits. manifest.csv and manifest.json in OUT
say for each its label, source, seed, amount and distance: 'musicvae vary SOURCE --amount A --seed S' gives it again.
The number of jobs changes nothing but the time. After an interruption --resume goes on."""


def add_commands(commands: Commands) -> None:
    """Add ``augment``."""
    parser = add_command(
        commands, "augment", run_augment, summary="multiply a folder of labelled files by variations, for training sets", text=_TEXT,
        example="musicvae augment tunes/ -o more-tunes --n 10 --seed 7",
    )  # fmt: skip
    parser.add_argument("folder", metavar="DIR", help="folder of music files, whose subfolders are labels")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="folder to write")
    parser.add_argument("--n", type=positive_int, default=10, metavar="N", help="variations of each file, at most (default: 10)")
    parser.add_argument(
        "--amount", type=share_number, nargs="+", metavar="A",
        help="share of notes that become others; of several each in turn (default: 0.2 0.3 0.4)",
    )  # fmt: skip
    parser.add_argument(
        "--near", type=share_number, metavar="S",
        help="share of its amount by which each differs from its source and all others at least (default: 0.5)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument("--jobs", type=positive_int, metavar="J", help="processes (default: one for each core)")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
    parser.add_argument("--force", action="store_true", help="replace an older result")
    add_kind(parser, "melody", "drums", "trio", default="melody")
    parser.add_argument("--model", metavar="MODEL", help="name of a model ('musicvae models' lists them) or path of a .safetensors file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run_augment(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the variations and their list."""
    from musicvae.compose.augmenting.augment import DEFAULT_AMOUNTS, NEAR, Limits
    from musicvae.compose.augmenting.folder import augment_folder
    from musicvae.compose.augmenting.manifest import MANIFEST_CSV, MANIFEST_JSON

    if args.resume and args.force:
        raise ValueError("--resume goes on with a run and --force begins anew: give one of them")
    if args.resume and args.seed is None:
        raise ValueError("--resume goes on with a run of a certain seed: give the --seed that it was begun with")
    limits = Limits(args.n, tuple(args.amount or DEFAULT_AMOUNTS), NEAR if args.near is None else args.near)
    seed = new_seed() if args.seed is None else args.seed
    if args.seed is None:
        terminal.notice(f"seed {seed}")

    def tell(done: int, of: int) -> None:
        terminal.progress(f"{done} of {counted(of, 'source')}")

    try:
        made = augment_folder(
            args.model or args.kind, args.folder, args.output, limits, seed=seed, jobs=args.jobs or os.cpu_count() or 1,
            resume=args.resume, force=args.force, progress=tell,
        )  # fmt: skip
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; --resume --seed {seed} goes on") from None
    finally:
        terminal.progress("")
    for text in made.notices:
        terminal.notice(text)
    if made.resumed:
        terminal.notice(f"{counted(made.resumed, 'source')} had been done before")
    terminal.notice(f"{counted(len(made.rows), 'variation')} of {counted(made.sources - len(made.left_out), 'source')}, seed {seed}")
    names = Path(made.folder) / MANIFEST_CSV, Path(made.folder) / MANIFEST_JSON
    labels = [(label or "(no label)", count) for label, count in sorted(made.labels.items())]
    for text in table(labels, heading=("label", "variations")):
        terminal.line(text)
    for path in names:
        terminal.line(str(path))
    terminal.finish({
        "command": "augment", "folder": args.folder, "output": args.output, "seed": seed, "sources": made.sources,
        "variations": len(made.rows), "labels": dict(made.labels), "left_out": list(made.left_out), "manifest": list(names),
    })  # fmt: skip
