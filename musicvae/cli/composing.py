"""``musicvae compose``: long pieces of sections that return."""

from __future__ import annotations

import argparse
from typing import Any

from musicvae.cli.constraining import add_constraint_options, given_constraints
from musicvae.cli.drums import add_drum_options, play_drums
from musicvae.cli.parsing import (
    Commands,
    add_command,
    add_kind,
    add_midi_outputs,
    add_model_options,
    new_seed,
    parse_strengths,
    positive_int,
    positive_number,
    seed_number,
    share_number,
    temperature_number,
    tempo_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import load_model
from musicvae.cli.targets import file_target
from musicvae.cli.terminal import Terminal, counted

__all__ = ["add_commands", "run_compose"]

_TEXT = """
Each letter of the form is a section of 4, 8 or 16 bars; a letter that comes again is the same section
again, varied, and more so each time (or exactly, with --vary 0, or where other letters have primes: AA'BA).
A piece longer than its form plays it in rounds, every other of which opens with something new in a
neighbouring key, as AABA CCBA. Sections end on the dominant and lead into the next, the piece ends on
the tonic. Moods are words (calm, lively, tense, bright,
dark, gentle, restless) or attributes and styles of the model, with strengths; a curve file changes
them over time: 'bar,tense' (or second, or fraction) and then a time and strengths a line."""


def add_commands(commands: Commands) -> None:
    """Add ``compose``."""
    parser = add_command(
        commands, "compose", run_compose, summary="compose a long piece of sections that return, in moods that change", text=_TEXT,
        example="musicvae compose --form AABA --minutes 3 --mood calm:1,density:-0.5 --style waltz --seed 7 -o waltz.mid",
    )  # fmt: skip
    add_kind(parser, "melody", "drums", "trio", default="melody")
    parser.add_argument(
        "--form", metavar="F", help="letters of the sections, with primes for varied ones (default: AABA; less in short pieces)"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive_number, metavar="M", help="length, to the nearest bar (default: 1)")
    length.add_argument("--bars", type=positive_int, metavar="N", help="length in written bars")
    parser.add_argument(
        "--section-bars", type=int, choices=(4, 8, 16), metavar="N", help="bars of a section: 4, 8 or 16 (default: by length)"
    )
    parser.add_argument(
        "--mood", action="append", default=[], metavar="NAME[:STRENGTH]",
        help="such as calm, or tense:0.5,density:-0.5; between commas or given several times",
    )  # fmt: skip
    parser.add_argument("--curve", metavar="CSV", help="strengths of moods over time, such as tension.csv")
    parser.add_argument(
        "--style", action="append", default=[], metavar="NAME[:STRENGTH]",
        help="style vector, such as waltz; may be given several times ('musicvae style list' lists them)",
    )  # fmt: skip
    parser.add_argument("--vary", type=share_number, metavar="V", help="how much returns differ, the more the later, 0 to 1 (default: 0.4)")
    parser.add_argument("--meter", metavar="M", help="4/4, 3/4, 6/8, 2/4 or 2/2 (default: the style's, else 4/4)")
    parser.add_argument("--key", metavar="K", help='such as "D dorian", "Bb" or "F# minor" (default: that of --scale, else as composed)')
    parser.add_argument(
        "--tempo", type=tempo_number, metavar="QPM", help="quarter notes a minute (default: the style's, else 120, and the moods')"
    )
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument(
        "--temperature", type=temperature_number, metavar="T", help="of the notes; 1 is as learned (default: 0.6; drums and trios 0.8)"
    )
    parser.add_argument("--prior-temperature", type=temperature_number, metavar="T", help="of the ideas behind the sections (default: 1)")
    parser.add_argument(
        "--chords", type=_section_chords, metavar="C",
        help='one a bar, in every section, "C Am F G", or by letter, "A: C Am F G; B: F G C C"; become a second track (default: none)',
    )  # fmt: skip
    add_constraint_options(parser)
    add_drum_options(parser)
    add_midi_outputs(parser, where="file to write (default: ./musicvae-SEED.mid)")
    add_model_options(parser)


def run_compose(args: argparse.Namespace, terminal: Terminal) -> None:
    """Compose a piece and write it."""
    seed = new_seed() if args.seed is None else args.seed
    targets = file_target(args, f"musicvae-{seed}.mid")
    options, kit = _options(args), checked_kit(args)
    model: Any = load_model(args)
    constraints = given_constraints(model, args, terminal)
    options |= _key_of_scale(args, terminal)
    piece = model.compose(seed=seed, **options, **constraints)
    for text in piece.notices:
        terminal.notice(text)
    written = targets.write(play_drums(model, [piece.music], args, kit, terminal, style=options.get("style")))[0]
    sections = [{"name": s.name, "start_bar": s.start_bar + 1, "bars": s.num_bars} for s in piece.sections]
    seconds = 60 * piece.music.num_beats / piece.music.tempo_qpm
    terminal.notice(" ".join(f"{s['name']} {s['start_bar']}-{s['start_bar'] + s['bars'] - 1}" for s in sections))
    size = f"{counted(written['bars'], 'bar')} of {written['meter']}, {seconds / 60:.2f} minutes, {counted(written['notes'], 'note')}"
    terminal.notice(f"{written['path']}: seed {seed}, {piece.music.key or 'no key'}, {size}")
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "compose", "seed": seed, "options": options, "sections": sections, "seconds": seconds, "pieces": [written]})


def _key_of_scale(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """The key that ``--scale`` names, where neither ``--key`` nor chords say on which note the piece ends; {} otherwise."""
    from musicvae.compose.constraints.names import parse_scale, scale_key
    from musicvae.music.key import Key

    if args.scale is not None and args.key is not None and Key.parse(args.key).tonic not in parse_scale(args.scale):
        raise ValueError(f"--key {args.key}: the piece is to end on a note that is not in the scale {args.scale}: leave one of the two out")
    key = None if args.scale is None or args.key is not None or args.chords is not None else scale_key(args.scale)
    if key is None:
        return {}
    terminal.notice(f"the scale {args.scale} has the tonic that the piece ends on, as with --key {str(key)!r}")
    return {"key": key}


def _section_chords(text: str) -> str:
    """Chords for all sections or by letter, checked; for argparse."""
    from musicvae.compose.composing.chording import section_chords_text

    try:
        return section_chords_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """Options of the model's `compose` that were given, checked before the model is loaded."""
    from musicvae.compose.composing.curves import read_curve
    from musicvae.compose.composing.form import parse_form
    from musicvae.music.key import Key
    from musicvae.music.meter import Meter

    if args.form is not None:
        parse_form(args.form)
    given = {
        "form": args.form,
        "minutes": 1.0 if args.minutes is None and args.bars is None else args.minutes,
        "bars": args.bars,
        "section_bars": args.section_bars,
        "mood": parse_strengths([word for words in args.mood for word in words.split(",")]) or None,
        "curve": None if args.curve is None else read_curve(args.curve),
        "style": parse_strengths(args.style) or None,
        "vary": args.vary,
        "meter": None if args.meter is None else Meter.parse(args.meter).require_supported(),
        "key": None if args.key is None else Key.parse(args.key),
        "tempo_qpm": args.tempo,
        "chords": args.chords,
        "temperature": args.temperature,
        "prior_temperature": args.prior_temperature,
    }
    return {name: value for name, value in given.items() if value is not None}
