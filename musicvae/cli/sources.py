"""What commands work on: the model that the options name, and music from files with a word on what was lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from musicvae.cli.terminal import Terminal
    from musicvae.compose.model import AnyModel

__all__ = ["check_source", "chosen_track", "given_hits", "load_model", "load_model_for", "read_source"]


def load_model(args: argparse.Namespace, name: str | None = None) -> AnyModel:
    """The model that ``--model``, ``--kind``, ``--device`` and ``--threads`` ask for; name: where neither of the first two does."""
    from musicvae.compose.model import load

    return load(args.model or getattr(args, "kind", None) or name, device=args.device, threads=args.threads)


def load_model_for(args: argparse.Namespace, terminal: Terminal, *files: str) -> AnyModel:
    """The model that is asked for, else that of drums where a file holds nothing else, else the default one; tells of the second."""
    if args.model is None and args.kind is None:
        from musicvae.compose.pieces.intake import holds_only_drums

        for path in files:
            if holds_only_drums(path, tune=getattr(args, "tune", 1)):
                terminal.notice(f"{path} holds drums only: the model 'drums' takes them (--kind or --model choose another)")
                return load_model(args, "drums")
    return load_model(args)


def chosen_track(text: str | None) -> int | str | None:
    """``--track`` as the library takes it: digits are a track number, anything else a part of a name."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else text


def check_source(path: str) -> str:
    """Return the path of a music file, or raise FileNotFoundError; what is in it is seen once the model is loaded."""
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist: was it misspelled, or is it in another folder?")
    return path


def read_source(model: AnyModel, path: str, args: argparse.Namespace, terminal: Terminal, *, track: str | None = None) -> Any:
    """What the file holds for the model within ``--track``, ``--start-bar``, ``--bars`` and ``--tune``; ValueError if nothing.

    track: takes the place of ``--track``. Tells the terminal what was taken and what was left behind.
    """
    asked = chosen_track(args.track if track is None else track)
    taken = model.take(path, track=asked, start_bar=args.start_bar, bars=args.bars, tune=args.tune)
    for text in taken.notices:
        terminal.notice(text)
    return taken.music


def given_hits(model: AnyModel, args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """The option ``hits`` of a model's method, from the file that ``--hits`` names; {} without. ValueError for models of other music."""
    if args.hits is None:
        return {}
    from musicvae.compose.pieces.model import PieceModel

    if not isinstance(model, PieceModel):
        raise ValueError(f"{model.name} makes melodies: --hits is for models that play given drums, such as 'groove'")
    if model.engine.guide not in ("hits", "taps"):  # before the file is read as music of the model's own kind
        raise ValueError(f"{model.name} chooses its own hits: leave them out, or load one that plays given hits, such as 'groove'")
    taken = model.take_hits(args.hits)
    for text in taken.notices:
        terminal.notice(text)
    return {"hits": taken.music}
