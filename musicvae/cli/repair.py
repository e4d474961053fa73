"""``musicvae repair``: holes filled, wrong-sounding bars and notes found anew."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.constraining import add_constraint_options, asks_constraints, given_constraints
from musicvae.cli.corrections import told_foreign_bars
from musicvae.cli.parsing import (
    Commands,
    add_chords,
    add_command,
    add_kind,
    add_midi_outputs,
    add_model_options,
    positive_int,
    seed_number,
    share_number,
    temperature_number,
)
from musicvae.cli.repair_pieces import finds_line, repaired_piece
from musicvae.cli.sources import check_source, chosen_track, load_model_for
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal, counted, table

if TYPE_CHECKING:
    from musicvae.compose.revising.denoising import Correction
    from musicvae.compose.revising.files import OpenedMelody, Stretch
    from musicvae.music.melody import Melody

__all__ = ["add_commands", "run_repair"]

_TEXT = """
With --mask, what is masked is found anew from what is around it. Without, the notes that sound wrong
are listed, each with a pitch that sounds better, and bars that share nothing with the rest; --apply
puts the notes right. All other notes, tracks, tempi and velocities stay as they are.

Bars count from 1, and so do beats (quarter notes) of a bar: --mask 7-10,13 are bars, 9:3 is the third
beat of bar 9, 9:3.5 the sixteenth in its middle, 9:3-10:2 all from one beat to another. --lock names
what stays though it is masked (or is surely right), the same way; the word rhythm keeps when notes
begin and how long they last, as in --mask 7-10 --lock 8,rhythm.

Beats (--kind drums) and trios of melody, bass and drums (--kind trio) are filled and put right too:
hits that came too early or too late are listed with a better place, or as gone, notes of a melody or
bass with a better pitch. --only names the lines of a trio that are found with --mask, or that are put
right with --apply or --wrong-share; alone it writes a whole line: --kind trio --only bass writes a bass
for a melody and drums, whether or not the file has one. --lock takes names of lines as well. If the
drums were played, new hits are played with their feel, a new line of drums by 'groove'; hits that are
moved keep their velocity."""


def add_commands(commands: Commands) -> None:
    """Add ``repair``."""
    parser = add_command(
        commands, "repair", run_repair, summary="fill holes and put wrong notes right, everything else locked", text=_TEXT,
        example="musicvae repair tune.mid --mask 7-10 --lock 8 -o mended.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument("--mask", metavar="BARS", help="what to find anew, such as 7-10,13 (default: the notes and hits that sound wrong)")
    parser.add_argument("--lock", metavar="BARS", help="what stays: bars, beats, and the word rhythm (default: nothing that is masked)")
    parser.add_argument("--apply", action="store_true", help="without --mask: put the listed notes right, and write the file")
    parser.add_argument(
        "--wrong-share", type=share_number, metavar="SHARE",
        help="without --mask: share of notes that is expected to be wrong; more finds more, and harms more (default: 0.05)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed_number, default=0, metavar="S", help="decides which ideas are tried for a mask (default: 0)")
    parser.add_argument(
        "--temperature", type=temperature_number, default=0.0, metavar="T",
        help="0 takes what is expected to be right most often, 1 draws by likelihood, with --seed (default: 0)",
    )  # fmt: skip
    add_chords(parser, any_model=True)
    add_constraint_options(parser)
    add_kind(parser, "melody", "drums", "trio", default="drums where the file holds only these, else melody")
    parser.add_argument("--only", metavar="LINE", help="of a trio: lines to find or put right, of melody, bass and drums (default: all)")
    parser.add_argument("--stiff", action="store_true", help="leave new hits on the grid, at the velocity of the others (default: played)")
    group = parser.add_argument_group("what to take from the input")
    group.add_argument("--track", metavar="T", help="track: a number from 1, or a part of its name (default: the likeliest melody)")
    group.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of an ABC file, counted from 1 (default: 1)")
    add_midi_outputs(parser, where="file to write (default: ./IN-repaired.mid)")
    add_model_options(parser)


def run_repair(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the mended music, or list what sounds wrong."""
    _check(args)
    check_source(args.input)
    result: dict[str, Any] = {"command": "repair", "input": args.input, "mask": args.mask, "lock": args.lock}
    targets = file_target(args, f"{Path(args.input).stem}-repaired.mid") if args.apply or _finds_anew(args) else None
    model: Any = load_model_for(args, terminal, args.input)
    is_melody = model.material == "melody"
    revised = _repaired_melody(model, args, terminal, result) if is_melody else repaired_piece(model, args, terminal, result)
    if targets is not None:
        result["pieces"] = targets.write([revised])
        for path in targets.every_path:
            terminal.line(str(path))
    terminal.finish(result)


