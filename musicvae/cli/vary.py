"""``musicvae vary``: graded neighbours of a piece."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.constraining import add_constraint_options, given_constraints
from musicvae.cli.drums import PLAYED, add_drum_options, own_performance, play_drums
from musicvae.cli.parsing import (
    Commands,
    add_chords,
    add_command,
    add_kind,
    add_midi_outputs,
    add_model_options,
    add_selection,
    new_seed,
    positive_int,
    seed_number,
    share_number,
    whole_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, chosen_track, load_model_for, read_source
from musicvae.cli.targets import file_target, folder_target
from musicvae.cli.terminal import Terminal

if TYPE_CHECKING:
    from musicvae.compose.revising.files import OpenedMelody

__all__ = ["add_commands", "run_vary"]

_TEXT = (
    """
The amount is the share of the notes that become others: 0 gives the input back exactly, 0.2 changes
one note in five. Bars that are the same in the input stay the same. Several amounts give a graded
series of each variation, which goes further and further the same way. Every variation has a seed,
which is printed and kept in the file: with it alone the same variation comes out.

"""
    + PLAYED
)


def add_commands(commands: Commands) -> None:
    """Add ``vary``."""
    parser = add_command(
        commands, "vary", run_vary, summary="vary a melody (or drums, ...) by as much as asked", text=_TEXT,
        example="musicvae vary tune.mid --amount 0.2 --n 8 --seed 7 -o variations",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument(
        "--amount", type=share_number, nargs="+", default=[0.2], metavar="A",
        help="share of notes that become others, 0 to 1; several for a graded series (default: 0.2)",
    )  # fmt: skip
    parser.add_argument("--n", type=positive_int, default=1, metavar="N", help="how many variations, each with its seed (default: 1)")
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument("--refine", type=whole_number, default=0, metavar="N", help="steps of refining the input's code (default: 0)")
    parser.add_argument(
        "--keep", action="store_true",
        help="write the whole file, with the input's other tracks, and what stays of the melody exactly as it is played there",
    )  # fmt: skip
    add_kind(parser, "melody", "drums", "trio", default="drums where the file holds only these, else melody")
    add_chords(parser, any_model=True)
    add_constraint_options(parser)
    add_selection(parser)
    add_drum_options(parser)
    add_midi_outputs(parser, where="file to write (default: ./IN-varied.mid), or for several a folder of 01.mid, 02.mid, ...")
    add_model_options(parser)


def run_vary(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the variations of one file."""
    seed, count = new_seed() if args.seed is None else args.seed, args.n * len(args.amount)
    name = f"{Path(args.input).stem}-varied"
    targets = file_target(args, f"{name}.mid") if count == 1 else folder_target(args, name, count)
    kit = checked_kit(args)
    check_source(args.input)
    model: Any = load_model_for(args, terminal, args.input)
    opened = _opened(model, args, terminal) if args.keep else None
    music = read_source(model, args.input, args, terminal) if opened is None else opened.longest.melody
    options = {"amount": args.amount, "n": args.n, "seed": seed, "refine": args.refine, "chords": args.chords}
    found = model.vary(music, **options, **given_constraints(model, args, terminal))
    for text in found.notices:
        terminal.notice(text)
    if opened is not None:
        pieces: list[Any] = [opened.revised(opened.longest, piece) for piece in found]
        for text in dict.fromkeys(text for piece in pieces for text in piece.notices):
            terminal.notice(text)
    else:
        own = own_performance(model, args.input, music, args, terminal)
        pieces = play_drums(model, found, args, kit, terminal, own=[own] * count, together=True)
    written = targets.write(pieces)
    for piece, amount, distance in zip(written, found.amounts, found.distances, strict=True):
        piece |= {"amount": amount, "distance": distance}
        terminal.notice(f"{piece['path']}: seed {piece['seed']}, amount {amount:g}, {distance:.1%} of the notes are others")
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "vary", "input": args.input, "options": options, "pieces": written})


def _opened(model: Any, args: argparse.Namespace, terminal: Terminal) -> OpenedMelody:
    """The melody with its file, for ``--keep``; ValueError where that cannot be."""
    from musicvae.compose.revising.files import open_melody

    if model.material != "melody":
        raise ValueError(f"{model.name} varies {model.material}: --keep is for melodies")
    if args.start_bar != 1 or args.bars is not None:
        raise ValueError("--keep varies the melody as a whole: leave --start-bar and --bars out")
    opened = open_melody(args.input, track=chosen_track(args.track), tune=args.tune)
    for text in opened.notices:
        terminal.notice(text)
    return opened
