"""Options that the commands that play beats share, and the line that says what was played."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from musicvae.cli.parsing import add_midi_outputs, add_model_options, new_seed, parse_strengths, seed_number, share_number
from musicvae.cli.sources import chosen_track

if TYPE_CHECKING:
    from musicvae.cli.targets import MidiTargets
    from musicvae.cli.terminal import Terminal
    from musicvae.compose.grooving.model import GroovingModel
    from musicvae.compose.grooving.rendition import Rendition

__all__ = ["add_feel_options", "add_playing_outputs", "checked_kit", "feel_options", "finish", "load_player", "settled_seed"]


def add_feel_options(parser: argparse.ArgumentParser) -> None:
    """``--amount``, ``--style``, ``--seed`` and ``--apply-to``."""
    parser.add_argument(
        "--style", action="append", default=[], metavar="NAME[:STRENGTH]",
        help="style of playing, such as funk or jazz:0.5; may be given several times ('musicvae style list --model groove' lists them)",
    )  # fmt: skip
    parser.add_argument(
        "--amount", type=share_number, default=1.0, metavar="A",
        help="how much of the feel, in timing and velocity: 0 leaves the file as it is (default: 1)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed_number, metavar="S", help="whole number that decides all chance (default: a new one)")
    parser.add_argument("--track", metavar="T", help="the drums: a number from 1, or a part of a name (default: the drum channel)")
    parser.add_argument(
        "--apply-to", action="append", default=[], metavar="T",
        help="a pitched track that takes its timing from the beat, by number or part of its name; may be given several times",
    )  # fmt: skip


def add_playing_outputs(parser: argparse.ArgumentParser, *, where: str, notes: str = "as they are") -> None:
    """``--drum-map`` (without: `notes`), the outputs of MIDI commands and the options of models."""
    parser.add_argument(
        "--drum-map", metavar="MAP",
        help=f"whose notes to write: gm (General MIDI), td11 (Roland TD-11) or a .toml file of your own (default: {notes})",
    )  # fmt: skip
    add_midi_outputs(parser, where=where)
    add_model_options(parser)


def settled_seed(args: argparse.Namespace) -> int:
    """``--seed``, or a new one."""
    return new_seed() if args.seed is None else int(args.seed)


def checked_kit(args: argparse.Namespace) -> Any:
    """What ``--drum-map`` names, read before anything is computed; None where it names nothing."""
    from musicvae.music.drum_map_files import kit_of

    return None if args.drum_map is None else kit_of(args.drum_map)


def feel_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_feel_options` and ``--temperature`` as the library takes them."""
    return {
        "style": parse_strengths(args.style) or None, "amount": args.amount, "temperature": args.temperature, "seed": settled_seed(args),
        "track": chosen_track(args.track), "apply_to": tuple(chosen_track(track) for track in args.apply_to), "drum_map": checked_kit(args),
    }  # fmt: skip


def load_player(args: argparse.Namespace, default: str, name: str | None = None) -> GroovingModel:
    """The model that `name` or ``--model`` asks for, else the one of this name; ValueError for one that plays nothing."""
    from musicvae.compose.grooving.model import playing_model
    from musicvae.compose.model import load

    return playing_model(load(name or default, device=args.device, threads=args.threads), default)


def finish(command: str, played: Rendition, targets: MidiTargets, terminal: Terminal, facts: dict[str, Any]) -> None:
    """Write what was played, say in one line what was done, and print the paths, or all of it as JSON."""
    for text in played.notices:
        terminal.notice(text)
    written = targets.write([played])
    story = played.provenance
    style = ", ".join(f"{name}:{strength:+g}" for name, strength in story.get("style", {}).items())
    terminal.notice(f"{targets.midi[0]}: {played.report}{f', style {style}' if style else ''}, seed {story['seed']}")
    for path in targets.every_path:
        terminal.line(str(path))
    terminal.finish({"command": command, **facts, "made": dict(story), "report": vars(played.report), "pieces": written})
