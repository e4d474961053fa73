"""Against torch in double precision, and against itself in other batches, orders and numbers of threads."""

import hashlib
import math
import os
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import torch

from musicvae.model.config import PRESETS
from musicvae.model.integer import tables
from musicvae.model.integer.dreams import dream
from musicvae.model.integer.layers import FINE, to_activations
from musicvae.model.integer.network import IntegerNetwork
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import load_melody_model, save_model

CONFIG = PRESETS["tiny"]
KIND, BARS, STEPS = 2, 5, 12
UNIT = 2.0**FINE


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae, prior = MelodyVAE(CONFIG), BarPrior(CONFIG)
        with torch.no_grad():
            vae.decoder.events.weight.mul_(8)  # so that scores differ
    return save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", vae, prior, metadata={})


@pytest.fixture(scope="module")
def network(path):
    return IntegerNetwork.load(path)


@pytest.fixture(scope="module")
def bundle(path):
    bundle = load_melody_model(path)
    bundle.vae.double()
    bundle.prior.double()
    return bundle


@pytest.fixture(scope="module")
def piece():
    chance = np.random.default_rng(0)
    z = np.zeros((3, CONFIG.z_size))
    z[:, : CONFIG.z_used(BARS)] = chance.standard_normal((3, CONFIG.z_used(BARS)))
    tokens = chance.choice([0, 0, 0, 1, 30, 42, 44], size=(3, BARS, STEPS))
    return z, tokens


def blocks_of(z):
    tune = to_activations(z[:, : CONFIG.z_global])
    bars = to_activations(z[:, CONFIG.z_global : CONFIG.z_used(BARS)]).reshape(len(z), BARS, -1)
    return tune, bars


def embeddings_of(network, z):
    tune, bars = blocks_of(z)
    conducted = network.conductor.begin(BARS, KIND, pieces=len(z))
    return np.stack([conducted.add(np.concatenate([tune, bars[:, bar]], -1)) for bar in range(BARS)], 1)


def scores_of(network, embeddings, tokens):
    started = network.decoder.begin(embeddings, KIND)
    return np.stack([started.scores(None if step == 0 else tokens[:, step - 1]) for step in range(STEPS)], 1)


def test_hash(network, bundle):
    assert network.hash == bundle.hash


def test_embeddings_and_scores_are_those_of_torch(network, bundle, piece):
    z, tokens = piece
    with torch.no_grad():
        embeddings = bundle.vae.conduct(torch.from_numpy(z), BARS, KIND)
        outputs = bundle.vae.decoder(embeddings, torch.from_numpy(tokens)[..., None], KIND).numpy()
    found = embeddings_of(network, z)
    assert np.abs(found / UNIT - embeddings.numpy()).max() < 0.01
    scores = scores_of(network, found.reshape(-1, CONFIG.embedding_size), tokens.reshape(-1, STEPS))
    assert np.abs(outputs).max() > 1
    assert np.abs(scores.reshape(outputs.shape) / UNIT - outputs).max() < 0.05


def test_the_prior_is_that_of_torch(network, bundle, piece):
    z = piece[0]
    lags = torch.tensor([[0, 1, 0, 2, 0]] * 3)
    with torch.no_grad():
        prior, given = bundle.prior, torch.from_numpy(z)
        blocks, places = prior._blocks(given, BARS), prior._places(BARS, KIND, None)
        padded = torch.nn.functional.pad(lags, (1, 0))
        before = torch.nn.functional.pad(prior.enter(blocks[:, :-1]) + prior.lags(padded[:, :-1]), (0, 0, 1, 0))
        heard, _ = prior.recurrence(before + places)
        named = blocks.gather(1, (torch.arange(BARS + 1) - padded)[..., None].expand_as(blocks)) * (padded > 0)[..., None]
        expected = [part.numpy() for part in prior._outputs(heard, places, padded, named)]
    tune, bars = blocks_of(z)
    begun = network.prior.begin(BARS, KIND, pieces=3)
    for number in range(BARS + 1):
        lag = int(padded[0, number])
        begun.listen()
        mixture = begun.mixture(lag)
        weight = mixture.weight / mixture.weight.sum(-1, keepdims=True)
        assert np.abs(weight - np.exp(expected[0][:, number])).max() < 0.005
        assert np.abs(mixture.mean / UNIT - expected[1][:, number]).max() < 0.01
        assert np.abs(mixture.log_sigma / UNIT - expected[2][:, number]).max() < 0.01
        block = np.zeros((3, network.prior.width))
        given = tune if number == 0 else bars[:, number - 1]
        block[:, : given.shape[1]] = given
        begun.add(block, lag)


