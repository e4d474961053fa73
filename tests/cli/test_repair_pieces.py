import json
from pathlib import Path

import numpy as np
import pytest
from model.pieces.networks import columns, saved

from musicvae.music.midi import read_midi
from musicvae.music.midi_writing import write_score
from musicvae.music.piece import Piece
from musicvae.music.score import NoteTable, Score, Track


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
        ("trio", "--lock 1-4", "nothing is left to look at: all is locked"),
        ("trio", "-o x.mid", "nothing is written without --mask or --apply"),
        ("trio", "--mask 2 --apply", "--apply and --wrong-share are for notes that sound wrong"),
        ("trio", "--mask 2 --chords C", "--chords and constraints are for melodies"),
        ("drums", "--apply --lock drums", "nothing is left to look at: all is locked"),
        ("drums", "--mask 2 --only bass", "--only is for the lines of a trio (--kind trio)"),
        ("groove", "--mask 2", "finds no bars anew: models of melodies, drums and trios of this project do"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, models, songs, kind, words, text):
    code, out, err = run("repair", "trio.mid" if kind == "trio" else "drums.mid", "--model", models[kind], *words.split())
    assert (code, out) == (2, "")
    assert text in err.splitlines()[-1]


@pytest.fixture
def late(tmp_path):
    """A beat played with a feel, whose snare of bar 3 came a sixteenth late; its notes by tick, pitch and velocity."""
    struck = [(480 * beat, 36 if beat % 2 == 0 else 38, 90 + beat % 4) for beat in range(32)]
    struck += [(240 * eighth, 42, 60 + eighth % 2) for eighth in range(64)]
    struck = [(tick + 120 * ((tick, pitch) == (4320, 38)) + (7 if tick % 960 else 0), pitch, velocity) for tick, pitch, velocity in struck]
    onset, pitch, velocity = np.array(sorted(struck)).T
    track = Track(NoteTable(onset, pitch, np.full(len(onset), 30), velocity), "Drums", 0, is_drum=True)
    write_score(Score(480, (track,)), tmp_path / "late.mid")
    return notes_of("late.mid")


def notes_of(path):
    return {(note.onset_ticks, note.pitch, note.velocity) for note in read_midi(path).tracks[0].notes}


def test_hits_that_sound_wrong_are_listed(run, models, late):
    code, out, err = run("repair", "late.mid", "--model", models["drums"])
    assert (code, list(Path().glob("*repaired*"))) == (0, []), err
    lines = out.splitlines()
    assert lines[0].split() == ["at", "note", "better", "bits"]
    assert [line.split()[:4] for line in lines[1:] if "snare" in line] == [["3:2.25", "snare", "at", "3:2.0"]]
    code, out, _ = run("repair", "late.mid", "--model", models["drums"], "--json")
    first = json.loads(out)["proposed"][0]
    assert {name: first[name] for name in ("at", "line", "note", "better")} == {
        "at": "3:2.25", "line": "drums", "note": "snare", "better": "at 3:2.0",
    }  # fmt: skip


def test_a_hit_that_is_put_right_keeps_velocity_and_feel(run, models, late):
    code, _, err = run("repair", "late.mid", "--model", models["drums"], "--apply", "-o", "x.mid")
    assert code == 0, err
    assert late - notes_of("x.mid") == {(4447, 38, 91)}
    assert notes_of("x.mid") - late == {(4327, 38, 91)}


def test_a_beat_in_order_is_left_alone(run, models, late):
    code, out, _ = run("repair", "late.mid", "--model", models["drums"], "--lock", "3")
    assert (code, out) == (0, "none of 96 hits sounds wrong\n")


def test_wrong_notes_of_a_trio_are_looked_for_where_it_is_asked(run, models, songs):
    code, out, err = run("repair", "trio.mid", "--model", models["trio"], "--only", "bass", "--wrong-share", "0.5", "--json")
    assert code == 0, err
    proposed = json.loads(out)["proposed"]
    assert {item["line"] for item in proposed} == {"bass"}
    code, _, err = run("repair", "trio.mid", "--model", models["trio"], "--only", "bass", "--wrong-share", "0.5", "--apply", "-o", "x.mid")
    assert f"{len(proposed)} of" in err
    before, after = read_midi("trio.mid").tracks, read_midi("x.mid").tracks
    assert [before[number].notes == after[number].notes for number in (0, 1, 2)] == [True, False, True]
    rhythm = [{(note.onset_ticks, note.velocity) for note in tracks[1].notes} for tracks in (before, after)]
    assert rhythm[0] == rhythm[1]
