import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from musicvae.music.midi import read_midi


def test_one_piece_is_named_after_its_seed(run, model):
    code, out, err = run("generate", "--seed", "7", "--bars", "4")
    assert (code, out) == (0, "musicvae-7.mid\n")
    assert "seed 7" in err
    assert len(read_midi("musicvae-7.mid").tracks[0].notes) == 16
    assert model.called("generate_many") == {
        "n": 1, "bars": 4, "seed": 7, "temperature": 1.0, "style": None, "meter": None, "key": None, "tempo_qpm": None,
        "prior_temperature": 1.0, "chords": None,
    }  # fmt: skip


def test_a_seed_is_drawn_where_none_is_given(run, model):
    names = {run("generate")[1] for _ in range(3)}
    assert len(names) == 3
    assert all(Path(name.strip()).is_file() for name in names)


def test_options_reach_the_model(run, model):
    from musicvae.music.key import Key
    from musicvae.music.meter import Meter

    words = (
        "generate --meter 6/8 --tempo 96 --temperature 0.5 --style jig --style density:-0.5 --model m --device cuda --threads 2 -o x.mid"
    )
    assert run(*words.split(), "--key", "D dorian")[0] == 0
    asked = model.called("generate_many")
    assert (asked["meter"], asked["key"], asked["tempo_qpm"], asked["temperature"]) == (Meter(6, 8), Key(2, "dorian"), 96.0, 0.5)
    assert asked["style"] == {"jig": 1.0, "density": -0.5}
    assert model.called("load") == {"name": "m", "device": "cuda", "threads": 2}


def test_a_melody_has_sixteen_bars_and_other_music_the_model_s_own_number_unless_told(run, model):
    assert run("generate")[0] == 0
    model.material, model.usual_bars, model.engine = "drums", 2, SimpleNamespace(fixed_window=True)
    assert run("generate")[0] == run("generate", "--bars", "5")[0] == 0
    assert [options["bars"] for name, options in model.calls if name == "generate_many"] == [16, 2, 5]


def test_chords_are_checked_before_anything_is_computed(run, fails, model):
    fails(["generate", "--chords", "C Am X G"], "argument --chords: 'X' is no chord")
    fails(["generate", "--chords", ""], "no chords were given")
    assert model.calls == []
    assert run("generate", "--chords", "C | Am, F | G7 N.C.")[0] == 0
    assert model.called("generate_many")["chords"] == "C Am F G7 N.C."


def test_several_pieces_go_into_a_folder_each_with_its_seed(run, model):
    code, out, err = run("generate", "--n", "3", "--seed", "5")
    assert code == 0
    paths = [Path("musicvae-5") / f"0{k}.mid" for k in (1, 2, 3)]
    assert out.splitlines() == [str(path) for path in paths]
    assert all(path.is_file() for path in paths)
    for path, seed in zip(paths, (5, 1005, 2005), strict=True):
        assert f"{path}: seed {seed}," in err


def test_names_of_many_pieces_sort(run, model):
    assert run("generate", "--n", "100", "--bars", "1", "-o", "many")[0] == 0
    names = sorted(path.name for path in Path("many").iterdir())
    assert names == [f"{k:03}.mid" for k in range(1, 101)]


def test_json_holds_everything_and_nothing_else_is_printed(run, model):
    code, out, err = run("generate", "--n", "2", "--seed", "5", "--json", "-o", "d", "--key", "Bb")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["seed"] == 5
    assert [Path(piece["path"]) for piece in result["pieces"]] == [Path("d/01.mid"), Path("d/02.mid")]
    assert [piece["seed"] for piece in result["pieces"]] == [5, 1005]
    assert result["pieces"][0]["meter"] == "4/4"
    assert result["options"]["key"] == "Bb major"


def test_nothing_is_overwritten_without_force_and_nothing_computed(run, model, fails):
    Path("x.mid").write_text("mine")
    fails("generate -o x.mid", "x.mid exists", "--force")
    assert model.calls == []
    assert Path("x.mid").read_text() == "mine"
    assert run("generate", "-o", "x.mid", "--force")[0] == 0
    assert Path("x.mid").read_bytes().startswith(b"MThd")


