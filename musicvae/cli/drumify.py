"""``musicvae drumify``: a beat for taps or any other rhythm."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicvae.cli.parsing import Commands, add_command, parse_strengths, positive_int, seed_number, temperature_number
from musicvae.cli.playing import add_playing_outputs, checked_kit, finish, load_player, settled_seed
from musicvae.cli.sources import check_source, chosen_track
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_drumify"]

_TEXT = """
The onsets of a track (drums if there are any, else the melody) become a beat of the same length,
in 4/4, 2/2 or 2/4. What falls on a tap that was played off the grid keeps its timing. The beat
alone is written, or with --keep the other tracks of the input too."""


def add_commands(commands: Commands) -> None:
    """Add ``drumify``."""
    parser = add_command(
        commands, "drumify", run_drumify, summary="make a full beat of taps or any rhythm", text=_TEXT,
        example="musicvae drumify taps.mid --style funk -o beat.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument(
        "--track", metavar="T", help="the rhythm: a number from 1, or a part of a name (default: the drums, else the melody)"
    )
    parser.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of an ABC file, counted from 1 (default: 1)")
    parser.add_argument(
        "--style", action="append", default=[], metavar="NAME[:STRENGTH]",
        help="style of the beat and of its playing, such as funk or jazz:0.5; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--temperature", type=temperature_number, default=0.5, metavar="T",
        help="1 is as learned, lower is tamer, 0 is the beat to be expected (default: 0.5)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument("--stiff", action="store_true", help="leave the beat on the grid, all hits equally loud")
    parser.add_argument("--keep", action="store_true", help="write the input's other tracks too")
    parser.add_argument("--player", metavar="MODEL", help="model that plays the beat (default: groove)")
    add_playing_outputs(parser, where="file to write (default: ./IN-beat.mid)", notes="gm")


def run_drumify(args: argparse.Namespace, terminal: Terminal) -> None:
    """Make a beat of one file."""
    targets = file_target(args, f"{Path(args.input).stem}-beat.mid")
    check_source(args.input)
    options = {
        "style": parse_strengths(args.style) or None, "temperature": args.temperature, "seed": settled_seed(args),
        "track": chosen_track(args.track), "keep": args.keep, "drum_map": checked_kit(args), "tune": args.tune,
    }  # fmt: skip
    model = load_player(args, "drumify", args.model)
    player = None if args.stiff else load_player(args, "groove", args.player)
    finish("drumify", model.drumify(args.input, player=player, **options), targets, terminal, {"input": args.input})
