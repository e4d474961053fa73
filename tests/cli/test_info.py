import json
from pathlib import Path

import mido
import pytest

from musicvae.compose import library


def test_what_a_model_would_take_from_a_file(run, two_tunes):
    code, out, err = run("info", "b.mid")
    assert (code, err) == (0, "")
    assert "b.mid: MIDI, 'Song', 32 beats, 16 seconds\n" in out
    assert "meters: 4/4\n" in out
    assert "a model would take: track " in out
    assert "bars 1-8: 4/4" in out
    assert "1 window (1-8)" in out
    assert "notes in other tracks: 32" in out


def test_the_same_as_json(run, two_tunes):
    code, out, err = run("info", "b.mid", "--track", "Bass", "--start-bar", "3", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["kind"], result["length_beats"], result["length_seconds"]) == ("MIDI", 32.0, 16.0)
    assert [track["notes"] for track in result["tracks"] if track["notes"]] == [32, 32]
    (line,) = result["taken"]["lines"]
    assert (line["start_bar"], line["bars"], line["notes"], line["windows"]) == (3, 6, 24, [[3, 8]])
    assert "Bass" in result["taken"]["why"]


def test_long_melodies_are_shown_in_windows(run, tune, tmp_path):
    tune(bars=40).write(tmp_path / "long.mid")
    result = json.loads(run("info", "long.mid", "--json")[1])
    windows = result["taken"]["lines"][0]["windows"]
    assert windows[0][0] == 1
    assert windows[-1][1] == 40
    assert all(first == last + 1 for (_, last), (first, _) in zip(windows, windows[1:], strict=False))
    assert all(last - first < 16 for first, last in windows)


def test_windows_of_two_four_are_counted_in_written_bars(run, tune, tmp_path):
    from musicvae.music.meter import Meter

    tune(bars=40, meter=Meter(2, 4)).write(tmp_path / "long.mid")
    windows = json.loads(run("info", "long.mid", "--json")[1])["taken"]["lines"][0]["windows"]
    assert (windows[0][0], windows[-1][1]) == (1, 40)
    assert len(windows) == 2


def test_drums_only_is_an_answer_and_no_error(run, tmp_path):
    file, track = mido.MidiFile(), mido.MidiTrack()
    track += [mido.Message("note_on", channel=9, note=36, velocity=90, time=0), mido.Message("note_off", channel=9, note=36, time=480)]
    file.tracks.append(track)
    file.save(tmp_path / "drums.mid")
    code, out, _ = run("info", "drums.mid")
    assert code == 0
    assert "drums" in out
    assert "the model would take: drums, 1 bar of 4/4" in out


def test_length_follows_the_tempo_map(run, tmp_path):
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    track += [mido.MetaMessage("set_tempo", tempo=500_000), mido.Message("note_on", note=60, velocity=90, time=0)]
    track += [mido.MetaMessage("set_tempo", tempo=1_000_000, time=960), mido.Message("note_off", note=60, time=960)]
    file.tracks.append(track)
    file.save(tmp_path / "slower.mid")
    result = json.loads(run("info", "slower.mid", "--json")[1])
    assert result["length_seconds"] == pytest.approx(2 * 0.5 + 2 * 1.0)
    assert result["tempi"] == [{"beat": 0.0, "qpm": 120.0}, {"beat": 2.0, "qpm": 60.0}]
    assert result["taken"]["left_out"]["changes of tempo"] == 1


def test_length_is_in_whole_bars(run, tmp_path):
    from dataclasses import replace

    from musicvae.music.melody import Melody
    from musicvae.music.meter import Meter

    tune = Melody.from_beats([(60, 0, 1), (62, 46.5, 1)], num_bars=16, meter=Meter(6, 8))
    tune.write(tmp_path / "jig.mid")
    assert "jig.mid: MIDI, 'Melody', 48 beats, 24 seconds\n" in run("info", "jig.mid")[1]
    replace(tune, tempo_qpm=44).write(tmp_path / "slow.mid")
    assert "48 beats, 1:05 minutes\n" in run("info", "slow.mid")[1]
    two = mido.MidiFile(tmp_path / "jig.mid")  # no word of ours on its length, and a last bar of 3/4
    two.tracks[0][:] = [
        mido.MetaMessage("time_signature", numerator=4, denominator=4, time=0),
        mido.MetaMessage("time_signature", numerator=3, denominator=4, time=44 * two.ticks_per_beat),
    ]
    two.save(tmp_path / "two.mid")
    assert json.loads(run("info", "two.mid", "--json")[1])["length_beats"] == 50