def test_rows_do_not_know_of_each_other(network, piece):
    z, tokens = piece
    together = embeddings_of(network, z)
    scores = scores_of(network, together.reshape(-1, CONFIG.embedding_size), tokens.reshape(-1, STEPS)).reshape(3, BARS, STEPS, -1)
    for row in range(3):
        alone = embeddings_of(network, z[row : row + 1])
        assert np.array_equal(alone[0], together[row])
        for bar in range(BARS):
            own = scores_of(network, alone[0, bar : bar + 1], tokens[row, bar : bar + 1])
            assert np.array_equal(own[0], scores[row, bar])


def test_everything_is_whole(network, piece):
    found = embeddings_of(network, piece[0])
    assert np.array_equal(found, np.rint(found))
    assert np.abs(found).max() < 2**40


def test_products_are_exact_in_any_order(network):
    chance = np.random.default_rng(1)
    layer = network.decoder._events
    x = np.rint(chance.uniform(-(2**19), 2**19, (4, layer._weight.shape[0])))
    exact = [[sum(int(a) * int(b) for a, b in zip(row, column, strict=True)) for column in layer._weight.T] for row in x]
    assert (x @ layer._weight).tolist() == exact


@pytest.mark.parametrize(
    ("table", "exact"),
    [
        (tables.logistic, lambda x: 1 / (1 + math.exp(-x))),
        (tables.tanh, math.tanh),
        (tables.gelu, lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    ],
)
def test_tables(table, exact):
    x = np.arange(-13 * tables.STEPS, 13 * tables.STEPS, 37.0)
    expected = np.array([exact(value / tables.STEPS) for value in x])
    assert np.abs(table(x) / UNIT - expected).max() <= 1.01 / UNIT


def test_falling_exp():
    x = np.arange(0, 18 * tables.STEPS, 11.0)
    assert np.abs(tables.falling_exp(x) - np.exp(-x / tables.STEPS) * 2**tables.EXP_BITS).max() <= 0.51


def test_dreams_are_the_same_with_any_number_of_threads(path, network):
    """In processes of their own, since the number of threads is settled when numpy is imported."""
    text = (
        "import sys, hashlib; from musicvae.model.integer.network import IntegerNetwork; from musicvae.model.integer.dreams import dream; "
    )
    text += "print(hashlib.sha256(dream(IntegerNetwork.load(sys.argv[1]), 0, 40).tobytes()).hexdigest())"
    own = hashlib.sha256(dream(network, 0, 40).tobytes()).hexdigest()
    for threads in ("1", "4"):
        environment = {**os.environ, **{f"{library}_NUM_THREADS": threads for library in ("OMP", "OPENBLAS", "MKL")}}
        done = subprocess.run([sys.executable, "-c", text, str(path)], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == own


def test_dreams_differ_by_seed_and_hold_notes(network):
    first, second = (dream(network, 1, 6, seed=seed) for seed in (0, 1))
    assert first.shape == (6, 16, 12)
    assert not np.array_equal(first, second)
    assert first.max() < 90
    assert (first >= 2).any()


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_model(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="x.safetensors"):
        IntegerNetwork.load(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError):
        IntegerNetwork.load(tmp_path / "y.safetensors")


def test_other_models_are_refused():
    drums = resources.files("musicvae") / "pretrained" / "drums.safetensors"
    with pytest.raises(ValueError, match="no model of melodies"):
        IntegerNetwork.load(str(drums))
