from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import musicvae
from musicvae.corpus.work import child
from musicvae.corpus.work.frames import pack, read_frames, unpack


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


@pytest.fixture
def pipes():
    """(read, write) of a pipe, twice."""
    ends = [*os.pipe(), *os.pipe()]
    yield ends
    for end in ends:
        os.close(end)


def test_a_child_that_is_asked_nothing_for_long_ends(monkeypatch, pipes):
    monkeypatch.setattr(child, "IDLE_SECONDS", 0.01)
    assert child._Requests(pipes[0]).next(child._Answers(pipes[3])) is None


def test_answers_are_sent_before_a_request_is_waited_for(monkeypatch, pipes):
    monkeypatch.setattr(child, "IDLE_SECONDS", 0.01)
    answers, requests = child._Answers(pipes[3]), child._Requests(pipes[0])
    os.write(pipes[1], pack({"file": 1}) + pack({"file": 2}))
    answers.put({"is": "ready"})
    assert [requests.next(answers), requests.next(answers)] == [{"file": 1}, {"file": 2}]
    os.set_blocking(pipes[2], False)
    with pytest.raises(BlockingIOError):
        os.read(pipes[2], 100)
    assert requests.next(answers) is None
    assert unpack(os.read(pipes[2], 100)) == ({"is": "ready"}, {})


def test_memory_errors_are_found_behind_others():
    error = ValueError("cannot be read")
    error.__context__ = MemoryError()
    assert child._memory_ran_out(error)
    assert not child._memory_ran_out(ValueError())
