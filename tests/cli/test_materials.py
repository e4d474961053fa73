"""The same commands with models of drums, grooves, trios and performances, over an engine without weights."""

import json

import numpy as np
import pytest
from compose.fake_piece_engine import PRESETS, engine, piece

from musicvae.cli.main import main
from musicvae.compose import model as compose_model
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.reading import read_score


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """run(kind, *words) -> what a command with ``--json`` answers; run.fails(kind, *words) -> its error line."""
    monkeypatch.chdir(tmp_path)

    def load(name=None, **options):
        return PieceModel(engine(name), name=name, styles_folder=tmp_path / "styles")

    monkeypatch.setattr(compose_model, "load", load)

    def call(kind, *words):
        assert main([*words, "--model", kind, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    def fails(kind, *words):
        assert main([*words, "--model", kind]) == 2
        return capsys.readouterr().err.strip()

    call.fails = fails
    return call


@pytest.mark.parametrize("kind", PRESETS)
def test_all_commands_work_on_files(kind, run, tmp_path):
    a, b = (piece(kind, bars, bars).write(tmp_path / f"{bars}.mid") for bars in (2, 3))
    hits = ["--hits", str(a)] if kind == "hits" else []
    drawn = run(kind, "generate", "--bars", "3", "--seed", "5", "-o", "new.mid", *hits)
    assert drawn["pieces"][0]["bars"] == 3
    assert drawn["pieces"][0]["notes"] > 0
    blend = run(kind, "interpolate", str(a), str(b), "--steps", "3", "-o", "way")
    assert [made["bars"] for made in blend["pieces"]] == [3, 3, 3]
    assert any("A, of 2 bars, was repeated to fill 3" in text for text in blend["notices"])
    run(kind, "encode", str(a), "-o", "a.npz")
    decoded = run(kind, "decode", "a.npz", "-o", "again.mid")
    assert decoded["pieces"][0]["bars"] == 2
    run(kind, "reconstruct", str(a), "-o", "heard.mid")
    assert read_score(tmp_path / "heard.mid").tracks
    if PRESETS[kind].startswith("hier-multiperf"):
        return
    (tmp_path / "some").mkdir()
    for seed in range(3):
        piece(kind, 4, seed).write(tmp_path / "some" / f"{seed}.mid")
    learnt = run(kind, "style", "learn", "mine", "--from", str(tmp_path / "some"))
    assert learnt["report"]["learnt"] == "examples"
    assert [style["name"] for style in run(kind, "style", "list")["styles"]] == ["mine"]
    assert "density" in run(kind, "style", "report", "mine")["report"]["effects"]
    assert run(kind, "style", "apply", str(a), "mine:+1.0", "-o", "styled.mid")["pieces"][0]["bars"] == 2


def test_a_seed_makes_the_same_file_again(run, tmp_path):
    for name in ("one.mid", "two.mid"):
        run("drums", "generate", "--seed", "7", "-o", name)
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()


def test_hits_of_one_file_with_the_feel_of_another(run, tmp_path):
    pattern, feel = (piece("hits", 2, seed) for seed in (1, 2))
    for name, own in (("pattern", pattern), ("feel", feel)):
        own.write(tmp_path / f"{name}.mid")
    assert run("hits", "generate", "--hits", "pattern.mid", "--seed", "1", "-o", "new.mid")["pieces"][0]["bars"] == 2
    run("hits", "encode", "feel.mid")
    run("hits", "decode", "feel.npz", "--hits", "pattern.mid", "-o", "a.mid")
    run("hits", "reconstruct", "feel.mid", "--hits", "pattern.mid", "-o", "b.mid")
    taken = PieceModel(engine("hits"))
    for name in ("a.mid", "b.mid"):
        assert np.array_equal(taken.take(tmp_path / name).music.columns["bars"] > 0, pattern.columns["bars"] > 0)


def test_errors_are_one_line_that_helps(run, tmp_path):
    piece("drums").write(tmp_path / "a.mid")
    for kind, words, message in (
        ("drums", ("generate", "--meter", "3/4"), "knows 4/4 only, not 3/4"),
        ("drums", ("generate", "--meter", "2/4"), "knows 4/4 only, not 2/4"),
        ("drums", ("generate", "--key", "D"), "in no key"),
        ("drums", ("generate", "--chords", "C"), "knows no chords"),
        ("drums", ("generate", "--hits", "a.mid"), "chooses its own hits"),
        ("trio", ("generate", "--hits", "a.mid"), "chooses its own hits"),
        ("hits", ("generate",), "plays given hits with its own feel: say which"),
        ("hits", ("generate", "--hits", "none.mid"), "none.mid does not exist"),
        ("trio", ("reconstruct", "a.mid"), "a.mid: no melody for a trio"),
        ("drums", ("interpolate", "a.mid", "a.mid", "--keys", "a"), "one meter and no keys"),
    ):
        error = run.fails(kind, *words)
        assert message in error
        assert "\n" not in error
