"""What engines are given to run: functions that worker processes import by name. An item is a path; to run it is to write its file."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def write(item: Path) -> str:
    item.write_text(item.name)
    return item.name


def write_slowly(item: Path) -> str:
    time.sleep(0.05)
    return write(item)


def die_once(item: Path) -> str:
    """The first worker that comes to item 3 dies there."""
    marker = item.with_name("died")
    if item.name == "3" and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return write_slowly(item)


def die_always(item: Path) -> str:
    if item.name == "3":
        os.kill(os.getpid(), signal.SIGKILL)
    return write_slowly(item)


def fail(item: Path) -> str:
    if item.name == "3":
        raise ValueError("no such bar")
    return write_slowly(item)


def wait(item: Path) -> str:
    item.with_suffix(".pid").write_text(str(os.getpid()))
    time.sleep(1000)
    return item.name
