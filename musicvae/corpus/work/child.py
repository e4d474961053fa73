"""The process that reads files for a `Guard`: requests come in through a pipe, tunes go out through another.

Run as ``python -m musicvae.corpus.work.child PARENT_PID MAX_SECONDS MAX_MEMORY_MIB READERS``. READERS names a module with `tunes_of` and
`take_tune`; "" stands for those of the library. Requests and answers are frames; an answer is one of

    {"is": "ready"}                                     once, when all is imported
    {"is": "file", "sha256", "size"}                    a request is begun
    {"is": "start", "tune", "at"}                       before a tune is read, where it must be known which it was
    {"is": "tune", "at", "losses", "tune": words}       and its arrays
    {"is": "failure", "at", "tune", "reason", "kind"}   at None: of the file, of which nothing more comes
    {"is": "end"}                                       of the file

It ends with `OUT_OF_MEMORY` when memory ran out in a tune, and with `RETIRED` between files when it holds too much of it.
Whatever readers write to standard output or standard error goes nowhere, so that it cannot get in between.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from musicvae.corpus.options import BuildOptions
from musicvae.corpus.reasons import normal_reason
from musicvae.corpus.tunes import SourceFile, SourceTune, Tune
from musicvae.corpus.work.pipes import Answers, Requests
from musicvae.corpus.work.results import LEFT_OUT, STOPPED, UNREADABLE, pack_tune
from musicvae.music.score import Score

__all__ = ["OUT_OF_MEMORY", "RETIRED", "digest_of", "main", "readers_named"]

OUT_OF_MEMORY = 84
RETIRED = 85
"""Exit statuses."""
_HASHED_BYTES = 1 << 20
_PDEATHSIG = 1  # of prctl, from linux/prctl.h

TunesOf = Callable[[SourceFile], Iterator[SourceTune]]
TakeTune = Callable[[SourceTune, Score, BuildOptions], tuple[Tune | None, Mapping[str, int], str]]


@dataclass(frozen=True)
class _Readers:
    tunes_of: TunesOf
    take_tune: TakeTune


class _Memory:
    """The address space of this process and the most of it that it may use."""

    def __init__(self, max_mib: int) -> None:
        self._pages = os.open("/proc/self/statm", os.O_RDONLY) if os.path.exists("/proc/self/statm") else None
        self._start = self._used()
        self._max = max_mib << 20
        with contextlib.suppress(ImportError, ValueError, OSError):  # where the platform has no such limit
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            limit = self._start + self._max
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            if self._start and (hard == resource.RLIM_INFINITY or limit < hard):
                resource.setrlimit(resource.RLIMIT_AS, (limit, hard))

    def _used(self) -> int:
        if self._pages is None:
            return 0
        return int(os.pread(self._pages, 64, 0).split()[0]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def is_short(self) -> bool:
        """Whether half of what a tune may take is held already."""
        return self._used() - self._start > self._max // 2


def main(arguments: list[str]) -> int:
    """Answer requests until the guard has gone; `arguments` as in the module's docstring. Returns the exit status."""
    parent, max_seconds, max_memory_mib, readers = int(arguments[0]), float(arguments[1]), int(arguments[2]), arguments[3]
    _follow(parent)
    requests, answers = Requests(os.dup(0)), Answers(os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for noisy in (0, 1):
        os.dup2(nowhere, noisy)
    found = readers_named(readers)
    os.dup2(nowhere, 2)  # only now, so that a failing import can be told
    memory = _Memory(max_memory_mib)
    answers.put({"is": "ready"})
    answers.flush()
    try:
        _Child(requests, answers, found, memory, max_seconds).serve()
    except MemoryError:
        # What was answered before is worth telling, if that can still be done.
        with contextlib.suppress(MemoryError, OSError):
            answers.flush()
        return OUT_OF_MEMORY
    except _Retired:
        return RETIRED
    return 0


def readers_named(name: str) -> _Readers:
    """The functions that read: those of a module of this name, of the library for ""."""
    if name:
        module = importlib.import_module(name)
        return _Readers(module.tunes_of, module.take_tune)
    from musicvae.corpus.lines import take_tune
    from musicvae.corpus.sources.collections import tunes_of

    return _Readers(tunes_of, take_tune)


def _follow(parent: int) -> None:
    """End when the parent does, even if it is killed, and even in the middle of a tune where the platform can do that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


class _Retired(Exception):
    """So much memory is held here that another process should go on."""


class _Child:
    """The loop of requests."""

    def __init__(self, requests: Requests, answers: Answers, readers: _Readers, memory: _Memory, max_seconds: float) -> None:
        self._requests, self._answers, self._readers, self._memory, self._max_seconds = requests, answers, readers, memory, max_seconds
        self._options = BuildOptions()
        self._careful = True
        self._answered = 0

    def serve(self) -> None:
        """Answer until there is nobody to ask, or memory is short."""
        while (request := self._requests.next(self._answers)) is not None:
            if "options" in request:
                self._options = BuildOptions.from_dict(request["options"])
                continue
            # Until the first tune is answered, and where the guard asks for it, each step is told before it is made.
            self._careful = request["careful"] or not self._answered
            self._read(SourceFile(*request["file"]), request["skip"], request["passing"])
            if self._memory.is_short:
                gc.collect()
                if self._memory.is_short:
                    self._answers.flush()
                    raise _Retired

    def _step(self) -> None:
        if self._careful:
            self._answers.flush()
        else:
            self._answers.flush_if_due()

    def _read(self, file: SourceFile, skip: int, passing: str) -> None:
        """Answer a request. passing: a reason to read no tune but only name them. MemoryError when memory ran out."""
        try:
            sha256, size = digest_of(file.path)
            self._answers.put({"is": "file", "sha256": sha256, "size": size})
            self._step()
            tunes = iter(self._readers.tunes_of(file))
            for at in range(sys.maxsize):
                tune = next(tunes, None)
                if tune is None:
                    break
                if at < skip:
                    continue
                if passing:
                    self._answers.put({"is": "failure", "at": at, "tune": tune.tune_id, "reason": passing, "kind": STOPPED})
                else:
                    self._tune(file, tune, at)
                self._step()
        except (Exception, SystemExit) as error:
            if _memory_ran_out(error):
                raise MemoryError from None
            reason = normal_reason(error, (file.path, file.name))
            self._answers.put({"is": "failure", "at": None, "tune": "", "reason": reason, "kind": UNREADABLE})
        self._answers.put({"is": "end"})
        self._answers.flush_if_due()

    def _tune(self, file: SourceFile, tune: SourceTune, at: int) -> None:
        """Read a tune and answer; MemoryError when memory ran out."""
        if self._careful:
            self._answers.put({"is": "start", "tune": tune.tune_id, "at": at})
            self._answers.flush()
        self._limit_processor_time()
        try:
            taken, losses, reason = self._readers.take_tune(tune, tune.read(), self._options)
            if taken is None:
                self._answers.put({"is": "failure", "at": at, "tune": tune.tune_id, "reason": str(reason), "kind": LEFT_OUT})
            else:
                words, arrays = pack_tune(taken)
                counts = {str(name): int(count) for name, count in losses.items() if count}
                self._answers.put({"is": "tune", "at": at, "losses": counts, "tune": words}, arrays)
        except (Exception, SystemExit) as error:
            if _memory_ran_out(error):
                raise MemoryError from None
            reason = normal_reason(error, (file.path, file.name, tune.file, tune.tune_id))
            self._answers.put({"is": "failure", "at": at, "tune": tune.tune_id, "reason": reason, "kind": UNREADABLE})
        self._answered += 1

    def _limit_processor_time(self) -> None:
        """So that programs a reader has started end too, should guard and child both be killed."""
        with contextlib.suppress(ImportError, ValueError, OSError):
            import resource

            used = resource.getrusage(resource.RUSAGE_SELF)
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            limit = int(used.ru_utime + used.ru_stime + 2 * self._max_seconds) + 60
            resource.setrlimit(resource.RLIMIT_CPU, (limit if hard < 0 else min(limit, hard), hard))


def digest_of(path: str) -> tuple[str, int]:
    """SHA-256 of a file and its size."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:
        while data := file.read(_HASHED_BYTES):
            digest.update(data)
            size += len(data)
    return digest.hexdigest(), size


def _memory_ran_out(error: BaseException | None) -> bool:
    """Whether this error, or one behind it, is of too little memory: readers dress errors up."""
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, MemoryError):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


if __name__ == "__main__":
    # Whatever threads a reader has left behind do not keep the process.
    os._exit(main(sys.argv[1:]))
