"""``musicvae continue``: what follows given music."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from musicvae.cli.parsing import (
    Commands,
    add_command,
    add_kind,
    add_midi_outputs,
    add_model_options,
    new_seed,
    positive_int,
    seed_number,
    temperature_number,
)
from musicvae.cli.sources import check_source, load_model_for, read_source
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_continue"]

_TEXT = """
The given bars stay exactly as they are. What follows grows out of the last of them, and comes back
to earlier ones where the tune's form asks for it. Where the last bar is not full, its rest belongs
to what follows."""


def add_commands(commands: Commands) -> None:
    """Add ``continue``."""
    parser = add_command(
        commands, "continue", run_continue, summary="go on from given music", text=_TEXT,
        example="musicvae continue tune.mid --bars 8 --seed 7 -o longer.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument("--bars", type=positive_int, default=8, metavar="N", help="how many written bars to add (default: 8)")
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument(
        "--temperature", type=temperature_number, default=1.0, metavar="T",
        help="1 is as learned, lower is tamer, 0 always takes the likeliest event (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--prior-temperature", type=temperature_number, default=1.0, metavar="T",
        help="the same for the idea behind what follows (default: 1)",
    )  # fmt: skip
    add_kind(parser, "melody", "drums", "trio", default="drums where the file holds only these, else melody")
    group = parser.add_argument_group("what to take from the input")
    group.add_argument("--track", metavar="T", help="track: a number from 1, or a part of its name (default: the likeliest melody)")
    group.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of an ABC file, counted from 1 (default: 1)")
    add_midi_outputs(parser, where="file to write (default: ./IN-continued.mid)")
    add_model_options(parser)


def run_continue(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the given music with what follows it."""
    seed = new_seed() if args.seed is None else args.seed
    targets = file_target(args, f"{Path(args.input).stem}-continued.mid")
    check_source(args.input)
    model: Any = load_model_for(args, terminal, args.input)
    args.start_bar, bars, args.bars = 1, args.bars, None
    music = read_source(model, args.input, args, terminal)
    piece = model.continue_(
        music, bars, seed=seed, temperature=args.temperature, prior_temperature=args.prior_temperature
    )  # fmt: skip
    written = targets.write([piece])
    terminal.notice(f"{targets.midi[0]}: seed {seed}, {bars} bars after {music.num_bars}")
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "continue", "input": args.input, "seed": seed, "bars": bars, "pieces": written})
