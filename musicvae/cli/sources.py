"""What commands work on: the model that the options name, and melodies from files with a word on what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from musicvae.cli.terminal import Terminal
    from musicvae.compose.model import Model
    from musicvae.music.melody import Melody

__all__ = ["chosen_track", "load_model", "read_source"]


def load_model(args: argparse.Namespace) -> Model:
    """The model that ``--model``, ``--device`` and ``--threads`` ask for."""
    from musicvae.compose.model import load

    return load(args.model, device=args.device, threads=args.threads)


def chosen_track(text: str | None) -> int | str | None:
    """``--track`` as the library takes it: digits are a track number, anything else a part of a name."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else text


def read_source(path: str, args: argparse.Namespace, terminal: Terminal, *, track: str | None = None) -> Melody:
    """The melody of the file within ``--track``, ``--start-bar``, ``--bars`` and ``--tune``; ValueError if there is none.

    track: takes the place of ``--track``. Tells the terminal what was taken and what was left behind.
    """
    from musicvae.compose.intake import take

    asked = chosen_track(args.track if track is None else track)
    taken = take(path, track=asked, start_bar=args.start_bar, bars=args.bars, tune=args.tune)
    for text in taken.notices:
        terminal.notice(text)
    return taken.melody
