import json

import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from safetensors.numpy import save_file

from musicvae.compose import library
from musicvae.compose.library import StyleLibrary, available_models, find_model
from musicvae.compose.styles import StyleVector, save_styles

ENGINE = FakeEngine()


def vector(name, model_hash="fake"):
    return StyleVector(name=name, direction=np.ones(ENGINE.config.z_size), model_hash=model_hash, description=f"a {name}")


@pytest.fixture
def shelf(tmp_path):
    model = tmp_path / "melody.safetensors"
    save_styles([vector("jig"), vector("density")], tmp_path / "melody.styles.safetensors")
    return StyleLibrary.beside(ENGINE, model, tmp_path / "own")


@pytest.fixture
def pretrained(tmp_path, monkeypatch):
    folder = tmp_path / "musicvae" / "pretrained"
    folder.mkdir(parents=True)
    save_file({"x": np.zeros(1)}, folder / "melody.safetensors", {"musicvae": json.dumps({"description": "folk tunes"})})
    save_file({"x": np.zeros(1)}, folder / "melody.styles.safetensors")
    (folder / "broken.safetensors").write_bytes(b"x")
    monkeypatch.setattr(library.resources, "files", lambda _: tmp_path / "musicvae")
    monkeypatch.setattr(library, "_user_folder", lambda: tmp_path / "user")
    return folder


def test_shipped_models_are_listed_without_their_styles(pretrained):
    assert [tuple(model) for model in available_models()] == [
        ("broken", pretrained / "broken.safetensors", "cannot be read"),
        ("melody", pretrained / "melody.safetensors", "folk tunes"),
    ]


@pytest.mark.parametrize("config", ["x", [1, 2], None, {"preset": ["a"]}])
def test_an_odd_file_among_the_models_hides_no_other(pretrained, tmp_path, config):
    folder = tmp_path / "user" / "models"
    folder.mkdir(parents=True)
    header = {"network": "published", "format": 2, "config": config}
    save_file({"x": np.zeros(1)}, folder / "odd.safetensors", {"musicvae": json.dumps(header)})
    assert [model.name for model in available_models()] == ["broken", "melody", "odd"]
    assert find_model("melody")[0] == "melody"


def test_models_are_found_by_name_or_path(pretrained, tmp_path):
    assert find_model() == ("melody", pretrained / "melody.safetensors")
    assert find_model("broken") == ("broken", pretrained / "broken.safetensors")
    path = tmp_path / "mine.safetensors"
    path.touch()
    assert find_model(path) == ("mine", path)
    with pytest.raises(ValueError, match="unknown model 'melodie': did you mean 'melody'.; known are broken, melody, or give the path"):
        find_model("melodie")
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors does not exist"):
        find_model("none.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder; give the .safetensors file in it"):
        find_model(tmp_path)


def test_models_in_the_user_s_folder_are_found_by_name(pretrained, tmp_path):
    folder = tmp_path / "user" / "models"
    folder.mkdir(parents=True)
    published = {"network": "published", "config": {"preset": "cat-mel_2bar_small", "converter": "melody"}}
    for name, header in {"small": published, "fine": {**published, "config": {"preset": "mine"}}, "melody": {"description": "x"}}.items():
        save_file({"x": np.zeros(1)}, folder / f"{name}.safetensors", {"musicvae": json.dumps(header)})
    listed = {model.name: model.description for model in available_models()}
    assert listed == {
        "broken": "cannot be read", "melody": "folk tunes", "fine": "published network mine", "small": "cat-mel_2bar_small: 2-bar melodies",
    }  # fmt: skip
    assert find_model("small") == ("small", folder / "small.safetensors")
    assert find_model() == ("melody", pretrained / "melody.safetensors")


def test_styles_are_found_by_name_or_path(shelf, tmp_path):
    assert shelf.find("jig").description == "a jig"
    learnt = shelf.add(vector("swing"))
    assert learnt == tmp_path / "own" / "fake" / "swing.safetensors"
    assert shelf.find("swing").name == "swing"
    elsewhere = shelf.add(vector("jig"), tmp_path / "my.safetensors")
    assert shelf.find(str(elsewhere)).name == "jig"
    assert [(s.name, s.origin) for s in shelf.all()] == [("density", "shipped"), ("jig", "shipped"), ("swing", "learned")]


def test_an_unknown_style_names_the_nearest_and_all(shelf):
    with pytest.raises(ValueError, match="unknown style 'jiig': did you mean 'jig'.; known are density, jig"):
        shelf.find("jiig")
    with pytest.raises(ValueError, match="unknown style 'jig'; none is here yet"):
        StyleLibrary.beside(ENGINE, None, shelf.folder).find("jig")


def test_shipped_styles_cannot_be_hidden_nor_others_overwritten(shelf):
    with pytest.raises(ValueError, match="style 'jig' ships with the model: choose another name"):
        shelf.add(vector("jig"))
    shelf.add(vector("swing"))
    with pytest.raises(FileExistsError, match="force"):
        shelf.add(vector("swing"))
    shelf.add(vector("swing"), force=True)


def test_styles_of_another_model_are_refused(shelf, tmp_path):
    path = save_styles([vector("swing", "other")], tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="learnt for model other, this is model fake"):
        shelf.find(str(path))
    with pytest.raises(ValueError, match="learnt for model other"):
        shelf.add(vector("swing", "other"))


def test_a_file_with_several_styles_is_not_one(shelf, tmp_path):
    with pytest.raises(ValueError, match=r"holds 2 styles \(density, jig\); a file with a single one is needed"):
        shelf.find(str(tmp_path / "melody.styles.safetensors"))


def test_the_user_s_folder_is_where_the_system_wants_it():
    assert library.user_styles_folder().parts[-2:] == ("musicvae", "styles")


def test_a_card_describes_a_model_that_does_not_describe_itself(tmp_path):
    save_file({"x": np.zeros(1)}, tmp_path / "bare.safetensors", {"musicvae": json.dumps({"format": 1})})
    assert library._description(tmp_path / "bare.safetensors") == ""
    (tmp_path / "bare.md").write_text("# bare\n\nJigs and reels.\nMore.\n", encoding="utf-8")
    assert library._description(tmp_path / "bare.safetensors") == "Jigs and reels."