def test_where_our_own_files_came_from_is_told_in_words(run, tune, tmp_path):
    inputs = [{"name": "Reel", "fingerprint": "0123456789ab"}, {"name": "Jig", "fingerprint": "ba9876543210"}]
    story = {"seed": 7, "made_by": "restyle", "model": "melody", "hash": "abc", "style": {"jig": 1.0, "density": -0.5}, "inputs": inputs}
    tune(provenance=story).write(tmp_path / "a.mid")
    told = "made by restyle, model melody, hash abc, seed 7, style density -0.5 and jig +1, from Reel (0123456789ab) and Jig (ba9876543210)"
    out = run("info", "a.mid")[1]
    assert f"\n{told}\n" in out
    assert "{" not in out
    (entry,) = json.loads(run("info", "a.mid", "--json")[1])["provenance"]
    assert (entry["seed"], entry["inputs"]) == (7, inputs)
    tune().write(tmp_path / "plain.mid")
    assert "{" not in run("info", "plain.mid")[1]


@pytest.mark.parametrize("text", ["musicvae {", 'musicvae {"inputs": [3], "seed": [1]}', 'musicvae {"inputs": 3, "made_by": {"x": null}}'])
def test_text_that_looks_like_ours_does_no_harm(run, tmp_path, text):
    notes = [mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=480)]
    mido.MidiFile(tracks=[mido.MidiTrack([mido.MetaMessage("text", text=text), *notes])]).save(tmp_path / "x.mid")
    assert run("info", "x.mid")[0] == 0


def test_many_windows_are_counted(run, tune, tmp_path):
    tune(bars=400).write(tmp_path / "long.mid")
    line = next(line for line in run("info", "long.mid")[1].splitlines() if "bars 1-400" in line)
    assert len(line) < 200
    assert line.endswith(" more)")


def test_a_code_is_described(run, model, two_tunes):
    run("encode", "a.mid")
    code, out, _ = run("info", "a.npz")
    assert code == 0
    assert "a.npz: code of 4 bars of 4/4, 1 window of 3 numbers" in out
    assert "model_hash: abc" in out
    assert json.loads(run("info", "a.npz", "--json")[1])["windows"] == [[0, 4]]


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("empty.mid", b"", ("empty.mid", "empty")),
        ("junk.mid", b"not music", ("junk.mid",)),
        ("cut.mid", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00", ("cut.mid",)),
        ("x.safetensors", b"\x00" * 40, ("x.safetensors", "no model file, or it is damaged")),
        ("x.npz", b"PK", ("x.npz", "no code")),
    ],
)
def test_bad_files(fails, tmp_path, name, content, parts):
    (tmp_path / name).write_bytes(content)
    fails(["info", name], *parts)


def test_what_is_neither_a_file_nor_a_model(fails):
    fails("info none.mid", "none.mid does not exist")
    fails("info melodi", "unknown model 'melodi'")
    fails("info .", "folder")


def test_models_are_listed(run, monkeypatch):
    shipped = [library.ModelInfo("melody", Path("melody.safetensors"), "the shipped one")]
    monkeypatch.setattr(library, "available_models", lambda: shipped)
    code, out, _ = run("models")
    assert code == 0
    assert out.splitlines()[1].split()[:1] == ["melody"]
    assert "the shipped one" in out
    result = json.loads(run("models", "--json")[1])
    assert result["models"] == [{"name": "melody", "path": "melody.safetensors", "description": "the shipped one"}]


def test_no_models_at_hand(run, monkeypatch):
    monkeypatch.setattr(library, "available_models", list)
    assert "no models at hand" in run("models")[1]


def test_a_model_is_described_without_the_network_library(tmp_path):
    import subprocess
    import sys

    script = "import sys; from musicvae.cli.main import main; assert main(['info', 'melody']) == 0; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True, cwd=tmp_path)
