"""``musicvae continue``: what follows given music."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from musicvae.cli.constraining import add_constraint_options, asks_constraints, given_constraints
from musicvae.cli.drums import PLAYED, add_drum_options, own_performance, play_drums
from musicvae.cli.parsing import (
    Commands,
    add_chords,
    add_command,
    add_kind,
    add_midi_outputs,
    add_model_options,
    new_seed,
    positive_int,
    seed_number,
    temperature_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, chosen_track, load_model_for, read_source
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_continue"]

_TEXT = (
    """
The given bars stay exactly as they are, with all other tracks of the file. What follows comes back to
earlier bars where tunes of such a form do (after AAB comes B), with other last bars now and then, and
grows out of the bars before it elsewhere; what returns is told. --form free leaves returns to chance,
--return-to asks for one. It fits the --chords, which are those of the new bars, and keeps to scale,
range, rhythm and lengths that are asked for. Where the last bar is not full, its rest belongs to what
follows.

"""
    + PLAYED
)


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
        help="the same for the form and the ideas of what follows; 0 returns where that is likeliest (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--after", type=positive_int, metavar="BAR", help="go on after this bar, in place of what follows it (default: the last)"
    )
    parser.add_argument(
        "--form", choices=("auto", "free"), default="auto", help="whether earlier bars come back as in tunes (default: auto)"
    )
    parser.add_argument("--return-to", type=positive_int, metavar="BAR", help="come back to this bar at once, then go on as tunes do")
    add_drum_options(parser)
    add_chords(parser, any_model=True)
    add_constraint_options(parser)
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
    kit = checked_kit(args)
    check_source(args.input)
    model: Any = load_model_for(args, terminal, args.input)
    if model.material == "melody":
        written = targets.write([_continued_melody(model, args, terminal, seed)])
    else:
        written = targets.write(_continued_piece(model, args, terminal, seed, kit))
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "continue", "input": args.input, "seed": seed, "bars": args.bars, "pieces": written})


def _continued_piece(model: Any, args: argparse.Namespace, terminal: Terminal, seed: int, kit: Any) -> list[Any]:
    """Drums or a trio gone on with, played."""
    if args.chords is not None or asks_constraints(args):
        raise ValueError(f"{model.name} makes {model.material}: --chords and constraints are for melodies")
    if args.form != "auto" or args.return_to is not None:
        raise ValueError(f"{model.name} makes {model.material}: --form and --return-to are for melodies")
    from musicvae.compose.revising.pieces.ends import open_ending

    given = {"track": args.track, "start_bar": 1, "bars": args.after, "tune": args.tune}
    where = argparse.Namespace(**{**vars(args), **given})
    music = read_source(model, args.input, where, terminal)
    piece = model.continue_(music, args.bars, seed=seed, temperature=args.temperature, prior_temperature=args.prior_temperature)
    opened = open_ending(args.input, music, track=chosen_track(args.track), bars=args.after, tune=args.tune)
    kept = "the meter changes after the given bars: no other tracks are kept" if opened is None else "all other tracks stay as they are"
    terminal.notice(f"seed {seed}: bars {music.num_bars + 1}-{piece.num_bars} are new; {kept}")
    own = own_performance(model, args.input, music, where, terminal)
    (played,) = play_drums(model, [piece], where, kit, terminal, own=[own], alone=opened is None)
    if opened is None:
        return [played]
    found = opened.gone_on(played, music.num_bars)
    for text in found.notices:
        terminal.notice(text)
    return [found]


def _continued_melody(model: Any, args: argparse.Namespace, terminal: Terminal, seed: int) -> Any:
    """The file with its melody gone on with, every other track as it is."""
    from musicvae.compose.revising.files import open_melody
    from musicvae.compose.revising.forms import form_text

    opened = open_melody(args.input, track=chosen_track(args.track), tune=args.tune)
    stretch = opened.stretches[-1] if args.after is None else opened.with_bar(args.after)
    if stretch is not opened.stretches[-1]:
        raise ValueError(f"the meter changes after bar {stretch.last_bar}, and bar {args.after} is before that: go on after a later bar")
    for text in opened.notices:
        terminal.notice(text)
    _check_nothing_follows(args, opened, stretch)
    given = stretch.melody if args.after is None else stretch.melody.cut(0, args.after - stretch.start_bar + 1)
    options = {
        "temperature": args.temperature, "prior_temperature": args.prior_temperature, "chords": args.chords, "form": args.form,
        "return_to": _return_bar(args, stretch, given.num_bars),
    }  # fmt: skip
    melody = model.continue_(given, args.bars, seed=seed, **options, **given_constraints(model, args, terminal))
    returns = melody.provenance.get("returns", ())
    terminal.notice(f"seed {seed}: {form_text(returns, given.num_bars + 1, melody.num_bars, stretch.start_bar - 1)}")
    revised = opened.revised(stretch, melody, to_end=args.after is not None)
    for text in revised.notices:
        terminal.notice(text)
    return revised


def _check_nothing_follows(args: argparse.Namespace, opened: Any, stretch: Any) -> None:
    """ValueError where bars that no model takes follow the melody: what is new would sound together with them, or in their meter."""
    last = stretch.last_bar
    if (meter := opened.meter_after(stretch)) is not None:
        raise ValueError(f"{opened.name}: the meter changes to {meter} after bar {last}, the last that can be gone on from")
    if args.after is None and (count := opened.notes_after(stretch)):
        raise ValueError(
            f"{opened.name}: {count} more notes of track {opened.part} come after bar {last}, the last that can be taken "
            f"(see musicvae info): --after {last} goes on in their place"
        )


def _return_bar(args: argparse.Namespace, stretch: Any, bars: int) -> int | None:
    """The bar of the stretch that is asked for; ValueError where it is none of its first `bars`."""
    if args.return_to is None:
        return None
    first = stretch.start_bar
    if not first <= args.return_to < first + bars:
        raise ValueError(f"there is no bar {args.return_to} to return to: the given music has bars {first} to {first + bars - 1}")
    return int(args.return_to - first + 1)
