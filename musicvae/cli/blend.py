"""``musicvae interpolate``: the way from one melody to another, and what lies among several."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

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
    number_from_0,
    seed_number,
    temperature_number,
    whole_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, load_model_for, read_source
from musicvae.cli.targets import file_target, folder_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_interpolate"]

_TEXT = (
    """
Takes two or more MIDI, MusicXML or ABC files that hold a melody, or beats, or trios. Without an
option that says otherwise, the results are a path from the first by all others to the last, whose
steps sound evenly spaced. --grid fills a rectangle between four inputs (its corners: top left, top
right, bottom left, bottom right), row by row; --weights gives the one piece that has so much of
each input; --join gives one continuous piece, which begins as the first input and ends as the last,
a little nearer with every bar, the inputs' bars being played --steps times over.

With --ends exact an end is the input itself, note for note, and what the model misses of the inputs
fades on the way; with --ends decoded it is the model's own reconstruction, as it is by default for
the plain way between two. What was done about different lengths, keys, meters and tempi is told.
--track, --start-bar and --bars hold for all files; --track-b names another track for B.

"""
    + PLAYED
    + """
Each step goes by the nearest input, the one in the very middle by the later."""
)

_STEPS = {"grid": 5, "join": 4}
_STEPS_BETWEEN = 8
_KINDS = ("melody", "drums", "trio")


def add_commands(commands: Commands) -> None:
    """Add ``interpolate``."""
    parser = add_command(
        commands, "interpolate", run_interpolate, summary="blend two melodies (or drums, ...) step by step", text=_TEXT,
        example="musicvae interpolate a.mid b.mid --steps 9 -o blend",
    )  # fmt: skip
    parser.add_argument("a", metavar="A", help="file to start from")
    parser.add_argument("b", metavar="B", help="file to arrive at, or the next one")
    parser.add_argument("more", nargs="*", default=[], metavar="C", help="more files")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--grid", action="store_true", help="a rectangle between four corners A, B, C and D")
    shape.add_argument("--weights", type=number_from_0, nargs="+", metavar="W", help="one piece with so much of each, as in 0.5 0.3 0.2")
    shape.add_argument("--join", action="store_true", help="one continuous piece that goes from the first to the last, bar by bar")
    parser.add_argument(
        "--steps", type=blend_steps, metavar="N",
        help="how many pieces, ends included (default: 8 from each to the next, and the last); rows of a grid (default: 5); with --join "
        "how often the bars are played (default: 4)",
    )  # fmt: skip
    parser.add_argument("--columns", type=blend_steps, metavar="N", help="columns of a grid (default: as many as rows)")
    parser.add_argument("--ends", choices=("exact", "decoded"), help="the inputs themselves, or reconstructions (default: see above)")
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
        "--keys", default="switch", metavar="K",
        help="different keys: 'switch' goes by the nearest input; a, b, ... is all in that one's (default: switch)",
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
    parser.add_argument("--refine", type=whole_number, default=0, metavar="N", help="steps of refining the inputs' codes (default: 0)")
    add_kind(parser, *_KINDS, default="drums where a file holds only these, else melody")
    add_chords(parser)
    add_selection(parser)
    add_drum_options(parser)
    parser.add_argument("--track-b", metavar="T", help="track of B, where it is not the one that --track says")
    add_midi_outputs(parser, where="folder for 01.mid, 02.mid, ... (default: ./musicvae-blend), or the one file (./musicvae-blend.mid)")
    add_model_options(parser)


def run_interpolate(args: argparse.Namespace, terminal: Terminal) -> None:
    """Blend files into a folder of pieces, or into one."""
    paths, shape = (args.a, args.b, *args.more), _shape(args)
    if shape == "plain":
        args.steps = 9 if args.steps is None else args.steps
    steps = _steps(args, shape, len(paths))
    columns = (args.columns or steps) if shape == "grid" else 1
    count = {"weights": 1, "join": 1, "grid": steps * columns}.get(shape, steps)
    targets = file_target(args, "musicvae-blend.mid") if shape in ("weights", "join") else folder_target(args, "musicvae-blend", count)
    kit = checked_kit(args)
    for path in paths:
        check_source(path)
    model = load_model_for(args, terminal, *paths)
    tracks = [None, args.track_b, *[None] * len(args.more)]
    music = [read_source(model, path, args, terminal, track=track) for path, track in zip(paths, tracks, strict=True)]
    names = ("method", "align", "meters", "keys", "spacing", "temperature", "seed", "refine", "chords")
    options = {name: getattr(args, name) for name in names}
    blend, nearest = _blended(model, music, args, shape, steps, columns, options, terminal)
    terminal.progress("")
    for text in blend.notices:
        terminal.notice(text)
    own: list[Any] = [None]
    if shape != "join":  # a performance is as long as its input
        played = [own_performance(model, p, m, args, terminal, track=t) for p, m, t in zip(paths, music, tracks, strict=True)]
        own = [played[index] for index in nearest]
    written = targets.write(play_drums(model, blend, args, kit, terminal, own=own, together=True))
    for path in targets.every_path:
        terminal.line(str(path))
    _finish(args, terminal, shape, {**options, "stiff": args.stiff}, blend, written, columns)


def _shape(args: argparse.Namespace) -> str:
    """What is asked for: "grid", "weights", "join", "path", or "plain" for the way between two as it always was; ValueError for slips."""
    if args.columns is not None and not args.grid:
        raise ValueError("--columns is for a grid: add --grid, or leave it out")
    if args.grid:
        return "grid"
    if args.weights is not None:
        if args.steps is not None:
            raise ValueError("--weights gives one piece: leave --steps out")
        return "weights"
    if args.join:
        return "join"
    return "path" if args.more or args.ends == "exact" else "plain"


def _steps(args: argparse.Namespace, shape: str, inputs: int) -> int:
    """Steps that are asked for, or the shape's own."""
    from musicvae.compose.varying.amounts import check_weights
    from musicvae.compose.varying.plans import check_inputs, check_path

    check_inputs(inputs, exactly=4 if shape == "grid" else None)
    if shape == "weights":
        check_weights(args.weights, inputs)
    steps: int = _STEPS.get(shape, _STEPS_BETWEEN * (inputs - 1) + 1) if args.steps is None else args.steps
    return check_path(steps, inputs) if shape == "path" else steps


