"""Options for what a melody must keep to, which the commands that make melodies share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from musicvae.cli.parsing import positive_number
from musicvae.cli.sources import check_source

if TYPE_CHECKING:
    from musicvae.cli.terminal import Terminal
    from musicvae.compose.model import AnyModel

__all__ = ["add_constraint_options", "asks_constraints", "given_constraints"]


def add_constraint_options(parser: argparse.ArgumentParser) -> None:
    """``--scale``, ``--range``, ``--rhythm``, ``--longest`` and ``--note``, of melodies."""
    group = parser.add_argument_group("what a melody must keep to")
    group.add_argument(
        "--scale", type=_checked(_scale), metavar="S",
        help='only notes of a scale: "D dorian", "A minor pentatonic", "E blues", or the notes, "C D E G A" (default: any)',
    )  # fmt: skip
    group.add_argument("--range", type=_checked(_range), metavar="LOW-HIGH", help="lowest and highest note, such as C4-A5 (default: any)")
    group.add_argument(
        "--rhythm", metavar="FILE", help="take onsets and lengths from the melody in a file, repeated if it is shorter (default: free)"
    )
    group.add_argument("--longest", type=positive_number, metavar="BEATS", help="no note lasts longer, in quarter notes (default: any)")
    group.add_argument(
        "--note", action="append", default=[], type=_checked(_note), metavar="BAR:BEAT:PITCH[:BEATS]",
        help="a note that must be there, such as 8:3:G4:2: bar 8, beat 3 in quarter notes, two long; may be given several times",
    )  # fmt: skip


def asks_constraints(args: argparse.Namespace) -> bool:
    """Whether any of the options was given."""
    return any(value not in (None, []) for value in (args.scale, args.range, args.rhythm, args.longest, args.note))


def given_constraints(model: AnyModel, args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """The option ``constraints`` of a model's method, without the chords; {} where nothing is asked.

    Tells the terminal what was taken for the rhythm. ValueError for models of other music, and what `Constraints` refuses.
    """
    if not asks_constraints(args):
        return {}
    if model.material != "melody":
        raise ValueError(f"{model.name} makes {model.material}: --scale, --range, --rhythm, --longest and --note are for melodies")
    from musicvae.compose.constraints.constraints import Constraints
    from musicvae.compose.intake import take

    rhythm = None
    if args.rhythm is not None:
        taken = take(check_source(args.rhythm))
        for text in taken.notices:
            terminal.notice(f"rhythm: {text}")
        rhythm = taken.melody
    return {"constraints": Constraints.of(scale=args.scale, range=args.range, rhythm=rhythm, longest=args.longest, notes=args.note)}


def _checked(check: Callable[[str], Any]) -> Callable[[str], str]:
    """A converter for argparse that gives the text back if it can be read."""

    def convert(text: str) -> str:
        try:
            check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return convert


def _scale(text: str) -> None:
    from musicvae.compose.constraints.names import parse_scale

    parse_scale(text)


def _range(text: str) -> None:
    from musicvae.compose.constraints.constraints import Constraints

    Constraints.of(range=text)


def _note(text: str) -> None:
    from musicvae.compose.constraints.constraints import RequiredNote

    RequiredNote.parse(text)
