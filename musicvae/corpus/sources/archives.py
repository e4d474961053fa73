"""Archives of music, unpacked with distrust.

Conventions: an archive is refused as a whole (ValueError, and nothing of it stays) where a member climbs
out of it, has an absolute name, is a link, a device, sparse or encrypted, where it unpacks to more than
`MAX_RATIO` times its size, where it holds more than `MAX_MEMBERS` members, and where it is damaged or cut off.
Only music and the files that recipes read beside it are written.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

from musicvae.corpus.sources.recipes import known_sources
from musicvae.corpus.sources.skipped import Skipped
from musicvae.corpus.sources.walking import fits, readable_name
from musicvae.music.files import atomic_path
from musicvae.music.reading import FORMATS

__all__ = ["ARCHIVES", "MAX_MEMBERS", "MAX_RATIO", "archive_stem", "is_archive", "unpack"]

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Suffixes of the archives that are read."""
MAX_RATIO = 100
MAX_MEMBERS = 5_000_000
MAX_MEMBER_BYTES = 64 * 2**20
"""A larger file is no score and is passed over."""
_CHUNK = 2**20
_MAX_HEADER_BYTES = 2**20
_STAMP = "unpacked.json"
Members = Iterator[tuple[str, int, Callable[[], IO[bytes]]]]
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, UnicodeError)


def is_archive(path: str | Path) -> bool:
    """Whether the file's name ends as that of an archive (.mxl, a zip of one score, is none)."""
    return str(path).lower().endswith(ARCHIVES)


def archive_stem(path: str | Path) -> str:
    """The archive's name without its suffix: lmd_full of lmd_full.tar.gz."""
    name = Path(path).name
    return next((name[: -len(s)] for s in sorted(ARCHIVES, key=len, reverse=True) if name.lower().endswith(s)), name) or name


def unpack(path: str | Path, into: str | Path, *, skipped: Skipped | None = None) -> Path:
    """The folder `into`, with the music of an archive in it.

    It appears when it is complete; unpacking that was cut short is taken up again, and a folder that holds this
    archive's files already is returned at once. skipped: members passed over are counted there. ValueError where the archive
    is refused (see above), FileExistsError where `into` holds other things.
    """
    path, into = Path(path), Path(into)
    stamp = _stamp(path)
    if into.exists():
        return _known(into, stamp, path, skipped)
    partial = into.with_name(into.name + ".partial")
    if _read_stamp(partial).get("archive") != stamp:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "files").mkdir(parents=True)
        _write_stamp(partial, {"archive": stamp})
    own = Skipped()
    try:
        with _members(path) as members:
            for name, size, opened in members:
                _take(name, size, opened, partial / "files", own)
    except ValueError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _write_stamp(partial, {"archive": stamp, "complete": True, "skipped": own.to_dict()})
    os.replace(partial, into)
    return _known(into, stamp, path, skipped)


def _known(into: Path, stamp: dict[str, Any], path: Path, skipped: Skipped | None) -> Path:
    words = _read_stamp(into)
    if words.get("archive") != stamp or not words.get("complete"):
        raise FileExistsError(
            f"{into} is there and does not hold {path.name} as it is now; remove it or choose another folder to unpack into"
        )
    if skipped is not None:
        skipped.update(words["skipped"])
    return into / "files"


def _stamp(path: Path) -> dict[str, Any]:
    about = path.stat()
    return {"name": readable_name(path.name), "bytes": about.st_size, "mtime_ns": about.st_mtime_ns}


def _read_stamp(folder: Path) -> dict[str, Any]:
    try:
        words = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return words if isinstance(words, dict) else {}


def _write_stamp(folder: Path, words: dict[str, Any]) -> None:
    with atomic_path(folder / _STAMP, force=True) as temporary:
        temporary.write_text(json.dumps(words, indent=1, sort_keys=True), encoding="utf-8")


