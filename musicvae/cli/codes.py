"""``musicvae encode``, ``decode`` and ``reconstruct``: melodies to latent codes and back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from musicvae.cli.drums import PLAYED, add_drum_options, own_performance, play_drums
from musicvae.cli.parsing import (
    Commands,
    add_chords,
    add_command,
    add_hits,
    add_kind,
    add_midi_outputs,
    add_model_options,
    add_selection,
    seed_number,
    temperature_number,
    whole_number,
)
from musicvae.cli.playing import checked_kit
from musicvae.cli.sources import check_source, given_hits, load_model, load_model_for, read_source
from musicvae.cli.targets import check_file, file_target
from musicvae.cli.terminal import Terminal

__all__ = ["add_commands", "run_decode", "run_encode", "run_reconstruct"]

_ENCODE = """
The .npz file holds mu and sigma of every window, where the windows lie, meter, bars, tempo, key
shift and the hash of the model, which is the only one that can decode it. A melody longer than the
model's span is taken in windows cut at phrase boundaries."""
_DECODE = """
The code must come from the same model ('musicvae info CODE.npz' shows its hash). A code of drums or
of a trio holds hits and no feel: they are played by the model 'groove', unless --stiff says
otherwise."""
_RECONSTRUCT = (
    """
Encodes a melody and decodes the code again: what the model hears in it. Tempo, program and
velocities of the input are carried through.

"""
    + PLAYED
)

_KINDS = ("melody", "drums", "groove", "trio")
_CHOICE = "drums where the file holds only these, else melody"


def add_commands(commands: Commands) -> None:
    """Add ``encode``, ``decode`` and ``reconstruct``."""
    encode = add_command(
        commands, "encode", run_encode, summary="turn a melody into a latent code", text=_ENCODE,
        example="musicvae encode tune.mid -o tune.npz",
    )  # fmt: skip
    encode.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    _add_refine(encode)
    add_kind(encode, *_KINDS, default=_CHOICE)
    add_chords(encode)
    add_selection(encode)
    output = encode.add_argument_group("output")
    output.add_argument("-o", "--output", metavar="PATH", help=".npz file to write (default: ./IN.npz)")
    output.add_argument("--force", action="store_true", help="overwrite what is there")
    add_model_options(encode)

    decode = add_command(
        commands, "decode", run_decode, summary="turn a latent code back into a melody", text=_DECODE,
        example="musicvae decode tune.npz -o again.mid",
    )  # fmt: skip
    decode.add_argument("input", metavar="IN", help=".npz file that 'musicvae encode' wrote")
    _add_chance(decode)
    add_drum_options(decode)
    add_chords(decode, default="those it was encoded over")
    add_hits(decode, default="those it was encoded with")
    add_midi_outputs(decode, where="file to write (default: ./IN.mid)")
    add_model_options(decode)

    reconstruct = add_command(
        commands, "reconstruct", run_reconstruct, summary="encode a melody and decode it again", text=_RECONSTRUCT,
        example="musicvae reconstruct tune.mid --refine 50 -o heard.mid",
    )  # fmt: skip
    reconstruct.add_argument("input", metavar="IN", help="MIDI, MusicXML or ABC file")
    _add_refine(reconstruct)
    _add_chance(reconstruct)
    add_kind(reconstruct, *_KINDS, default=_CHOICE)
    add_drum_options(reconstruct)
    add_chords(reconstruct)
    add_hits(reconstruct, default="its own")
    add_selection(reconstruct)
    add_midi_outputs(reconstruct, where="file to write (default: ./IN-reconstructed.mid)")
    add_model_options(reconstruct)


def _add_refine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--refine", type=whole_number, default=0, metavar="N", help="gradient steps that make the code fit better (default: 0)"
    )


def _add_chance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--temperature", type=temperature_number, default=0.0, metavar="T", help="0 takes the likeliest event (default: 0)")
    parser.add_argument(
        "--seed",
        type=seed_number,
        default=0,
        metavar="S",
        help="decides chance at temperatures above 0, and how drums are played (default: 0)",
    )


def run_encode(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the code of a melody."""
    path = check_file(Path(args.output or f"{Path(args.input).stem}.npz"), force=args.force)
    if path.suffix.lower() != ".npz":
        raise ValueError(f"{path}: a code is kept in a .npz file; let -o name one, such as {path.with_suffix('.npz')}")
    check_source(args.input)
    model = load_model_for(args, terminal, args.input)
    music = read_source(model, args.input, args, terminal)
    code = model.encode(music, refine=args.refine, chords=args.chords)
    for text in code.notices:
        terminal.notice(text)
    code.save(path, force=args.force)
    windows, size = code.mu.shape
    terminal.line(str(path))
    terminal.finish({
        "command": "encode", "input": args.input, "path": path, "windows": windows, "size": size,
        "meter": code.meter, "bars": code.num_bars, "model_hash": code.model_hash,
    })  # fmt: skip


def run_decode(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write the melody of a code."""
    targets = file_target(args, f"{Path(args.input).stem}.mid")
    kit = checked_kit(args)
    from musicvae.compose.library import load_code, model_of_code

    code = load_code(args.input)
    model: Any = load_model(args, model_of_code(code))  # that it made the code, it checks itself
    hits = given_hits(model, args, terminal)
    piece = model.decode(code, temperature=args.temperature, seed=args.seed, chords=args.chords, **hits)
    written = targets.write(play_drums(model, [piece], args, kit, terminal))
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "decode", "input": args.input, "pieces": written})


def run_reconstruct(args: argparse.Namespace, terminal: Terminal) -> None:
    """Write what the model hears in a melody."""
    targets = file_target(args, f"{Path(args.input).stem}-reconstructed.mid")
    kit = checked_kit(args)
    check_source(args.input)
    model: Any = load_model_for(args, terminal, args.input)  # what it makes of the options, it checks itself
    music = read_source(model, args.input, args, terminal)
    hits = given_hits(model, args, terminal)
    for text in model.encode(music, chords=args.chords).notices:
        terminal.notice(text)
    piece = model.reconstruct(music, refine=args.refine, temperature=args.temperature, seed=args.seed, chords=args.chords, **hits)
    own = None if hits else own_performance(model, args.input, music, args, terminal)
    written = targets.write(play_drums(model, [piece], args, kit, terminal, own=[own]))
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": "reconstruct", "input": args.input, "pieces": written})
