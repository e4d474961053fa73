"""``musicvae generate``: new melodies."""

from __future__ import annotations

import argparse
from typing import Any

from musicvae.cli.constraining import add_constraint_options, given_constraints
from musicvae.cli.drums import add_drum_options, play_drums
from musicvae.cli.parsing import (
    Commands,
    add_chords,
    add_command,
    add_hits,
    add_kind,
    add_midi_outputs,
    add_model_options,
    new_seed,
    parse_strengths,
    positive_int,
    seed_number,
    temperature_number,
    tempo_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, given_hits, load_model
from musicvae.cli.targets import file_target, folder_target
from musicvae.cli.terminal import Terminal, counted

__all__ = ["add_commands", "run_generate"]

_TEXT = """
A bar is a written bar of the meter. Up to 16 are composed at once; a longer piece goes on from
its own last bars (imported models make a chain of kindred stretches of their own length). A melody fits
the --chords, and keeps to scale, range, rhythm and lengths that are asked for, to the note. Drums
are played with the feel of the model 'groove', unless --stiff says otherwise. Every piece has a
seed, which is printed and kept in the file: the same seed, options and model make the same file
again."""


_MELODY_BARS = 16


def add_commands(commands: Commands) -> None:
    """Add ``generate``."""
    parser = add_command(
        commands, "generate", run_generate, summary="compose new melodies, drums or trios", text=_TEXT,
        example='musicvae generate --bars 16 --style jig --meter 6/8 --key "D dorian" --seed 7 -o jig.mid',
    )  # fmt: skip
    add_kind(parser, "melody", "drums", "trio", default="melody")
    parser.add_argument(
        "--bars",
        type=positive_int,
        metavar="N",
        help="length in written bars (default: 16; drums 4, imported models their own number, or as long as --hits)",
    )
    parser.add_argument("--n", type=positive_int, default=1, metavar="N", help="how many pieces, each with a seed of its own (default: 1)")
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument(
        "--temperature", type=temperature_number, default=1.0, metavar="T",
        help="1 is as learned, lower is tamer, 0 always takes the likeliest event (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--prior-temperature", type=temperature_number, default=1.0, metavar="T",
        help="the same for the idea behind the piece (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--style", action="append", default=[], metavar="NAME[:STRENGTH]",
        help="style vector, such as jig or density:-0.5; may be given several times ('musicvae style list' lists them)",
    )  # fmt: skip
    parser.add_argument("--meter", metavar="M", help="4/4, 3/4, 6/8, 2/4 or 2/2 (default: the style's, else 4/4)")
    parser.add_argument("--key", metavar="K", help='such as "D dorian", "Bb" or "F# minor" (default: as composed)')
    parser.add_argument(
        "--tempo", type=tempo_number, metavar="QPM", help="quarter notes a minute, in every meter (default: the style's, else 120)"
    )
    add_chords(parser, any_model=True)
    add_constraint_options(parser)
    add_hits(parser, default="none")
    add_drum_options(parser)
    add_midi_outputs(parser, where="file to write, or with --n above 1 a folder of 01.mid, 02.mid, ... (default: ./musicvae-SEED.mid)")
    add_model_options(parser)


def run_generate(args: argparse.Namespace, terminal: Terminal) -> None:
    """Compose ``--n`` melodies and write them."""
    seed = new_seed() if args.seed is None else args.seed
    targets = file_target(args, f"musicvae-{seed}.mid") if args.n == 1 else folder_target(args, f"musicvae-{seed}", args.n)
    options = _music_options(args)
    kit = checked_kit(args)
    if args.hits is not None:
        check_source(args.hits)
    model: Any = load_model(args)  # what it makes of the options, it checks itself
    if args.model and args.kind and args.kind != model.material:
        terminal.notice(f"{model.name} makes {model.material}: --kind {args.kind} is left aside, since --model wins")
    asked, hits = given_constraints(model, args, terminal), given_hits(model, args, terminal)
    bars = args.bars or (_MELODY_BARS if model.material == "melody" else hits["hits"].num_bars if hits else model.usual_bars)
    pieces = model.generate_many(args.n, bars=bars, seed=seed, **options, **hits, **asked)
    for text in dict.fromkeys(text for piece in pieces for text in getattr(piece, "notices", ())):
        terminal.notice(text)
    written = targets.write(play_drums(model, pieces, args, kit, terminal, style=options["style"]))
    for piece in written:
        size = f"{counted(piece['bars'], 'bar')} of {piece['meter']}, {counted(piece['notes'], 'note')}"
        terminal.notice(f"{piece['path']}: seed {piece['seed']}, {size}")
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish(
        {
            "command": "generate",
            "seed": seed,
            "options": {"bars": bars, **options, "hits": args.hits, "stiff": args.stiff, **_told(asked)},
            "pieces": written,
        }
    )


def _told(asked: dict[str, Any]) -> dict[str, Any]:
    """The constraints as JSON tells them."""
    return {name: constraints.story() for name, constraints in asked.items()}


def _music_options(args: argparse.Namespace) -> dict[str, Any]:
    """Options of `Model.generate_many` that were given, checked before the model is loaded."""
    from musicvae.music.key import Key
    from musicvae.music.meter import Meter

    return {
        "style": parse_strengths(args.style) or None,
        "meter": None if args.meter is None else Meter.parse(args.meter).require_supported(),
        "key": None if args.key is None else Key.parse(args.key),
        "tempo_qpm": args.tempo,
        "temperature": args.temperature,
        "prior_temperature": args.prior_temperature,
        "chords": args.chords,
    }
