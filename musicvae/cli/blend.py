"""``musicvae interpolate``: the way from one melody to another."""

from __future__ import annotations

import argparse

from musicvae.cli.drums import PLAYED, add_drum_options, own_performance, play_drums
from musicvae.cli.parsing import (
    Commands,
    add_chords,
    add_command,
    add_kind,
    add_midi_outputs,
    add_model_options,
    add_selection,
    blend_steps,
    seed_number,
    temperature_number,
    whole_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, load_model_for, read_source
from musicvae.cli.targets import folder_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_interpolate"]

_TEXT = (
    """
Takes any two MIDI, MusicXML or ABC files that hold a melody, or two beats, or two trios. The first
and the last result are the inputs' own reconstructions, the others move evenly from one to the
other. What was done about different lengths, keys, meters and tempi is told. --track, --start-bar
and --bars hold for both files; --track-b names another track for the second.

"""
    + PLAYED
    + """
Each step goes by the nearer input, the one in the very middle by B."""
)

_KINDS = ("melody", "drums", "trio")


def add_commands(commands: Commands) -> None:
    """Add ``interpolate``."""
    parser = add_command(
        commands, "interpolate", run_interpolate, summary="blend two melodies (or drums, ...) step by step", text=_TEXT,
        example="musicvae interpolate a.mid b.mid --steps 9 -o blend",
    )  # fmt: skip
    parser.add_argument("a", metavar="A", help="file to start from")
    parser.add_argument("b", metavar="B", help="file to arrive at")
    parser.add_argument("--steps", type=blend_steps, default=9, metavar="N", help="how many melodies, both ends included (default: 9)")
    parser.add_argument("--method", choices=("slerp", "lerp"), default="slerp", help="along an arc or a straight line (default: slerp)")
    parser.add_argument(
        "--align", choices=("repeat", "pad", "trim"), default="repeat",
        help="a shorter input is repeated, or padded with rests, or the longer one trimmed (default: repeat)",
    )  # fmt: skip
    parser.add_argument(
        "--meters", choices=("map", "refuse"), default="map",
        help="different meters: B is written in A's, or refused (default: map)",
    )  # fmt: skip
    parser.add_argument(
        "--keys", choices=("switch", "a", "b"), default="switch",
        help="different keys: the first half in A's and the second in B's, or all in one (default: switch)",
    )  # fmt: skip
    parser.add_argument(
        "--spacing", choices=("even", "latent"), default="even",
        help="steps that sound evenly spaced, or are so in the latent space (default: even)",
    )  # fmt: skip
    parser.add_argument(
        "--temperature", type=temperature_number, default=0.0, metavar="T",
        help="0 takes the likeliest event; above, all steps share the same chance (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=seed_number, default=0, metavar="S",
        help="decides chance at temperatures above 0, and how new drums are played, alike in all steps (default: 0)",
    )  # fmt: skip
    parser.add_argument("--refine", type=whole_number, default=0, metavar="N", help="steps of refining the codes of A and B (default: 0)")
    add_kind(parser, *_KINDS, default="drums where a file holds only these, else melody")
    add_chords(parser)
    add_selection(parser)
    add_drum_options(parser)
    parser.add_argument("--track-b", metavar="T", help="track of B, where it is not the one that --track says")
    add_midi_outputs(parser, where="folder for 01.mid, 02.mid, ... (default: ./musicvae-blend)")
    add_model_options(parser)


def run_interpolate(args: argparse.Namespace, terminal: Terminal) -> None:
    """Blend two files into a folder of pieces."""
    targets = folder_target(args, "musicvae-blend", args.steps)
    kit = checked_kit(args)
    for path in (args.a, args.b):
        check_source(path)
    model = load_model_for(args, terminal, args.a, args.b)
    a = read_source(model, args.a, args, terminal)
    b = read_source(model, args.b, args, terminal, track=args.track_b)
    names = ("method", "align", "meters", "keys", "spacing", "temperature", "seed", "refine", "chords")
    options = {name: getattr(args, name) for name in names}
    blend = model.interpolate(a, b, steps=args.steps, **options)
    for text in blend.notices:
        terminal.notice(text)
    ends = own_performance(model, args.a, a, args, terminal), own_performance(model, args.b, b, args, terminal, track=args.track_b)
    own = [ends[step >= (args.steps - 1) / 2] for step in range(args.steps)]
    written = targets.write(play_drums(model, blend, args, kit, terminal, own=own, together=True))
    for path in targets.every_path:
        terminal.line(str(path))
    options["stiff"] = args.stiff
    terminal.finish({"command": "interpolate", "a": args.a, "b": args.b, "options": options, "pieces": written})