def _repaired_melody(model: Any, args: argparse.Namespace, terminal: Terminal, result: dict[str, Any]) -> Any:
    """The file with its melody mended, every other track as it is; what is proposed goes into the result."""
    from musicvae.compose.revising.files import open_melody
    from musicvae.compose.revising.spans import first_bar_of

    if args.only is not None:
        raise ValueError(f"{model.name} makes melodies: --only is for the lines of a trio (--kind trio)")
    first = None if args.mask is None else first_bar_of(args.mask)
    opened = open_melody(args.input, track=chosen_track(args.track), tune=args.tune)
    stretch = opened.longest if first is None else opened.with_bar(first)
    for text in opened.notices:
        terminal.notice(text)
    if args.mask is None:
        melody, result["proposed"] = _mended(model, stretch, args, terminal)
        if not args.apply:
            result["foreign_bars"] = told_foreign_bars(model, stretch.melody, stretch.start_bar, terminal)
    else:
        options = {"lock": args.lock, "seed": args.seed, "temperature": args.temperature, "first_bar": stretch.start_bar}
        constraints = given_constraints(model, args, terminal)
        melody = model.repair(stretch.melody, args.mask, **options, chords=args.chords, **constraints)
    return _revised(opened, stretch, melody, terminal)


def _finds_anew(args: argparse.Namespace) -> bool:
    """Whether bars or a line are found anew, not wrong notes put right."""
    return finds_line(args) or args.mask is not None


def _check(args: argparse.Namespace) -> None:
    """ValueError for options that do not go together."""
    if args.mask is not None and (args.apply or args.wrong_share is not None):
        raise ValueError("--apply and --wrong-share are for notes that sound wrong: leave them out, or the --mask")
    if args.mask is None and (args.chords is not None or asks_constraints(args)):
        raise ValueError("chords and constraints are for what is found anew: say what, with --mask")
    if not _finds_anew(args) and not args.apply and (args.output, args.wav, args.plot) != (None, None, None):
        raise ValueError("nothing is written without --mask or --apply: add one of them, or leave -o, --wav and --plot out")


def _revised(opened: OpenedMelody, stretch: Stretch, melody: Melody, terminal: Terminal) -> Any:
    revised = opened.revised(stretch, melody)
    for text in revised.notices:
        terminal.notice(text)
    return revised


def _mended(model: Any, stretch: Stretch, args: argparse.Namespace, terminal: Terminal) -> tuple[Melody, list[dict[str, Any]]]:
    """The melody with its wrong notes put right, and what they are, which is told."""
    options = {"lock": args.lock, "first_bar": stretch.start_bar}
    if args.wrong_share is not None:
        options["wrong_share"] = args.wrong_share
    found = model.propose_repairs(stretch.melody, **options)
    listed = [_described(item, stretch) for item in found]
    total = counted(len(stretch.melody.notes), "note")
    if not found:
        terminal.line(f"none of {total} sounds wrong")
    elif args.apply:
        terminal.notice(f"{len(found)} of {total} put right, as in the list that comes without --apply")
    else:
        rows = [(item["at"], item["note"], item["better"], round(item["bits"], 1)) for item in listed]
        for line in table(rows, heading=("at", "note", "better", "bits")):
            terminal.line(line)
    return model.apply_repairs(stretch.melody, found), listed


def _described(item: Correction, stretch: Stretch) -> dict[str, Any]:
    from musicvae.compose.constraints.names import pitch_text
    from musicvae.compose.revising.spans import place_text

    place = place_text(item.onset_steps, stretch.melody.meter, stretch.start_bar)
    return {"at": place, "note": pitch_text(item.pitch), "better": pitch_text(item.better), "bits": item.bits}
