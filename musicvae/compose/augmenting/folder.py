"""A folder of labelled files multiplied into another one, by several processes, whose number changes no byte.

A source is a tune in a file; its label is the subfolder that the file lies in, else the dance type or style that the file states. Every
source has a seed of its own, made from that of the run and its name, so that what becomes of it depends on nothing beside it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from musicvae.compose.augmenting.augment import Limits, augment
from musicvae.compose.augmenting.manifest import (
    MANIFEST_JSON,
    RECORDS,
    forget_records,
    read_manifest,
    read_record,
    write_manifest,
    write_record,
)
from musicvae.compose.limits import check_seed
from musicvae.compose.seeds import derived_seed
from musicvae.corpus.tunes import SourceFile

if TYPE_CHECKING:
    from musicvae.compose.model import AnyModel

__all__ = ["AugmentedFolder", "TuneSource", "augment_folder", "sources_in"]

Progress = Callable[[int, int], None]
"""Called with how many sources are done, and of how many."""


@dataclass(frozen=True)
class TuneSource:
    """A tune to vary. place: in its file, from 0; of: how many that holds. label: "" for none. stem: how its variations' paths begin."""

    file: SourceFile
    place: int
    of: int
    label: str
    stem: str

    @property
    def name(self) -> str:
        """Names it among all sources of a folder."""
        return f"{self.file.name}#{self.place + 1}" if self.of > 1 else self.file.name

    def target(self, number: int, count: int) -> str:
        """Path, below the folder of results, of variation 1, 2, ... of at most `count`."""
        return f"{self.stem}-{number:0{max(2, len(str(count)))}}.mid"


@dataclass(frozen=True)
class AugmentedFolder:
    """What was made.

    rows: as `manifest.COLUMNS`. left_out: sources of which nothing was made, with the reason. resumed: sources that were done before.
    """

    folder: Path
    rows: Sequence[Mapping[str, Any]]
    left_out: Sequence[Mapping[str, Any]]
    sources: int
    resumed: int
    notices: tuple[str, ...]

    @property
    def labels(self) -> Counter[str]:
        """How many variations each label has."""
        return Counter(str(row["label"]) for row in self.rows)


def sources_in(folder: str | os.PathLike[str], *, without: Sequence[Path] = ()) -> list[TuneSource]:
    """All tunes of all music files in a folder and below it, by name; FileNotFoundError, or ValueError where there are none."""
    from musicvae.corpus.sources.collections import tunes_of
    from musicvae.corpus.sources.items import expand

    if not Path(folder).is_dir():
        if not Path(folder).exists():
            raise FileNotFoundError(f"{folder} does not exist: was it misspelled, or is it in another folder?")
        raise NotADirectoryError(f"{folder} is a file: give the folder that it lies in (or vary it: musicvae vary {folder})")
    files = list(expand([Path(folder)], without=without, split_abc=10**9))
    found = []
    for file in files:
        path, tunes = PurePosixPath(file.name), list(tunes_of(file))
        inside = "" if str(path.parent) == "." else str(path.parent)
        for place, tune in enumerate(tunes):
            stem = str(path.with_suffix("")) + _numbered(place, len(tunes))
            found.append(TuneSource(file, place, len(tunes), inside or tune.tags.get("type", ""), stem))
    if not found:
        raise ValueError(f"{folder} holds no MIDI, MusicXML, ABC or Humdrum files")
    shared = Counter(source.stem for source in found)  # a.mid beside a.abc, or a-1.mid beside the first tune of a.abc
    return [source if shared[source.stem] == 1 else replace(source, stem=_whole_name(source)) for source in found]


def _numbered(place: int, of: int) -> str:
    return f"-{place + 1:0{len(str(of))}}" if of > 1 else ""


def _whole_name(source: TuneSource) -> str:
    """A path that tells files of one name by their endings."""
    path = PurePosixPath(source.file.name)
    return str(path.with_name(path.name.replace(".", "-"))) + _numbered(source.place, source.of)


def augment_folder(
    model: str | Path | None, source: str | os.PathLike[str], out: str | os.PathLike[str], limits: Limits, *, seed: int | None = None,
    jobs: int = 1, resume: bool = False, force: bool = False, progress: Progress | None = None,
) -> AugmentedFolder:  # fmt: skip
    """Write variations of everything in `source` into the folder `out`, and lists of them, ``manifest.json`` and ``manifest.csv``.

    model: name or path, loaded by each of `jobs` processes. resume: go on with a run that was interrupted; the result is the same as
    without. force: replace an older result. FileExistsError where there is one otherwise, ValueError where not one variation could be made,
    and then nothing is left; errors as `sources_in` and `load`.
    """
    from musicvae.compose.library import find_model

    folder = Path(out)
    if folder.resolve() == Path(source).resolve():
        raise ValueError(f"{folder} holds what is varied, and variations go elsewhere: give another folder with -o")
    sources = sources_in(source, without=[folder])
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    name, path = find_model(model)
    worker = _Worker.of(path)
    about = {"model": name, "hash": worker.model.hash, "seed": check_seed(seed), **asdict(limits), "amounts": list(limits.amounts)}
    _make_way(folder, resume=resume, force=force)
    known = {s.name: record for s in sources if (record := read_record(folder, s.name, about))} if resume else {}
    resumed, todo = len(known), [s for s in sources if s.name not in known]
    with _runner(worker, path, min(jobs, len(todo) or 1)) as run:
        for done, (made, record) in enumerate(run(todo, folder, limits, about["seed"]), resumed + 1):
            write_record(folder, made.name, about, record)
            known[made.name] = record
            if progress is not None:
                progress(done, len(sources))
    records = [known[s.name] for s in sources]
    rows = [row for record in records for row in record["rows"]]
    left_out = [{"source": record["name"], "reason": record["reason"]} for record in records if record["reason"]]
    if not rows:
        forget_records(folder)
        if not any(folder.iterdir()):
            folder.rmdir()
        raise ValueError(f"not one variation could be made: {'; '.join(_notices(records, limits.n))}")
    write_manifest(folder, about, rows, left_out)
    return AugmentedFolder(folder, rows, left_out, len(sources), resumed, _notices(records, limits.n))


