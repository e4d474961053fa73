"""``musicvae compress`` and ``expand``: MIDI files made small, and back."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicvae.cli.parsing import Commands, add_command, positive_int, whole_number
from musicvae.cli.sources import check_source
from musicvae.cli.targets import check_ending, check_file
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_compress", "run_expand"]

_COMPRESS = """
The .mvz file holds everything: 'musicvae expand' gives back the very same bytes of a MIDI file
(MusicXML and ABC are made MIDI files first). What the model of melodies knows of the melody makes
it smaller; where it knows nothing (drums, free timing) the file is packed without it. --bits keeps
no more than an idea of the melody."""
_EXPAND = """
The model that packed the file is found by its hash among those that are installed, or named with
--model. A damaged file is refused."""


def add_commands(commands: Commands) -> None:
    """Add ``compress`` and ``expand``."""
    parser = add_command(
        commands, "compress", run_compress, summary="make a MIDI file small without loss", text=_COMPRESS,
        example="musicvae compress tune.mid -o tune.mvz",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    parser.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of an ABC file, counted from 1 (default: 1)")
    parser.add_argument(
        "--bits",
        type=whole_number,
        metavar="N",
        help="keep an idea of the melody only, its latent code in at most N bits (default: keep all)",
    )
    _add_outputs(parser, where=".mvz file to write (default: ./IN.mvz)")
    parser = add_command(
        commands, "expand", run_expand, summary="turn a .mvz file back into the MIDI file", text=_EXPAND,
        example="musicvae expand tune.mvz -o again.mid",
    )  # fmt: skip
    parser.add_argument("input", metavar="IN", help=".mvz file that 'musicvae compress' wrote")
    _add_outputs(parser, where="MIDI file to write (default: ./IN.mid)")


def _add_outputs(parser: argparse.ArgumentParser, *, where: str) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("-o", "--output", metavar="PATH", help=where)
    group.add_argument("--force", action="store_true", help="overwrite what is there")
    parser.add_argument("--model", metavar="MODEL", help="name of a model ('musicvae models' lists them) or path of a .safetensors file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run_compress(args: argparse.Namespace, terminal: Terminal) -> None:
    """Pack one file."""
    path = Path(args.output) if args.output else Path(f"{Path(args.input).stem}.mvz")
    check_ending(path, ".mvz", "a compressed file")
    check_file(path, force=args.force)
    check_source(args.input)
    from musicvae.compose.compressing.model import packed

    found = packed(args.input, model=args.model, bits=args.bits, tune=args.tune)
    _write(path, found.data, args.force)
    for text in found.notices:
        terminal.notice(text)
    share = len(found.data) / max(1, found.original_bytes)
    terminal.notice(f"{path}: {found.original_bytes} bytes became {len(found.data)} ({share:.1%}), {found.way}")
    terminal.line(str(path))
    terminal.finish({
        "command": "compress", "input": args.input, "path": path, "bytes": len(found.data), "original_bytes": found.original_bytes,
        "way": found.way, "model_hash": found.model_hash,
    })  # fmt: skip


def run_expand(args: argparse.Namespace, terminal: Terminal) -> None:
    """Unpack one file."""
    path = Path(args.output) if args.output else Path(f"{Path(args.input).stem}.mid")
    if path.suffix.lower() not in (".mid", ".midi"):
        raise ValueError(f"{path}: what comes out is a MIDI file; let -o name one, such as {path.with_suffix('.mid')}")
    check_file(path, force=args.force)
    check_source(args.input)
    from musicvae.compose.compressing.model import expand

    try:
        data = expand(Path(args.input).read_bytes(), model=args.model)
    except ValueError as error:
        raise ValueError(f"{args.input}: {error}") from error
    _write(path, data, args.force)
    terminal.line(str(path))
    terminal.finish({"command": "expand", "input": args.input, "path": path, "bytes": len(data)})


def _write(path: Path, data: bytes, force: bool) -> None:
    from musicvae.music.files import atomic_path

    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
