"""Reads files in this process, where the platform cannot guard a child: what `corpus.work.guard` gives, as long as no reader misbehaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from musicvae.corpus.options import BuildOptions
from musicvae.corpus.reasons import normal_reason
from musicvae.corpus.tunes import SourceFile, SourceTune, Tune
from musicvae.corpus.work.child import digest_of, readers_named
from musicvae.corpus.work.results import LEFT_OUT, UNREADABLE, Failure, FileResult

__all__ = ["read_here"]


def read_here(files: Iterable[SourceFile], options: BuildOptions, readers: str = "") -> Iterator[FileResult]:
    """What each file gives, in order. A reader that crashes or hangs takes this process with it; no limits of time and memory hold.

    readers: as `corpus.work.guard.Guard` takes it.
    """
    found = readers_named(readers)

    def take(file: SourceFile, tune: SourceTune) -> tuple[Tune | None, dict[str, int], Failure | None]:
        try:
            taken, losses, reason = found.take_tune(tune, tune.read(), options)
        except (Exception, SystemExit) as error:
            told = normal_reason(error, (file.path, file.name, tune.file, tune.tune_id))
            return None, {}, Failure(tune.tune_id, told, UNREADABLE)
        if taken is None:
            return None, {}, Failure(tune.tune_id, str(reason), LEFT_OUT)
        return taken, {str(name): int(count) for name, count in losses.items() if count}, None

    for file in files:
        tunes: list[Tune] = []
        failures: list[Failure] = []
        losses: Counter[str] = Counter()
        sha256, size, count = "", 0, 0
        try:
            sha256, size = digest_of(file.path)
            for tune in found.tunes_of(file):
                taken, lost, failure = take(file, tune)
                count += 1
                losses.update(lost)
                if taken is not None:
                    tunes.append(taken)
                if failure is not None:
                    failures.append(failure)
        except (Exception, SystemExit) as error:
            failures.append(Failure("", normal_reason(error, (file.path, file.name)), UNREADABLE))
        yield FileResult(file, tuple(tunes), tuple(failures), dict(sorted(losses.items())), sha256, size, count)
