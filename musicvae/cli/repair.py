"""``musicvae repair``: holes filled, wrong-sounding bars and notes found anew."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from musicvae.cli.parsing import (
    Commands,
    add_command,
    add_midi_outputs,
    add_model_options,
    positive_int,
    seed_number,
    temperature_number,
)
from musicvae.cli.sources import check_source, load_model, read_source
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_repair"]

_TEXT = """
The masked bars are found anew from what is around them; everything else stays note for note. Bars
count from 1, beats of a bar (quarter notes) too: --mask 7-10,13 are bars, 9:3 is the third beat of
bar 9, 9:3.5 the sixteenth in its middle."""


def add_commands(commands: Commands) -> None:
    """Add ``repair``."""
    parser = add_command(
        commands, "repair", run_repair, summary="fill holes and mend wrong notes, everything else locked", text=_TEXT,
        example="musicvae repair tune.mid --mask 7-10 --lock 8 -o mended.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument("--mask", required=True, metavar="BARS", help="what to find anew, such as 7-10,13 or 9:3-10:2")
    parser.add_argument("--lock", metavar="BARS", help="what stays though it is masked (default: nothing)")
    parser.add_argument("--seed", type=seed_number, default=0, metavar="S", help="decides which ideas are tried (default: 0)")
    parser.add_argument(
        "--temperature", type=temperature_number, default=0.0, metavar="T",
        help="0 takes the likeliest of what was tried, 1 draws by likelihood (default: 0)",
    )  # fmt: skip
    group = parser.add_argument_group("what to take from the input")
    group.add_argument("--track", metavar="T", help="track: a number from 1, or a part of its name (default: the likeliest melody)")
    group.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of an ABC file, counted from 1 (default: 1)")
    add_midi_outputs(parser, where="file to write (default: ./IN-repaired.mid)")
    add_model_options(parser)


def run_repair(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the mended music."""
    targets = file_target(args, f"{Path(args.input).stem}-repaired.mid")
    check_source(args.input)
    model: Any = load_model(args)
    args.start_bar, args.bars = 1, None
    music = read_source(model, args.input, args, terminal)
    piece = model.repair(music, args.mask, lock=args.lock, seed=args.seed, temperature=args.temperature)
    written = targets.write([piece])
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "repair", "input": args.input, "pieces": written})
