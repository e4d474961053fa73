"""``musicvae groove-transfer``: the hits of one file with the feel of another."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicvae.cli.parsing import Commands, add_command, temperature_number
from musicvae.cli.playing import add_feel_options, add_playing_outputs, feel_options, finish, load_player
from musicvae.cli.sources import check_source, chosen_track
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_groove_transfer"]

_TEXT = """
The hits of PATTERN are kept and played with the feel of PERFORMANCE, bar by bar; a shorter
performance is repeated, of a longer one only the first bars count. All else in PATTERN stays."""


def add_commands(commands: Commands) -> None:
    """Add ``groove-transfer``."""
    parser = add_command(
        commands, "groove-transfer", run_groove_transfer, summary="play the hits of one beat with the feel of another", text=_TEXT,
        example="musicvae groove-transfer pattern.mid performance.mid -o played.mid",
    )  # fmt: skip
    parser.add_argument("pattern", metavar="PATTERN", help="MIDI file whose drum hits are kept")
    parser.add_argument("performance", metavar="PERFORMANCE", help="MIDI file of drums as somebody played them")
    add_feel_options(parser)
    parser.add_argument("--track-b", metavar="T", help="the drums of PERFORMANCE (default: its drum channel)")
    parser.add_argument(
        "--temperature", type=temperature_number, default=0.0, metavar="T",
        help="above 0, hits vary around the feel by chance, at 1 as much as drummers do (default: 0)",
    )  # fmt: skip
    add_playing_outputs(parser, where="file to write (default: ./PATTERN-groove.mid)")


def run_groove_transfer(args: argparse.Namespace, terminal: Terminal) -> None:
    """Play one file like another."""
    targets = file_target(args, f"{Path(args.pattern).stem}-groove.mid")
    for path in (args.pattern, args.performance):
        check_source(path)
    options = feel_options(args)
    model = load_player(args, "groove", args.model)
    played = model.groove_transfer(args.pattern, args.performance, performance_track=chosen_track(args.track_b), **options)
    finish("groove-transfer", played, targets, terminal, {"pattern": args.pattern, "performance": args.performance})
