"""Corpora: opened or built from a folder of music, and reported in plain words."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicvae.cli.progress import BuildProgress
from musicvae.cli.terminal import Terminal, counted, table

if TYPE_CHECKING:
    from musicvae.corpus.options import BuildOptions
    from musicvae.corpus.report import CorpusReport, LeftOut, Table
    from musicvae.corpus.store import Corpus

__all__ = ["WIDTH", "every", "filled", "nothing_taken", "open_corpus", "report_lines", "report_text", "table_lines"]

WIDTH = 96
"""Characters of a line of text; tables may be wider where names are long."""
_MOST_REASONS = 12
_MOST_EXAMPLES, _MOST_STOPPED = 3, 20  # JSON has more
_MOST_VALUES = 16  # of a facet that are shown one by one


def is_corpus(folder: Path) -> bool:
    """Whether a folder holds a corpus rather than music files; older ones count, and are refused where they are opened."""
    return ((folder / "manifest.json").is_file() and (folder / "lines").is_dir()) or (folder / "corpus.npz").is_file()


def open_corpus(data: Path, terminal: Terminal, *, build_in: Path | None = None, options: BuildOptions | None = None) -> Corpus:
    """The corpus in a folder, or one built from the music files in it with these options.

    build_in: where to write a corpus that is built, in place of an older one; None: a temporary folder, removed at the end.
    """
    from musicvae.corpus.store import Corpus

    if is_corpus(data):
        return Corpus.load(data)
    if not data.exists():
        raise FileNotFoundError(f"{data} does not exist: a folder of MIDI, MusicXML, ABC or Humdrum files, or a corpus, is needed")
    from musicvae.corpus.build import build_corpus

    if build_in is not None:
        build_in.parent.mkdir(parents=True, exist_ok=True)
    try:
        return build_corpus([data], build_in or _temporary_folder() / "corpus", options, force=True, progress=BuildProgress(terminal))
    finally:
        terminal.progress("")


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="musicvae-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def report_lines(corpus: Corpus) -> list[str]:
    """What a corpus holds and why some of it was left out, in a few plain lines."""
    from musicvae.corpus.report import corpus_report

    report = corpus_report(corpus)
    counts = report.counts
    held = [counted(counts[f"{noun}s"], noun) for noun in ("tune", "line", "bar")]
    lines = [f"data: {report.material}, {', '.join(held)}", *_count_lines(counts)]
    reasons = report.failures
    for each in reasons[:_MOST_REASONS]:
        such = f" (such as {each.examples[0]})" if each.examples else ""
        lines.append(f"  left out {each.count}: {each.reason}{such}")
    if rest := reasons[_MOST_REASONS:]:
        lines.append(f"  left out {sum(each.count for each in rest)} for {len(rest)} other reasons")
    for reason, count in report.losses.items():
        lines.append(f"  lost inside tunes: {reason}: {count}")
    longest = report.lengths[-1]
    lines += table_lines(report.split_table(longest))
    return lines + [f"  no window: {reason}: {count}" for reason, count in report.windows_left_out[longest].items() if count]


# -- the whole report


def report_text(report: CorpusReport) -> list[str]:
    """The whole report in lines: what there is, tables of windows, labels, and what was left out and why."""
    lines = [_heading(report), *_count_lines(report.counts)]
    for each in report.tables():
        lines += ["", *table_lines(each)]
    lines += _tag_lines(report.tags)
    lines += _reason_lines("files passed over", report.skipped)
    lines += _reason_lines("crashed, hung or took too much memory", report.stopped, most_examples=_MOST_STOPPED)
    lines += _reason_lines("could not be read", report.unreadable)
    lines += _reason_lines("read, but nothing to take", report.left_out)
    if report.losses:
        lines += ["", "lost inside the tunes that were taken"]
        lines += table([(count, reason) for reason, count in report.losses.items()], indent="  ")
    return lines


def nothing_taken(report: CorpusReport, out: str) -> str:
    """One line on why a corpus is empty."""
    from musicvae.corpus.report import leading_reasons

    files = report.counts.get("files", 0)
    why = leading_reasons(report.failures or report.skipped) or "see the report"
    if not files:
        return f"no file with music among the sources: {why}; MIDI, MusicXML, ABC or Humdrum is needed"
    return f"no {report.material} in {counted(files, 'file')}: {why}; 'musicvae corpus report {out}' tells all"


def table_lines(shown: Table, indent: str = "  ") -> list[str]:
    """A table with its title above."""
    return [shown.title, *table(shown.rows, heading=shown.heading, indent=indent)]


def filled(text: str, indent: str = "", further: str | None = None) -> list[str]:
    """The text in lines of at most `WIDTH`; `further` indents all but the first."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent if further is None else further,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip


def _heading(report: CorpusReport) -> str:
    lengths = [str(bars) for bars in report.lengths]
    spoken = f"{', '.join(lengths[:-1])} and {lengths[-1]}" if len(lengths) > 1 else lengths[0]
    held = [counted(report.counts[f"{noun}s"], noun) for noun in ("tune", "line", "bar")]
    noun = "bar" if spoken == "1" else "bars"
    return f"{report.material}: {', '.join(held)}; windows of {spoken} {noun}, {every(report.lengths, report.options['hop_bars'])}"


def every(lengths: Iterable[int], hop_bars: int) -> str:
    """How far windows of these lengths are apart, as in ``one every 2 to 4 bars``."""
    hops = sorted({min(bars, hop_bars) for bars in lengths} or {hop_bars})
    return f"one every {f'{hops[0]} to ' if len(hops) > 1 else ''}{counted(hops[-1], 'bar')}"


def _count_lines(counts: Mapping[str, int]) -> list[str]:
    lines = []
    if "files" in counts:
        size = f" ({_size(counts['bytes'])})" if "bytes" in counts else ""
        words = {"files_read": "gave something", "files_skipped": "passed over"}
        lines.append(
            f"files: {counts['files']}{size}" + "".join(f", {counts[name]} {word}" for name, word in words.items() if name in counts)
        )
    if "tunes_found" in counts:
        taken = f", {counts['tunes_read']} taken" if "tunes_read" in counts else ""
        lines.append(f"tunes: {counts['tunes_found']} found{taken}, {counts['duplicates']} dropped as near-duplicates")
    if counts.get("largest_family", 0) > 1:
        lines.append(f"related tunes share a split: the largest family holds {counts['largest_family']}")
    return lines


def _size(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _tag_lines(tags: Mapping[str, Mapping[str, int]]) -> list[str]:
    lines = []
    for facet, values in tags.items():
        told = [f"{value} {count}" for value, count in list(values.items())[:_MOST_VALUES]]
        more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
        lines += filled(f"{facet}: {', '.join(told)}{more}", "  ", "    ")
    return ["", "labels", *lines] if lines else []


def _reason_lines(title: str, reasons: Sequence[LeftOut], *, most_examples: int = _MOST_EXAMPLES) -> list[str]:
    """A count and a reason each, and below it names of some that fell to it."""
    if not reasons:
        return []
    width = len(str(reasons[0].count))
    lines = ["", f"{title}: {sum(each.count for each in reasons)}"]
    for each in reasons:
        lines += filled(f"{each.count:>{width}}  {each.reason}", "  ", " " * (width + 4))
        if each.examples:
            such = "" if each.count == len(each.examples) <= most_examples else "such as "
            lines += filled(f"{such}{', '.join(each.examples[:most_examples])}", " " * (width + 4), " " * (width + 6))
    return lines
