"""``musicvae personalise``: a model of one's own from a few files."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicvae.cli.parsing import Commands, add_command, positive_int, seed_number
from musicvae.cli.targets import check_ending, check_file
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_personalise"]

_TEXT = """
DIR holds one to fifty pieces of one kind (MIDI, MusicXML, ABC): melodies, drums or trios, as MODEL has them. In a
minute or so a copy of the model learns where they lie in its latent space, so that 'musicvae generate
--model MINE.safetensors' composes like them, in the meter and at the tempo of most. In each kind of meter it goes
by the files in it; the fewer there are, the nearer it stays to MODEL. The copy is a whole model, which every
command takes; the base's styles go with it. What it draws is compared with the files, and it is said
where these are too few to be anything but copied. With hundreds of files, learn it all anew from the base instead:
'musicvae train DIR -o MINE.safetensors --init-from MODEL'."""


def add_commands(commands: Commands) -> None:
    """Add ``personalise``."""
    parser = add_command(
        commands, "personalise", run_personalise, summary="make a model that composes like a few files of your own", text=_TEXT,
        example="musicvae personalise melody my-tunes/ -o mine.safetensors",
    )  # fmt: skip
    parser.add_argument(
        "model", metavar="MODEL", help="name of a model of melodies, drums or trios ('musicvae models' lists them) or path of its file"
    )
    parser.add_argument("folder", metavar="DIR", help="folder of music files, subfolders included")
    parser.add_argument("-o", "--output", metavar="MINE", required=True, help=".safetensors file to write")
    parser.add_argument("--force", action="store_true", help="replace MINE")
    parser.add_argument("--description", default="", metavar="TEXT", help="a sentence about the model, kept in its file")
    parser.add_argument("--seed", type=seed_number, default=0, metavar="S", help="whole number that decides all chance (default: 0)")
    parser.add_argument("--threads", type=positive_int, metavar="N", help="threads to compute with (default: torch's choice)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run_personalise(args: argparse.Namespace, terminal: Terminal) -> None:
    """Learn and write the model."""
    out = check_file(Path(args.output), force=args.force)
    check_ending(out, ".safetensors", "a model")
    from musicvae.compose.personalising.lessons import examples_for
    from musicvae.compose.personalising.personalise import personalise

    try:
        made = personalise(
            args.model, examples_for(args.model, args.folder), out, seed=args.seed, description=args.description,
            threads=args.threads, force=args.force, progress=terminal.progress,
        )  # fmt: skip
    finally:
        terminal.progress("")
    for text in made.notices:
        terminal.notice(text)
    terminal.notice(f"learned in {made.seconds:.0f} seconds")
    terminal.line(str(made.path))
    terminal.finish({
        "command": "personalise", "model": args.model, "folder": args.folder, "path": made.path, "styles": made.styles,
        "seconds": made.seconds, "copying": vars(made.copying), "too_few": made.copying.too_few,
        "leanings": [vars(leaning) for leaning in made.leanings],
    })  # fmt: skip
