"""``musicvae repair`` for drums and trios: bars or a whole line found anew in their file, wrong hits and notes put right."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from musicvae.cli.constraining import asks_constraints
from musicvae.cli.corrections import described_correction, told_foreign_bars
from musicvae.cli.playing import load_player
from musicvae.cli.sources import check_source, chosen_track
from musicvae.cli.terminal import counted, table

if TYPE_CHECKING:
    from musicvae.cli.terminal import Terminal
    from musicvae.compose.revising.pieces.files import OpenedPiece
    from musicvae.music.piece import Piece

__all__ = ["finds_line", "repaired_piece"]

_LINES = ("melody", "bass", "drums")


def finds_line(args: argparse.Namespace) -> bool:
    """Whether a whole line of a trio is written: --only with what is about wrong notes only says where these are looked for."""
    return args.mask is None and args.only is not None and not args.apply and args.wrong_share is None


def repaired_piece(model: Any, args: argparse.Namespace, terminal: Terminal, result: dict[str, Any]) -> Any:
    """The file with its drums or its trio revised, every other track as it is; what is proposed goes into the result."""
    from musicvae.compose.revising.pieces.files import open_piece
    from musicvae.compose.revising.pieces.repairing import asked_steps, doubted_steps, require_filling
    from musicvae.compose.revising.spans import first_bar_of

    _check(model, args)
    require_filling(model.engine)
    bar = None if args.mask is None else first_bar_of(args.mask)
    anew = args.mask is not None or finds_line(args)
    new = [word.strip() for word in (args.only or "").split(",")] if anew else []
    new = [word for word in new if word in _LINES]
    opened = open_piece(check_source(args.input), model.material, track=chosen_track(args.track), bar=bar, new=new, tune=args.tune)
    for text in opened.notices:
        terminal.notice(text)
    options = {"only": args.only, "lock": args.lock, "first_bar": opened.start_bar}
    # These say what is wrong before anything is computed.
    if anew:
        asked_steps(opened.piece, args.mask, **options)
        piece = model.repair(opened.piece, args.mask, **options, seed=args.seed, temperature=args.temperature)
        revised = opened.revised(piece, _feel(opened, piece, args, terminal))
    else:
        doubted_steps(opened.piece, **options)
        revised = _mended(model, opened, options, args, terminal, result)
    for text in revised.notices:
        terminal.notice(text)
    return revised


def _mended(
    model: Any, opened: OpenedPiece, options: dict[str, Any], args: argparse.Namespace, terminal: Terminal, result: dict[str, Any]
) -> Any:
    """The file with its wrong hits and notes put right, and what they are, which is told."""
    share = {} if args.wrong_share is None else {"wrong_share": args.wrong_share}
    found = model.propose_repairs(opened.piece, **options, **share)
    listed = result["proposed"] = [described_correction(item, opened.piece, opened.start_bar) for item in found]
    total = _counted(opened.piece)
    if not found:
        terminal.line(f"none of {total} sounds wrong")
    elif args.apply:
        terminal.notice(f"{len(found)} of {total} put right, as in the list that comes without --apply")
    else:
        heading = ("at", "line", "note", "better", "bits") if model.material == "trio" else ("at", "note", "better", "bits")
        rows = [tuple(round(item[name], 1) if name == "bits" else item[name] for name in heading) for item in listed]
        for line in table(rows, heading=heading):
            terminal.line(line)
    if not args.apply:
        result["foreign_bars"] = told_foreign_bars(model, opened.piece, opened.start_bar, terminal)
    return opened.revised(model.apply_repairs(opened.piece, found), None, found)


def _counted(piece: Piece) -> str:
    """How many hits, or notes and hits, there are, in words."""
    from musicvae.compose.judging.ensembles import count_events

    total = count_events(piece)
    return counted(total, "hit") if piece.material == "drums" else f"{total} notes and hits"


def _check(model: Any, args: argparse.Namespace) -> None:
    """ValueError for options that are for melodies."""
    if args.chords is not None or asks_constraints(args):
        raise ValueError(f"{model.name} makes {model.material}: --chords and constraints are for melodies")
    if args.only is not None and model.material != "trio":
        raise ValueError(f"{model.name} makes {model.material}: --only is for the lines of a trio (--kind trio)")


def _feel(opened: OpenedPiece, piece: Any, args: argparse.Namespace, terminal: Terminal) -> Any:
    """How new hits are played: as those of the file, if these were played; a new line of drums by 'groove'; else None, stiff."""
    from musicvae.compose.grooving.model import PLAYER
    from musicvae.compose.grooving.performance import performance_of
    from musicvae.compose.library import available_models
    from musicvae.compose.revising.pieces.files import feel_of

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
