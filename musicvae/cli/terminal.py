"""What reaches the user: results on standard output, remarks and the one error line on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Terminal", "counted", "entry_lines", "error_line", "plain", "table"]

_LONGEST_NOTICE = 400  # characters of a remark that are shown; JSON has all
_MOST_VALUES = 24  # of a list that are shown one by one


class Terminal:
    """Collects remarks and prints results, as lines or as one JSON object.

    Lines: results go to standard output, and before the first of them the remarks so far to
    standard error, so that a command which fails prints its error and nothing else. JSON: nothing is
    printed until `finish`, whose object then holds the remarks under ``notices``.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.notices: list[str] = []
        self._told = 0
        self._shown = 0  # characters of the progress line

    def notice(self, text: str) -> None:
        """Tell the user, with the next result, what was chosen or lost. The same remark is made only once."""
        if text not in self.notices:
            self.notices.append(text)

    def line(self, text: str = "") -> None:
        """Print a line of the result, unless the result is JSON."""
        if not self.as_json:
            self._tell()
            print(text)

    def progress(self, text: str) -> None:
        """Show how far a long task is in a line that is written over; empty text wipes it. Only on a terminal."""
        if not self.as_json and sys.stderr.isatty():
            print(f"\r{text:<{self._shown}}" if text else f"\r{'':{self._shown}}\r", end="", file=sys.stderr, flush=True)
            self._shown = len(text)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Print the whole result as JSON, if JSON was asked for, and else what remarks are left."""
        self._tell()
        if self.as_json:
            print(json.dumps(plain({**result, "notices": self.notices}), indent=2, allow_nan=False))

    def _tell(self) -> None:
        if not self.as_json:
            for text in self.notices[self._told :]:
                print(text if len(text) <= _LONGEST_NOTICE else f"{text[:_LONGEST_NOTICE]} ...", file=sys.stderr)
            self._told = len(self.notices)


def plain(value: Any) -> Any:
    """The same value in types that JSON has: paths and unknown types as text, not-a-number as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def counted(count: int, noun: str) -> str:
    """``1 window``, ``2 windows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def table(rows: Sequence[Sequence[object]], *, heading: Sequence[str] = (), indent: str = "") -> list[str]:
    """Rows as lines with aligned columns; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    everything = [list(heading), *cells] if heading else cells
    if not everything:
        return []
    widths = [max(len(row[i]) for row in everything) for i in range(len(everything[0]))]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(widths))]
    return [
        (indent + "  ".join(f"{text:>{w}}" if r else f"{text:<{w}}" for text, w, r in zip(row, widths, right, strict=True))).rstrip()
        for row in everything
    ]


def entry_lines(name: str, value: Any, indent: str = "") -> list[str]:
    """A name and its value as lines; what is inside mappings goes on lines of its own, further in."""
    nested: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        nested = [(str(inner), item) for inner, item in value.items()]
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        nested = [(str(number), item) for number, item in enumerate(value, 1)]
    if nested:
        return [f"{indent}{name}:", *(line for inner, item in nested for line in entry_lines(inner, item, indent + "  "))]
    if isinstance(value, list | tuple):
        text = f"{len(value)} values" if len(value) > _MOST_VALUES else ", ".join(map(_cell, value)) or "none"
    else:
        text = "none" if value == {} else _cell(value)
    return [f"{indent}{name}: {text}"]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def error_line(error: BaseException) -> str:
    """What went wrong in one line: a system error without its number, anything else as it says."""
    if isinstance(error, OSError) and error.strerror:
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        text = ": ".join([*(str(Path(name)) for name in names[:1]), error.strerror[:1].lower() + error.strerror[1:]])
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())
