import json
from pathlib import Path

import pytest


def test_a_file_is_packed_and_comes_back(run, two_tunes):
    code, out, err = run("compress", "b.mid")
    assert (code, out) == (0, "b.mvz\n")
    assert "bytes became" in err
    assert Path("b.mvz").stat().st_size < Path("b.mid").stat().st_size / 2
    code, out, _ = run("expand", "b.mvz", "-o", "again.mid")
    assert (code, out) == (0, "again.mid\n")
    assert Path("again.mid").read_bytes() == Path("b.mid").read_bytes()


def test_as_json(run, two_tunes):
    code, out, err = run("compress", "a.mid", "-o", "x.mvz", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["path"], result["original_bytes"]) == ("x.mvz", Path("a.mid").stat().st_size)
    assert result["bytes"] == Path("x.mvz").stat().st_size
    assert result["notices"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("compress a.mid -o x.mid", ("x.mid", ".mvz")),
        ("compress none.mid", ("none.mid does not exist",)),
        ("compress bad.mid", ("not a MIDI file",)),
        ("expand a.mid -o x.mid", ("a.mid", "no .mvz file")),
        ("expand none.mvz", ("none.mvz",)),
        ("expand cut.mvz", ("cut.mvz", "cut short")),
        ("expand cut.mvz -o x.mvz", ("x.mvz", "MIDI file")),
    ],
)
def test_bad_files(run, fails, two_tunes, words, parts):
    run("compress", "a.mid", "-o", "whole.mvz")
    Path("cut.mvz").write_bytes(Path("whole.mvz").read_bytes()[:-3])
    Path("bad.mid").write_bytes(b"nothing of that kind")
    before = sorted(Path().iterdir())
    fails(words, *parts)
    assert sorted(Path().iterdir()) == before
