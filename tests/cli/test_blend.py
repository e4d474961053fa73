import json
from pathlib import Path

import pytest


def test_a_blend_is_a_folder_of_steps(run, model, two_tunes):
    code, out, err = run("interpolate", "a.mid", "b.mid", "--steps", "3")
    assert code == 0
    assert out.splitlines() == [str(Path("musicvae-blend") / name) for name in ("01.mid", "02.mid", "03.mid")]
    assert all(Path(line).is_file() for line in out.splitlines())
    assert "a.mid: track" in err
    assert "B was transposed\nB was played 2 times\n" in err
    asked = model.called("interpolate")
    assert (asked["steps"], asked["method"], asked["temperature"], asked["seed"]) == (3, "slerp", 0.0, 0)
    assert (asked["a"].num_bars, asked["b"].num_bars) == (4, 8)


def test_parts_of_the_files_are_taken(run, model, two_tunes):
    words = "interpolate b.mid b.mid --start-bar 3 --bars 2 --track Song --track-b Bass --keys b --align trim -o d --json"
    code, out, err = run(*words.split())
    assert (code, err) == (0, "")
    asked = model.called("interpolate")
    assert asked["a"].num_bars == asked["b"].num_bars == 2
    assert (asked["keys"], asked["align"], asked["meters"], asked["spacing"]) == ("b", "trim", "map", "even")
    assert asked["a"].notes[0].pitch == 60 + 5
    assert asked["b"].notes[0].pitch == 60 - 12
    result = json.loads(out)
    assert len(result["pieces"]) == 9
    assert "B was transposed" in result["notices"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("interpolate a.mid none.mid", ("none.mid does not exist",)),
        ("interpolate a.mid .", ("is a folder",)),
        ("interpolate a.mid b.mid --track-b 9", ("b.mid: no track 9",)),
        ("interpolate a.mid b.mid --start-bar 99", ("a.mid: bar 99 is past the end: the melody of track ", " has 4 bars")),
        ("interpolate a.mid junk.mid", ("junk.mid",)),
    ],
)
def test_inputs_that_hold_no_melody(fails, model, two_tunes, words, parts):
    (two_tunes / "junk.mid").write_bytes(b"not music at all")
    fails(words, *parts)
    assert not Path("musicvae-blend").exists()


def test_sounds_and_the_picture_of_all_are_listed(run, model, two_tunes):
    code, out, _ = run("interpolate", "a.mid", "b.mid", "--steps", "2", "-o", "d", "--wav", "--plot", "way.png")
    assert code == 0
    assert out.splitlines() == [*(str(Path("d") / name) for name in ("01.mid", "01.wav", "02.mid", "02.wav")), "way.png"]
    words = "interpolate a.mid b.mid --steps 2 -o e --wav --plot other.png --json"
    pieces = json.loads(run(*words.split())[1])["pieces"]
    assert [(piece["wav"], piece["plot"]) for piece in pieces] == [(str(Path("e") / name), "other.png") for name in ("01.wav", "02.wav")]


def test_an_existing_blend_is_kept(fails, model, two_tunes):
    Path("musicvae-blend").mkdir()
    Path("musicvae-blend/09.mid").write_text("mine")
    fails("interpolate a.mid b.mid", "09.mid exists")
    assert model.calls == []