def test_a_folder_with_one_of_the_files_is_refused(run, model, fails):
    Path("d").mkdir()
    Path("d/02.mid").write_text("mine")
    Path("d/other.txt").write_text("")
    fails("generate --n 3 -o d", "02.mid exists", "--force")
    assert model.calls == []
    assert run("generate", "--n", "3", "-o", "d", "--force")[0] == 0
    assert run("generate", "--n", "1", "-o", "d/04.mid")[0] == 0


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("generate --key H", ("'H' is no key",)),
        ("generate --meter 5/4", ("meter 5/4", "allowed are 4/4")),
        ("generate --style jig:lots", ("'jig:lots'", "NAME:+1.0")),
        ("generate -o nowhere/x.mid", ("folder nowhere", "does not exist")),
        ("generate -o .", ("is a folder",)),
        ("generate -o x.wav", ("wrong suffix", "--wav x.wav")),
        ("generate -o x.abc", ("wrong suffix",)),
        ("generate --n 2 -o x.mid", ("looks like a file", "2 pieces")),
        ("generate --n 2 --wav x.wav", ("--wav takes no path",)),
        ("generate --wav x.mp3", ("x.mp3", ".wav is wanted")),
        ("generate --plot x.gif", ("x.gif", ".png")),
    ],
)
def test_bad_options_are_refused_before_anything_is_computed(fails, model, words, parts):
    fails(words, *parts)
    assert model.calls == []
    assert list(Path().iterdir()) == []


def test_an_unknown_model_is_one_line(fails, model):
    fails("generate --model nope", "no model is named 'nope'")
    assert list(Path().iterdir()) == []


def test_a_file_in_the_place_of_the_folder(fails, model):
    Path("d").write_text("")
    fails("generate --n 2 -o d", "d is a file")


def test_sound_and_picture_stand_beside_the_file(run, model):
    code, out, _ = run("generate", "--seed", "3", "--bars", "1", "--wav", "--plot", "--json")
    assert code == 0
    assert Path("musicvae-3.wav").read_bytes().startswith(b"RIFF")
    assert Path("musicvae-3.png").read_bytes().startswith(b"\x89PNG")
    piece = json.loads(out)["pieces"][0]
    assert (piece["wav"], piece["plot"]) == ("musicvae-3.wav", "musicvae-3.png")


def test_sound_and_picture_where_the_user_says(run, model):
    code, out, err = run("generate", "--bars", "1", "-o", "a.mid", "--wav", "b.wav", "--plot", "c.svg")
    assert (code, out.splitlines()) == (0, ["a.mid", "b.wav", "c.svg"])
    assert "1 bar of 4/4, 4 notes" in err
    assert sorted(path.name for path in Path().iterdir()) == ["a.mid", "b.wav", "c.svg"]


def test_a_picture_of_all_pieces(run, model):
    code, out, _ = run("generate", "--n", "2", "--bars", "1", "-o", "d", "--plot", "all.png")
    assert (code, out.splitlines()) == (0, [str(Path("d/01.mid")), str(Path("d/02.mid")), "all.png"])
    assert sorted(str(path) for path in Path().rglob("*.*")) == ["all.png", str(Path("d/01.mid")), str(Path("d/02.mid"))]


def test_pictures_and_sounds_of_each_piece(run, model):
    assert run("generate", "--n", "2", "--bars", "1", "-o", "d", "--plot", "--wav")[0] == 0
    assert sorted(path.name for path in Path("d").iterdir()) == ["01.mid", "01.png", "01.wav", "02.mid", "02.png", "02.wav"]


def test_a_missing_picture_library_is_told_before_anything_is_computed(fails, model, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "matplotlib" else real(name, *rest))
    fails("generate --plot", "matplotlib", "pip install 'musicvae[plot]'")
    assert model.calls == []


@pytest.mark.parametrize("words", ["generate --n 3 -o d", "generate -o x.mid --wav"])
def test_a_full_disk_leaves_nothing_behind(fails, model, monkeypatch, words):
    import errno

    from musicvae.music import sound
    from musicvae.music.melody import Melody

    written = []
    real = Melody.write

    def full(self, path, *, force=False):
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return real(self, path, force=force)

    def no_sound(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Melody, "write", full)
    monkeypatch.setattr(sound, "write_wav", no_sound)
    fails(words, "no space left on device")
    assert written
    assert list(Path().iterdir()) == []
