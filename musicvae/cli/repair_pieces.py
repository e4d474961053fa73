"""``musicvae repair`` for drums and trios: bars, or a whole line of a trio, found anew in their file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from musicvae.cli.constraining import asks_constraints
from musicvae.cli.playing import load_player
from musicvae.cli.sources import check_source, chosen_track

if TYPE_CHECKING:
    from musicvae.cli.terminal import Terminal
    from musicvae.compose.revising.piece_files import OpenedPiece

__all__ = ["repaired_piece"]

_LINES = ("melody", "bass", "drums")


def repaired_piece(model: Any, args: argparse.Namespace, terminal: Terminal) -> Any:
    """The file with its drums or its trio revised, every other track as it is."""
    from musicvae.compose.revising.piece_files import open_piece
    from musicvae.compose.revising.piece_repairing import asked_steps, require_filling
    from musicvae.compose.revising.spans import first_bar_of

    _check(model, args)
    require_filling(model.engine)
    bar = None if args.mask is None else first_bar_of(args.mask)
    new = [word.strip() for word in (args.only or "").split(",")]
    new = [word for word in new if word in _LINES]
    opened = open_piece(check_source(args.input), model.material, track=chosen_track(args.track), bar=bar, new=new, tune=args.tune)
    for text in opened.notices:
        terminal.notice(text)
    options = {"only": args.only, "lock": args.lock, "first_bar": opened.start_bar}
    asked_steps(opened.piece, args.mask, **options)  # which says what is wrong before anything is computed
    piece = model.repair(opened.piece, args.mask, **options, seed=args.seed, temperature=args.temperature)
    revised = opened.revised(piece, _feel(opened, piece, args, terminal))
    for text in revised.notices:
        terminal.notice(text)
    return revised


def _check(model: Any, args: argparse.Namespace) -> None:
    """ValueError for options that are for melodies."""
    if args.chords is not None or asks_constraints(args):
        raise ValueError(f"{model.name} makes {model.material}: --chords and constraints are for melodies")
    if args.apply or args.wrong_share is not None:
        raise ValueError(f"{model.name} makes {model.material}: wrong notes are looked for in melodies; say what to find with --mask")
    if args.only is not None and model.material != "trio":
        raise ValueError(f"{model.name} makes {model.material}: --only is for the lines of a trio (--kind trio)")


def _feel(opened: OpenedPiece, piece: Any, args: argparse.Namespace, terminal: Terminal) -> Any:
    """How new hits are played: as those of the file, if these were played; a new line of drums by 'groove'; else None, stiff."""
    from musicvae.compose.grooving.model import PLAYER
    from musicvae.compose.grooving.performance import performance_of
    from musicvae.compose.library import available_models
    from musicvae.compose.revising.piece_files import feel_of

    column = "drums" if piece.material == "trio" else "bars"
    before, after = opened.piece.columns[column], piece.columns[column]
    if args.stiff or not (after & ~before).any():
        return None
    own = performance_of(opened.file.score, opened.piece) if before.any() else None
    if before.any() and own is None:
        return None
    if PLAYER not in {info.name for info in available_models()}:
        terminal.notice("no model 'groove' is installed, so that new hits stay on the grid, at one velocity")
        return None
    terminal.notice("new hits are played by the model 'groove'" + ("" if own is None else ", with the feel of the others"))
    return feel_of(load_player(args, PLAYER).engine, piece, own, args.seed)
