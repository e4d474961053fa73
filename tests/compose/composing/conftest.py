import numpy as np
import pytest
from compose.fake_engine import FakeEngine

from musicvae.compose.model import Model
from musicvae.compose.styles import StyleVector, save_styles
from musicvae.music.meter import Meter

ENGINE = FakeEngine()


def vector(name, place=1, size=0.25, **fields):
    """Moves one number of the tune's block; of place 1: every pitch three semitones up."""
    direction = np.zeros(ENGINE.config.z_size)
    direction[place] = size
    return StyleVector(name=name, direction=direction, model_hash=ENGINE.hash, **fields)


@pytest.fixture
def model(tmp_path):
    vectors = [
        vector("density", 0, 0.1),
        vector("diatonic", 2),
        vector("interval", 3),
        vector("jig", 2, meter=Meter(6, 8), tempo_qpm=110.0),
        vector("high", attribute="pitch-mean"),
    ]
    save_styles(vectors, tmp_path / "melody.styles.safetensors")
    return Model(ENGINE, name="melody", path=tmp_path / "melody.safetensors", styles_folder=tmp_path / "own")
