"""Commands choose a model by --kind or by what files hold; models at hand are tiny own networks with drawn weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from compose.fake_piece_engine import piece as published_piece
from model.pieces.networks import columns, saved

import musicvae
from musicvae.cli.main import main
from musicvae.compose import library
from musicvae.music.melody import Melody
from musicvae.music.midi import write_midi
from musicvae.music.piece import Piece

SHIPPED_MELODY = Path(musicvae.__file__).parent / "pretrained" / "melody.safetensors"


@pytest.fixture(scope="module")
def shelves(tmp_path_factory):
    """Folders of packages that ship a melody model, drums and a trio, the second one grooves too."""
    folders = []
    for kinds in (("drums", "trio"), ("drums", "trio", "groove")):
        package = tmp_path_factory.mktemp("package")
        (package / "pretrained").mkdir()
        (package / "pretrained" / "melody.safetensors").symlink_to(SHIPPED_MELODY)
        for name in kinds:
            saved(f"tiny-{name}", package / "pretrained" / f"{name}.safetensors", name=name, return_threshold=0.3)
        folders.append(package)
    return folders


@pytest.fixture
def run(shelves, tmp_path, monkeypatch, capsys):
    """Run a command with these models, run.with_grooves() to have that one too; what it answers as JSON."""
    monkeypatch.setattr(library, "_user_folder", lambda: tmp_path / "user")
    monkeypatch.setattr(library.resources, "files", lambda _: shelves[0])
    monkeypatch.chdir(tmp_path)

    def call(*words):
        assert main([*words, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    call.with_grooves = lambda: monkeypatch.setattr(library.resources, "files", lambda _: shelves[1])
    return call


def beat(bars, seed=0, tempo_qpm=100.0):
    own = {name: column[0] for name, column in columns("drums", 1, bars, seed).items()}
    return Piece("drums", own, tempo_qpm)


@pytest.mark.parametrize(("kind", "bars"), [("drums", 4), ("trio", 16)])
def test_a_kind_is_made_by_its_model_at_its_usual_length(kind, bars, run):
    made = run("generate", "--kind", kind, "--seed", "1", "--stiff", "-o", "x.mid")
    assert made["pieces"][0]["bars"] == bars
    assert run("info", "x.mid")["provenance"][0]["model"] == kind
    again = run("generate", "--kind", kind, "--seed", "1", "--stiff", "-o", "y.mid", "--bars", str(bars))
    assert again["pieces"][0]["notes"] == made["pieces"][0]["notes"]


def test_a_kind_that_is_not_installed_says_which_are(run, capsys):
    assert main(["style", "list", "--kind", "groove"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("musicvae: no model of the feel of drums ('groove') is installed; installed are drums, melody, trio: give")
    assert error.count("\n") == 1


def test_what_was_named_wins_over_the_kind(run):
    made = run("generate", "--kind", "trio", "--model", "drums", "--stiff", "-o", "x.mid")
    assert "drums makes drums: --kind trio is left aside, since --model wins" in made["notices"]


def test_without_a_model_of_grooves_drums_are_stiff_which_is_told(run):
    made = run("generate", "--kind", "drums", "-o", "x.mid")
    assert any(text.startswith("no model 'groove' is installed") for text in made["notices"])


def test_new_drums_are_played_with_a_feel_that_the_seed_decides(run):
    from musicvae.music.reading import read_score

    run.with_grooves()
    for name, words in {"a": (), "b": (), "c": ("--seed", "4"), "stiff": ("--stiff",)}.items():
        run("generate", "--kind", "drums", "--seed", "3", *words, "-o", f"{name}.mid")
    assert Path("a.mid").read_bytes() == Path("b.mid").read_bytes() != Path("c.mid").read_bytes()
    a, stiff = ([note for track in read_score(f"{name}.mid").tracks for note in track.notes] for name in ("a", "stiff"))
    assert sorted(note.pitch for note in a) == sorted(note.pitch for note in stiff)
    assert len({note.velocity for note in a}) > 3
    assert {note.velocity for note in stiff} == {stiff[0].velocity}


def test_the_drums_of_a_trio_are_played_and_its_melody_stays(run):
    from musicvae.music.reading import read_score

    run.with_grooves()
    for name, words in {"played": (), "stiff": ("--stiff",)}.items():
        run("generate", "--kind", "trio", "--bars", "2", "--seed", "3", *words, "-o", f"{name}.mid")
    played, stiff = (read_score(f"{name}.mid") for name in ("played", "stiff"))
    lead = np.diff([min(note.onset_ticks for note in score.tracks[0].notes) for score in (stiff, played)])[0]
    for one, other in zip(played.tracks[:2], stiff.tracks[:2], strict=True):
        assert [(n.pitch, n.onset_ticks - lead) for n in one.notes] == [(n.pitch, n.onset_ticks) for n in other.notes]
    assert len({note.velocity for note in played.tracks[2].notes}) > 3


def test_a_code_is_decoded_by_the_model_that_made_it(run, tmp_path, capsys):
    run.with_grooves()
    beat(2).write(tmp_path / "a.mid")
    for model in ("drums", "groove"):
        run("encode", "a.mid", "--model", model, "-o", f"{model}.npz")
        run("decode", f"{model}.npz", "--stiff", "-o", f"{model}.mid")
        assert run("info", f"{model}.mid")["provenance"][0]["model"] == model
    for other in ("melody", "groove"):
        assert main(["decode", "drums.npz", "--model", other, "-o", "x.mid"]) == 2
        error = capsys.readouterr().err
        assert "load the one that made it" in error
        assert error.count("\n") == 1


def velocities(name):
    from musicvae.music.reading import read_score

    return sorted(note.velocity for track in read_score(name).tracks if track.is_drum for note in track.notes)


def test_drums_made_of_stiff_ones_are_played_unless_they_shall_be_stiff(run, tmp_path):
    run.with_grooves()
    run("style", "learn", "mine", "--kind", "drums", "--attribute", "density", "-o", "mine.safetensors")
    for name, bars in (("a", 2), ("b", 3)):
        beat(bars, 1).write(tmp_path / f"{name}.mid")
    run("encode", "a.mid")
    words = {
        "way": ("interpolate", "a.mid", "b.mid", "--steps", "3"), "heard.mid": ("reconstruct", "b.mid"),
        "again.mid": ("decode", "a.npz"), "styled.mid": ("style", "apply", "b.mid", "mine.safetensors:2"),
    }  # fmt: skip
    for name, command in words.items():
        for place, more in (("", ()), ("same-", ()), ("other-", ("--seed", "5")), ("stiff-", ("--stiff",))):
            made = run(*command, *more, "-o", place + name)
            assert {piece["bars"] for piece in made["pieces"]} <= {2, 3}
        files = [f"{name}/{step}.mid" for step in ("01", "02", "03")] if name == "way" else [name]
        for file in files:
            assert len(set(velocities(file))) > 3
            assert Path(file).read_bytes() == Path(f"same-{file}").read_bytes() != Path(f"other-{file}").read_bytes()
            assert len(set(velocities(f"stiff-{file}"))) == 1


def test_what_was_played_stays_as_it_was(run, tmp_path):
    run.with_grooves()
    run("style", "learn", "mine", "--kind", "drums", "--attribute", "density", "-o", "mine.safetensors")
    beat(2, 1).write(tmp_path / "stiff.mid")
    run("humanize", "stiff.mid", "-o", "played.mid", "--seed", "1", "--amount", "0.3")
    made = run("style", "apply", "played.mid", "mine.safetensors:0", "-o", "kept.mid")
    assert any(text.endswith("hits that stay are played as there, and new ones with its feel") for text in made["notices"])
    assert velocities("kept.mid") == velocities("played.mid")
    unchanged = "at this strength nothing that is written changes: try a higher one, such as twice as much"
    assert unchanged not in run("style", "apply", "stiff.mid", "mine.safetensors:0", "-o", "still.mid")["notices"]
    assert velocities("still.mid") == velocities("stiff.mid")
    assert unchanged in run("style", "apply", "stiff.mid", "mine.safetensors:0.0000001", "-o", "same.mid")["notices"]


def test_files_of_drums_alone_go_to_the_model_of_drums(run, tmp_path):
    for name, bars in (("a", 2), ("b", 3)):
        beat(bars).write(tmp_path / f"{name}.mid")
    way = run("interpolate", "a.mid", "b.mid", "--steps", "3", "-o", "way")
    assert [made["bars"] for made in way["pieces"]] == [3, 3, 3]
    assert "a.mid holds drums only: the model 'drums' takes them (--kind or --model choose another)" in way["notices"]
    run("encode", "a.mid")
    again = run("decode", "a.npz", "-o", "again.mid")
    heard = run("reconstruct", "a.mid", "-o", "heard.mid")
    assert again["pieces"][0]["notes"] == heard["pieces"][0]["notes"]
    assert again["pieces"][0]["tempo_qpm"] == pytest.approx(100, abs=1e-3)


def test_melodies_still_go_to_the_default_model(run, tmp_path):
    write_midi([Melody.from_beats([(60, 0, 1), (64, 1, 1)], num_bars=1)], tmp_path / "tune.mid")
    assert "drums" not in " ".join(run("encode", "tune.mid")["notices"])


def test_a_trio_is_asked_for_by_its_kind(run, tmp_path):
    for seed in (1, 2):
        own = {name: column[0] for name, column in columns("trio", 1, 4, seed).items()}
        Piece("trio", own).write(tmp_path / f"{seed}.mid")
    way = run("interpolate", "1.mid", "2.mid", "--kind", "trio", "--steps", "2", "-o", "way")
    assert [made["bars"] for made in way["pieces"]] == [4, 4]


def test_styles_of_own_models_are_learnt_listed_and_applied(run, tmp_path):
    (tmp_path / "some").mkdir()
    for seed in range(3):
        beat(3 + seed, seed).write(tmp_path / "some" / f"{seed}.mid")
    learnt = run("style", "learn", "mine", "--kind", "drums", "--from", "some")
    assert learnt["report"]["learnt"] == "examples"
    assert "mine" in [style["name"] for style in run("style", "list", "--kind", "drums")["styles"]]
    styled = run("style", "apply", "some/0.mid", "mine:+1.0", "-o", "styled.mid")
    assert styled["pieces"][0]["bars"] == 3


def test_drums_are_written_in_the_notes_asked_for(run, tmp_path):
    from musicvae.music.reading import read_score

    run("generate", "--kind", "drums", "--seed", "3", "--stiff", "-o", "gm.mid")
    run("generate", "--kind", "drums", "--seed", "3", "--stiff", "--drum-map", "td11", "-o", "td.mid")
    gm, td = ([note.pitch for track in read_score(f"{name}.mid").tracks for note in track.notes] for name in ("gm", "td"))
    assert len(gm) == len(td)
    assert sorted(gm) != sorted(td)


def test_a_model_tells_what_it_is(run):
    told = run("info", "drums")
    assert (told["material"], told["bars"], told["told"]) == ("drums", 16, "")
    assert told["parameters"] > 1000
    about = {model["name"]: model["description"] for model in run("models")["models"]}
    assert about["drums"] == "A recurrent VAE of beats, up to 16 bars of 4/4 at once."
    run.with_grooves()
    about = {model["name"]: model["description"] for model in run("models")["models"]}
    assert about["groove"].startswith("A recurrent VAE of how beats are played: velocity and timing for given hits, up to 16 bars")


def test_given_hits_of_another_length_are_told(monkeypatch, tmp_path, capsys):
    from compose.fake_piece_engine import engine

    from musicvae.compose import model as compose_model
    from musicvae.compose.pieces.model import PieceModel

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compose_model, "load", lambda name=None, **options: PieceModel(engine("hits"), name="hits"))
    published_piece("hits", 2).write(tmp_path / "a.mid")
    for bars, text in ((5, "the hits, of 2 bars, were repeated to fill 5"), (1, "of the hits, the first 1 of 2 bars were played")):
        assert main(["generate", "--model", "hits", "--hits", "a.mid", "--bars", str(bars), "-o", f"{bars}.mid"]) == 0
        assert text in capsys.readouterr().err
