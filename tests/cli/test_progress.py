from dataclasses import dataclass

import pytest

from musicvae.cli.progress import BuildProgress, clock
from musicvae.cli.terminal import Terminal


@dataclass
class At:
    stage: str
    files_done: int
    files: int
    seconds: float


@pytest.fixture
def shown(monkeypatch):
    """What is written over on a terminal."""
    lines = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(Terminal, "progress", lambda self, text: lines.append(text))
    return lines


def test_files_a_second_and_time_left(shown):
    progress = BuildProgress(Terminal())
    progress(At("reading", 0, 1000, 0.0))
    progress(At("reading", 250, 1000, 10.0))
    assert shown == ["reading: 0 of 1000 files (0 %)", "reading: 250 of 1000 files (25 %), 25 a second, 0:30 left"]


def test_what_an_earlier_run_did_does_not_count(shown):
    progress = BuildProgress(Terminal())
    progress(At("reading", 600, 1000, 1.0))
    progress(At("reading", 800, 1000, 101.0))
    assert shown[-1] == "reading: 800 of 1000 files (80 %), 2 a second, 1:40 left"


def test_a_new_stage_has_a_rate_of_its_own(shown):
    progress = BuildProgress(Terminal())
    progress(At("listing", 500, 0, 3.0))
    progress(At("reading", 0, 500, 0.0))
    progress(At("writing", 100, 500, 1.0))
    assert shown == ["listing: 500 files", "reading: 0 of 500 files (0 %)", "writing: 100 of 500 files (20 %)"]


def test_a_log_gets_a_line_now_and_then(capsys):
    seconds = iter([0.0, 1.0, 31.0, 40.0, 62.0])
    progress = BuildProgress(Terminal(), now=lambda: next(seconds))
    for done in (1, 2, 3, 4):
        progress(At("reading", done, 8, done * 1.0))
    assert capsys.readouterr().err.splitlines() == [
        "reading: 2 of 8 files (25 %), 1 a second, 0:06 left",
        "reading: 4 of 8 files (50 %), 1 a second, 0:04 left",
    ]


def test_json_is_not_disturbed(capsys):
    progress = BuildProgress(Terminal(as_json=True), now=iter(range(0, 1000, 100)).__next__)
    progress(At("reading", 1, 8, 1.0))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (7, "0:07"), (59.6, "1:00"), (750, "12:30"), (11_100, "3:05:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text
