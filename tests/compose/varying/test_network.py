"""On real networks, tiny and untrained: what must hold whatever the weights are."""

from dataclasses import replace

import pytest
from compose.fake_engine import tune
from model.pieces.networks import columns, saved

from musicvae.compose.model import load
from musicvae.model.noise import piece_seed
from musicvae.music.piece import Piece


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import torch

    from musicvae.model.config import PRESETS
    from musicvae.model.prior import BarPrior
    from musicvae.model.vae import MelodyVAE
    from musicvae.model.weights import save_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = MelodyVAE(PRESETS["tiny"]), BarPrior(PRESETS["tiny"])
    return load(save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", *networks, metadata={"description": "untrained"}))


def bare(pieces):
    return [replace(piece, provenance={}) for piece in pieces]


def test_variations_do_not_depend_on_those_beside_them(model):
    melody = tune(2, 20, "6/8")
    many = model.vary(melody, [0.0, 0.2], 3, seed=5)
    assert bare([many[0], many[4]]) == [melody, melody]
    alone = model.vary(melody, 0.2, seed=piece_seed(5, 2))
    assert (many[5].provenance["seed"], alone[0].notes) == (piece_seed(5, 2), many[5].notes)


def test_exact_ends_of_several_windows(model):
    inputs = [tune(1, 20), tune(2, 20, "2/4"), tune(3, 18, shift=5)]
    way = model.path_through(inputs, 3)
    assert bare(way) == list(way.inputs)
    assert way.inputs[0] == inputs[0]
    assert model.morph(inputs, 2)[0].num_bars == 40


@pytest.mark.parametrize(("kind", "bars"), [("drums", 3), ("trio", 18)])
def test_drums_and_trios_of_any_length(kind, bars, tmp_path_factory):
    made = load(saved(f"tiny-{kind}", tmp_path_factory.mktemp(kind) / f"{kind}.safetensors", return_threshold=0.3))
    a, b = (Piece(kind, {name: column[0] for name, column in columns(kind, 1, bars, seed).items()}) for seed in (1, 2))
    many = made.vary(a, [0.0, 0.3], 2, seed=1)
    assert bare([many[0], many[2]]) == [a, a]
    assert many[3] == made.vary(a, 0.3, seed=many[3].provenance["seed"])[0]
    assert bare(made.path_through([a, b], 3)[::2]) == [a, b]
    assert made.morph([a, b], 2)[0].num_bars == 2 * bars
