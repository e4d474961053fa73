"""Writing files so that a reader never meets half of one.

Conventions: a file is written under a temporary name in the folder it belongs to and renamed when
it is complete; nothing is overwritten unless asked for; on any failure, a full disk or a
keyboard interrupt included, the temporary file is removed and an older file stays as it was.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_path"]


@contextmanager
def atomic_path(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary path (same folder, same suffix) that becomes `path` when the block ends well.

    The temporary file exists and is empty; the block writes to it and closes it. Raises
    FileExistsError if `path` is there and `force` is off, FileNotFoundError if its folder is not,
    ValueError if `path` is a folder or a device. Whatever the block raises passes on, and nothing is left.
    """
    target = _checked(Path(path), force)
    temporary = target.with_name(f".musicvae-{secrets.token_hex(6)}{target.suffix}")
    # Not tempfile.mkstemp: its files are private to the user, and the result should follow the umask.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    mode = temporary.stat().st_mode
    try:
        yield temporary
        # A library may have put a file of its own in its place, private to the user.
        temporary.chmod(mode)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        _rename(temporary, target, force)
    finally:
        temporary.unlink(missing_ok=True)


def _checked(path: Path, force: bool) -> Path:
    target = path.resolve() if path.is_symlink() else path
    if target.is_dir():
        raise ValueError(f"{path} is a folder; a file name is needed here")
    if target.exists() and not target.is_file():
        raise ValueError(f"{path} is no regular file, so it cannot be replaced by one")
    if target.exists() and not force:
        raise FileExistsError(_exists(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"folder {target.parent} does not exist, so {target.name} cannot be written there; create it first?")
    return target


def _rename(temporary: Path, target: Path, force: bool) -> None:
    if not force:
        try:
            # A hard link fails where the target has appeared meanwhile; a rename would replace it.
            os.link(temporary, target)
            return
        except FileExistsError:
            raise FileExistsError(_exists(target)) from None
        except (OSError, NotImplementedError):  # file systems without hard links
            if target.exists():
                raise FileExistsError(_exists(target)) from None
    os.replace(temporary, target)


def _exists(path: Path) -> str:
    return f"{path} exists; use --force (in Python: force=True) to replace it"
