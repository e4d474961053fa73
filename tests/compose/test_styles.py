import json

import numpy as np
import pytest
from safetensors.numpy import save

from musicvae.compose.styles import StyleVector, added, check_style_name, load_styles, save_styles
from musicvae.model.config import ModelConfig
from musicvae.music.meter import Meter

CONFIG = ModelConfig(z_global=2, z_bar=3, max_bars=4)


def vector(name="jig", **fields):
    return StyleVector(**{"name": name, "direction": np.arange(1.0, 15.0), "model_hash": "abc", **fields})


def test_each_sign_has_its_scale_and_unused_bars_stay_empty():
    style = vector(scale=2.0, scale_down=0.5)
    np.testing.assert_array_equal(style.at(1.5, 4, CONFIG), 3 * np.arange(1.0, 15.0))
    np.testing.assert_array_equal(style.at(-2, 1, CONFIG), np.where(np.arange(14) < 5, -np.arange(1.0, 15.0), 0))
    np.testing.assert_array_equal(added([(style, 1), (vector(), -1)], 4, CONFIG), np.arange(1.0, 15.0))
    assert not added([], 4, CONFIG).any()


def test_vectors_survive_the_disk(tmp_path):
    made = [
        vector("jig", meter=Meter(6, 8), tempo_qpm=110.0, report={"passages": 3, "effects": {"density": [1.0]}}),
        vector("density", attribute="density", scale=0.3, scale_down=0.7, description="more notes"),
    ]
    path = save_styles(made, tmp_path / "m.styles.safetensors")
    found = load_styles(path)
    assert list(found) == ["density", "jig"]
    for old in made:
        new = found[old.name]
        np.testing.assert_array_equal(new.direction, old.direction)
        for name in ("model_hash", "scale", "scale_down", "attribute", "meter", "tempo_qpm", "description", "report"):
            assert getattr(new, name) == getattr(old, name)
    assert path.read_bytes() == save_styles(made[::-1], tmp_path / "again.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match="force"):
        save_styles(made, path)


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden", "a b", "x" * 65, 3, None])
def test_names_can_be_files(name):
    with pytest.raises(ValueError, match="style name .* must be 1 to 64 letters"):
        check_style_name(name)
    assert check_style_name("syncopation-16") == "syncopation-16"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"direction": np.zeros((2, 2))}, r"one vector of finite numbers, got shape \(2, 2\)"),
        ({"direction": np.array([np.inf])}, "one vector of finite numbers"),
        ({"scale": 0.0}, "scale of style 'jig' must be a finite number above 0"),
        ({"scale_down": float("nan")}, "scale_down of style 'jig'"),
    ],
)
def test_what_is_no_vector_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        vector(**fields)


def test_a_vector_fits_its_model_only():
    assert vector().check_model("abc", 14).name == "jig"
    with pytest.raises(ValueError, match="style 'jig' was learnt for model abc, this is model xyz: learn it again"):
        vector().check_model("xyz", 14)
    with pytest.raises(ValueError, match="learnt for model abc"):
        vector().check_model("abc", 15)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(FileNotFoundError, match=r"x\.safetensors does not exist"):
        load_styles(path)
    about = {"format": 1, "model_hash": "abc", "styles": {"jig": {"scale": 1.0}}}
    for content, message in (
        (b"hello", "holds no style vectors, or is damaged"),
        (save({"jig": np.zeros(3)}), "holds no style vectors"),
        (save({"jig": np.zeros(3)}, {"musicvae_styles": "{"}), "holds no style vectors"),
        (save({"jig": np.zeros(3)}, {"musicvae_styles": json.dumps({**about, "format": 2})}), "written by a newer version"),
        (save({"jig": np.zeros(3)}, {"musicvae_styles": json.dumps(about)}), "is a damaged file of style vectors"),
        (save({"reel": np.zeros(3)}, {"musicvae_styles": json.dumps(about)}), "is a damaged file of style vectors"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load_styles(path)


def test_a_file_holds_vectors_of_one_model_with_names_of_their_own(tmp_path):
    for pair in ([vector(), vector()], [vector(), vector("reel", model_hash="xyz")], []):
        with pytest.raises(ValueError, match="vectors of one model with a name each"):
            save_styles(pair, tmp_path / "x.safetensors")
