"""``musicvae score``: how likely music is, and which files, bars and notes are odd."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicvae.cli.figures import chance_figure, figure, runs_text
from musicvae.cli.parsing import Commands, add_command, add_kind, add_model_options, add_selection, share_number
from musicvae.cli.score_pieces import score_pieces
from musicvae.cli.sources import check_source, load_model_for, read_source
from musicvae.cli.targets import picture_target
from musicvae.cli.terminal import Terminal, counted, table

if TYPE_CHECKING:
    from musicvae.compose.judging.pieces import PieceScore

__all__ = ["add_commands", "run_score"]

_TEXT = """
Bits per note, as the model and as an n-gram count them, tell how surprising a melody is; odd is what
fewer held-out tunes than --threshold are as much: a note that the model would rather hear at
another pitch, given all notes before and after it; bars that share nothing with the rest; a piece
as a whole; and, among ten files or more of one kind of meter, one whose style is not that of the
others. Folders are read whole and sorted, the oddest file first. Of drums and trios the bits of every
part and bar are told; wrong are hits and notes that would be likelier at another place or pitch,
foreign bars that share nothing with the rest."""
_SHOWN_NOTES = 12


def add_commands(commands: Commands) -> None:
    """Add ``score``."""
    parser = add_command(
        commands, "score", run_score, summary="find odd notes, bars and files", text=_TEXT,
        example="musicvae score tune.mid --plot",
    )  # fmt: skip
    parser.add_argument("inputs", nargs="+", metavar="FILES", help="MIDI, MusicXML or ABC files, or folders of them")
    parser.add_argument(
        "--threshold", type=share_number, default=0.05, metavar="P",
        help="share of held-out tunes that may seem as odd as what is called odd (default: 0.05)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="bits only: look for no odd notes and bars, which take about a second for 16 bars"
    )
    parser.add_argument(
        "--plot", nargs="?", const="", metavar="PATH",
        help="write a piano-roll picture with what is odd in red (default: ./FILE.png; needs the extra 'musicvae[plot]')",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="overwrite a picture that is there")
    add_kind(parser, "melody", "drums", "trio", default="drums where the file holds only these, else melody")
    add_selection(parser)
    add_model_options(parser)


def run_score(args: argparse.Namespace, terminal: Terminal) -> None:
    """Print what each file scores, the oddest first, and what is odd in it."""
    if not 0 < args.threshold < 1:
        raise ValueError(f"--threshold {args.threshold:g}: a share above 0 and below 1 is wanted, such as 0.05")
    for path in args.inputs:
        check_source(path)
    picture = picture_target(args, Path(f"{Path(args.inputs[0]).stem}.png"))
    model: Any = load_model_for(args, terminal, *(path for path in args.inputs if Path(path).is_file()))
    if model.material != "melody":
        score_pieces(model, args, terminal, picture)
        return
    named = [entry for path in args.inputs for entry in _named(model, path, args, terminal)]
    if picture is not None and len(named) != 1:
        raise ValueError(f"--plot draws one melody with its odd notes, and {counted(len(named), 'melody').replace('ys', 'ies')} were given")
    if model.yardstick is None:
        terminal.notice(f"nothing tells what held-out tunes score under {model.name}, so that nothing can be called odd")
    from musicvae.compose.judging.model import ranked

    scores = model.score_many(
        [music for _, music in named], threshold=args.threshold, places=not args.quick, progress=terminal.progress
    )  # fmt: skip
    terminal.progress("")
    for score in scores if len(scores) == 1 else ():
        for text in score.notices:
            terminal.notice(text)
    order = [int(row) for row in ranked(scores)]
    for text in _lines([(named[row][0], scores[row]) for row in order]):
        terminal.line(text)
    if picture is not None:
        _draw(scores[0], picture, args)
        terminal.line(str(picture))
    terminal.finish(
        {
            "command": "score",
            "threshold": args.threshold,
            "pieces": [_described(named[row][0], scores[row]) for row in order],
            "plot": picture,
        }
    )


def _named(model: Any, path: str, args: argparse.Namespace, terminal: Terminal) -> list[tuple[str, Any]]:
    """The melodies of a file or folder with their names; those of a folder that cannot be read are counted in a notice."""
    if not Path(path).is_dir():
        return [(path, read_source(model, path, args, terminal))]
    from musicvae.compose.judging.folders import melodies_in

    try:
        found, left = melodies_in(path, model.engine.config.kinds)
    except ValueError as error:
        raise ValueError(f"{error}; --kind drums scores beats" if "only drums" in str(error) else str(error)) from None
    for reason, count in Counter(left).most_common():
        terminal.notice(f"left out: {count} ({reason})")
    return found


def _lines(named: list[tuple[str, PieceScore]]) -> list[str]:
    """The table of all files, and below it what is odd in each."""
    rows = [
        (name, len(score.melody.notes), figure(score.bits_per_note), figure(score.bits_per_note + score.gain),
         chance_figure(score.chances.get("whole")), chance_figure(score.chances.get("notes")), chance_figure(score.chances.get("passages")),
         chance_figure(score.chances.get("style")), chance_figure(score.chance), "odd" if score.is_odd else "")
        for name, score in named
    ]  # fmt: skip
    heading = ("file", "notes", "bits/note", "n-gram", "whole", "note", "bars", "style", "all", "")
    lines = table(rows, heading=heading)
    for name, score in named:
        found = _odd_lines(score)
        if found:
            lines += ["", f"{name}:", *found]
    return lines


def _odd_lines(score: PieceScore) -> list[str]:
    notes = score.odd_notes()
    lines = [
        f"  bar {note.bar}, beat {note.beat:g}: {_pitch(note.pitch)}, {_pitch(note.better)} would be likelier ({note.bits:.1f} bits)"
        for note in sorted(notes, key=lambda note: -note.bits)[:_SHOWN_NOTES]
    ]
    lines += [f"  and {len(notes) - _SHOWN_NOTES} more notes"] if len(notes) > _SHOWN_NOTES else []
    bars = score.odd_bars()
    return lines + ([f"  foreign to the rest: {counted(len(bars), 'bar').partition(' ')[2]} {runs_text(bars)}"] if bars else [])


def _pitch(pitch: int) -> str:
    from musicvae.compose.constraints.names import pitch_text

    return pitch_text(pitch)


def _draw(score: PieceScore, path: Path, args: argparse.Namespace) -> None:
    from musicvae.music.picture import OddPlaces, write_piano_roll

    notes = score.odd_notes()
    better = {note.number: note.better for note in notes if note.better != note.pitch}
    odd = OddPlaces([note.number for note in notes], score.odd_bars(), better)
    write_piano_roll([score.melody], path, titles=[Path(args.inputs[0]).name], odd=[odd], force=args.force)


def _described(name: str, score: PieceScore) -> dict[str, Any]:
    return {
        "name": name, "meter": score.melody.meter, "bars": score.melody.num_bars, "notes": len(score.melody.notes), "bits": score.bits,
        "bits_per_note": score.bits_per_note, "ngram_bits": score.simple_bits, "chances": dict(score.chances), "chance": score.chance,
        "foreignness": score.foreignness, "odd": score.is_odd,
        "odd_notes": [
            {"number": note.number + 1, "bar": note.bar, "beat": note.beat, "pitch": note.pitch, "better": note.better, "bits": note.bits}
            for note in score.odd_notes()
        ],
        "odd_bars": score.odd_bars(), "note_bits": score.note_bits, "bar_bits": score.bar_bits, "shared_bits": score.shared,
    }  # fmt: skip
