import os

import pytest

from musicvae.corpus.work import pipes
from musicvae.corpus.work.frames import pack, unpack


@pytest.fixture
def ends():
    """(read, write) of a pipe, twice."""
    opened = [*os.pipe(), *os.pipe()]
    yield opened
    for end in opened:
        os.close(end)


def test_a_child_that_is_asked_nothing_for_long_ends(monkeypatch, ends):
    monkeypatch.setattr(pipes, "IDLE_SECONDS", 0.01)
    assert pipes.Requests(ends[0]).next(pipes.Answers(ends[3])) is None


def test_answers_are_sent_before_a_request_is_waited_for(monkeypatch, ends):
    monkeypatch.setattr(pipes, "IDLE_SECONDS", 0.01)
    answers, requests = pipes.Answers(ends[3]), pipes.Requests(ends[0])
    os.write(ends[1], pack({"file": 1}) + pack({"file": 2}))
    answers.put({"is": "ready"})
    assert [requests.next(answers), requests.next(answers)] == [{"file": 1}, {"file": 2}]
    os.set_blocking(ends[2], False)
    with pytest.raises(BlockingIOError):
        os.read(ends[2], 100)
    assert requests.next(answers) is None
    assert unpack(os.read(ends[2], 100)) == ({"is": "ready"}, {})
