import json

import numpy as np
import pytest
from model.pieces.networks import columns, saved

from musicvae.music.midi import read_midi
from musicvae.music.piece import Piece


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: str(saved(f"tiny-{kind}", folder / f"{kind}.safetensors")) for kind in ("drums", "groove", "trio")}


@pytest.fixture
def songs(tmp_path):
    for kind in ("drums", "trio"):
        rows = {name: np.array(column[0]) for name, column in columns(kind, 1, 4).items()}
        if kind == "trio":
            rows["bass"][rows["bass"] >= 2] -= 12
        Piece(kind, rows).write(tmp_path / f"{kind}.mid")


def test_masked_bars_of_a_trio_are_found_anew_in_their_file(run, models, songs):
    code, out, err = run("repair", "trio.mid", "--model", models["trio"], "--mask", "2-3", "--only", "bass", "--stiff", "--json")
    assert code == 0, err
    assert (json.loads(out)["mask"], json.loads(out)["pieces"][0]["path"]) == ("2-3", "trio-repaired.mid")
    before, after = read_midi("trio.mid").tracks, read_midi("trio-repaired.mid").tracks
    assert [before[number].notes == after[number].notes for number in (0, 2)] == [True, True]
    changed = {(n.onset_ticks, n.pitch) for n in before[1].notes} ^ {(n.onset_ticks, n.pitch) for n in after[1].notes}
    assert {onset // 1920 for onset, _ in changed} <= {1, 2}


def test_masked_bars_of_a_beat_are_found_anew(run, models, songs):
    assert run("repair", "drums.mid", "--model", models["drums"], "--mask", "4", "-o", "x.mid")[0] == 0
    notes = [{(n.onset_ticks, n.pitch, n.velocity) for n in read_midi(name).tracks[0].notes} for name in ("drums.mid", "x.mid")]
    assert {onset // 1920 for onset, _, _ in notes[0] ^ notes[1]} <= {3}


@pytest.mark.parametrize(
    ("kind", "words", "text"),
    [
        ("trio", "--mask 9", "there is no bar 9 of 4/4 in it; such are bars 1-4"),
        ("trio", "--mask 2 --lock melody,bass,drums", "nothing is to be found anew: all that is masked is locked"),
        ("trio", "--only piano", "only 'piano' is no line of it: there are melody, bass, drums"),
        ("trio", "", "say what to find anew: bars, as in mask='7-10', or lines of a trio"),
        ("trio", "--mask 2 --chords C", "--chords and constraints are for melodies"),
        ("drums", "--apply", "wrong notes are looked for in melodies"),
        ("drums", "--mask 2 --only bass", "--only is for the lines of a trio (--kind trio)"),
        ("groove", "--mask 2", "finds no bars anew: models of melodies, drums and trios of this project do"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, models, songs, kind, words, text):
    code, out, err = run("repair", "trio.mid" if kind == "trio" else "drums.mid", "--model", models[kind], *words.split())
    assert (code, out) == (2, "")
    assert text in err.splitlines()[-1]
