"""From sources to a corpus on disk: list, read in partitions, put together.

Three steps, each of which leaves what it has done in a folder beside the output, ``OUT.work``: the files
are listed and cut into partitions (`corpus.work.partitions`); an engine reads the partitions
(`corpus.work.engines`); what they hold is freed of duplicates, split and written (`corpus.assemble`). A build that
was killed goes on where it was, and comes out byte for byte as if it had not been.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from musicvae.corpus.assemble import assemble
from musicvae.corpus.disk.layout import MANIFEST
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.sources.items import expand
from musicvae.corpus.sources.skipped import Skipped
from musicvae.corpus.splits import Splits
from musicvae.corpus.store import Corpus
from musicvae.corpus.tunes import SourceFile
from musicvae.corpus.work.engines import check_engine, run
from musicvae.corpus.work.lock import held
from musicvae.corpus.work.partitions import PartSummary, plan, release_readers, run_partition, spec_paths
from musicvae.music.files import atomic_path

__all__ = ["Progress", "build_corpus", "work_folder"]

_REQUEST, _PLAN = "request.json", "plan.json"
_TELL_EVERY = 500  # files listed
_ENDS = ("work", "partial", "old")  # of folders beside the output, which are no source of it


@dataclass(frozen=True)
class Progress:
    """How far a build is: the stage (listing, reading, writing), files done of all in it, and seconds since it began.

    files is 0 while their number is not known.
    """

    stage: str
    files_done: int
    files: int
    seconds: float


def work_folder(out: str | Path) -> Path:
    """Where a build of this corpus keeps its work until it is done: ``OUT.work``."""
    out = Path(out)
    return out.with_name(f"{out.name}.work")


def build_corpus(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    options: BuildOptions | None = None,
    *,
    engine: str = "processes",
    jobs: int | None = None,
    scheduler: str | None = None,
    splits: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Corpus:
    """Build the corpus of these sources in the folder `out`, and open it.

    sources: folders, files, globs, archives, list files, ``music21:NAME`` (see `corpus.sources.items`). engine, jobs, scheduler: who
    reads, see `corpus.work.engines`; with Dask on other machines they must see sources and `out` under the same paths. splits: an
    earlier corpus, or a JSON file (see `corpus.splits`), whose division into train, validation and test is kept. resume: go on with a
    build of the same sources and options that was interrupted (from the start where there is none). force: replace an older corpus,
    forget an interrupted build. Where `out` lies in a source, it and its work are no part of that. A file that cannot be read is told in
    the report and stops nothing; a corpus may come out empty.

    FileExistsError where `out` is a corpus or an interrupted build and neither was given, and where another build of it is running;
    FileNotFoundError for a source that is not there; ValueError for options, sources or archives that make no sense, and for a resumed
    build of others. A script that calls this with the engine "processes" needs its lines under ``if __name__ == "__main__":``.
    """
    out, options = Path(out), options or BuildOptions()
    specs = [str(source) for source in ([sources] if isinstance(sources, str | Path) else sources)]
    check_engine(engine, jobs, scheduler)
    clock = _Clock(progress)
    work = work_folder(out)
    if work.exists():
        with held(work):  # FileExistsError where a build is at it now
            pass
    _check(out, work, resume=resume, force=force)
    kept = None if splits is None else Splits.load(splits)
    _begin(work, {"sources": specs, "options": options.to_dict(), "splits": kept.digest if kept is not None else ""}, resume=resume)
    with held(work):
        planned = _planned(work, specs, options, clock, without=[out, *(out.with_name(f"{out.name}.{end}") for end in _ENDS)])
        specs_here = spec_paths((work / "parts").absolute())  # for workers that run in another folder
        _read(specs_here, options, clock.of("reading", planned["files"]), engine=engine, jobs=jobs, scheduler=scheduler)
        parts = [spec.with_suffix(".part") for spec in specs_here]
        tell = clock.of("writing", planned["files"])
        corpus = assemble(
            parts, out, options, {"skipped": planned["skipped"]}, work=work / "index", splits=kept,
            progress=lambda done, total: tell(planned["files"] * done // max(1, total)),
        )  # fmt: skip
        _discard(work)
    return corpus


class _Clock:
    """Tells the listener of a build how far each stage is."""

    def __init__(self, heard: Callable[[Progress], None] | None) -> None:
        self._heard = heard or (lambda progress: None)

    def of(self, stage: str, files: int) -> Callable[[int], None]:
        """A function to be told the files done of a stage that begins now."""
        begun = time.monotonic()
        self._heard(Progress(stage, 0, files, 0.0))
        return lambda done: self._heard(Progress(stage, done, files, time.monotonic() - begun))


def _check(out: Path, work: Path, *, resume: bool, force: bool) -> None:
    if resume and force:
        raise ValueError("resume goes on with a build and force begins anew: give one of them")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; a corpus is a folder")
    if out.exists() and any(out.iterdir()):
        if not (out / MANIFEST).is_file():
            raise ValueError(f"{out} holds other things than a corpus, which would be lost: name a new folder")
        if not (force or (resume and work.exists())):  # the last thing a killed build may have done is to put it there
            raise FileExistsError(f"{out} is a corpus already; --force builds it anew")
    if work.exists() and not (resume or force):
        raise FileExistsError(f"{work} holds an interrupted build: --resume goes on with it, --force begins anew")
    if not out.resolve().parent.is_dir():
        raise FileNotFoundError(f"folder {out.parent} does not exist, so {out.name} cannot be written there; create it first?")


def _begin(work: Path, request: dict[str, Any], *, resume: bool) -> None:
    """Make the work folder, or check that the one that is there is of the same request."""
    path = work / _REQUEST
    if not resume or not path.is_file():
        _discard(work)
        work.mkdir()
        _write_json(path, request)
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if before["sources"] != request["sources"]:
        raise ValueError(f"the interrupted build was of {', '.join(before['sources'])}: name the same sources, or begin anew with --force")
    if before["splits"] != request["splits"]:
        raise ValueError("the interrupted build kept another division into splits, or none: give the same one, or begin anew with --force")
    if changed := [name for name, value in request["options"].items() if before["options"].get(name) != value]:
        told = ", ".join(f"{name} {before['options'].get(name)}" for name in changed)
        raise ValueError(f"the interrupted build had other options ({told}): give the same ones, or begin anew with --force")


def _discard(work: Path) -> None:
    """Remove the work folder, first of all what `_begin` and `_planned` would take up: half of the rest is not to be gone on with."""
    for name in (_REQUEST, _PLAN):
        (work / name).unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _planned(work: Path, specs: list[str], options: BuildOptions, clock: _Clock, *, without: Sequence[Path]) -> dict[str, Any]:
    """What the list of files came to (files, and what was passed over), listing them unless that was done."""
    path = work / _PLAN
    if not path.is_file():
        skipped, tell = Skipped(), clock.of("listing", 0)
        try:
            counted = _Counted(expand(specs, unpack=work / "unpacked", skipped=skipped, without=without), tell)
            plan(counted, work / "parts", options)
        except (ValueError, OSError):  # a source that is not there, an archive that is refused: nothing to go on with
            _discard(work)
            raise
        _write_json(path, {"files": counted.files, "skipped": skipped.to_dict()})
    words: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return words


class _Counted(Iterable[SourceFile]):
    """The files of an iterator, counted as they pass."""

    def __init__(self, found: Iterator[SourceFile], tell: Callable[[int], None]) -> None:
        self._found, self._tell, self.files = found, tell, 0

    def __iter__(self) -> Iterator[SourceFile]:
        for file in self._found:
            self.files += 1
            if self.files % _TELL_EVERY == 0:
                self._tell(self.files)
            yield file


def _read(
    specs: Sequence[Path], options: BuildOptions, tell: Callable[[int], None], *, engine: str, jobs: int | None, scheduler: str | None
) -> None:
    """Have every partition read by the engine."""
    done = 0

    def count(number: int, total: int, summary: PartSummary) -> None:
        nonlocal done
        done += summary.num_files
        tell(done)

    try:
        run(partial(run_partition, options=options), specs, engine=engine, jobs=jobs, scheduler=scheduler, progress=count)
    finally:
        release_readers()


def _write_json(path: Path, words: dict[str, Any]) -> None:
    with atomic_path(path, force=True) as temporary:
        temporary.write_text(json.dumps(words, indent=1, ensure_ascii=False), encoding="utf-8")
