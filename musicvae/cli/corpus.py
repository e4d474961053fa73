"""``musicvae corpus``: training data from files, what is in it, and why the rest was left out."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path

from musicvae.cli import inspecting, recipes
from musicvae.cli.corpora import nothing_taken, report_text
from musicvae.cli.materials import add_material_options, build_options
from musicvae.cli.parsing import Commands, add_command, positive_int, positive_number, seed_number, share_number
from musicvae.cli.progress import BuildProgress
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_build", "run_report"]

_CORPUS = """
A corpus is what models learn from: windows of whole bars, in one key, without near-duplicates,
split into training, validation and test by tune. 'inspect' shows what would be taken from one file,
'build' takes it from many."""
_BUILD = """
A SOURCE is a folder, a file, a glob, an archive (.zip, .tar.gz ...), a list of such (.txt), or a
collection inside music21 (music21:ryansMammoth). MIDI, MusicXML, ABC (many tunes in a file too) and
Humdrum are read. A folder that holds one of the collections that 'musicvae corpus sources' lists is
read the way that suits it. A file that crashes, hangs or eats memory is left out and named in the
report. After an interruption --resume goes on; the result is the same."""
_REPORT = """
What was read, what was skipped, how many windows there are by source, meter, length and split, and
for everything that was left out the reason, a count and names of files."""


def add_commands(commands: Commands) -> None:
    """Add ``corpus`` and its own sub-commands."""
    parser = commands.add_parser(
        "corpus", help="training data: build, report, inspect, sources", description=f"Training data.\n{_CORPUS}",
        epilog="example:\n  musicvae corpus build tunes/ -o corpus",
    )  # fmt: skip
    parser.set_defaults(run=lambda args, terminal: parser.error("say which: build, report, inspect or sources"))
    inner = parser.add_subparsers(metavar="CORPUS-COMMAND", dest="corpus_command", parser_class=type(parser), help="what to do:")
    _add_build(inner)
    report = add_command(
        inner, "report", run_report, summary="show what a corpus holds and what was left out", text=_REPORT,
        example="musicvae corpus report corpus",
    )  # fmt: skip
    report.add_argument("corpus", metavar="OUT", help="folder that 'musicvae corpus build' wrote")
    report.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    inspecting.add_inspect(inner)
    recipes.add_sources(inner)


def _add_build(inner: Commands) -> None:
    parser = add_command(
        inner, "build", run_build, summary="make training data from files", text=_BUILD,
        example="musicvae corpus build tunes/ more.zip music21:ryansMammoth -o corpus --jobs 4",
    )  # fmt: skip
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, file, glob, archive, list file or music21:NAME")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="folder to write")
    parser.add_argument("--resume", action="store_true", help="go on with a build that was interrupted")
    parser.add_argument("--force", action="store_true", help="replace OUT, and forget an interrupted build")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    taking = parser.add_argument_group("what to take")
    add_material_options(taking)
    taking.add_argument("--keep-duplicates", action="store_true", help="leave near-duplicates in; they still share a split")
    taking.add_argument(
        "--max-off-grid", type=share_number, metavar="SHARE",
        help="leave out melodies with more than this share of onsets off the sixteenth grid, such as 0.5 (default: 1, take all)",
    )  # fmt: skip
    taking.add_argument("--splits", metavar="OLD", help="earlier corpus whose division into train, validation and test is kept")
    taking.add_argument("--seed", type=seed_number, default=0, metavar="N", help="decides which tunes are for test (default: 0)")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--jobs", type=positive_int, metavar="N", help="processes (default: one for each core)")
    machine.add_argument(
        "--engine", choices=("processes", "dask"), default="processes", help="who runs them (default: processes, on this machine)"
    )
    machine.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://10.0.0.1:8786")
    machine.add_argument("--max-seconds", type=positive_number, metavar="S", help="most time for one tune (default: 30)")
    machine.add_argument("--max-memory", type=positive_int, metavar="MIB", help="most memory for one file, in MiB (default: 2048)")


def run_build(args: argparse.Namespace, terminal: Terminal) -> int:
    """Build a corpus and print its report; 2 if nothing could be taken."""
    _check_words(args)
    options = build_options(args)
    from musicvae.corpus.build import build_corpus
    from musicvae.corpus.report import corpus_report

    try:
        corpus = build_corpus(
            args.sources, Path(args.output), options, engine=args.engine, jobs=args.jobs, scheduler=args.scheduler,
            splits=args.splits, resume=args.resume, force=args.force, progress=BuildProgress(terminal),
        )  # fmt: skip
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command with --resume goes on from here") from None
    except RuntimeError as error:  # workers that die, whatever they are given
        raise ValueError(f"{error}; the same command with --resume goes on from here") from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        told = f"no space left on the disk of {error.filename or args.output}"
        raise ValueError(f"{told}; make some, and the same command with --resume goes on from here") from error
    finally:
        terminal.progress("")
    report = corpus_report(Path(args.output))
    for text in report_text(report):
        terminal.line(text)
    terminal.line(args.output)
    terminal.finish({"command": "corpus build", "path": args.output, **report.to_dict()})
    if not len(corpus):
        raise ValueError(nothing_taken(report, args.output))
    return 0


def _check_words(args: argparse.Namespace) -> None:
    """ValueError for options that do not go together, before anything is read."""
    if args.resume and args.force:
        raise ValueError("--resume goes on with a build and --force begins anew: give one of them")
    if args.scheduler and args.engine != "dask":
        raise ValueError("--scheduler is the address of a Dask cluster: add --engine dask")
    if args.drum_map and args.kind in ("melody", "performance"):
        raise ValueError(
            f"--drum-map says how drums are sorted, and a {args.kind} has no classes of them: add --kind drums, groove or trio"
        )


def run_report(args: argparse.Namespace, terminal: Terminal) -> None:
    """Print the report of a corpus."""
    folder = Path(args.corpus)
    from musicvae.corpus.build import work_folder
    from musicvae.corpus.report import corpus_report

    if not folder.exists():
        how = "was interrupted: add --resume to its command" if work_folder(folder).exists() else "would make it"
        raise FileNotFoundError(f"{folder} does not exist: 'musicvae corpus build SOURCE -o {folder}' {how}")

    report = corpus_report(folder)
    for text in report_text(report):
        terminal.line(text)
    terminal.finish({"command": "corpus report", "path": folder, **report.to_dict()})
