import json
from pathlib import Path

import pytest

from musicvae.compose.code import Code


def test_a_melody_is_encoded_and_decoded(run, model, two_tunes):
    code, out, _ = run("encode", "a.mid", "--refine", "5")
    assert (code, out) == (0, "a.npz\n")
    assert Code.load("a.npz").num_bars == 4
    assert model.called("encode")["refine"] == 5
    code, out, _ = run("decode", "a.npz", "-o", "again.mid", "--temperature", "0.5", "--seed", "3")
    assert (code, out) == (0, "again.mid\n")
    assert Path("again.mid").is_file()
    assert model.called("decode") == {"temperature": 0.5, "seed": 3, "chords": None}


def test_a_code_does_not_replace_the_melody_it_came_from(run, fails, model, two_tunes):
    assert run("encode", "a.mid")[0] == 0
    fails("decode a.npz", "a.mid exists")


def test_encode_as_json(run, model, two_tunes):
    code, out, err = run("encode", "b.mid", "-o", "x.npz", "--bars", "2", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["path"], result["windows"], result["size"], result["bars"], result["meter"]) == ("x.npz", 1, 3, 2, "4/4")
    assert result["notices"]


def test_reconstruct(run, model, two_tunes):
    code, out, _ = run("reconstruct", "a.mid", "--refine", "9")
    assert (code, out) == (0, "a-reconstructed.mid\n")
    assert model.called("reconstruct") == {"refine": 9, "temperature": 0.0, "seed": 0, "chords": None}


def test_chords_reach_the_model(run, model, two_tunes):
    assert run("encode", "a.mid", "--chords", "C F")[0] == run("decode", "a.npz", "--chords", "D G", "-o", "x.mid")[0] == 0
    assert (model.called("encode")["chords"], model.called("decode")["chords"]) == ("C F", "D G")
    assert run("reconstruct", "a.mid", "--chords", "Am")[0] == 0
    assert model.called("reconstruct")["chords"] == "Am"
    assert run("interpolate", "a.mid", "b.mid", "--chords", "Em")[0] == 0
    assert model.called("interpolate")["chords"] == "Em"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("encode a.mid -o x.mid", ("x.mid", ".npz")),
        ("encode none.mid", ("none.mid does not exist",)),
        ("decode a.mid -o x.mid", ("a.mid", "no code")),
        ("decode none.npz", ("none.npz",)),
        ("reconstruct .", ("is a folder",)),
        ("reconstruct a.mid -o a.mid", ("a.mid exists",)),
    ],
)
def test_bad_files(fails, model, two_tunes, words, parts):
    before = sorted(Path().iterdir())
    fails(words, *parts)
    assert sorted(Path().iterdir()) == before
