"""Drums that networks of drums and trios make, which know hits alone: who plays them, and in whose notes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from musicvae.cli.playing import load_player
from musicvae.cli.sources import chosen_track

if TYPE_CHECKING:
    from musicvae.cli.terminal import Terminal
    from musicvae.compose.grooving.rendition import Rendition
    from musicvae.compose.model import AnyModel
    from musicvae.music.drum_map_files import Kit
    from musicvae.music.piece import Piece

__all__ = ["add_drum_options", "own_performance", "play_drums"]

PLAYED = """Beats, and the drums of trios, are played by the model 'groove', unless --stiff leaves them on the
grid at one velocity. If the input was played (it has several velocities, or hits off the grid), hits
that stay are played as there, and new ones with its feel; if it was stiff, --seed decides the feel."""
"""For the help of commands that make drums of given ones."""


def add_drum_options(parser: argparse.ArgumentParser) -> None:
    """``--stiff`` and ``--drum-map``."""
    parser.add_argument("--stiff", action="store_true", help="leave drums on the grid, at one velocity (default: played by 'groove')")
    parser.add_argument(
        "--drum-map", metavar="MAP",
        help="whose notes drums are written in: gm (General MIDI), td11 (Roland TD-11) or a .toml file of your own (default: gm)",
    )  # fmt: skip


def own_performance(
    model: AnyModel, path: str, music: Any, args: argparse.Namespace, terminal: Terminal, *, track: str | None = None
) -> Piece | None:
    """How a file plays the drums that the model took from it, which is told; None where they are stiff, or nobody shall play them."""
    if not _is_wanted(model, args):
        return None
    from musicvae.compose.grooving.performance import performance_of

    asked = chosen_track(args.track if track is None else track)
    own = performance_of(path, music, track=asked, start_bar=args.start_bar, bars=args.bars, tune=args.tune)
    if own is not None:
        terminal.notice(f"{music.name}: hits that stay are played as there, and new ones with its feel")
    return own


def play_drums(
    model: Any, pieces: Sequence[Any], args: argparse.Namespace, kit: Kit | None, terminal: Terminal, *,
    own: Sequence[Piece | None] = (), style: Mapping[str, float] | None = None, together: bool = False,
    alone: bool = True,
) -> list[Any]:  # fmt: skip
    """Drums and trios as the model 'groove' plays them, in a kit's notes; melodies as they are.

    own: for each piece a performance to go by, as `own_performance` finds it. style: strengths, of which those count that 'groove' knows.
    together: where a first hit of one piece is early, all begin with a silent bar.
    alone: whether they are files of their own, so that it is told where one begins with a silent bar.
    What imported models make, and all with ``--stiff``, stays as it is; so it does, which is told, where 'groove' is not installed.
    """
    from musicvae.compose.grooving.model import PLAYER
    from musicvae.compose.library import available_models
    from musicvae.compose.pieces.kits import in_kit

    if model.material == "melody":
        if kit is not None:
            terminal.notice("melodies have no drums: --drum-map is left aside")
        return list(pieces)
    wanted = _is_wanted(model, args)
    if wanted and PLAYER not in {info.name for info in available_models()}:
        terminal.notice("no model 'groove' is installed, so that the drums stay on the grid, at one velocity")
        wanted = False
    if not wanted:
        return [in_kit(piece, kit) if kit else piece for piece in pieces]
    player = load_player(args, PLAYER)
    known = {entry.name for entry in player.styles()}
    feel = {name: strength for name, strength in (style or {}).items() if name in known}
    likes = own or [None] * len(pieces)

    def played(least: int) -> list[Any]:
        options: dict[str, Any] = {"style": feel or None, "drum_map": kit, "lead_in_bars": least}
        return [
            player.humanize(piece, seed=piece.provenance.get("seed", 0), like=like, **options) if _has_drums(piece) else piece
            for piece, like in zip(pieces, likes, strict=True)
        ]

    made = played(0)
    if together and len(set(map(_lead_in, made))) > 1:
        made = played(1)
    if alone:
        _tell(made, terminal)
    return made


def _is_wanted(model: Any, args: argparse.Namespace) -> bool:
    return not args.stiff and model.material in ("drums", "trio") and not model.engine.fixed_window


def _has_drums(piece: Piece) -> bool:
    return bool(piece.columns["drums" if piece.material == "trio" else "bars"].any())


def _lead_in(music: Piece | Rendition) -> int:
    return music.lead_in_bars if hasattr(music, "lead_in_bars") else music.report.lead_in_bars


def _tell(made: Sequence[Piece | Rendition], terminal: Terminal) -> None:
    early = sum(_lead_in(music) > 0 for music in made)
    files = "the file begins" if len(made) == 1 else "every file begins" if early == len(made) else f"{early} of {len(made)} files begin"
    if early:
        terminal.notice(f"a first hit comes before beat one, so that {files} with a silent bar")
