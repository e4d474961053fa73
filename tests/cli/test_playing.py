import json
from pathlib import Path

import pytest
from compose.grooving_doubles import FakeDrummer, FakePlayer
from compose.grooving_music import rows_of, stiff

from musicvae.compose import model as compose_model
from musicvae.compose.pieces.model import PieceModel
from musicvae.music.midi import read_midi, write_score


@pytest.fixture
def players(monkeypatch, tmp_path):
    """The names of the models that were loaded; stand-ins are."""
    asked = []

    def load(name=None, *, device="cpu", threads=None):
        asked.append(name)
        made = {"groove": FakePlayer, "drumify": FakeDrummer}
        if name not in made:
            raise ValueError(f"unknown model {name!r}")
        return PieceModel(made[name](), name=name, styles_folder=tmp_path / "styles")

    monkeypatch.setattr(compose_model, "load", load)
    write_score(stiff(3), tmp_path / "beat.mid")
    write_score(stiff(1), tmp_path / "played.mid")
    return asked


def test_a_beat_is_humanised_and_one_line_says_how(run, players):
    code, out, err = run("humanize", "beat.mid", "--seed", "7", "--temperature", "0")
    assert (code, out) == (0, "beat-humanized.mid\n")
    line = err.splitlines()[-1]
    assert line.startswith("beat-humanized.mid: 39 hits in 3 bars, 39 played anew, timing ")
    assert line.endswith(", seed 7")
    assert players == ["groove"]
    assert len(rows_of(read_midi("beat-humanized.mid"), 2)) == 39


def test_json_has_the_report_and_the_story(run, players):
    code, out, err = run("humanize", "beat.mid", "-o", "x.mid", "--seed", "7", "--amount", "0.5", "--apply-to", "bass", "--json")
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert (result["command"], result["input"], result["report"]["hits"]) == ("humanize", "beat.mid", 39)
    assert {"seed": 7, "amount": 0.5, "apply_to": ["bass"], "temperature": 0.5}.items() <= result["made"].items()
    assert (result["pieces"][0]["path"], result["pieces"][0]["seed"], result["pieces"][0]["meter"]) == ("x.mid", 7, "4/4")
    assert any("track 2 (the only track of drums)" in text for text in result["notices"])


def test_amount_0_copies_the_file(run, players):
    assert run("humanize", "beat.mid", "-o", "same.mid", "--amount", "0")[0] == 0
    assert Path("same.mid").read_bytes() == Path("beat.mid").read_bytes()


def test_sound_and_picture_go_beside(run, players):
    code, out, _ = run("humanize", "beat.mid", "-o", "x.mid", "--wav", "--plot", "--style", "")
    assert code == 2
    code, out, _ = run("humanize", "beat.mid", "-o", "x.mid", "--wav", "--plot")
    assert (code, out.splitlines()) == (0, ["x.mid", "x.wav", "x.png"])
    assert Path("x.wav").stat().st_size > 44_100
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")


def test_a_groove_is_transferred(run, players):
    code, out, err = run("groove-transfer", "beat.mid", "played.mid", "--drum-map", "td11")
    assert (code, out) == (0, "beat-groove.mid\n")
    assert "played.mid: track 2 (the only track of drums)" in err
    assert len(rows_of(read_midi("beat-groove.mid"), 2)) == 39


def test_a_rhythm_becomes_a_beat(run, players):
    code, out, err = run("drumify", "beat.mid", "--track", "1", "--seed", "3", "--keep")
    assert (code, out, players) == (0, "beat-beat.mid\n", ["drumify", "groove"])
    assert "the onsets of track 1 (asked for by number) are the rhythm" in err
    assert [track.name for track in read_midi("beat-beat.mid").tracks] == ["Fretless Bass", "Drums"]
    players.clear()
    assert run("drumify", "beat.mid", "--stiff", "-o", "stiff.mid")[0] == 0
    assert players == ["drumify"]
    assert {row[3] for row in rows_of(read_midi("stiff.mid"), 1)} == {90}


@pytest.mark.parametrize("words", ["humanize beat.mid", "groove-transfer beat.mid played.mid", "drumify beat.mid"])
def test_what_is_there_is_not_overwritten(run, fails, players, words):
    fails(f"{words} -o played.mid", "played.mid exists", "--force")
    assert players == []
    assert run(*words.split(), "-o", "played.mid", "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("humanize none.mid", ("none.mid does not exist",)),
        ("humanize beat.mid --amount 2", ("2 is not a share from 0 to 1",)),
        ("humanize beat.mid --drum-map kit.toml", ("kit.toml does not exist",)),
        ("humanize beat.mid --drum-map td-11", ("unknown drum map 'td-11' (did you mean 'td11'?)",)),
        ("humanize beat.mid --model drumify", ("drumify (a model of drums) cannot humanise", "such as the shipped 'groove'")),
        ("humanize beat.mid --apply-to flute", ("named like 'flute'",)),
        ("humanize beat.mid --style funk", ("unknown style 'funk'",)),
        ("groove-transfer beat.mid none.mid", ("none.mid does not exist",)),
        ("drumify beat.mid --model groove", ("groove (a model of groove) cannot make a beat of a rhythm",)),
        ("drumify beat.mid --track 7", ("beat.mid: no track 7 with notes",)),
    ],
)
def test_slips_are_told_in_one_line(fails, players, words, parts):
    fails(words, *parts)
    assert not list(Path().glob("*-*.mid"))
