"""Files to import from, in a folder or inside a tar archive, read in place: nothing is unpacked by a name the archive chose."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray

__all__ = ["Files", "Region", "open_files"]

_MOST_MEMBERS = 10_000
_MOST_UNPACKED_BYTES = 8 << 30
_TAR_ERRORS = (tarfile.TarError, ValueError, EOFError, OverflowError, IndexError, zlib.error)
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


@dataclass(frozen=True)
class Region:
    """Bytes `offset` to `offset + size` of a file on disk."""

    path: Path
    offset: int
    size: int

    def read(self, start: int = 0, count: int | None = None) -> NDArray[np.uint8]:
        """`count` bytes from `start` (default: all that follow), both within the region; ValueError where the file is shorter."""
        wanted = self.size - start if count is None else count
        if start < 0 or wanted < 0 or start + wanted > self.size:
            raise ValueError(f"{self.path.name} has {self.size} bytes; bytes {start} to {start + wanted} are not there: is it cut short?")
        data = np.fromfile(self.path, np.uint8, wanted, offset=self.offset + start)
        if len(data) != wanted:
            raise ValueError(f"{self.path.name} became shorter while it was read")
        return data


@dataclass(frozen=True)
class Files:
    """What lies in one folder, or in one folder of an archive, by name; `place` names it in messages."""

    place: str
    regions: Mapping[str, Region]

    def __getitem__(self, name: str) -> Region:
        """The file of this name; FileNotFoundError where there is none."""
        if name not in self.regions:
            raise FileNotFoundError(f"{name} is missing in {self.place}: was it left out when the files were copied?")
        return self.regions[name]


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of a folder or of a tar archive (gzip too) while the block runs; ValueError for anything else, or a damaged archive.

    Of an archive's folders, that is taken which holds an index of tensors or a manifest; ValueError where several do.
    """
    if path.is_dir():
        # A pipe or device in the folder has no size and is left aside.
        inside = sorted(entry for entry in path.iterdir() if entry.is_file() and not _is_clutter(entry.name))
        yield Files(str(path), {entry.name: Region(entry, 0, entry.stat().st_size) for entry in inside})
        return
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(_ZIP):
        raise ValueError(f"{path} is a zip archive: unpack it and give the folder")
    if not start.startswith(_GZIP):
        yield _one_folder(path, _members(path, path))
        return
    with tempfile.TemporaryDirectory(prefix="musicvae-") as folder:
        unpacked = Path(folder, "archive.tar")
        _gunzip(path, unpacked)
        yield _one_folder(path, _members(unpacked, path))


def _is_clutter(name: str) -> bool:
    return name.startswith("._")  # what macOS keeps beside each file in archives


def _gunzip(path: Path, out: Path) -> None:
    """Unpack into a file; ValueError where it is damaged or larger than any model."""
    try:
        with gzip.open(path) as packed, out.open("wb") as plain:
            while block := packed.read(1 << 20):
                if plain.tell() > _MOST_UNPACKED_BYTES:
                    raise ValueError(f"{path} unpacks to more than {_MOST_UNPACKED_BYTES >> 30} GiB, more than any model of this family")
                plain.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged ({error}): was the download or copy cut short?") from error


def _members(path: Path, named: Path) -> dict[PurePosixPath, Region]:
    """All plain files of a tar archive, by the names they have in it."""
    size = path.stat().st_size
    found: dict[PurePosixPath, Region] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for member in _walk(archive, file):
                name = PurePosixPath(member.name)
                if not member.isreg() or member.sparse is not None or _is_clutter(name.name):
                    continue
                if member.offset_data + member.size > size:
                    raise ValueError(f"{name} is cut short")
                found[name] = Region(path, member.offset_data, member.size)
    except _TAR_ERRORS as error:
        detail = str(error) or type(error).__name__
        raise ValueError(
            f"{named} is no checkpoint and no readable tar archive ({detail}): is it damaged, or another kind of file?"
        ) from error
    return found


def _walk(archive: tarfile.TarFile, file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    """Members one by one; a damaged header that would lead backwards, and so in circles, ends the walk."""
    place = -1
    for _ in range(_MOST_MEMBERS):
        member = archive.next()
        if member is None:
            return
        if member.size < 0 or member.offset <= place:
            raise ValueError("a header is damaged")
        place = member.offset
        yield member
    raise ValueError(f"more than {_MOST_MEMBERS} files")


def _one_folder(path: Path, members: Mapping[PurePosixPath, Region]) -> Files:
    wanted = sorted({name.parent for name in members if name.suffix == ".index" or name.name == "weights_manifest.json"})
    if not wanted:
        raise ValueError(f"{path} holds no checkpoint: none of its {len(members)} files is an .index or a weights_manifest.json")
    if len(wanted) > 1:
        raise ValueError(f"{path} holds checkpoints in {len(wanted)} folders ({_some(wanted)}): unpack it and give one of them")
    return Files(str(path), {name.name: region for name, region in members.items() if name.parent == wanted[0]})


def _some(names: list[PurePosixPath]) -> str:
    return ", ".join(map(str, names[:4])) + (", ..." if len(names) > 4 else "")
