"""How far a long task is: one line on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from musicvae.cli.terminal import Terminal

if TYPE_CHECKING:
    from musicvae.corpus.build import Progress

__all__ = ["BuildProgress", "clock"]

_LOG_SECONDS = 30.0  # between two lines where nobody sees them being written over


class BuildProgress:
    """Shows the `Progress` of a build: files done of all, files a second, time left.

    The rate is that of this run, so that what an earlier run has done does not count.
    """

    def __init__(self, terminal: Terminal, *, now: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._now = now
        self._told = now()
        self._stage = ""
        self._first = (0, 0.0)

    def __call__(self, progress: Progress) -> None:
        """Take note of how far it is, and show it if it is time."""
        if progress.stage != self._stage:
            self._stage, self._first = progress.stage, (progress.files_done, progress.seconds)
        text = self._line(progress)
        if sys.stderr.isatty():
            self._terminal.progress(text)
        elif not self._terminal.as_json and (now := self._now()) - self._told >= _LOG_SECONDS:
            self._told = now
            print(text, file=sys.stderr, flush=True)

    def _line(self, progress: Progress) -> str:
        done, total = progress.files_done, progress.files
        if total <= 0:
            return f"{progress.stage}: {done} files"
        line = f"{progress.stage}: {done} of {total} files ({100 * done // total} %)"
        files, seconds = done - self._first[0], progress.seconds - self._first[1]
        if files <= 0 or seconds <= 0:
            return line
        rate = files / seconds
        return f"{line}, {rate:.3g} a second, {clock((total - done) / rate)} left"


def clock(seconds: float) -> str:
    """A length of time, as in ``0:07``, ``12:30`` or ``3:05:00``."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
