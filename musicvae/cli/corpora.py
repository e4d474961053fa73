"""Corpora: opened or built from a folder of music, and reported in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from musicvae.cli.terminal import Terminal, table

if TYPE_CHECKING:
    from musicvae.corpus.store import Corpus

__all__ = ["open_corpus", "report_lines"]

_MOST_REASONS = 12


def open_corpus(data: Path, terminal: Terminal) -> tuple[Corpus, bool]:
    """The corpus in a folder, or one built from the music files in it, and whether it was built just now."""
    from musicvae.corpus.store import Corpus

    if (data / "corpus.npz").is_file():
        return Corpus.load(data), False
    if not data.exists():
        raise FileNotFoundError(f"{data} does not exist: a folder of MIDI, MusicXML or ABC files, or a corpus, is needed")
    from musicvae.corpus.build import build_corpus

    corpus = build_corpus([data], progress=lambda done, total: terminal.progress(f"reading tune {done} of {total}"))
    terminal.progress("")
    return corpus, True


def report_lines(corpus: Corpus) -> list[str]:
    """What a corpus holds and why some of it was left out, in plain lines."""
    report = corpus.report
    lines = [f"data: {len(corpus)} melodies, {len(corpus.bars)} bars"]
    if "files" in report:
        lines.append(
            f"files: {report['files']}, of which {report.get('files_read', '?')} held a melody; tunes: {report.get('tunes_found', '?')}"
        )
    reasons = sorted(report.get("unreadable", {}).items(), key=lambda item: -item[1]["count"])
    for reason, entry in reasons[:_MOST_REASONS]:
        lines.append(f"  left out {entry['count']}: {reason} (such as {entry['examples'][0]})")
    if len(reasons) > _MOST_REASONS:
        lines.append(
            f"  left out {sum(entry['count'] for _, entry in reasons[_MOST_REASONS:])} for {len(reasons) - _MOST_REASONS} other reasons"
        )
    if removed := report.get("duplicates", {}).get("removed"):
        lines.append(f"near-duplicates dropped: {removed}")
    for reason, count in report.get("losses", {}).items():
        lines.append(f"  lost inside tunes: {reason}: {count}")
    return lines + _window_lines(report.get("windows", {}))


def _window_lines(windows: Mapping[str, Mapping[str, Mapping[str, int]]]) -> list[str]:
    """A table of 16-bar windows by split and kind of meter, and why others were left out."""
    if not windows:
        return []
    kinds = list(next(iter(windows.values())))
    rows = [(split, *(windows[split][kind].get("windows", 0) for kind in kinds)) for split in windows]
    lines = ["windows of 16 bars:", *table(rows, heading=("", *kinds), indent="  ")]
    left: dict[str, int] = {}
    for counts in (counts for split in windows.values() for counts in split.values()):
        for reason, count in counts.items():
            if reason != "windows":
                left[reason] = left.get(reason, 0) + count
    return lines + [f"  left out: {reason}: {count}" for reason, count in left.items() if count]
