"""Every command with a real, if untrained, network."""

import json
from pathlib import Path

import pytest

from musicvae.compose import library
from musicvae.music.midi import read_midi


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A tiny network with random weights."""
    import torch

    from musicvae.model.config import PRESETS
    from musicvae.model.prior import BarPrior
    from musicvae.model.vae import MelodyVAE
    from musicvae.model.weights import save_model

    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        config = PRESETS["tiny"]
        save_model(path, MelodyVAE(config), BarPrior(config), metadata={"description": "untrained", "licence": "none"})
    return str(path)


@pytest.fixture(autouse=True)
def own_data_folder(monkeypatch, tmp_path_factory):
    """Keep learned styles out of the user's own folder."""
    folder = tmp_path_factory.mktemp("styles")
    monkeypatch.setattr(library, "user_styles_folder", lambda: folder)


def test_the_same_seed_gives_the_same_bytes_whatever_the_batch(run, weights):
    assert run("generate", "--bars", "2", "--n", "3", "--seed", "5", "-o", "d", "--model", weights)[0] == 0
    pieces = json.loads(run("generate", "--bars", "2", "--n", "3", "--seed", "5", "-o", "e", "--model", weights, "--json")[1])["pieces"]
    for piece in pieces:
        assert run("generate", "--bars", "2", "--seed", str(piece["seed"]), "-o", "one.mid", "--force", "--model", weights)[0] == 0
        assert Path("one.mid").read_bytes() == Path(piece["path"]).read_bytes() == Path("d", Path(piece["path"]).name).read_bytes()


def test_results_say_what_they_were_made_from(run, weights, two_tunes):
    from musicvae.music.extract import read_melody
    from musicvae.music.provenance import fingerprint, provenance_of

    expected = [{"name": "Song", "fingerprint": fingerprint(read_melody(name, track="Song")[0])} for name in ("a.mid", "b.mid")]
    assert expected[0] != expected[1]
    words = "interpolate a.mid b.mid --steps 2 --spacing latent -o way --track Song --model"
    assert run(*words.split(), weights)[0] == 0
    assert [provenance_of(read_midi(f"way/0{k}.mid"))[0]["inputs"] for k in (1, 2)] == [expected, expected]
    assert run("reconstruct", "a.mid", "-o", "heard.mid", "--model", weights)[0] == 0
    assert provenance_of(read_midi("heard.mid"))[0]["inputs"] == expected[:1]


def test_a_longer_piece_in_another_meter(run, weights):
    words = ["generate", "--bars", "20", "--meter", "3/4", "--key", "D dorian", "--tempo", "96", "--temperature", "0.7", "-o", "x.mid"]
    assert run(*words, "--model", weights)[0] == 0
    score = read_midi("x.mid")
    assert [str(change.meter) for change in score.meters] == ["3/4"]
    assert [str(change.key) for change in score.keys] in (["D dorian"], ["C major"], ["A minor"])
    assert round(score.tempi[0].qpm) == 96


def test_from_a_file_and_back(run, weights, two_tunes):
    for words in (
        "interpolate a.mid b.mid --steps 3 -o way --spacing latent",
        "encode a.mid -o a.npz",
        "decode a.npz -o decoded.mid",
        "reconstruct a.mid -o heard.mid --refine 2",
    ):
        code, out, err = run(*words.split(), "--model", weights)
        assert code == 0, err
        assert all(Path(line).is_file() for line in out.splitlines())
    notes = [track.notes for track in read_midi("decoded.mid").tracks]
    assert notes == [track.notes for track in read_midi("decoded.mid").tracks]
    assert len(list(Path("way").iterdir())) == 3


def test_strength_zero_gives_the_input_back(run, weights, two_tunes):
    (two_tunes / "more").mkdir()
    (two_tunes / "a.mid").rename(two_tunes / "more" / "a.mid")
    code, out, err = run("style", "learn", "mine", "--from", "more", "--model", weights)
    assert code == 0, err
    assert Path(out.strip()).is_file()
    assert "learnt from 1 passage only: too few" in err
    assert "mine" in run("style", "list", "--model", weights)[1]
    assert "density" in run("style", "report", "mine", "--model", weights)[1]
    assert run("style", "apply", "b.mid", "mine:0", "-o", "same.mid", "--track", "1", "--model", weights)[0] == 0
    same, given = (max(read_midi(name).tracks, key=lambda track: bool(track.notes)) for name in ("same.mid", "b.mid"))
    assert [(n.onset_ticks, n.pitch, n.duration_ticks) for n in same.notes] == [
        (n.onset_ticks, n.pitch, n.duration_ticks) for n in given.notes
    ]
    assert run("generate", "--style", "mine:0.5", "--bars", "1", "--model", weights)[0] == 0


def test_the_model_describes_itself(run, weights):
    code, out, _ = run("info", weights)
    assert code == 0
    assert "description: untrained" in out
    assert "z_bar: 4" in out
    assert json.loads(run("info", weights, "--json")[1])["metadata"]["licence"] == "none"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("generate --style nope", ("unknown style 'nope'",)),
        ("generate --style nope:2", ("unknown style 'nope'",)),
        ("generate --bars 10001", ("bars must be", "10000")),
        ("generate --temperature 99", ("temperature must be",)),
        ("generate --device cuda:99", ("device 'cuda:99' cannot be used",)),
        ("generate --device toaster", ("device 'toaster' cannot be used",)),
        ("reconstruct empty.mid", ("empty.mid", "empty")),
        ("reconstruct a.mid --start-bar 50", ("a.mid: bar 50 is past the end", "has 4 bars")),
        ("decode other.npz", ("model other",)),
    ],
)
def test_what_cannot_be_done_is_one_line(fails, run, weights, two_tunes, words, parts):
    (two_tunes / "empty.mid").write_bytes(b"")
    if "other.npz" in words:
        from dataclasses import replace

        from musicvae.compose.code import Code

        run("encode", "a.mid", "-o", "own.npz", "--model", weights)
        replace(Code.load("own.npz"), model_hash="other").save("other.npz")
    before = sorted(Path().iterdir())
    fails([*words.split(), "--model", weights, "--json"], *parts)
    assert sorted(Path().iterdir()) == before


def test_a_damaged_model_is_one_line(fails, weights, tmp_path):
    data = Path(weights).read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[: len(data) // 2])
    fails("generate --model cut.safetensors", "cut.safetensors", "damaged")
    (tmp_path / "junk.safetensors").write_bytes(b"junk" * 10)
    fails("generate --model junk.safetensors", "junk.safetensors", "damaged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.safetensors", "junk.safetensors"]
