import json
import tarfile

import pytest
from model.imports.maker import tiny, variables, with_training_state, write_checkpoint, write_magenta_js
from model.imports.test_importing import spec_of

PRESET = "cat-mel_2bar_small"


@pytest.fixture
def checkpoint(tmp_path):
    return write_checkpoint(tmp_path / "run", with_training_state(variables(tiny(PRESET))))


def test_a_checkpoint_becomes_a_model(run, checkpoint, tmp_path):
    code, out, err = run("import", "run", "--preset", PRESET, "-o", "m.safetensors")
    assert (code, out) == (0, "m.safetensors\n")
    assert "other sizes than cat-mel_2bar_small was published with: encoder_sizes 6" in err
    assert "7,992 weights, pieces of 32 steps; left out, for training only: 1 counter and 34 optimiser slots" in err
    assert (tmp_path / "m.safetensors").is_file()


def test_everything_as_json(run, tmp_path):
    write_magenta_js(tmp_path / "js", variables(tiny(PRESET)), spec_of(PRESET), kind="uint8")
    code, out, err = run("import", "js", "-o", "m.safetensors", "--half", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["command"] == "import"
    assert told["preset"] == PRESET
    assert told["config"] == tiny(PRESET).to_dict()
    assert told["metadata"]["source"] == {"format": "magenta.js", "quantised": "uint8"}
    assert told["metadata"]["precision"] == "half"
    assert len(told["notices"]) == 2


def test_a_model_is_kept_in_a_safetensors_file(fails, checkpoint):
    fails(f"import run --preset {PRESET} -o m.pt", "a model is kept in a .safetensors file", "m.safetensors")


def test_what_is_there_stays_unless_forced(run, fails, checkpoint, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"precious")
    fails(f"import run --preset {PRESET} -o m.safetensors", "m.safetensors exists", "--force")
    assert (tmp_path / "m.safetensors").read_bytes() == b"precious"
    assert run("import", "run", "--preset", PRESET, "-o", "m.safetensors", "--force")[0] == 0


def test_without_a_path_the_model_is_found_by_name(run, fails, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("musicvae.compose.library.user_models_folder", lambda: tmp_path / "data" / "models")
    assert run("import", "run", "--preset", PRESET)[1] == f"{tmp_path}/data/models/{PRESET}.safetensors\n"
    write_magenta_js(tmp_path / "mel_2bar", variables(tiny(PRESET)), spec_of(PRESET))
    assert run("import", "mel_2bar")[1] == f"{tmp_path}/data/models/mel_2bar.safetensors\n"
    assert run("import", "mel_2bar/config.json", "--force")[1] == f"{tmp_path}/data/models/mel_2bar.safetensors\n"
    with tarfile.open(tmp_path / "mel_4bar.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "mel_2bar", "mel_4bar")
    assert run("import", "mel_4bar.tar.gz")[1] == f"{tmp_path}/data/models/mel_4bar.safetensors\n"
    fails(f"import run --preset {PRESET}", "exists", "--force")


def test_a_model_that_ships_hides_no_imported_one(fails, tmp_path, monkeypatch):
    monkeypatch.setattr("musicvae.compose.library.user_models_folder", lambda: tmp_path / "data" / "models")
    write_magenta_js(tmp_path / "melody", variables(tiny(PRESET)), spec_of(PRESET))
    fails("import melody", "a model that ships is called 'melody'", "-o")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("import nowhere -o m.safetensors", ["nowhere does not exist"]),
        ("import run -o m.safetensors", ["say it with --preset", "these look like cat-mel_2bar_small"]),
        ("import run --preset cat-mel -o m.safetensors", ["unknown preset 'cat-mel'"]),
        ("import run --preset hier-mel_16bar -o m.safetensors", ["does not fit hier-mel_16bar: missing: encoder/hierarchical_level_0"]),
        (f"import run --preset {PRESET} -o nowhere/m.safetensors", ["folder", "nowhere"]),
        (f"import run --preset {PRESET} --bars 0 -o m.safetensors", ["--bars"]),
        (f"import run --preset {PRESET} --bars 5000 -o m.safetensors", ["at most 16384 steps (1024 bars), got 80000"]),
        (["import", "run", "--preset", PRESET, "-o", ""], ["let -o name one, such as name.safetensors"]),
        (f"import run --preset {PRESET} -o .safetensors", ["let -o name one, such as name.safetensors"]),
    ],
)
def test_what_cannot_be_is_one_line(fails, checkpoint, tmp_path, words, parts):
    fails(words, *parts)
    assert not list(tmp_path.glob("*.safetensors"))
