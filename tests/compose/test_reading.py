import numpy as np
import pytest
import torch
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.library import available_models
from musicvae.compose.model import load
from musicvae.compose.reading import ANY, reader_beside
from musicvae.model.config import PRESETS
from musicvae.model.engine import Engine
from musicvae.model.prior import BarPrior
from musicvae.model.reader import Reader
from musicvae.model.reading import save_reader
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import save_model

TINY = PRESETS["tiny"]


@pytest.fixture
def model_path(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_model(tmp_path / "own.safetensors", MelodyVAE(TINY), BarPrior(TINY), metadata={})


@pytest.fixture
def reader():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Reader(TINY)


def test_a_reader_is_found_beside_its_model_and_repairs_with_it(model_path, reader):
    model = load(model_path)
    assert model.reader is None
    melody = tune(3, 8)
    without = model.repair(melody, "3-4", seed=1)
    save_reader(model_path.with_name("own.reader.safetensors"), reader, model.hash, about={})
    assert model.reader is not None
    tokens, gaps = np.full((1, 4, 16), 40, np.uint8), np.zeros((1, 4, 16), np.uint8)
    gaps[:, 2] = ANY
    nats = model.reader.bar_log_probs(tokens, gaps, 0, bars=np.array([2]))
    assert (nats < 0).all()
    repaired = model.repair(melody, "3-4", seed=1)
    assert repaired.notes != without.notes
    kept = [note for note in melody.notes if not 32 <= note.onset_steps < 64]
    assert [note for note in repaired.notes if not 32 <= note.onset_steps < 64] == kept
    assert model.repair(melody, "3-4", seed=1) == repaired
    assert len(model.repair(melody).notes) == len(melody.notes)


def test_that_of_another_model_is_refused_and_other_engines_have_none(model_path, reader, tmp_path):
    path = save_reader(tmp_path / "own.reader.safetensors", reader, "other", about={})
    with pytest.raises(ValueError, match="was made for model other, this is model"):
        reader_beside(Engine.load(model_path), model_path)
    assert reader_beside(FakeEngine(), model_path) is None
    assert reader_beside(FakeEngine(), None) is None
    assert path.is_file()


def test_the_shipped_reader_belongs_to_the_shipped_model_and_is_no_model():
    model = load()
    assert model.reader is not None
    assert not [found for found in available_models() if "reader" in found.name]
