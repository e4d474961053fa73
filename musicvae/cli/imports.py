"""``musicvae import``: weights that others published become a model file."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from musicvae.cli.parsing import Commands, add_command, positive_int
from musicvae.cli.targets import check_ending, check_file
from musicvae.cli.terminal import Terminal, counted

if TYPE_CHECKING:
    from musicvae.model.imports.importing import Imported

__all__ = ["add_commands", "run_import"]

_TEXT = """
PATH is a TensorFlow checkpoint of Magenta's MusicVAE (its prefix, its .index file, or the folder or .tar
archive with it) or a magenta.js folder (config.json, weights_manifest.json and shards). TensorFlow is not needed. A TensorFlow
checkpoint does not say which configuration it is: name it with --preset ('musicvae presets' lists them); widths are read from the
tensors. Afterwards every command takes the model (by name without -o), and 'train --init-from' goes on from it."""


def add_commands(commands: Commands) -> None:
    """Add ``import``."""
    parser = add_command(
        commands, "import", run_import, summary="make a model of weights that Magenta published", text=_TEXT,
        example="musicvae import hierdec-mel_16bar.tar --preset hierdec-mel_16bar -o long.safetensors",
    )  # fmt: skip
    parser.add_argument("path", metavar="PATH", help="checkpoint: prefix, .index file, folder, .tar archive, or magenta.js folder")
    parser.add_argument("--preset", metavar="NAME", help="published configuration (not needed for a magenta.js folder)")
    parser.add_argument(
        "-o", "--output", metavar="MODEL", help=".safetensors file to write (default: in your data folder, under the configuration's name)"
    )
    parser.add_argument("--bars", type=positive_int, metavar="N", help="length of the network's pieces, if not the configuration's")
    parser.add_argument("--half", action="store_true", help="keep numbers in half precision: half the size, answers differ by about 0.001")
    parser.add_argument("--force", action="store_true", help="replace MODEL")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run_import(args: argparse.Namespace, terminal: Terminal) -> None:
    """Import, and say what it was."""
    out = _in_data_folder(args) if args.output is None else Path(args.output)
    check_ending(out, ".safetensors", "a model")
    check_file(out, force=args.force)
    from musicvae.model.imports.importing import import_model

    done = import_model(args.path, out, preset=args.preset, bars=args.bars, half=args.half, force=args.force)
    for text in done.notices:
        terminal.notice(text)
    terminal.notice(_summary(done))
    terminal.line(str(done.path))
    terminal.finish(
        {
            "command": "import", "path": done.path, "preset": done.config.preset, "parameters": done.parameters, "skipped": done.skipped,
            "config": done.config.to_dict(), "metadata": done.metadata,
        }
    )  # fmt: skip


def _in_data_folder(args: argparse.Namespace) -> Path:
    """Where --model finds it by name: that of the configuration, else of the folder or archive it comes from."""
    from musicvae.compose.library import available_models, user_models_folder

    folder = user_models_folder()
    name = args.preset or _place_name(Path(args.path).resolve())
    out = folder / f"{name}.safetensors"
    if any(model.name == name and model.path != out for model in available_models()):
        raise ValueError(f"a model that ships is called {name!r} and would hide this one: say with -o where to write it")
    folder.mkdir(parents=True, exist_ok=True)
    return out


def _place_name(path: Path) -> str:
    """The name of a folder or archive, or of the folder that one of its files lies in."""
    place = path.parent if path.suffix == ".json" else path
    return place.name if place.is_dir() else re.sub(r"(\.tar)?(\.gz)?$|\.tgz$", "", place.name)


def _summary(done: Imported) -> str:
    skipped = " and ".join(counted(count, what.removesuffix("s")) for what, count in sorted(done.skipped.items()))
    left_out = f"; left out, for training only: {skipped}" if skipped else ""
    return f"{done.config.preset}: {done.parameters:,} weights, pieces of {done.config.steps} steps{left_out}"