def _make_way(folder: Path, *, resume: bool, force: bool) -> None:
    """See that nothing older is in the way; with `force` it is removed."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, but variations go into a folder: give another name with -o")
    if (folder / MANIFEST_JSON).exists() and not force:
        if resume:
            raise FileExistsError(f"{folder} is complete, so that there is nothing to go on with: --force makes it anew")
        raise FileExistsError(f"{folder} holds variations; give another name with -o, or --force to make them anew")
    if (folder / RECORDS).is_dir() and not (resume or force):
        raise FileExistsError(f"{folder} holds an interrupted run: --resume goes on with it, --force begins anew")
    if force:
        for path in read_manifest(folder):
            path.unlink(missing_ok=True)
        (folder / MANIFEST_JSON).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


# -- the work on one source, in this process or another


@dataclass(frozen=True)
class _Worker:
    """A process's own model."""

    model: AnyModel

    @classmethod
    def of(cls, path: Path, threads: int | None = None) -> _Worker:
        from musicvae.compose.model import load

        return cls(load(path, threads=threads))

    def __call__(self, source: TuneSource, folder: Path, limits: Limits, seed: int) -> tuple[TuneSource, dict[str, Any]]:
        """Write the variations of a source; what became of it."""
        from musicvae.corpus.sources.collections import tunes_of

        model: Any = self.model
        tune = list(tunes_of(source.file))[source.place]
        try:
            music = model.take(tune.read(), track=tune.track).music
            made = augment(model, music, limits, seed=derived_seed(seed, f"augment/{source.name}"))
        except (ValueError, OSError) as error:
            return source, {"name": source.name, "rows": [], "reason": " ".join(str(error).split()), "wanting": 0}
        rows = []
        for number, piece in enumerate(made, 1):
            path = source.target(number, limits.n)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            piece.write(folder / path, force=True)
            rows.append(_row(path, source, piece, made.amounts[number - 1], made.distances[number - 1], made.nearest[number - 1]))
        reason = "" if rows else (made.notices[-1] if made.notices else "nothing could be varied")
        return source, {"name": source.name, "rows": rows, "reason": reason, "wanting": limits.n - len(rows)}


def _row(path: str, source: TuneSource, piece: Any, amount: float, distance: float, apart: float) -> dict[str, Any]:
    return {
        "path": path, "label": source.label, "source": source.file.name, "tune": source.place + 1, "seed": piece.provenance.get("seed"),
        "amount": amount, "distance": round(distance, 6), "nearest": round(apart, 6), "bars": piece.num_bars, "meter": str(piece.meter),
        "key": None if piece.key is None else str(piece.key), "tempo_qpm": round(float(piece.tempo_qpm), 3), "notes": len(piece.notes),
    }  # fmt: skip


_own: list[_Worker] = []


def _begin(path: Path) -> None:
    """In a process of its own: load the model, once."""
    _own.append(_Worker.of(path, threads=1))


def _work(source: TuneSource, folder: Path, limits: Limits, seed: int) -> tuple[TuneSource, dict[str, Any]]:
    return _own[0](source, folder, limits, seed)


@contextmanager
def _runner(worker: _Worker, path: Path, jobs: int) -> Iterator[Callable[..., Iterator[tuple[TuneSource, dict[str, Any]]]]]:
    """What does the work on sources, one after another as each is done."""
    if jobs == 1:
        yield lambda todo, *given: (worker(source, *given) for source in todo)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(path,))
    try:
        yield lambda todo, *given: (done.result() for done in as_completed([pool.submit(_work, source, *given) for source in todo]))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _notices(records: Sequence[Mapping[str, Any]], wanted: int) -> tuple[str, ...]:
    left_out = Counter(str(record["reason"]) for record in records if record["reason"])
    told = [f"left out: {count} ({reason})" for reason, count in left_out.most_common()]
    if few := [record for record in records if record["wanting"] and record["rows"]]:
        missing = sum(int(record["wanting"]) for record in few)
        told.append(
            f"{len(few)} sources have fewer than {wanted} variations ({missing} in all): others would have been near-copies or too far"
        )
    return tuple(told)
