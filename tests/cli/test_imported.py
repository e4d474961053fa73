"""Every command with published networks of melodies, tiny and untrained."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from musicvae.compose import library
from musicvae.music.midi import read_midi
from musicvae.music.provenance import provenance_of

KINDS = ("cat-mel_2bar_small", "cat-mel_2bar_med_chords", "hierdec-mel_16bar", "hier-mel_16bar", "flat-mel_16bar")


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Paths of model files by the name of what they are made like."""
    import torch

    from musicvae.model.published.presets import PUBLISHED
    from musicvae.model.published.vae import PublishedVAE
    from musicvae.model.weights import save_model

    folder = tmp_path_factory.mktemp("imported")
    paths = {}
    for name in KINDS:
        full = PUBLISHED[name].config
        layers = {key: (8,) * len(getattr(full, key)) for key in ("encoder_sizes", "decoder_sizes", "conductor_sizes")}
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            vae = PublishedVAE(replace(full, z_size=6, **layers))
            with torch.no_grad():
                for parameter in vae.parameters():
                    parameter.mul_(4)  # so that different codes give different music
        paths[name] = str(save_model(folder / f"{name}.safetensors", vae, metadata={"source": {"format": "made here"}}))
    return paths


@pytest.fixture(autouse=True)
def own_data_folder(monkeypatch, tmp_path_factory):
    """Keep models and learned styles out of the user's own folder."""
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setattr(library, "_user_folder", lambda: folder)
    return folder


def done(run, *words):
    """The lines of standard output and of standard error of a command that must succeed."""
    code, out, err = run(*words)
    assert code == 0, err
    return out.splitlines(), err.splitlines()


@pytest.mark.parametrize("name", KINDS)
def test_every_command_takes_them(run, imported, two_tunes, name):
    model = ["--model", imported[name]]
    assert done(run, "generate", "--seed", "7", "-o", "x.mid", *model)[0] == ["x.mid"]
    assert provenance_of(read_midi("x.mid"))[0]["model"] == name
    assert len(done(run, "generate", "--bars", "5", "--n", "2", "--tempo", "90", "-o", "two", *model)[0]) == 2
    assert len(done(run, "interpolate", "a.mid", "b.mid", "--steps", "3", "-o", "way", *model)[0]) == 3
    done(run, "encode", "a.mid", *model)
    assert done(run, "decode", "a.npz", "-o", "again.mid", *model)[0] == ["again.mid"]
    done(run, "reconstruct", "a.mid", "--refine", "1", "-o", "heard.mid", *model)
    assert Path("again.mid").exists()


@pytest.mark.parametrize("name", ["cat-mel_2bar_small", "hier-mel_16bar"])
def test_styles_are_learnt_applied_and_listed(run, imported, two_tunes, name):
    model = ["--model", imported[name]]
    for folder in ("one", "other"):
        Path(folder).mkdir()
    Path("one/a.mid").write_bytes(Path("a.mid").read_bytes())
    Path("other/b.mid").write_bytes(Path("b.mid").read_bytes())
    done(run, "style", "learn", "mine", "--from", "one", "--versus", "other", *model)
    assert done(run, "style", "apply", "a.mid", "mine:0.5", "-o", "styled.mid", *model)[0] == ["styled.mid"]
    assert any(line.startswith("mine ") for line in done(run, "style", "list", *model)[0])
    assert done(run, "style", "report", "mine", *model)[0]
    done(run, "generate", "--style", "mine", "--bars", "2", "-o", "s.mid", *model)


def test_tempo_and_program_of_the_input_are_kept(run, imported, tune):
    tune(tempo_qpm=93, program=40).write("slow.mid")
    done(run, "reconstruct", "slow.mid", "-o", "heard.mid", "--model", imported["cat-mel_2bar_small"])
    heard = read_midi("heard.mid")
    assert round(heard.tempi[0].qpm) == 93
    assert {track.program for track in heard.tracks if len(track.notes)} <= {40}


