import errno
import json
from pathlib import Path

import numpy as np
import pytest

from musicvae.cli.terminal import Terminal, error_line, plain, table


def test_lines_go_to_standard_output_and_remarks_to_standard_error(capsys):
    terminal = Terminal()
    terminal.notice("track 1 was chosen")
    terminal.line("out.mid")
    terminal.finish({"path": "out.mid"})
    captured = capsys.readouterr()
    assert captured.out == "out.mid\n"
    assert captured.err == "track 1 was chosen\n"


def test_a_command_that_fails_makes_no_remarks(capsys):
    Terminal().notice("track 1 was chosen")
    assert capsys.readouterr() == ("", "")


def test_a_long_remark_is_cut_for_the_eye_but_not_in_json(capsys):
    for as_json in (False, True):
        terminal = Terminal(as_json=as_json)
        terminal.notice("16, " * 5000)
        terminal.finish({})
    captured = capsys.readouterr()
    assert len(captured.err) < 500
    assert json.loads(captured.out)["notices"] == ["16, " * 5000]


def test_the_same_remark_is_made_once(capsys):
    terminal = Terminal()
    terminal.notice("x")
    terminal.notice("x")
    terminal.finish({})
    assert capsys.readouterr().err == "x\n"


def test_json_is_one_object_with_the_remarks_in_it(capsys):
    terminal = Terminal(as_json=True)
    terminal.notice("track 1 was chosen")
    terminal.line("out.mid")
    terminal.finish({"path": Path("a") / "b.mid", "mean": float("nan"), "mu": np.arange(3.0), "n": np.int64(3), "ok": True, "none": None})
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == {
        "path": str(Path("a") / "b.mid"), "mean": None, "mu": [0.0, 1.0, 2.0], "n": 3, "ok": True, "none": None,
        "notices": ["track 1 was chosen"],
    }  # fmt: skip
    assert captured.out.isascii()


def test_plain_keeps_the_shape_of_nested_values():
    assert plain({1: (True, {"x": np.float64(0.5)}), "s": "ä"}) == {"1": [True, {"x": 0.5}], "s": "ä"}


def test_columns_are_aligned_and_numbers_stand_to_the_right():
    assert table([("jig", 1), ("reel", 100)], heading=("style", "n")) == ["style    n", "jig      1", "reel   100"]
    assert table([("a", 0.5, None)]) == ["a  0.5  -"]
    assert table([], heading=("a", "b")) == ["a  b"]
    assert table([]) == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x.mid"), "x.mid: no such file or directory"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device"),
        (ValueError("two\nlines   here"), "two lines here"),
        (FileExistsError("out.mid exists"), "out.mid exists"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_is_told_in_one_line(error, line):
    assert error_line(error) == line
