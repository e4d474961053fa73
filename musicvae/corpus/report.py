"""What a corpus holds and what was left out of it, as tables that can be printed and as plain values.

A build keeps its counts in ``Corpus.report``, a tally (see `corpus.work.tally`) with two entries more:

    skipped      reason -> {"count": N, "examples": [names]}: files that the listing passed over
    duplicates   {"removed": N, "by_source": {"a (kept: b)": N}, "largest_family": tunes in the largest family of related ones}

Whatever is missing there is left out here. Counts of windows are taken from the corpus itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.corpus.disk.layout import SPLITS, read_manifest
from musicvae.corpus.disk.windows import KEPT, hop_of
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.store import Corpus
from musicvae.music.meter import KINDS

__all__ = ["CorpusReport", "LeftOut", "Table", "corpus_report", "leading_reasons", "left_out"]

_REASONS = ("skipped", "stopped", "unreadable", "left_out")
_CHUNK = 1 << 20  # windows counted at a time


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of as many values each."""

    title: str
    heading: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The table as JSON can hold it."""
        return {"title": self.title, "heading": list(self.heading), "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True)
class LeftOut:
    """A reason, how many fell to it, and names of the first few."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorpusReport:
    """What is in a corpus.

    counts: name -> number, in the order of the build. windows: (bars, source, meter, split) -> windows, those with any.
    windows_left_out: bars -> reason -> windows. skipped: files that were not looked into; stopped: whose reader crashed, hung or took too
    much memory; unreadable: that it refused; left_out: tunes that were read and not wanted. losses: reason -> count within
    tunes. removed: near-duplicates by source. tags: facet -> value -> tunes.
    """

    material: str
    options: Mapping[str, Any]
    counts: Mapping[str, int]
    sources: tuple[Mapping[str, Any], ...]
    windows: Mapping[tuple[int, str, str, str], int]
    windows_left_out: Mapping[int, Mapping[str, int]]
    skipped: tuple[LeftOut, ...] = ()
    stopped: tuple[LeftOut, ...] = ()
    unreadable: tuple[LeftOut, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of windows that were looked for, in model bars, ascending."""
        return tuple(sorted(self.windows_left_out))

    @property
    def failures(self) -> tuple[LeftOut, ...]:
        """Why tunes gave nothing, for whatever kind of reason, the most frequent first."""
        return tuple(sorted((*self.stopped, *self.unreadable, *self.left_out), key=lambda each: (-each.count, each.reason)))

    def tables(self) -> tuple[Table, ...]:
        """All tables that have rows: sources, windows by source and meter, by split, left-out windows, duplicates."""
        found = (self._source_table(), self._window_table("source and meter", 1, 2), self._window_table("split", 3),
                 self._left_out_table(), _count_table("near-duplicates dropped", "from", self.removed))  # fmt: skip
        return tuple(table for table in found if table.rows)

    def split_table(self, bars: int) -> Table:
        """Windows of one length: a row a split, a column a kind of meter."""
        rows = tuple((split, *(self._sum(bars, (2, 3), (kind, split)) for kind in KINDS)) for split in SPLITS)
        return Table(f"windows of {bars} bar{'' if bars == 1 else 's'}", ("split", *KINDS), rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it."""
        names = ("bars", "source", "meter", "split", "windows")
        return {
            "material": self.material, "options": dict(self.options), "counts": dict(self.counts),
            "sources": [dict(source) for source in self.sources],
            "windows": [dict(zip(names, (*key, count), strict=True)) for key, count in self.windows.items()],
            "windows_left_out": {str(bars): dict(reasons) for bars, reasons in self.windows_left_out.items()},
            **{name: _reasons_dict(getattr(self, name)) for name in _REASONS}, "losses": dict(self.losses),
            "duplicates": {"removed": sum(self.removed.values()), "by_source": dict(self.removed)},
            "tags": {facet: dict(values) for facet, values in self.tags.items()},
        }  # fmt: skip

    def _source_table(self) -> Table:
        columns = {"files": "files", "tunes": "tunes_found", "taken": "tunes_read", "lines": "lines", "licence": "licence"}
        shown = {heading: name for heading, name in columns.items() if any(source.get(name) is not None for source in self.sources)}
        rows = tuple((source["name"], *(_short(source.get(name)) for name in shown.values())) for source in self.sources)
        return Table("sources", ("source", *shown), rows)

    def _window_table(self, by: str, *places: int) -> Table:
        """Windows by some places of the keys of `windows`, a column for each length and a row for the sum."""
        order = {split: i for i, split in enumerate((*KINDS, *SPLITS))}
        keys = sorted({tuple(key[p] for p in places) for key in self.windows}, key=lambda k: [(order.get(str(v), 0), str(v)) for v in k])
        rows = [(*key, *(self._sum(bars, places, key) for bars in self.lengths)) for key in keys]
        if len(rows) > 1:
            rows.append(("all", *[""] * (len(places) - 1), *(self._sum(bars, (), ()) for bars in self.lengths)))
        heading = ("source", "meter", "split")
        columns = (f"{bars} bar{'s' if bars > 1 else ''}" for bars in self.lengths)
        return Table(f"windows by {by}", (*(heading[p - 1] for p in places), *columns), tuple(rows))

    def _sum(self, bars: int, places: Sequence[int], values: Sequence[object]) -> int:
        return sum(n for key, n in self.windows.items() if key[0] == bars and all(key[p] == v for p, v in zip(places, values, strict=True)))

    def _left_out_table(self) -> Table:
        reasons = dict.fromkeys(reason for by_reason in self.windows_left_out.values() for reason, n in by_reason.items() if n)
        rows = tuple((reason, *(self.windows_left_out[bars].get(reason, 0) for bars in self.lengths)) for reason in reasons)
        columns = (f"{bars} bar{'s' if bars > 1 else ''}" for bars in self.lengths)
        return Table("no window", ("reason", *columns), rows)


def corpus_report(corpus: Corpus | str | Path) -> CorpusReport:
    """The report of a corpus, or of the one in a folder, whose manifest already has the windows counted.

    FileNotFoundError and ValueError as `Corpus.load`.
    """
    known: Mapping[str, Any] = {}
    if not isinstance(corpus, Corpus):
        known = read_manifest(Path(corpus))
        corpus = Corpus.load(corpus)
    told = corpus.report
    options = {**BuildOptions(material=corpus.material).to_dict(), **corpus.options}
    windows: dict[tuple[int, str, str, str], int] = {}
    without: dict[int, dict[str, int]] = {}
    for bars in sorted(options["bars"]):
        counts, by = _counted(corpus, known.get("windows", {}), bars, hop_of(bars, options["hop_bars"]))
        windows.update(by)
        without[bars] = {reason: n for reason, n in counts.items() if reason != KEPT}
    return CorpusReport(
        material=corpus.material, options=options, counts=_counts(corpus, told), sources=_sources(corpus, known, told),
        windows=windows, windows_left_out=without, **{name: left_out(told.get(name, {})) for name in _REASONS},
        losses=dict(sorted(told.get("losses", {}).items(), key=lambda item: (-item[1], item[0]))),
        removed=dict(told.get("duplicates", {}).get("by_source", {})), tags=_tags(corpus),
    )  # fmt: skip


def left_out(reasons: Mapping[str, Mapping[str, Any]]) -> tuple[LeftOut, ...]:
    """Reasons as a build keeps them, the most frequent first."""
    found = [LeftOut(reason, entry["count"], tuple(entry["examples"])) for reason, entry in reasons.items()]
    return tuple(sorted(found, key=lambda each: (-each.count, each.reason)))


def leading_reasons(reasons: Sequence[LeftOut], most: int = 3) -> str:
    """The first few reasons in one line, as in ``no notes in it (3, such as a.mid)``; "" for none."""
    told = [f"{each.reason} ({each.count}{f', such as {each.examples[0]}' if each.examples else ''})" for each in reasons[:most]]
    more = [f"and {len(reasons) - most} more reasons"] if len(reasons) > most else []
    return "; ".join([*told, *more])


def _counts(corpus: Corpus, told: Mapping[str, Any]) -> dict[str, int]:
    names = ("files", "bytes", "files_read", "files_failed", "files_skipped", "tunes_found", "tunes_read")
    counts = {name: int(told[name]) for name in names if name in told}
    if "skipped" in told:
        counts.setdefault("files_skipped", sum(entry["count"] for entry in told["skipped"].values()))
    counts["duplicates"] = int(told.get("duplicates", {}).get("removed", 0))
    if "largest_family" in told.get("duplicates", {}):
        counts["largest_family"] = int(told["duplicates"]["largest_family"])
    tunes = int((np.diff(np.asarray(corpus.tune), prepend=-1) != 0).sum())
    return {**counts, "tunes": tunes, "lines": len(corpus), "bars": len(corpus.bars)}


def _sources(corpus: Corpus, known: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """What is known of each source, with the lines that it gave."""
    described = {name: dict(entry) for name, entry in told.get("sources", {}).items()}
    for entry in known.get("sources", ()):
        described.setdefault(entry["name"], {}).update(entry)
    lines = np.bincount(np.asarray(corpus.source), minlength=len(corpus.sources)).tolist()
    held = dict(zip(corpus.sources, lines, strict=True)) if corpus.sources else {}
    return tuple({"name": name, **described.get(name, {}), "lines": held.get(name, 0)} for name in sorted({*held, *described}))


def _counted(
    corpus: Corpus, known: Mapping[str, Any], bars: int, hop: int
) -> tuple[Mapping[str, int], dict[tuple[int, str, str, str], int]]:
    """Windows of one length by what became of them, and those kept by source, kind of meter and split."""
    if str(bars) in known:
        entry = known[str(bars)]
        return entry["counts"], {(bars, source, kind, split): count for source, kind, split, count in entry["by"]}
    shape = (max(1, len(corpus.sources)), len(KINDS), len(SPLITS))
    found: NDArray[np.int64] = np.zeros(shape, np.int64)
    windows = corpus.windows(None, bars=bars, hop=hop)
    for first in range(0, len(windows), _CHUNK):
        lines = windows[first : first + _CHUNK, 0]
        place = np.ravel_multi_index((corpus.source[lines], corpus.kind[lines], corpus.split[lines]), shape)
        found += np.bincount(place, minlength=found.size).reshape(shape)
    names = corpus.sources or ("",)
    by = {(bars, names[s], KINDS[k], SPLITS[p]): int(found[s, k, p]) for s, k, p in zip(*np.nonzero(found), strict=True)}
    return corpus.window_counts(None, bars=bars, hop=hop), by


def _tags(corpus: Corpus) -> dict[str, dict[str, int]]:
    """Tunes with each value of each facet, the most frequent value first."""
    first = np.diff(np.asarray(corpus.tune), prepend=-1) != 0
    found = {}
    for facet in sorted(corpus.tags):
        codes, names = np.asarray(corpus.tags[facet])[first], corpus.tag_names[facet]
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda i: (-counts[i], names[i]))
        found[facet] = {names[i]: int(counts[i]) for i in order}
    return {facet: values for facet, values in found.items() if values}


def _short(value: Any) -> Any:
    """A licence without its conditions, which the dictionary of a report has; other values as they are."""
    return re.split("[;:]", value)[0] if isinstance(value, str) else value


def _reasons_dict(reasons: Sequence[LeftOut]) -> dict[str, dict[str, Any]]:
    return {each.reason: {"count": each.count, "examples": list(each.examples)} for each in reasons}


def _count_table(title: str, name: str, counts: Mapping[str, int]) -> Table:
    rows = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Table(title, (name, "count"), rows)
