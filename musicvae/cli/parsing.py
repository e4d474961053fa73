"""Command-line syntax: a parser whose errors are one line, checked numbers, options that commands share."""

from __future__ import annotations

import argparse
import difflib
import math
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

__all__ = ["Commands", "Parser", "UsageError", "add_chords", "add_command", "add_hits", "add_kind", "add_midi_outputs", "add_model_options",
           "add_selection", "blend_steps", "new_seed", "number_from_0", "number_list", "parse_strengths", "positive_int", "positive_number",
           "seed_number", "share_number", "temperature_number", "tempo_number", "whole_number", "word_list"]  # fmt: skip

Commands = Any
"""What `argparse.ArgumentParser.add_subparsers` returns; argparse gives it no public name."""

MAX_SEED = 2**63 - 1


class UsageError(ValueError):
    """The words on the command line make no sense; the message is one line."""


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of descriptions and leaves room for long options."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, max_help_position=27, **options)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` in one line and names the nearest match of a slip."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_HelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of printing the usage and exiting."""
        if match := re.search(r"^(?:argument (?P<name>.+?): )?invalid choice: '(?P<bad>[^']*)'.*\(choose from (?P<all>.*)\)$", message):
            choices = [choice.strip(" '") for choice in match["all"].split(",")]
            name = (match["name"] or "choice").lower()
            message = f"unknown {name} '{match['bad']}'{_nearest(match['bad'], choices)}; allowed are {', '.join(choices)}"
        raise UsageError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse, but words that nothing takes are an error here, where the options are known."""
        parsed, extra = super().parse_known_args(args, namespace)
        if extra:
            options = [word for action in self._actions for word in action.option_strings if action.help is not argparse.SUPPRESS]
            word = extra[0].partition("=")[0]
            if word.startswith("-"):
                self.error(f"unknown option '{word}'{_nearest(word, options)}")
            self.error(f"one word too many: '{word}'")
        return parsed, extra


