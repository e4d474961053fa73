"""The ``musicvae`` command: its parser, and the one place where errors become a line and an exit code.

Exit codes: 0 done, 2 something the user can mend (one line on standard error), 130 interrupted,
141 the reader of the output went away. Any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from musicvae.cli import (
    augment,
    blend,
    codes,
    composing,
    compress,
    continuing,
    corpus,
    drumify,
    evaluate,
    generate,
    humanize,
    imports,
    info,
    personalise,
    presets,
    repair,
    score,
    style,
    train,
    transfer,
    vary,
)
from musicvae.cli.parsing import Parser
from musicvae.cli.terminal import Terminal, error_line

__all__ = ["build_parser", "main"]

_TEXT = """\
Compose with a latent space: generate, blend and restyle melodies.

Results are printed as paths or tables on standard output, remarks (what was chosen, what was
lost, seeds) on standard error. 'musicvae COMMAND --help' explains a command with an example."""


class _PrintVersion(argparse.Action):
    """``--version``: looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        try:
            version = metadata.version("musicvae")
        except metadata.PackageNotFoundError:  # run from its sources
            version = "of an unknown version, since it is not installed"
        print(f"musicvae {version}")
        parser.exit()


def build_parser() -> Parser:
    """The parser of the whole command line; `args.run` of what it returns is the command to call."""
    parser = Parser(prog="musicvae", description=_TEXT, epilog="example:\n  musicvae generate --bars 16")
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and exit")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", parser_class=Parser, help="what to do:")
    for module in (
        generate,
        composing,
        vary,
        continuing,
        repair,
        score,
        augment,
        blend,
        style,
        humanize,
        transfer,
        drumify,
        codes,
        compress,
        info,
        presets,
        imports,
        corpus,
        train,
        personalise,
        evaluate,
    ):
        module.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: the process's own words) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words or bool(os.environ.get("MUSICVAE_DEBUG"))
    _guard_encoding()
    try:
        with _quiet(debug):
            code = _run(words)
            sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse's way to end --help
        return _flushed(stop.code if isinstance(stop.code, int) else 0)
    except BrokenPipeError:
        _drop_output()
        return 141
    except KeyboardInterrupt as stop:  # with words where a command has some on how to go on
        if debug:
            raise
        return _complain(error_line(stop) if stop.args else "stopped", 130)
    except (ValueError, OSError) as error:
        if debug:
            raise
        return _complain(error_line(error), 2)


def _flushed(code: int) -> int:
    """The exit code, or 141 where nobody reads what is still to be printed."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return 141
    return code


def _run(words: Sequence[str]) -> int:
    parser = build_parser()
    args = parser.parse_args(words)
    if args.command is None:
        parser.print_help()
        return 0
    return args.run(args, Terminal(as_json=getattr(args, "json", False))) or 0


def _complain(text: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"musicvae: {text}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _quiet(debug: bool) -> Iterator[None]:
    """Keep the chatter of other packages away from the terminal; our own warnings stay."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    silent = logging.NullHandler()  # without a handler, logging prints warnings by itself
    ours = logging.StreamHandler(sys.stderr)
    ours.setLevel(logging.WARNING)
    logging.getLogger().addHandler(silent)
    logging.getLogger("musicvae").addHandler(ours)
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger().removeHandler(silent)
        logging.getLogger("musicvae").removeHandler(ours)


def _guard_encoding() -> None:
    """Write characters that the terminal cannot show (in file or track names) as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that Python's own flush at exit does not fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