def _take(name: str, size: int, opened: Callable[[], IO[bytes]], folder: Path, skipped: Skipped) -> None:
    """Write one member below `folder`, or count why not; what is there from an earlier attempt stays."""
    if reason := _not_wanted(name, size):
        skipped.add(reason, readable_name(name))
        return
    target = folder.joinpath(*name.split("/"))
    if target.exists():
        if target.stat().st_size != size:  # written in one piece, so this is another member of that name
            skipped.add("second file of the same name in an archive", readable_name(name))
        return
    temporary = target.with_name(target.name[:200] + ".new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened() as source, temporary.open("wb") as file:
            written = _copy(source, file, size)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{readable_name(name)} is a file and a folder in this archive, which is refused") from None
    if written != size:
        raise ValueError(f"{readable_name(name)} is cut off in this archive: {written} of {size} bytes; was it copied completely?")
    os.replace(temporary, target)


def _copy(source: IO[bytes], file: IO[bytes], size: int) -> int:
    written = 0
    while chunk := source.read(min(_CHUNK, size + 1 - written)):
        file.write(chunk)
        written += len(chunk)
        if written > size:
            break
    return written


def _not_wanted(name: str, size: int) -> str:
    parts = name.split("/")
    own = parts[-1]
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return "hidden file"
    if is_archive(own):
        return "archive inside an archive"
    if not own.lower().endswith(_suffixes()) and not any(fits(own, glob) for glob in _beside()):
        return f"no music ({Path(own).suffix.lower() or 'no suffix'})"
    return f"larger than {MAX_MEMBER_BYTES // 2**20} MiB" if size > MAX_MEMBER_BYTES else ""


@cache
def _suffixes() -> tuple[str, ...]:
    return tuple(s for group in FORMATS.values() for s in group)


@cache
def _beside() -> tuple[str, ...]:
    """Globs of the names of files that recipes read beside the music, or know a collection by."""
    return tuple(sorted({path.rpartition("/")[2] for recipe in known_sources() for path in (*recipe.sides, *recipe.markers)} - {"**", "*"}))


@contextmanager
def _members(path: Path) -> Iterator[Members]:
    """(name, bytes, function that opens it) of every file in an archive, each checked before it is given."""
    try:
        with _opened_zip(path) if path.name.lower().endswith(".zip") else _opened_tar(path) as archive:
            yield archive
    except _DAMAGED as error:
        raise ValueError(f"{path.name} is damaged or cut off ({type(error).__name__}); was it copied completely?") from None
    except (NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path.name} cannot be unpacked here ({error}); unpack it yourself and give the folder") from None
    except OSError as error:
        if error.errno is None:  # gzip and bz2 say so about their data
            raise ValueError(f"{path.name} is damaged or cut off ({error}); was it copied completely?") from None
        raise


@contextmanager
def _opened_zip(path: Path) -> Iterator[Members]:
    with zipfile.ZipFile(path) as archive:
        yield _zip_members(archive, path)


@contextmanager
def _opened_tar(path: Path) -> Iterator[Members]:
    with path.open("rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        kinds: dict[bytes, Any] = {b"\x1f\x8b": partial(gzip.GzipFile, "", "rb", 9), b"BZh": bz2.BZ2File, b"\xfd7zXZ\0": lzma.LZMAFile}
        kind = next((k for magic, k in kinds.items() if head.startswith(magic)), None)
        counted: Any = _Counting(raw if kind is None else kind(raw), _limit(path), path.name)
        own = type("_Info", (_CheckedInfo,), {})  # of this archive alone
        with tarfile.open(fileobj=counted, mode="r|", tarinfo=own) as tar:
            yield _tar_members(tar, counted, path)


def _limit(path: Path) -> int:
    return MAX_RATIO * path.stat().st_size


class _Counting:
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, stream: Any, limit: int, name: str) -> None:
        self.stream, self.left, self.name = stream, limit, name

    def read(self, size: int) -> bytes:
        data: bytes = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise _too_large(self.name)
        return data


def _too_large(name: str) -> ValueError:
    return ValueError(f"{name} unpacks to more than {MAX_RATIO} times its size, which no music does: it is refused")


class _CheckedInfo(tarfile.TarInfo):
    """A header that may not ask for a lot of memory; `seen_end` tells whether the mark at the end of an archive was among them."""

    seen_end = False

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _CheckedInfo:
        if len(buf) == tarfile.BLOCKSIZE and not bytes(buf).strip(b"\0"):
            cls.seen_end = True
        info = super().frombuf(buf, encoding, errors)
        headers = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if info.type in headers and info.size > _MAX_HEADER_BYTES:
            raise ValueError(f"a header of {info.size} bytes in this archive, which is refused")
        return info


def _tar_members(tar: Any, counted: _Counting, path: Path) -> Members:
    number = 0
    while (info := tar.next()) is not None:
        tar.members = []  # else it keeps all of them
        number += 1
        _check_count(number, path)
        name = _checked(info.name, path)
        if info.issparse() or not (info.isfile() or info.isdir()):
            kind = "link" if info.issym() or info.islnk() else "device or special file"
            raise ValueError(f"{path.name} holds a {kind} ({name}): it is refused; unpack it yourself and give the folder")
        if info.size > counted.left:
            raise _too_large(path.name)
        if info.isfile():
            yield name, info.size, partial(tar.extractfile, info)
    if not tar.tarinfo.seen_end:
        raise ValueError(f"{path.name} ends without its end mark; was it copied completely?")


def _zip_members(archive: zipfile.ZipFile, path: Path) -> Members:
    infos = archive.infolist()
    _check_count(len(infos), path)
    if sum(info.file_size for info in infos) > _limit(path):
        raise _too_large(path.name)
    for info in infos:
        name = _checked(info.filename, path)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            what = "link" if kind == stat.S_IFLNK else "device or special file"
            raise ValueError(f"{path.name} holds a {what} ({name}): it is refused; unpack it yourself and give the folder")
        if info.flag_bits & 1:
            raise ValueError(f"{path.name} is encrypted ({name}): unpack it with its password and give the folder")
    for info in sorted(infos, key=lambda i: i.header_offset):
        if not info.is_dir():
            yield _checked(info.filename, path), info.file_size, partial(archive.open, info)


def _check_count(number: int, path: Path) -> None:
    if number > MAX_MEMBERS:
        raise ValueError(f"{path.name} holds more than {MAX_MEMBERS:,} members: it is refused; unpack it yourself and give the folder")


def _checked(name: str, path: Path) -> str:
    """The member's name with slashes, without ``.`` and trailing slash; ValueError where it leaves the folder."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or "\0" in plain:
        raise ValueError(f"{path.name} holds an absolute path ({readable_name(name)}): it is refused")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError(f"{path.name} holds a path that climbs out of it ({readable_name(name)}): it is refused")
    return "/".join(parts)
