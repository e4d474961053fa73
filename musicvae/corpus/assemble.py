"""The parts of a build put together into one corpus: near-duplicates dropped, tunes held out, all lines in their order.

The parts are gone through twice, one at a time: first for what decides about tunes (a few numbers of each are kept, and an index
on disk), then for the lines. The corpus hangs on the parts, their order and the options alone.
"""

from __future__ import annotations

import hashlib
import shutil
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from musicvae.corpus.choosing import Facts, choose
from musicvae.corpus.disk.layout import ROWS_PER_SHARD
from musicvae.corpus.disk.shards import ShardWriter
from musicvae.corpus.likeness.duplicates import Index
from musicvae.corpus.options import BuildOptions
from musicvae.corpus.sources.recipes import recipe_named
from musicvae.corpus.sources.walking import sorted_names
from musicvae.corpus.splits import Splits
from musicvae.corpus.store import Corpus
from musicvae.corpus.tunes import Tune
from musicvae.corpus.work.partitions import Part, read_part
from musicvae.corpus.work.tally import add_tally, empty_tally

__all__ = ["assemble"]

Progress = Callable[[int, int], None]
"""Called with the number of parts gone through so far, and of all, which counts each twice."""

_MOST_SHARDS = 128  # of a column: each one in use costs its reader an open file


def assemble(
    parts: Sequence[str | Path], out: str | Path, options: BuildOptions, report: Mapping[str, Any] | None = None, *,
    work: str | Path | None = None, splits: Splits | None = None, progress: Progress | None = None,
) -> Corpus:  # fmt: skip
    """Write the corpus of these parts to `out`, in place of an older one, and open it.

    Who stays of near-duplicates and who is held out: see `corpus.choosing`. report: further entries of the corpus' report. splits: an
    earlier division that is kept. work: a folder for the index, emptied before and removed afterwards (default: ``OUT.index``).
    ValueError for a part that is damaged, FileExistsError where `out` holds other things than a corpus.
    """
    out, paths = Path(out), [Path(part) for part in parts]
    folder = Path(work) if work is not None else out.with_name(out.name + ".index")
    heard = progress or (lambda done, total: None)
    with _Survey(folder, splits) as survey:
        for number, path in enumerate(paths, 1):
            survey.add(read_part(path))
            heard(number, 2 * len(paths))
        choice = choose(
            survey.facts, survey.index.resolve(), survey.id_of, seed=options.split_seed, keep_duplicates=options.keep_duplicates
        )
        size = _rows_per_shard(choice.rows)
        with ShardWriter(out, options.material, options=options.to_dict(), rows_per_shard=size) as writer:
            for number, tune in enumerate(_tunes(paths, heard)):
                if choice.kept[number]:
                    writer.append(tune, split=int(choice.split[number]), family=int(choice.family[number]))
            by_source = {f"{gone} (kept: {stays})": count for (gone, stays), count in sorted(choice.removed.items())}
            told = {name: value for name, value in survey.tally.items() if name != "sources"}
            if splits is not None:
                told["kept_splits"] = {"tunes": len(splits), "others": splits.others, "sha256": splits.digest}
            words = {
                **told,
                "duplicates": {"removed": sum(by_source.values()), "by_source": by_source, "largest_family": choice.largest_family},
                **(report or {}),
            }
            writer.finish(words, survey.sources())
    return Corpus.load(out)


def _rows_per_shard(rows: int) -> int:
    """A power of two, so large that there are not too many shards."""
    size = ROWS_PER_SHARD
    while size * _MOST_SHARDS < rows:
        size *= 2
    return size


def _tunes(paths: Sequence[Path], heard: Progress) -> Iterator[Tune]:
    for done, path in enumerate(paths, len(paths) + 1):
        yield from read_part(path).tunes
        heard(done, 2 * len(paths))


class _Survey:
    """The first pass: what is known of tunes, files and sources. As a context manager it removes its folder."""

    def __init__(self, folder: Path, splits: Splits | None = None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.facts, self.tally = folder, Facts(), empty_tally()
        self.index, self._splits = Index(folder / "index"), splits
        self._ids, self._id_ends = (folder / "ids").open("w+b"), array("Q", [0])
        self._sums = (folder / "sums").open("w+", encoding="utf-8", newline="\n")

    def add(self, part: Part) -> None:
        """Take the next part."""
        add_tally(self.tally, part.report)
        for result in part.results:
            if result.file.first_tune == 0:  # a file in pieces counts once
                name = result.file.name.replace("\n", " ")
                self._sums.write(f"{result.file.source}\0{name} {result.sha256}\n")
            for tune in result.tunes:
                self.index.add(len(self.facts), tune.shingles, tune.skeleton)
                self.facts.add(tune, self._splits.of(tune.tune_id) if self._splits is not None else "")
                self._id_ends.append(self._id_ends[-1] + self._ids.write(tune.tune_id.encode("utf-8", errors="backslashreplace")))

    def id_of(self, number: int) -> str:
        """The id of a tune."""
        self._ids.seek(self._id_ends[number])
        return self._ids.read(self._id_ends[number + 1] - self._id_ends[number]).decode("utf-8")

    def sources(self) -> dict[str, dict[str, Any]]:
        """What is known of each source, by name: counts, recipe, licence, and the digest of its files."""
        found: dict[str, dict[str, Any]] = {}
        for name, counts in self.tally["sources"].items():
            recipe = recipe_named(counts["recipe"]) if counts["recipe"] else None
            known = {"title": recipe.title, "licence": recipe.licence, "origin": recipe.origin} if recipe else {}
            found[name] = {**known, **counts}
        self._sums.seek(0)
        for name, lines in groupby(sorted_names(self._sums), key=lambda line: line.split("\0")[0]):
            digest = hashlib.sha256()
            for line in lines:
                digest.update(line.partition("\0")[2].encode("utf-8"))
            found.setdefault(name, {})["sha256"] = digest.hexdigest()
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.index.close()
        self._ids.close()
        self._sums.close()
        shutil.rmtree(self.folder, ignore_errors=True)
