"""``musicvae corpus inspect``: what a build would take from one file, and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicvae.cli.corpora import every, filled, table_lines
from musicvae.cli.materials import add_material_options, build_options
from musicvae.cli.parsing import Commands, add_command, positive_int
from musicvae.cli.sources import chosen_track
from musicvae.cli.targets import picture_target
from musicvae.cli.terminal import Terminal, table

if TYPE_CHECKING:
    from musicvae.corpus.inspection import Change, Inspection, LineView, WindowView

__all__ = ["add_inspect", "run_inspect"]

_INSPECT = """
Tracks with how like a melody each is, meters, tempi, keys, chords, how notes lie on the sixteenth
grid, the lines that would be taken, and every window with the reason why it is kept or not. Bars
are counted from 1 as in the file."""
_SHOWN_CHANGES = 8


def add_inspect(inner: Commands) -> None:
    """Add ``inspect``."""
    parser = add_command(
        inner, "inspect", run_inspect, summary="show what would be taken from a file, and why", text=_INSPECT,
        example="musicvae corpus inspect tune.mid --track 2 --plot",
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", help="MIDI, MusicXML, ABC or Humdrum file")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument(
        "--plot", nargs="?", const="", metavar="PATH",
        help="write a piano-roll picture too (default: ./FILE.png; needs the extra 'musicvae[plot]')",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="overwrite a picture that is there")
    taking = parser.add_argument_group("what to take")
    add_material_options(taking)
    taking.add_argument("--track", metavar="T", help="track: a number from 1, or a part of its name (default: the likeliest)")
    taking.add_argument("--start-bar", type=positive_int, default=1, metavar="N", help="first bar to take, counted from 1 (default: 1)")
    taking.add_argument("--tune", type=positive_int, default=1, metavar="N", help="which tune of a file of many (default: 1)")


def run_inspect(args: argparse.Namespace, terminal: Terminal) -> None:
    """Show what would be taken from a file."""
    options = build_options(args)
    picture = picture_target(args, Path(f"{Path(args.file).stem}.png"))
    from musicvae.corpus.inspect import inspect_file

    told = inspect_file(args.file, track=chosen_track(args.track), start_bar=args.start_bar, tune=args.tune - 1, options=options)
    for text in inspection_text(told, args.tune):
        terminal.line(text)
    if picture is not None:
        from musicvae.corpus.inspect import write_picture

        write_picture(told, picture, force=args.force)
        terminal.line(str(picture))
    terminal.finish({"command": "corpus inspect", **told.to_dict(), "plot": picture})


def inspection_text(told: Inspection, tune: int = 1) -> list[str]:
    """All of an inspection in lines; tune: its number from 1, in a file of many."""
    title = f", {told.title!r}" if told.title else ""
    tunes = f", tune {tune} of {told.tunes}" if told.tunes > 1 else ""
    tables = {shown.title: shown for shown in told.tables()}
    lines = filled(f"{told.path}: {told.format}{title}{tunes}, {told.length_beats:g} beats", further="  ")
    lines += [text for name in ("tracks", "how the choice was made") if name in tables for text in table_lines(tables[name])]
    for name, changes, unit in (
        ("meters", told.meters, ""),
        ("tempi", told.tempi, " quarters a minute"),
        ("keys", told.keys, ""),
        ("chords", told.chords, ""),
    ):
        lines += filled(f"{name}: {_changes(changes, unit)}", further="  ")
    lines += filled(f"timing: {told.timing_told}", further="  ")
    if told.tags or told.split:
        facts = [*(f"{facet} {value}" for facet, value in told.tags.items()), *([f"split {told.split}"] if told.split else [])]
        lines += filled(f"labels: {', '.join(facts)}", further="  ")
    if told.reason:
        lines += ["", *filled(f"taken as {told.material}: nothing, since {told.reason}", further="  ")]
    else:
        lines += ["", *filled(f"taken as {told.material}: {told.why}", further="  "), *table_lines(tables[f"lines of {told.material}"]), ""]
        lines += [f"windows, {every({w.bars for w in told.windows}, told.hop_bars)}", *_window_lines(told.lines)]
    if told.losses:
        losses = sorted(told.losses.items(), key=lambda item: (-item[1], item[0]))
        lines += ["", "lost on the way", *table([(count, reason) for reason, count in losses], indent="  ")]
    return lines


def _changes(changes: tuple[Change, ...], unit: str) -> str:
    """The first few, as in ``4/4, from bar 9 3/4``."""
    shown = [f"{f'from bar {change.bar} ' if change.beat else ''}{change.value}{unit}" for change in changes[:_SHOWN_CHANGES]]
    more = f", and {len(changes) - len(shown)} more" if len(changes) > len(shown) else ""
    return ", ".join(shown) + more if shown else "none stated"


def _window_lines(lines: tuple[LineView, ...]) -> list[str]:
    """For each line and length the windows that are kept, and the others by reason, as bars of the file."""
    found = []
    for line in lines:
        found.append(f"  bars {line.first}-{line.last}")
        for bars in sorted({*(window.bars for window in line.windows), *line.too_short_for}):
            of_length = [window for window in line.windows if window.bars == bars]
            if not of_length:
                found.append(f"    {bars:>2} bars: none, the line is shorter")
            for reason in sorted({window.reason for window in of_length}):
                those = [window for window in of_length if window.reason == reason]
                verdict = f"left out, {reason.removeprefix('windows ')}" if reason else "kept"
                found += filled(f"    {bars:>2} bars: {len(those)} {verdict} ({_spans(those)})", further=" " * 13)
    return found


def _spans(windows: Sequence[WindowView]) -> str:
    """Bars of windows; three or more at equal distances as ``1-4 to 29-32``."""
    runs: list[list[WindowView]] = []
    for window in windows:
        if runs and (len(runs[-1]) == 1 or window.first - runs[-1][-1].first == runs[-1][1].first - runs[-1][0].first):
            runs[-1].append(window)
        else:
            runs.append([window])
    told = []
    for run in runs:
        spans = [f"{window.first}-{window.last}" for window in run]
        told.append(f"{spans[0]} to {spans[-1]}" if len(run) > 2 else ", ".join(spans))
    return ", ".join(told)
