"""The whole room on a real network, tiny and untrained: what must hold whatever the weights are."""

from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import same_music, tune

from musicvae.compose.coding import decode, encode
from musicvae.compose.engine import Engine
from musicvae.compose.library import available_models
from musicvae.compose.model import Model, load
from musicvae.compose.styles import StyleVector
from musicvae.compose.styling import apply_styles
from musicvae.model.noise import piece_seed
from musicvae.music.midi import midi_bytes


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    import torch

    from musicvae.model.config import PRESETS
    from musicvae.model.prior import BarPrior
    from musicvae.model.vae import MelodyVAE
    from musicvae.model.weights import save_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = MelodyVAE(PRESETS["tiny"]), BarPrior(PRESETS["tiny"])
    return save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", *networks, metadata={"description": "untrained"})


@pytest.fixture(scope="module")
def model(model_path, tmp_path_factory):
    return replace(load(model_path), styles_folder=tmp_path_factory.mktemp("styles"))


def test_the_network_s_engine_is_an_engine(model):
    engine: Engine = model.engine
    assert engine.config.z_size == 4 + 16 * 4
    assert model.name == "tiny"


@pytest.mark.parametrize("options", [{}, {"meter": "6/8", "bars": 3}, {"bars": 37, "meter": "2/4"}, {"bars": 40, "key": "D dorian"}])
def test_pieces_do_not_depend_on_those_beside_them(model, options):
    options = {"bars": 16, **options}
    many = model.generate_many(5, seed=11, **options)
    for k in (0, 3):
        assert midi_bytes([model.generate(seed=piece_seed(11, k), **options)]) == midi_bytes([many[k]])
    assert {m.num_bars for m in many} == {options["bars"]}


def test_ends_of_a_blend_are_reconstructions(model):
    a, b = tune(1, shift=2), tune(2, 8, "3/4")
    path = model.interpolate(a, b, steps=4)
    assert same_music(path[0], model.reconstruct(path.inputs[0]))
    assert same_music(path[-1], model.reconstruct(path.inputs[1]))


@pytest.mark.parametrize(("bars", "meter"), [(16, "4/4"), (5, "6/8"), (23, "4/4")])
def test_next_to_strength_zero_even_an_untrained_network_gives_the_melody_back(model, bars, meter):
    melody = tune(3, bars, meter)
    direction = np.random.default_rng(0).standard_normal(model.engine.config.z_size)
    style = StyleVector(name="x", direction=direction, model_hash=model.hash)
    assert replace(apply_styles(model.engine, melody, [(style, 1e-9)]), provenance={}) == melody
    still = replace(style, direction=0 * direction)
    assert same_music(apply_styles(model.engine, melody, [(still, 1.0)]), decode(model.engine, encode(model.engine, melody)))


def test_styles_are_learnt_from_a_network(model):
    style = model.learn_style("busy", [tune(s, 4, rate=0.5) for s in range(3)], versus=[tune(s, 4, rate=0.2) for s in range(3)])
    assert model.style("busy").name == "busy"
    assert same_music(style.apply(tune(1), 0), tune(1))


def test_a_code_goes_through_a_file_and_other_models_refuse_it(model, tmp_path):
    from musicvae.compose.code import Code

    code = model.encode(tune(1, 20), refine=2)
    path = code.save(tmp_path / "x.npz")
    assert model.decode(Code.load(path)) == model.decode(code)
    with pytest.raises(ValueError, match="load the one that made it"):
        model.decode(replace(code, model_hash="0" * 12))


def test_a_bad_device_or_file_is_refused(model_path, tmp_path):
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        load(model_path, device="abacus")
    (tmp_path / "x.safetensors").write_bytes(b"no model")
    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path / "x.safetensors")


def test_the_model_that_ships_makes_music_and_knows_its_styles():
    assert "melody" in {info.name for info in available_models()}
    model: Model = load()
    assert model.generate(seed=1).notes
    assert {"density", "interval", "syncopation-8", "syncopation-16", "diatonic", "jig", "reel"} <= {info.name for info in model.styles()}
    assert all(model.style(info.name).vector.model_hash == model.hash for info in model.styles() if info.origin == "shipped")
