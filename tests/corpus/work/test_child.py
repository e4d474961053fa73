from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import musicvae
from musicvae.corpus.work import child
from musicvae.corpus.work.frames import read_frames, unpack


def start(parent: int, readers: str = "reading_doubles") -> subprocess.Popen[bytes]:
    path = os.pathsep.join((str(Path(musicvae.__file__).parents[1]), str(Path(__file__).parents[2])))
    command = [sys.executable, "-m", "musicvae.corpus.work.child", str(parent), "30", "256", readers]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_child_is_ready_and_ends_when_nobody_asks():
    with start(os.getpid()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert [unpack(frame) for frame in read_frames(process.stdout)] == [({"is": "ready"}, {})]
    assert process.returncode == 0


def test_a_child_whose_parent_has_gone_ends_though_its_pipes_are_open():
    with start(parent=1) as process:
        assert process.wait(20) == 0


def test_memory_errors_are_found_behind_others():
    error = ValueError("cannot be read")
    error.__context__ = MemoryError()
    assert child._memory_ran_out(error)
    assert not child._memory_ran_out(ValueError())
