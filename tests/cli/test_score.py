import json

import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.fake_piece_engine import piece
from compose.judging.music import returning, wrong, yardstick
from model.pieces.networks import engine

from musicvae.compose import model as compose_model
from musicvae.compose.judging.piece_yardstick import PieceYardstick, save_piece_yardstick
from musicvae.compose.judging.yardstick import save_yardstick
from musicvae.compose.model import Model
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.piece import Piece

ENGINE = FakeEngine(canonical_key=False)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return save_yardstick(yardstick(ENGINE, count=60), tmp_path_factory.mktemp("model") / "fake.scores.safetensors")


@pytest.fixture
def loaded(kept, monkeypatch):
    """The command line on a fake engine with held-out scores beside it."""
    monkeypatch.setattr(compose_model, "load", lambda *_, **__: Model(ENGINE, path=kept.parent / "fake.safetensors"))


def test_a_wrong_note_is_told_with_its_place_and_the_likelier_pitch(run, loaded):
    wrong(returning(1)).write("tune.mid")
    code, out, err = run("score", "tune.mid", "--threshold", "0.2")
    assert code == 0
    assert "bar 4, beat 2: " in out
    assert "would be likelier" in out
    assert "track 1" in err


def test_json_has_everything(run, loaded):
    wrong(returning(1)).write("tune.mid")
    code, out, _ = run("score", "tune.mid", "--threshold", "0.2", "--json")
    piece = json.loads(out)["pieces"][0]
    assert code == 0
    assert piece["odd"] is True
    assert {note["number"] for note in piece["odd_notes"]} >= {14}
    assert len(piece["note_bits"]) == 32
    assert np.argmax(piece["note_bits"]) == 13


def test_a_folder_is_sorted_the_oddest_first_and_says_what_it_left_out(run, loaded, tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for name, melody in (("a", returning(1)), ("b", wrong(returning(1))), ("c", returning(2))):
        melody.write(folder / f"{name}.mid")
    (folder / "d.mid").write_bytes(b"no music")
    code, out, err = run("score", str(folder))
    assert code == 0
    assert out.splitlines()[1].split()[0] == "b.mid"
    assert "left out: 1 (" in err


def test_the_picture_marks_what_is_odd(run, loaded):
    wrong(returning(1)).write("tune.mid")
    code, out, _ = run("score", "tune.mid", "--threshold", "0.2", "--plot", "odd.svg")
    assert code == 0
    assert out.splitlines()[-1] == "odd.svg"
    with open("odd.svg", encoding="utf-8") as file:
        assert 'id="odd"' in file.read()


def test_slips_are_one_line(run, loaded):
    returning(1).write("a.mid")
    returning(2).write("b.mid")
    assert "--threshold 0: a share above 0 and below 1" in run("score", "a.mid", "--threshold", "0")[2]
    assert "--plot draws one melody" in run("score", "a.mid", "b.mid", "--plot")[2]
    code, _, err = run("score", "gone.mid")
    assert code == 2
    assert "gone.mid does not exist" in err


def test_a_model_without_held_out_scores_says_so(run, monkeypatch, tmp_path):
    monkeypatch.setattr(compose_model, "load", lambda *_, **__: Model(ENGINE, path=tmp_path / "bare.safetensors"))
    returning(1).write("tune.mid")
    code, out, err = run("score", "tune.mid", "--quick")
    assert code == 0
    assert "nothing can be called odd" in err
    assert "tune.mid" in out


def test_drums_are_scored_by_part_and_bar(run, monkeypatch, tmp_path):
    monkeypatch.setattr(compose_model, "load", lambda *_, **__: PieceModel(engine("tiny-drums"), name="drums"))
    piece("drums", 4).write("beat.mid")
    code, out, err = run("score", "beat.mid", "--kind", "drums")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["file", "bars", "hits"]
    assert [line.split()[0] for line in lines[-4:]] == ["1", "2", "3", "4"]
    assert "leave it out with drums" in run("score", "beat.mid", "--kind", "drums", "--plot")[2]


def test_a_folder_of_beats_names_the_option(fails, loaded, tmp_path):
    (tmp_path / "beats").mkdir()
    piece("drums", 4).write(tmp_path / "beats" / "beat.mid")
    fails(["score", str(tmp_path / "beats")], "only drums in it", "--kind drums scores beats")


def test_wrong_hits_and_files_of_a_folder_are_told(run, monkeypatch, tmp_path):
    made = engine("tiny-drums")
    shown = {"events": np.linspace(0, 0.01, 100), "passages": np.linspace(1e5, 1e6, 100)}
    save_piece_yardstick(PieceYardstick(made.hash, shown, np.full(100, 4), {}), tmp_path / "own.scores.json")
    monkeypatch.setattr(compose_model, "load", lambda *_, **__: PieceModel(made, name="drums", path=tmp_path / "own.safetensors"))
    (tmp_path / "songs").mkdir()
    clean = beat()
    late = clean.copy()
    late[5, 8] ^= np.uint64(1)
    late[5, 9] |= np.uint64(1)
    Piece("drums", {"bars": clean}).write(tmp_path / "songs" / "clean.mid")
    Piece("drums", {"bars": late}).write(tmp_path / "songs" / "late.mid")
    (tmp_path / "songs" / "no.mid").write_bytes(b"nothing")
    code, out, err = run("score", str(tmp_path / "songs"), "--kind", "drums")
    assert code == 0, err
    assert "left out: 1" in err
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["late.mid", "clean.mid"]
    assert "6:3.25: kick, at 6:3.0 would be likelier" in out
    code, out, _ = run("score", str(tmp_path / "songs"), "--kind", "drums", "--quick", "--json")
    assert code == 0
    assert [entry["odd_events"] for entry in json.loads(out)["pieces"]] == [[], []]
    code, _, err = run("score", str(tmp_path / "songs" / "no.mid"), "--kind", "drums")
    assert code == 2


def beat(bars=8):
    """Hi-hat in eighths, the kick on one and three."""
    hits = np.zeros((bars, 16), np.uint64)
    hits[:, ::2] |= np.uint64(4)
    hits[:, ::8] |= np.uint64(1)
    return hits