def test_leading_empty_bars_come_back(run, imported, tune):
    from musicvae.music.melody import Melody, Note

    Melody(tuple(Note(60 + k, 64 + 4 * k, 4) for k in range(8)), num_bars=8).write("late.mid")
    lines, notices = done(run, "encode", "late.mid", "--model", imported["cat-mel_2bar_small"])
    assert "6 bars in which no note starts stayed as they are, outside the code" in notices
    done(run, "decode", *lines, "-o", "again.mid", "--model", imported["cat-mel_2bar_small"])
    again = read_midi("again.mid")
    assert all(note.onset_ticks >= 4 * 4 * again.ticks_per_beat for track in again.tracks for note in track.notes)


def test_chords_condition_the_model_that_takes_them(run, fails, imported, two_tunes):
    chords = ["--model", imported["cat-mel_2bar_med_chords"], "--chords", "C Am F G"]
    done(run, "generate", "--bars", "4", "--seed", "3", "-o", "x.mid", *chords)
    assert provenance_of(read_midi("x.mid"))[0]["chords"] == "C Am F G"
    done(run, "interpolate", "a.mid", "b.mid", "--steps", "2", "-o", "way", *chords)
    done(run, "encode", "a.mid", *chords)
    assert "over_chords: True" in done(run, "info", "a.npz")[0]
    done(run, "decode", "a.npz", "-o", "again.mid", *chords)
    told_none = imported["cat-mel_2bar_small"]
    fails(["encode", "b.mid", "--chords", "C", "--model", told_none], "this model takes no chords", "cat-mel_2bar_med_chords")
    done(run, "generate", "--chords", "C", "--bars", "2", "--seed", "1", "-o", "leaning.mid", "--model", told_none)
    assert {track.name for track in read_midi("leaning.mid").tracks} >= {"Chords"}
    fails(["generate", "--key", "D", *chords], "the chords settle the key")


def test_other_meters_are_one_clear_line(run, fails, imported, tune):
    from musicvae.music.meter import Meter

    tune(meter=Meter(3, 4)).write("waltz.mid")
    model = ["--model", imported["hier-mel_16bar"]]
    fails(["generate", "--meter", "6/8", *model], "this model knows 4/4, 2/2, 2/4 only, not 6/8")
    fails(["reconstruct", "waltz.mid", *model], "only, not 3/4")


def test_the_same_seed_gives_the_same_bytes_whatever_the_batch(run, imported):
    for name in ("cat-mel_2bar_small", "hierdec-mel_16bar"):
        words = ["generate", "--bars", "18", "--n", "3", "--seed", "5", "-o", name, "--json", "--model", imported[name]]
        for piece in json.loads("".join(done(run, *words)[0]))["pieces"]:
            words = ["generate", "--bars", "18", "--seed", str(piece["seed"]), "-o", "one.mid", "--force", "--model", imported[name]]
            done(run, *words)
            assert Path("one.mid").read_bytes() == Path(piece["path"]).read_bytes()


def test_codes_of_another_model_are_refused(run, fails, imported, two_tunes):
    done(run, "encode", "a.mid", "--model", imported["cat-mel_2bar_small"])
    fails(["decode", "a.npz", "-o", "x.mid", "--model", imported["hier-mel_16bar"]], "load the one that made it")


def test_what_they_are_is_told(run, fails, imported, two_tunes, own_data_folder):
    path = imported["hierdec-mel_16bar"]
    lines, _ = done(run, "info", path)
    assert lines[1].startswith("published network hierdec-mel_16bar: melody, 16 bars, ")
    told = json.loads("".join(done(run, "info", path, "--json")[0]))
    assert (told["material"], told["bars"], told["metadata"]["config"]["z_size"]) == ("melody", 16, 6)
    windows = json.loads("".join(done(run, "info", "b.mid", "--model", imported["cat-mel_2bar_small"], "--json")[0]))["taken"]["lines"][0]
    assert windows["windows"] == [[1, 2], [3, 4], [5, 6], [7, 8]]
    (own_data_folder / "models").mkdir()
    (own_data_folder / "models" / "long.safetensors").write_bytes(Path(path).read_bytes())
    assert any(line.startswith("long ") and "a conductor plans the bars" in line for line in done(run, "models")[0])
    done(run, "generate", "--model", "long", "--bars", "1", "-o", "x.mid")
