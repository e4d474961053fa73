"""One build at a time: the folder of its work is held as long as it runs, and let go when its process ends in whatever way."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["held"]

_TRIES, _PAUSE_SECONDS = 5, 0.02  # another build that only looks lets go at once


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder; FileExistsError where another build does. On platforms and disks without such locks nothing is held."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        yield
        return
    try:
        for left in reversed(range(_TRIES)):
            if _lock(file):
                break
            if not left:
                raise FileExistsError(f"{folder} is being written by another build, which is running; wait for it, or name another folder")
            time.sleep(_PAUSE_SECONDS)
        yield
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
