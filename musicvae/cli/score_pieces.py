"""``musicvae score`` for drums and trios: how likely they are, and which files, bars, hits and notes are odd."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.corrections import described_correction
from musicvae.cli.figures import chance_figure, figure, runs_text
from musicvae.cli.sources import read_source
from musicvae.cli.terminal import Terminal, counted, table

if TYPE_CHECKING:
    from musicvae.compose.judging.ensembles import EnsembleScore

__all__ = ["score_pieces"]

_SHOWN = 12


def score_pieces(model: Any, args: argparse.Namespace, terminal: Terminal, picture: Path | None) -> None:
    """Print what pieces score, the oddest first, what is odd in them, and a single one bar by bar."""
    if picture is not None:
        raise ValueError("--plot shows the odd notes of melodies: leave it out with drums and trios")
    if model.yardstick is None:
        terminal.notice(f"nothing tells what held-out pieces score under {model.name}, so that nothing can be called odd")
    named = [entry for path in args.inputs for entry in _named(model, path, args, terminal)]
    scores = []
    for number, (name, music) in enumerate(named, 1):
        scores.append((name, model.score(music, threshold=args.threshold, places=not args.quick)))
        terminal.progress(f"scoring: {number} of {len(named)}")
    terminal.progress("")
    scores.sort(key=lambda entry: _order(entry[1]))
    for text in [*_table(scores), *(_bars(scores[0][1]) if len(scores) == 1 else ())]:
        terminal.line(text)
    terminal.finish(
        {"command": "score", "threshold": args.threshold, "pieces": [_described(name, score) for name, score in scores]}
    )  # fmt: skip


def _named(model: Any, path: str, args: argparse.Namespace, terminal: Terminal) -> list[tuple[str, Any]]:
    """The pieces of a file or folder with their names; those of a folder that cannot be read are counted in a notice."""
    if not Path(path).is_dir():
        return [(path, read_source(model, path, args, terminal))]
    from musicvae.compose.judging.folders import pieces_in

    found, left = pieces_in(path, model.take)
    for reason, count in Counter(left).most_common():
        terminal.notice(f"left out: {count} ({reason})")
    return found


def _order(score: EnsembleScore) -> tuple[float, float]:
    """The oddest first; where nothing tells, those with most bits a note or hit."""
    chance = 2.0 if math.isnan(score.chance) else score.chance
    return chance, -score.bits_per_event if score.events else math.inf


def _table(scores: list[tuple[str, EnsembleScore]]) -> list[str]:
    """The table of all files, and below it what is odd in each."""
    parts = list(scores[0][1].parts)
    rows = [
        (name, score.piece.num_bars, score.events, figure(score.bits_per_event), *(figure(float(score.parts[p].mean())) for p in parts),
         chance_figure(score.chances.get("events")), chance_figure(score.chances.get("passages")), chance_figure(score.chance),
         "odd" if score.is_odd else "")
        for name, score in scores
    ]  # fmt: skip
    events = "hits" if scores[0][1].piece.material == "drums" else "notes and hits"
    heading = ("file", "bars", events, "bits each", *(f"{part}, bits a bar" for part in parts), "wrong", "foreign", "all", "")
    lines = table(rows, heading=heading)
    for name, score in scores:
        if found := _odd_lines(score):
            lines += ["", f"{name}:", *found]
    return lines


def _odd_lines(score: EnsembleScore) -> list[str]:
    shown = sorted(score.doubts, key=lambda item: -item.bits)[:_SHOWN]
    lines = []
    for item in shown:
        told = described_correction(item, score.piece)
        what = told["note"] if item.line == "drums" else f"{told['note']} of the {item.line}"
        lines.append(f"  {told['at']}: {what}, {told['better']} would be likelier ({item.bits:.1f} bits)")
    more = len(score.doubts) - len(shown)
    lines += [f"  and {more} more"] if more else []
    bars = score.odd_bars()
    return lines + ([f"  foreign to the rest: {counted(len(bars), 'bar').partition(' ')[2]} {runs_text(bars)}"] if bars else [])


def _bars(score: EnsembleScore) -> list[str]:
    """The table of the bars of a piece."""
    columns = [*score.parts.values(), score.code, score.shared]
    rows = [(bar + 1, *(figure(float(column[bar])) for column in columns)) for bar in range(score.piece.num_bars)]
    return ["", *table(rows, heading=("bar", *score.parts, "idea", "shared with the rest"))]


def _described(name: str, score: EnsembleScore) -> dict[str, Any]:
    return {
        "name": name, "bars": score.piece.num_bars, "events": score.events, "bits": score.bits, "bits_per_event": score.bits_per_event,
        "part_bits": dict(score.parts), "idea_bits": score.code, "shared_bits": score.shared, "chances": dict(score.chances),
        "chance": score.chance, "odd": score.is_odd, "odd_events": [described_correction(item, score.piece) for item in score.doubts],
        "odd_bars": score.odd_bars(),
    }  # fmt: skip
