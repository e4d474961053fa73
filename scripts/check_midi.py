"""Whether MIDI files come through the readers and the writer unharmed, and what reading costs.

    python scripts/check_midi.py FOLDER [FOLDER ...] [--files 1000]

Each file is read by the reference reader and by the one for bulk, which must agree; written and read again, which must
give the same score (ticks, pitches, velocities, programs, tempi, meters, keys, names, texts); and taken through `extract_grid` to
tokens. Prints counts, every exception, and milliseconds a file by stage. Files are chosen at random, always the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

from musicvae.music import bulk
from musicvae.music.extract import extract_grid
from musicvae.music.midi import score_bytes, score_from_bytes
from musicvae.music.score import Score


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=1000, help="how many files of all folders")
    args = parser.parse_args()
    paths = sorted(p for folder in args.folders for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi", ".kar", ".rmi"))
    random.Random(0).shuffle(paths)
    counts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for path in paths[: args.files]:
        check(path, counts, seconds)
    for what, count in counts.items():
        print(f"{count:8} {what}")
    for stage, total in seconds.items():
        print(f"{total / max(1, counts['files']) * 1000:8.3f} ms a file: {stage}")
    return int(any(what.startswith("differing") for what in counts))


def check(path: Path, counts: Counter[str], seconds: Counter[str]) -> None:
    """One file through all readers and the writer; counts and times are added to."""
    data = path.read_bytes()
    counts["files"] += 1
    reference = timed(seconds, "read by the reference", score_from_bytes, data)
    score = timed(seconds, "read in bulk", read_in_bulk, data, counts)
    if reference != score:
        tell(counts, "differing: bulk and reference", path, reference, score)
    if not isinstance(score, Score) or not isinstance(reference, Score):
        tell(counts, "refused", path, reference, score)
        return
    counts["notes"] += sum(len(track.notes) for track in score.tracks)
    grid = timed(seconds, "melody to the grid", extract_grid, score)
    if not isinstance(grid, str):
        counts["model bars"] += sum(len(line.tokens()) for line in grid.lines)
    written = timed(seconds, "written", score_bytes, score)
    if isinstance(written, str) or written != score_bytes(reference):
        tell(counts, "differing: writing", path, score, written)
        return
    for read in (score_from_bytes, bulk.read_midi_bulk):
        again = read(written)
        for field in fields(Score):
            if getattr(score, field.name) != getattr(again, field.name):
                tell(counts, f"differing when read again: {field.name}", path, getattr(score, field.name), getattr(again, field.name))


def read_in_bulk(data: bytes, counts: Counter[str]) -> Score:
    """As `read_midi_bulk`; files that are left to the reference reader are counted."""

    def counted(left: bytes) -> Score:
        counts["left to the reference reader"] += 1
        return score_from_bytes(left)

    with patch.object(bulk, "score_from_bytes", counted):
        return bulk.read_midi_bulk(data)


def timed(seconds: Counter[str], stage: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call returns, or its error as text; its time is added to the stage."""
    began = time.perf_counter()
    try:
        return call(*arguments)
    except ValueError as error:
        return str(error)
    finally:
        seconds[stage] += time.perf_counter() - began


def tell(counts: Counter[str], what: str, path: Path, before: object, after: object) -> None:
    counts[what] += 1
    print(f"{what}: {path}\n    {str(before)[:200]}\n    {str(after)[:200]}")


if __name__ == "__main__":
    sys.exit(main())
