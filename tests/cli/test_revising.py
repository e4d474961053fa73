import json
from dataclasses import replace

import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose import model as compose_model
from musicvae.compose.model import Model
from musicvae.music.extract import read_melody
from musicvae.music.meter import Meter
from musicvae.music.midi import read_midi, write_midi, write_score
from musicvae.music.score import MeterChange, ScoreNote


@pytest.fixture
def fake(monkeypatch):
    made = Model(FakeEngine(), name="fake")
    for name in ("load", "load_melodic"):
        monkeypatch.setattr(compose_model, name, lambda *args, **options: made)
    return made


@pytest.fixture
def song(tmp_path):
    return write_midi([tune(3, 8, name="Song"), tune(4, 8, shift=-24, name="Bass")], tmp_path / "song.mid")


def test_continue_adds_bars_to_the_melody_and_keeps_every_other_track(run, fake, song):
    code, out, err = run("continue", "song.mid", "--bars", "4", "--seed", "7")
    assert (code, out) == (0, "song-continued.mid\n")
    assert "seed 7: bars 9-12 are new" in err
    before, after = read_midi("song.mid"), read_midi("song-continued.mid")
    assert after.tracks[1].notes == before.tracks[1].notes
    assert after.tracks[0].notes[: len(before.tracks[0].notes)] == before.tracks[0].notes
    assert read_melody("song-continued.mid")[0].num_bars == 12


def test_continue_after_a_bar_takes_the_place_of_what_followed(run, fake, song):
    assert run("continue", "song.mid", "--after", "5", "--bars", "2", "--seed", "7", "-o", "x.mid")[0] == 0
    before, after = read_melody("song.mid")[0], read_melody("x.mid")[0]
    assert after.cut(0, 5).notes == before.cut(0, 5).notes
    assert after.notes[-1].end_steps <= 7 * 16 < before.notes[-1].end_steps


def test_continue_refuses_to_sound_together_with_bars_that_cannot_be_taken(run, fake, tmp_path):
    write_midi([tune(3, 8)], tmp_path / "song.mid")
    score = read_midi("song.mid")
    (track,), end = score.tracks, 8 * 4 * score.ticks_per_beat
    high = tuple(ScoreNote(end + score.ticks_per_beat * beat, 120, 10, 80) for beat in range(12))
    longer = replace(score, tracks=(replace(track, notes=track.notes + high),))
    write_score(longer, tmp_path / "high.mid")
    write_score(replace(longer, meters=(*score.meters, MeterChange(end, Meter(5, 4)))), tmp_path / "five.mid")
    code, _, err = run("continue", "high.mid", "--seed", "7")
    assert (code, "12 more notes of track 1 come after bar 8, the last that can be taken" in err) == (2, True)
    assert run("continue", "high.mid", "--seed", "7", "--after", "8")[0] == 0
    after = read_midi("high-continued.mid").tracks[0].notes
    assert after[: len(track.notes)] == track.notes
    assert 120 not in {note.pitch for note in after}
    code, _, err = run("continue", "five.mid", "--seed", "7")
    assert (code, "five.mid: the meter changes to 5/4 after bar 8, the last that can be gone on from" in err) == (2, True)


def test_continue_tells_what_returns_and_returns_when_told(run, fake, tmp_path):
    halves = [tune(3, 8), tune(4, 8)]
    write_midi([type(halves[0]).joined([halves[0], halves[1], halves[0]])], tmp_path / "aba.mid")
    code, _, err = run("continue", "aba.mid", "--bars", "8", "--seed", "7", "--prior-temperature", "0")
    assert code == 0
    assert "seed 7: bars 25-32 return to bars 9-16" in err
    assert "seed 7: bars 25-32 are new" in run("continue", "aba.mid", "--seed", "7", "--form", "free", "--force")[2]
    code, _, err = run("continue", "aba.mid", "--seed", "7", "--bars", "4", "--return-to", "1", "--after", "20", "--force")
    assert (code, "bars 21-24 return to bars 1-4" in err) == (0, True)
    assert read_melody("aba-continued.mid")[0].cut(20, 4).notes == halves[0].cut(0, 4).notes


def test_repair_finds_masked_bars_anew(run, fake, song):
    code, out, err = run("repair", "song.mid", "--mask", "3-4", "--lock", "4", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["pieces"][0]["bars"] == 8
    before, after = read_melody("song.mid")[0], read_melody("song-repaired.mid")[0]
    assert [n for n in before.notes if n.onset_steps not in range(32, 48)] == [n for n in after.notes if n.onset_steps not in range(32, 48)]
    assert read_midi("song-repaired.mid").tracks[1].notes == read_midi("song.mid").tracks[1].notes


def test_without_a_mask_wrong_notes_are_listed_and_put_right_when_asked(run, fake, tmp_path):
    half = tune(3, 4)
    right = type(half).joined([half] * 3)
    notes = list(right.notes)
    notes[-2] = type(notes[-2])(notes[-2].pitch + 3, notes[-2].onset_steps, notes[-2].duration_steps, notes[-2].velocity)
    write_midi([type(right)(tuple(notes), num_bars=12, key=right.key)], tmp_path / "wrong.mid")
    code, out, _ = run("repair", "wrong.mid", "--wrong-share", "0.1")
    assert code == 0
    assert out.splitlines()[0].split() == ["at", "note", "better", "bits"]
    assert len(out.splitlines()) == 2
    assert not list(tmp_path.glob("*-repaired.mid"))
    assert run("repair", "wrong.mid", "--wrong-share", "0.1", "--apply")[0] == 0
    assert read_melody("wrong-repaired.mid")[0].notes == right.notes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("repair song.mid --mask 9", "bar 9 is none of the melody's, which has bars 1-8 in 4/4"),
        ("repair song.mid --mask x", "is no bar, beat or stretch of them"),
        ("repair song.mid --mask 3 --lock 3", "nothing is to be found anew: all that is masked is locked"),
        ("repair song.mid --mask 3 --apply", "--apply and --wrong-share are for notes that sound wrong"),
        ("repair song.mid --scale C", "chords and constraints are for what is found anew: say what, with --mask"),
        ("repair song.mid -o x.mid", "nothing is written without --mask or --apply"),
        ("repair none.mid", "none.mid does not exist"),
        ("continue song.mid --after 9", "bar 9 is none of the melody's"),
        ("continue song.mid --return-to 9", "there is no bar 9 to return to: the given music has bars 1 to 8"),
        ("continue song.mid --form AABA", "unknown --form 'AABA'; allowed are auto, free"),
        ("continue song.mid --bars 0", "0 is not a whole number from 1 up"),
        ("continue none.mid", "none.mid does not exist"),
    ],
)
def test_what_makes_no_sense_is_one_line(fails, fake, song, words, message):
    fails(words, message)