def _nearest(word: str, choices: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, choices, n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def add_command(commands: Commands, name: str, run: Callable[..., int | None], *, summary: str, text: str, example: str) -> Parser:
    """Add a sub-command; its help ends with the example. Returns its parser."""
    parser: Parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{text.strip()}",
        epilog=f"example:\n  {example}",
    )
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def _number(kind: type[int] | type[float], low: float, high: float, allowed: str, *, open_low: bool = False) -> Callable[[str], Any]:
    """A converter for argparse that names the allowed range."""

    def convert(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not {allowed}") from None
        if not (low < value if open_low else low <= value) or value > high or math.isnan(value):
            raise argparse.ArgumentTypeError(f"{text} is not {allowed}")
        return value

    return convert


positive_int = _number(int, 1, 10**9, "a whole number from 1 up")
blend_steps = _number(int, 2, 1000, "a whole number from 2 (both ends are counted) to 1000")
whole_number = _number(int, 0, 10**9, "a whole number from 0 up")
seed_number = _number(int, 0, MAX_SEED, f"a whole number from 0 to {MAX_SEED}")
number_from_0 = _number(float, 0, 1e300, "a number from 0 up")
positive_number = _number(float, 0, 1e300, "a number above 0", open_low=True)
share_number = _number(float, 0, 1, "a share from 0 to 1")
temperature_number = _number(float, 0, 1000, "a number from 0 (always the likeliest event) up; 1 is as learned")
tempo_number = _number(float, 0, 9999, "a tempo above 0 and below 10000 quarter notes a minute", open_low=True)


def word_list(text: str) -> tuple[str, ...]:
    """Words between commas, as in ``4/4,3/4``; for argparse."""
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise argparse.ArgumentTypeError(f"'{text}' has nothing between two commas; write it as in 4/4,3/4")
    return words


def number_list(text: str) -> tuple[int, ...]:
    """Whole numbers between commas, as in ``2,4,8``; for argparse."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of whole numbers; write it as in 2,4,8") from None


def chord_text(text: str) -> str:
    """Chords such as ``C Am F G``, checked; for argparse."""
    from musicvae.compose.harmony import chords_text, spread_chords

    try:
        spread_chords(text, len(text) + 1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return chords_text(text)


def new_seed() -> int:
    """A fresh seed, short enough to be typed again."""
    return secrets.randbelow(2**31)


def parse_strengths(words: Sequence[str]) -> dict[str, float]:
    """Read ``NAME:STRENGTH`` words (``NAME`` alone means +1.0); ValueError for a strength that is no number."""
    strengths: dict[str, float] = {}
    for word in words:
        name, colon, number = word.rpartition(":")
        if not colon or word.endswith(".safetensors"):  # a path alone may hold a colon: C:\\jig.safetensors
            name, number = word, "1"
        try:
            strength = float(number)
        except ValueError:
            strength = math.nan
        if not name or not math.isfinite(strength):
            raise ValueError(f"'{word}' is no style with a strength: write NAME:+1.0 or NAME:-0.5")
        if name in strengths:
            raise ValueError(f"style '{name}' is given twice; give it once with the sum of its strengths")
        strengths[name] = strength
    return strengths


def add_model_options(parser: argparse.ArgumentParser, *, as_json: bool = True) -> None:
    """``--model``, ``--device``, ``--threads`` and ``--json``."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", metavar="MODEL", help="name of a model ('musicvae models' lists them) or path of a .safetensors file")
    group.add_argument("--device", default="cpu", metavar="DEVICE", help="where to compute: cpu, cuda, cuda:1, mps (default: cpu)")
    group.add_argument("--threads", type=positive_int, metavar="N", help="threads to compute with (default: torch's choice)")
    if as_json:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def add_chords(parser: argparse.ArgumentParser, *, default: str = "none", any_model: bool = False) -> None:
    """``--chords``, for models that take chords; any_model: for a command that fits melodies of the others to them, too."""
    meant = "written as a second track" if any_model else "for models that take chords"
    parser.add_argument(
        "--chords", type=chord_text, metavar="C",
        help=f'chords to play over, such as "C Am F G7", spread evenly over the bars; {meant} (default: {default})',
    )  # fmt: skip


def add_hits(parser: argparse.ArgumentParser, *, default: str) -> None:
    """``--hits``, for models that play given hits."""
    parser.add_argument(
        "--hits", metavar="FILE", help=f"drums whose hits are played; for models that play given hits with a feel (default: {default})"
    )


def add_kind(parser: argparse.ArgumentParser, *kinds: str, default: str) -> None:
    """``--kind``, which names a shipped model; default: in words."""
    parser.add_argument(
        "--kind", choices=kinds, help=f"what music it is, which chooses the shipped model of that name; --model wins (default: {default})"
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """``--track``, ``--start-bar``, ``--bars``, ``--tune``: which part of an input file is meant."""
    group = parser.add_argument_group("what to take from the input")
    group.add_argument("--track", metavar="T", help="track: a number from 1, or a part of its name (default: the likeliest melody)")
    group.add_argument("--start-bar", type=positive_int, default=1, metavar="N", help="first bar to take, counted from 1 (default: 1)")
    group.add_argument("--bars", type=positive_int, metavar="N", help="how many bars to take (default: all)")
    group.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of an ABC file, counted from 1 (default: 1)")


def add_midi_outputs(parser: argparse.ArgumentParser, *, where: str) -> None:
    """``-o``, ``--force``, ``--wav`` and ``--plot`` of a command that writes MIDI; `where` says what -o means."""
    group = parser.add_argument_group("output")
    group.add_argument("-o", "--output", metavar="PATH", help=where)
    group.add_argument("--force", action="store_true", help="overwrite what is there")
    group.add_argument("--wav", nargs="?", const="", metavar="PATH", help="write sound too (default: beside the MIDI file, .wav)")
    group.add_argument(
        "--plot", nargs="?", const="", metavar="PATH",
        help="write a piano-roll picture too (default: beside the MIDI file, .png; needs the extra 'musicvae[plot]')",
    )  # fmt: skip
