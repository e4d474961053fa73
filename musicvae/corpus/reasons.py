"""Why something was left out, in a sentence that like cases share, so that they can be counted.

Conventions: a reason names no file, and numbers only where they are limits or meters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

__all__ = ["normal_reason"]

_MAX_REASON = 160
_NUMBER = r"-?\d+(?:[.,]\d+)*"
_LIMIT = rf"(?:at most|at least|up to|fewer than|more than|outside) {_NUMBER}(?:-{_NUMBER})?"
_NUMBERS = re.compile(rf"({_LIMIT})|(?<![\w/.#-]){_NUMBER}(?![\w/])")
_METER = re.compile(r"in unsupported meter (\d+/\d+)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!\w)/[^\s:,;)]+(?:/[^\s:,;)]+)+")


def normal_reason(error: BaseException, names: Sequence[str] = ()) -> str:
    """An error's message without these names (paths of the file, the tune's), quotations and numbers that differ from file to file."""
    if isinstance(error, RecursionError):  # what it says beyond that differs
        return "RecursionError: maximum recursion depth exceeded"
    if isinstance(error, SystemExit):
        return "the reader asked the program to end"
    try:
        text = str(error.strerror if isinstance(error, OSError) and error.strerror else error).strip() or "no message"
    except Exception:
        text = "no message"
    for name in sorted({*names, *(PurePath(name).name for name in names)} - {""}, key=lambda name: (-len(name), name)):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the file", text)
    if meter := _METER.search(text):
        return f"only bars in unsupported meter {meter[1]}"
    text = text.splitlines()[0].removeprefix("the file: ")
    text = _NUMBERS.sub(lambda m: m[1] or "N", _QUOTED.sub("'...'", text.split(" (")[0].partition("; allowed are ")[0]))
    prefix = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    return (prefix + text)[:_MAX_REASON].strip()
