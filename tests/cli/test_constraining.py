import pytest

from musicvae.compose.constraints.constraints import Constraints, RequiredNote
from musicvae.music.melody import Melody
from musicvae.music.midi import read_midi


def test_constraints_reach_the_model(run, model):
    Melody.from_beats([(60, 0, 1), (62, 1, 3)], num_bars=1).write("r.mid")
    words = ["--scale", "D dorian", "--range", "C4-A5", "--longest", "3", "--rhythm", "r.mid", "--note", "1:1:D4", "--note", "4:2:A4"]
    code, _, err = run("generate", "--bars", "4", "--seed", "7", *words)
    assert code == 0
    asked = model.called("generate_many")["constraints"]
    assert isinstance(asked, Constraints)
    assert (asked.scale, asked.lowest, asked.highest, asked.longest_beats) == ({2, 4, 5, 7, 9, 11, 0}, 60, 81, 3.0)
    assert asked.notes == (RequiredNote(1, 1, 62), RequiredNote(4, 2, 69))
    assert [(note.onset, note.duration) for note in asked.rhythm.notes] == [(0, 1), (1, 3)]
    assert "rhythm: r.mid: track 1" in err
    model.calls.clear()
    assert run("generate")[0] == 0
    assert "constraints" not in model.called("generate_many")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scale", "H major"], "argument --scale: 'H major' is no scale"),
        (["--range", "C4"], "argument --range: 'C4' is no range"),
        (["--range", "A5-C4"], "argument --range: a range goes from a lower to a higher pitch"),
        (["--note", "1:1"], "is no note: write BAR:BEAT:PITCH or BAR:BEAT:PITCH:BEATS, as in 8:3:G4:2 (2 or 3 colons are needed)"),
        (["--longest", "0"], "argument --longest: 0 is not a number above 0"),
        (["--longest", "0.1"], "the longest note lasts at least a sixteenth"),
        (["--rhythm", "none.mid"], "none.mid does not exist"),
    ],
)
def test_what_makes_no_sense_is_one_line(fails, words, message):
    fails(["generate", *words], message)


def test_drums_have_no_scale(fails, model):
    model.material, model.name = "drums", "beats"
    fails(["generate", "--scale", "C"], "beats makes drums: --scale, --range, --rhythm, --longest and --note are for melodies")


def test_chords_are_a_second_track(tmp_path, monkeypatch):
    """The whole way, with the fake network."""
    from compose.fake_engine import FakeEngine

    from musicvae.cli.main import main
    from musicvae.compose.model import Model

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("musicvae.compose.model.load", lambda *_, **__: Model(FakeEngine(), name="fake"))
    assert main(["generate", "--bars", "8", "--chords", "Dm7 G7/B Cmaj9 A7b9", "--seed", "3", "-o", "x.mid"]) == 0
    melody, chords = read_midi("x.mid").tracks
    assert chords.name == "Chords"
    assert {note.pitch % 12 for note in chords.notes if note.onset_ticks == 4 * 1920} == {0, 2, 4, 7, 11}
    assert melody.notes
