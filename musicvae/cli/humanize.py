"""``musicvae humanize``: velocity and timing for a stiff beat."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicvae.cli.parsing import Commands, add_command, temperature_number
from musicvae.cli.playing import add_feel_options, add_playing_outputs, feel_options, finish, load_player
from musicvae.cli.sources import check_source
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_humanize"]

_TEXT = """
Moves the drum hits of a file and sets their velocities as a drummer would. Nothing else changes:
no hit is added or lost, tempo changes, other tracks and all that is in them stay. Any length from
one bar will do, in 4/4, 2/2 or 2/4; bars of other meters stay as they are."""


def add_commands(commands: Commands) -> None:
    """Add ``humanize``."""
    parser = add_command(
        commands, "humanize", run_humanize, summary="give a stiff beat human timing and velocity", text=_TEXT,
        example="musicvae humanize beat.mid --style funk --amount 0.8 -o played.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI file with drums (or MusicXML)")
    add_feel_options(parser)
    parser.add_argument(
        "--temperature", type=temperature_number, default=0.5, metavar="T",
        help="0 plays the expected way, the same every time; 1 as freely as drummers do (default: 0.5)",
    )  # fmt: skip
    parser.add_argument("--afresh", action="store_true", help="take away the timing that the beat has already (default: add to it)")
    add_playing_outputs(parser, where="file to write (default: ./IN-humanized.mid)")


def run_humanize(args: argparse.Namespace, terminal: Terminal) -> None:
    """Humanise one file."""
    targets = file_target(args, f"{Path(args.input).stem}-humanized.mid")
    check_source(args.input)
    options = feel_options(args)
    played = load_player(args, "groove", args.model).humanize(args.input, afresh=args.afresh, **options)
    finish("humanize", played, targets, terminal, {"input": args.input})
