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


def test_a_path_by_more_than_two(run, model, two_tunes):
    words = "interpolate a.mid b.mid a.mid --steps 4 -o way"
    code, out, _ = run(*words.split())
    assert code == 0
    assert out.splitlines() == [str(Path("way") / f"0{k}.mid") for k in range(1, 5)]
    asked = model.called("path_through")
    assert (asked["steps"], asked["ends"], [piece.num_bars for piece in asked["sources"]]) == (4, "exact", [4, 8, 4])


def test_exact_ends_between_two(run, model, two_tunes):
    words = "interpolate a.mid b.mid --ends exact --steps 2 -o d"
    code, _, _ = run(*words.split())
    assert code == 0
    assert model.called("path_through")["steps"] == 2


def test_a_grid_goes_row_by_row(run, model, two_tunes):
    words = "interpolate --grid a.mid b.mid a.mid b.mid --steps 2 --columns 3 -o g --json"
    code, out, _ = run(*words.split())
    assert code == 0
    result = json.loads(out)
    assert [(piece["row"], piece["column"]) for piece in result["pieces"]] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert result["shape"] == "grid"
    assert (model.called("grid")["rows"], model.called("grid")["columns"]) == (2, 3)


def test_weights_and_join_give_one_file(run, model, two_tunes):
    words = "interpolate a.mid b.mid a.mid --weights 5 3 2 --ends decoded"
    code, out, _ = run(*words.split())
    assert (code, out) == (0, "musicvae-blend.mid\n")
    assert (model.called("mix")["shares"], model.called("mix")["ends"]) == ([5, 3, 2], "decoded")
    words = "interpolate a.mid b.mid --join -o one.mid"
    code, out, _ = run(*words.split())
    assert (code, out) == (0, "one.mid\n")
    assert model.called("morph")["rounds"] == 4


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("interpolate a.mid", ("are required: B (see",)),
        ("interpolate --grid a.mid b.mid a.mid", ("a grid has 4 inputs, one for each corner, got 3",)),
        ("interpolate a.mid b.mid --weights 1 2 3", ("2 inputs take as many weights, got 3",)),
        ("interpolate a.mid b.mid --weights 0 0", ("at least one weight must be above 0",)),
        ("interpolate a.mid b.mid --weights 1 2 --steps 3", ("leave --steps out",)),
        ("interpolate a.mid b.mid --columns 3", ("--columns is for a grid",)),
        ("interpolate a.mid b.mid a.mid --steps 2", ("a path by 3 inputs has at least 3 steps",)),
        ("interpolate a.mid b.mid --grid --join", ("not allowed with",)),
    ],
)
def test_slips_in_what_is_asked_for(fails, model, two_tunes, words, parts):
    fails(words, *parts)
    assert model.calls == []
