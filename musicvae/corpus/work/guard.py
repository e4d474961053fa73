"""Reads files that may crash, hang or eat memory, by way of one child process that is used again and again.

A child that stops in a tune is replaced, and the tune read once more by one that has read nothing before: only when that stops too is
the tune given up. So neither what was read before nor chance decides what a file gives. The other tunes of the file are still read.
"""

from __future__ import annotations

import itertools
import logging
import os
import select
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from musicvae.corpus.options import BuildOptions
from musicvae.corpus.tunes import SourceFile, Tune
from musicvae.corpus.work.frames import pack, unpack
from musicvae.corpus.work.process import ReaderProcess, Stop
from musicvae.corpus.work.results import STOPPED, Failure, FileResult, file_words, unpack_tune
from musicvae.corpus.work.unguarded import read_here

__all__ = ["CAN_GUARD", "Guard"]

CAN_GUARD = hasattr(select, "poll") and hasattr(os, "killpg")
"""Whether this platform has what a guard needs; else files are read unguarded. Linux and macOS have, Windows has not."""
_log = logging.getLogger(__name__)
_MAX_STOPS = 5  # in one file, until the rest of it is passed over
_AHEAD_BYTES = 4096  # of requests; a pipe holds as much, so that sending never waits


class _Job:
    """A file and what has come in of it."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.words = file_words(file)
        self.next_tune = 0
        self.current: tuple[int, str] | None = None
        self.is_done = False
        self.stops = 0
        self.is_careful = False
        self._tunes: list[Tune] = []
        self._failures: list[Failure] = []
        self._losses: Counter[str] = Counter()
        self._sha256, self._size = "", 0

    def request(self) -> dict[str, Any]:
        passing = f"not read, since the reader had stopped {_MAX_STOPS} times in this file" if self.stops >= _MAX_STOPS else ""
        return {"file": self.words, "skip": self.next_tune, "careful": self.is_careful, "passing": passing}

    def take(self, words: dict[str, Any], arrays: dict[str, Any]) -> bool:
        """Note an answer; whether something was read for it. ValueError or KeyError for one that makes no sense."""
        kind = words["is"]
        if kind == "file":
            self._sha256, self._size = str(words["sha256"]), int(words["size"])
        elif kind == "start":
            self.current = (int(words["at"]), str(words["tune"]))
        elif kind == "end":
            self.is_done = True
        elif kind == "failure" and words["at"] is None:
            self._failures.append(Failure("", words["reason"], words["kind"]))
        elif kind in ("failure", "tune") and words["at"] == self.next_tune:
            if kind == "tune":
                self._tunes.append(unpack_tune(words["tune"], arrays))
                self._losses.update(words["losses"])
            else:
                self._failures.append(Failure(words["tune"], words["reason"], words["kind"]))
            self.next_tune, self.current = self.next_tune + 1, None
        else:
            raise ValueError(f"answer {kind!r} out of turn")
        return kind not in ("file", "start")

    def blame(self, reason: str) -> None:
        """Give up the tune that is being read, or, where it was none, the rest of the file."""
        if self.current is None:
            self._failures.append(Failure("", reason, STOPPED))
            self.is_done = True
        else:
            self._failures.append(Failure(self.current[1], reason, STOPPED))
            self.next_tune = self.current[0] + 1
        self.current = None
        self.stops += 1

    def result(self) -> FileResult:
        losses = dict(sorted(self._losses.items()))
        return FileResult(self.file, tuple(self._tunes), tuple(self._failures), losses, self._sha256, self._size, self.next_tune)


class Guard:
    """Reads files through a child process that is started when needed; to be closed, or used in a ``with``.

    max_seconds, max_memory_mib: what a tune may take. readers: name of a module whose `tunes_of` and `take_tune` the child calls in
    place of the library's. warm_up_seconds: what the first tune of a child may take beyond that, since much is imported for it. Not to
    be used by two threads at once. RuntimeError where no child can be started at all.
    """

    def __init__(self, max_seconds: float = 30.0, max_memory_mib: int = 2048, *, readers: str = "", warm_up_seconds: float = 20.0) -> None:
        self._max_seconds, self._warm_up_seconds, self._readers = max_seconds, warm_up_seconds, readers
        self._process = ReaderProcess(max_seconds, max_memory_mib, readers)
        self._told: BuildOptions | None = None
        self._asked: deque[int] = deque()

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the child and remove its files; the guard can still be used, with a new one."""
        self._process.close()

    def read(self, file: SourceFile, options: BuildOptions) -> FileResult:
        """What a file gives; crash, hang and exhaustion of memory are in it as failures."""
        return next(self.read_all((file,), options))

    def read_all(self, files: Iterable[SourceFile], options: BuildOptions) -> Iterator[FileResult]:
        """What each file gives, in order; several are sent ahead, so that the child need not wait.

        A reading that is begun before another has come to its end takes the child from it: the other raises RuntimeError.
        """
        if not CAN_GUARD:
            _log.warning("files are read without a guard on this platform: one that crashes its reader ends the build")
            yield from read_here(files, options, self._readers)
            return
        waiting = iter(files)
        jobs: deque[_Job] = deque()  # in order; those sent come first
        sent: deque[int] = deque()  # bytes of their requests
        if self._asked:
            self._process.kill()
        self._asked = sent
        try:
            while True:
                if self._asked is not sent:
                    sent.clear()
                    raise RuntimeError("this guard has begun to read other files; use one for each reading, or finish the first")
                self._send(jobs, sent, waiting, options)
                if not jobs:
                    return
                stop = self._receive(jobs[0])
                if stop is not None:
                    self._stopped(jobs[0], stop)
                    sent.clear()
                while jobs and jobs[0].is_done:
                    if sent:
                        sent.popleft()
                    yield jobs.popleft().result()
        finally:
            if sent:  # the caller has left in the middle
                self._process.kill()
                sent.clear()

    def _send(self, jobs: deque[_Job], sent: deque[int], waiting: Iterator[SourceFile], options: BuildOptions) -> None:
        """Send what may be sent: after a stop its file alone, else as many as the pipe holds."""
        while not sent or not jobs[0].is_careful:
            if len(sent) == len(jobs):
                jobs.extend(map(_Job, itertools.islice(waiting, 1)))
            if len(sent) == len(jobs):
                return
            request = pack(jobs[len(sent)].request())
            if sent and sum(sent) + len(request) > _AHEAD_BYTES:
                return
            if not sent and (self._process.start() or options != self._told):
                self._process.send(pack({"options": options.to_dict()}))
                self._told = options
            self._process.send(request)
            sent.append(len(request))

    def _receive(self, job: _Job) -> Stop | None:
        """Note the next answer; what stopped the process if none came."""
        seconds = self._max_seconds + (self._warm_up_seconds if self._process.is_fresh else 0)
        answer = self._process.receive(seconds)
        if isinstance(answer, Stop):
            return answer
        try:
            words, arrays = unpack(answer)
            if job.take(words, arrays):
                self._process.is_fresh = False
        except (ValueError, KeyError, TypeError):
            return Stop("the reader's answer was garbled")
        return None

    def _stopped(self, job: _Job, stop: Stop) -> None:
        """Replace the process, and believe the stop only of one that had read nothing before."""
        believed = self._process.is_fresh and not stop.is_blameless
        self._process.kill()
        if believed:
            job.blame(stop.reason)
        job.current = None
        job.is_careful = not stop.is_blameless
