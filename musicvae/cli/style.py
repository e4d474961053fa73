"""``musicvae style``: directions in the latent space that change one thing about a melody."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
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
    parse_strengths,
    seed_number,
    tempo_number,
    whole_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, load_model, load_model_for, read_source
from musicvae.cli.targets import check_file, file_target
from musicvae.cli.terminal import Terminal, counted, entry_lines, table

__all__ = ["add_commands", "run_apply", "run_learn", "run_list", "run_report"]

_STYLE = """
A style vector is a direction in the latent space. Strength 1.0 moves the vector's own attribute by
one standard deviation of real tunes, strength 0 gives the input back exactly."""
_LEARN = """
From two folders of melodies (what --from has and --versus has not; without --versus, what sets
--from apart from the tunes the model was trained on), or from an attribute, measured on the
melodies in --from or else on what the model composes. The vector is kept in your data folder, for
this model only, or where -o says."""
_APPLY = (
    """
Several styles can be applied at once. Strength 0 gives the input back exactly (velocities of bands
in steps of 16; melody and bass of a trio at one: their networks know no more).

"""
    + PLAYED
)
_REPORT = """
The table shows how far each strength moves the vector's own attribute, and, as side effects, every
other one, in standard deviations."""


_KINDS = ("melody", "drums", "groove", "drumify", "trio")
_CALIBRATION = {"passages", "target", "effect_at_0", "effect_at_1", "effect_at_-1", "reached", "reached_down"}


def add_commands(commands: Commands) -> None:
    """Add ``style`` and its own sub-commands."""
    parser = commands.add_parser(
        "style", help="style vectors: learn, apply, list, report", description=f"Style vectors.\n{_STYLE}",
        epilog="example:\n  musicvae style apply tune.mid density:+1.0 -o denser.mid",
    )  # fmt: skip
    parser.set_defaults(run=lambda args, terminal: parser.error("say which: learn, apply, list or report"))
    inner = parser.add_subparsers(metavar="STYLE-COMMAND", dest="style_command", parser_class=type(parser), help="what to do:")
    _add_learn(inner)
    _add_apply(inner)
    listing = add_command(inner, "list", run_list, summary="list the style vectors of a model", text=_STYLE, example="musicvae style list")
    add_kind(listing, *_KINDS, default="melody")
    add_model_options(listing)
    report = add_command(
        inner, "report", run_report, summary="show what a style vector moves", text=_REPORT, example="musicvae style report density"
    )
    report.add_argument("name", metavar="NAME", help="a style ('musicvae style list' lists them) or path of a style file")
    add_kind(report, *_KINDS, default="melody")
    add_model_options(report)


def _add_learn(inner: Commands) -> None:
    parser = add_command(
        inner, "learn", run_learn, summary="learn a style vector from examples or from an attribute", text=_LEARN,
        example="musicvae style learn swing --from swing_tunes/ --versus straight_tunes/",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="what to call it")
    parser.add_argument("--from", dest="examples", metavar="DIR_A", help="folder of melodies that have the style")
    parser.add_argument("--versus", metavar="DIR_B", help="folder of melodies that have it not")
    parser.add_argument("--attribute", metavar="ATTRIBUTE", help="learn from an attribute instead, such as density")
    parser.add_argument(
        "--method", choices=("joint", "difference"), default="joint",
        help="for an attribute: leave other attributes alone, or take plain differences of means (default: joint)",
    )  # fmt: skip
    parser.add_argument("--meter", metavar="M", help="meter that generating with it uses (default: that of the examples)")
    parser.add_argument("--tempo", type=tempo_number, metavar="QPM", help="tempo that generating with it uses (default: none)")
    parser.add_argument("--description", default="", metavar="TEXT", help="a sentence that 'musicvae style list' shows")
    parser.add_argument(
        "-o", "--output", metavar="PATH", help=".safetensors file to write (default: in your data folder, found by its name)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    add_kind(parser, *_KINDS, default="melody")
    add_model_options(parser)


def _add_apply(inner: Commands) -> None:
    parser = add_command(
        inner, "apply", run_apply, summary="move a melody along style vectors", text=_APPLY,
        example="musicvae style apply tune.mid jig:+1.0 density:-0.5 -o jig.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument("styles", nargs="+", metavar="NAME:STRENGTH", help="style and strength, such as jig:+1.0 or density:-0.5")
    parser.add_argument("--refine", type=whole_number, default=0, metavar="N", help="steps of refining the input's code (default: 0)")
    parser.add_argument(
        "--seed", type=seed_number, default=0, metavar="S", help="decides how new drums of stiff ones are played (default: 0)"
    )
    add_kind(parser, *_KINDS, default="drums where the file holds only these, else melody")
    add_drum_options(parser)
    add_chords(parser)
    add_selection(parser)
    add_midi_outputs(parser, where="file to write (default: ./IN-styled.mid)")
    add_model_options(parser)


def run_learn(args: argparse.Namespace, terminal: Terminal) -> None:
    """Learn a style vector and keep it."""
    if args.examples is None and args.attribute is None:
        raise ValueError("say what to learn from: --from DIR_A [--versus DIR_B] or --attribute NAME")
    if args.versus is not None and (args.examples is None or args.attribute is not None):
        raise ValueError("--versus goes with --from, and not with --attribute, which needs nothing to compare with")
    for folder in (args.examples, args.versus):
        if folder is not None and not Path(folder).is_dir():
            raise NotADirectoryError(f"{folder} is no folder; it must exist and hold MIDI, MusicXML or ABC files")
    if args.output is not None and check_file(Path(args.output), force=args.force).suffix != ".safetensors":
        raise ValueError(f"{args.output}: a style is kept in a .safetensors file; let -o name one")
    model = load_model(args)
    try:
        style = model.learn_style(
            args.name, args.examples, versus=args.versus, attribute=args.attribute, method=args.method, meter=args.meter,
            tempo_qpm=args.tempo, description=args.description, path=args.output, force=args.force, progress=terminal.progress,
        )  # fmt: skip
    finally:
        terminal.progress("")
    for text in style.notices:
        terminal.notice(text)
    terminal.line(str(style.path))
    terminal.finish({"command": "style learn", "name": args.name, "path": style.path, "report": style.report})


def run_apply(args: argparse.Namespace, terminal: Terminal) -> None:
    """Apply styles to one melody."""
    strengths = parse_strengths(args.styles)
    targets = file_target(args, f"{Path(args.input).stem}-styled.mid")
    kit = checked_kit(args)
    check_source(args.input)
    model = load_model_for(args, terminal, args.input)
    music = read_source(model, args.input, args, terminal)
    for text in model.encode(music, chords=args.chords).notices:
        terminal.notice(text)
    piece = model.restyle(music, strengths, refine=args.refine, chords=args.chords, seed=args.seed)
    if any(strengths.values()) and piece == music:
        terminal.notice("at this strength nothing that is written changes: try a higher one, such as twice as much")
    own = own_performance(model, args.input, music, args, terminal)
    args.stiff = args.stiff or (own is None and not any(strengths.values()))  # what was stiff comes back as it was
    written = targets.write(play_drums(model, [piece], args, kit, terminal, own=[own], style=strengths))
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "style apply", "input": args.input, "styles": strengths, "pieces": written})


def run_list(args: argparse.Namespace, terminal: Terminal) -> None:
    """List the styles of a model."""
    styles = load_model(args).styles()
    rows = [(style.name, style.origin, style.meter, style.description) for style in styles]
    for text in table(rows, heading=("style", "origin", "meter", "what it is")) if rows else ["this model has no styles yet"]:
        terminal.line(text)
    listed = [{field.name: getattr(style, field.name) for field in fields(style)} for style in styles]
    terminal.finish({"command": "style list", "styles": listed})


def run_report(args: argparse.Namespace, terminal: Terminal) -> None:
    """Show what a style moves."""
    report = load_model(args).style(args.name).report
    for text in [*effect_lines(report), *fact_lines(report)]:
        terminal.line(text)
    terminal.finish({"command": "style report", "name": args.name, "report": report})


def effect_lines(report: Mapping[str, Any]) -> list[str]:
    """The table of a report: a row an attribute, a column a strength."""
    if "effects" not in report:
        return []
    heading = ("moves, in standard deviations", *(f"at {strength:+g}" for strength in report["strengths"]))
    rows = [(name, *(f"{move:+.2f}" for move in effect["moves"])) for name, effect in report["effects"].items()]
    return table(rows, heading=heading)


def fact_lines(report: Mapping[str, Any]) -> list[str]:
    """How the vector was learnt and calibrated, in words; entries without words of their own as they are."""
    rest = {name: value for name, value in report.items() if name not in ("strengths", "effects")}
    lines = []
    if {"learnt", "passages"} <= set(rest):
        by = "an attribute" if (learnt := rest.pop("learnt")) == "attribute" else learnt
        method = f" (method {rest.pop('method')})" if "method" in rest else ""
        versus = rest.pop("versus_passages", None)
        beside = f", beside {counted(versus, 'passage')} without it" if versus else ""
        lines.append(f"learnt from {by}{method}, on {counted(rest.pop('passages'), 'passage')}{beside}")
    if held := rest.pop("held", None):
        lines.append(f"meant to stay: {', '.join(held)}")
    if set(rest.get("calibration", ())) >= _CALIBRATION:
        lines += _calibration_lines(rest.pop("calibration"))
    return lines + [line for name, value in rest.items() if value not in ([], {}, None) for line in entry_lines(name, value)]


def _calibration_lines(found: Mapping[str, Any]) -> list[str]:
    up, down, alone = (f"{found[name]:+.3f}" for name in ("effect_at_1", "effect_at_-1", "effect_at_0"))
    lines = [
        f"calibrated on {counted(found['passages'], 'passage')} to move the mean by {found['target']:.3f}, one standard deviation",
        f"there strength +1 moves it by {up}, -1 by {down}, and decoding alone by {alone}",
    ]
    missed = [sign for sign, name in (("+1", "reached"), ("-1", "reached_down")) if not found[name]]
    return lines + [f"strength {sign} adds less than that to what decoding does alone: it is as far as the model goes" for sign in missed]
