import json
from pathlib import Path

import pytest

from musicvae.music.reading import read_score


def test_one_variation_is_a_file(run, model, two_tunes):
    code, out, err = run("vary", "a.mid", "--seed", "7")
    assert (code, out) == (0, "a-varied.mid\n")
    assert "a-varied.mid: seed 70, amount 0.2, 20.0% of the notes are others\n" in err
    asked = model.called("vary")
    assert (asked["amount"], asked["n"], asked["seed"], asked["melody"].num_bars) == ([0.2], 1, 7, 4)


def test_a_graded_series_is_a_folder(run, model, two_tunes):
    words = "vary b.mid --amount 0 0.25 --n 3 --bars 2 --scale C --json -o many"
    code, out, err = run(*words.split())
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert [piece["path"] for piece in result["pieces"]] == [str(Path("many") / f"0{k}.mid") for k in range(1, 7)]
    assert [(piece["amount"], piece["distance"]) for piece in result["pieces"]] == [(0, 0), (0.25, 0.25)] * 3
    asked = model.called("vary")
    assert asked["melody"].num_bars == 2
    assert asked["constraints"].scale == frozenset((0, 2, 4, 5, 7, 9, 11))


def test_the_other_tracks_can_be_kept(run, model, two_tunes):
    code, out, _ = run(*["vary", "b.mid", "--keep", "--amount", "0", "--track", "Song"])
    assert (code, out) == (0, "b-varied.mid\n")
    before, after = (read_score(path).tracks for path in ("b.mid", "b-varied.mid"))
    assert [track.name for track in after] == [track.name for track in before] == ["Song", "Bass"]
    assert [track.notes for track in after] == [track.notes for track in before]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("vary none.mid", ("none.mid does not exist",)),
        ("vary a.mid --amount 20", ("argument --amount: 20 is not a share from 0 to 1",)),
        ("vary a.mid --n 0", ("--n",)),
        ("vary a.mid --n 99999999", ("99999999 pieces are asked for, and 10000 are made at most",)),
        ("vary a.mid --keep --bars 2", ("leave --start-bar and --bars out",)),
        ("vary a.mid --n 2 -o x.mid", ("looks like a file",)),
    ],
)
def test_slips(fails, model, two_tunes, words, parts):
    fails(words, *parts)
