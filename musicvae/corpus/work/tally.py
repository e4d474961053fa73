"""Counts of what was read and what was left out, to be put together from many parts.

A tally is a dictionary of JSON values:

    files, bytes          of the sources; a file that was read in pieces counts once; files_read: of these, gave a tune
    tunes_found           in them; tunes_read: of these, gave a line of music
    unreadable, left_out  reason -> {"count": N, "examples": [names]}: raised by the reader, and read but not wanted
    stopped               the same for readers that crashed, took too long or too much memory
    losses                reason -> count, of notes and bars inside the tunes that were taken
    sources               name -> the same counts and reasons of that source, and its "recipe"

Putting together the same tallies in the same order gives the same, examples included.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from musicvae.corpus.work.results import LEFT_OUT, STOPPED, UNREADABLE, FileResult

__all__ = ["add_tally", "empty_tally", "tally"]

_COUNTS = ("files", "bytes", "files_read", "tunes_found", "tunes_read")
_REASONS = {UNREADABLE: "unreadable", LEFT_OUT: "left_out", STOPPED: "stopped"}
_EXAMPLES = {"unreadable": 5, "left_out": 5, "stopped": 1000}  # those that stopped a reader are named, not only counted
_MAX_REASONS = 500
_OTHER = "other reasons"


def empty_tally() -> dict[str, Any]:
    """The tally of nothing."""
    return {**_empty(), "sources": {}}


def _empty() -> dict[str, Any]:
    return {**dict.fromkeys(_COUNTS, 0), **{name: {} for name in _REASONS.values()}, "losses": {}}


def tally(results: Iterable[FileResult]) -> dict[str, Any]:
    """The tally of these results."""
    total = empty_tally()
    for result in results:
        one = _of(result)
        _add(total, one)
        _add(total["sources"].setdefault(result.file.source, {**_empty(), "recipe": result.file.recipe}), one)
    return total


def _of(result: FileResult) -> dict[str, Any]:
    is_first = result.file.first_tune == 0
    found: dict[str, Any] = _empty()
    found.update(
        files=int(is_first), bytes=result.size if is_first else 0, files_read=int(is_first and bool(result.tunes)),
        tunes_found=result.num_found, tunes_read=len(result.tunes), losses=result.losses,
    )  # fmt: skip
    for failure in result.failures:
        reasons = found[_REASONS[failure.kind]]
        entry = reasons.setdefault(failure.reason, {"count": 0, "examples": []})
        entry["count"] += 1
        entry["examples"].append(failure.tune_id or result.file.name)
    return found


def add_tally(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Add a tally to another."""
    _add(total, more)
    for name, counts in more["sources"].items():
        _add(total["sources"].setdefault(name, {**_empty(), "recipe": counts["recipe"]}), counts)


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name in _COUNTS:
        total[name] += more[name]
    for name in _REASONS.values():
        for reason, entry in more[name].items():
            # Messages of unforeseen kinds must not fill the memory.
            known = reason if reason in total[name] or len(total[name]) < _MAX_REASONS else _OTHER
            mine = total[name].setdefault(known, {"count": 0, "examples": []})
            mine["count"] += entry["count"]
            mine["examples"] += entry["examples"][: _EXAMPLES[name] - len(mine["examples"])]
    for reason, count in more["losses"].items():
        total["losses"][reason] = total["losses"].get(reason, 0) + count