def _blended(
    model: Any, music: Sequence[Any], args: argparse.Namespace, shape: str, steps: int, columns: int, options: dict[str, Any],
    terminal: Terminal,
) -> tuple[Any, list[int]]:  # fmt: skip
    """The pieces, and for each which of the inputs it goes by."""
    if shape == "plain":
        shown = {} if model.material == "melody" else {"progress": terminal.progress}
        blend = model.interpolate(music[0], music[1], steps=steps, **options, **shown)
        return blend, [int(step >= (steps - 1) / 2) for step in range(steps)]
    from musicvae.compose.varying.plans import nearest

    options["ends"] = args.ends or "exact"
    if shape == "grid":
        blend = model.grid(music, steps, columns, **options)
    elif shape == "weights":
        blend = model.mix(music, args.weights, **options)
    elif shape == "join":
        blend = model.morph(music, steps, **options)
    else:
        blend = model.path_through(music, steps, **options)
    return blend, [nearest(weights) for weights in blend.weights]


def _finish(
    args: argparse.Namespace,
    terminal: Terminal,
    shape: str,
    options: dict[str, Any],
    blend: Any,
    written: list[dict[str, Any]],
    columns: int,
) -> None:
    told: dict[str, Any] = {"command": "interpolate", "a": args.a, "b": args.b, "options": options, "pieces": written}
    if shape != "plain":
        told |= {"inputs": [args.a, args.b, *args.more], "shape": shape}
        for number, (piece, weights) in enumerate(zip(written, blend.weights, strict=False)):
            piece |= {"weights": weights} if shape != "join" else {}
            piece |= {"row": number // columns + 1, "column": number % columns + 1} if shape == "grid" else {}
    terminal.finish(told)
