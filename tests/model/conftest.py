"""A tiny network with random weights, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from musicvae.model.config import PRESETS
from musicvae.model.engine import Engine
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import save_model

TINY = PRESETS["tiny"]


@pytest.fixture(scope="session")
def networks() -> tuple[MelodyVAE, BarPrior]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae, prior = MelodyVAE(TINY), BarPrior(TINY)
    # Fresh embeddings differ little; far from zero the tests can tell bars apart.
    with torch.no_grad():
        for parameter in vae.conductor.parameters():
            parameter.mul_(3.0)
    return vae.eval(), prior.eval()


@pytest.fixture(scope="session")
def model_file(networks: tuple[MelodyVAE, BarPrior], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(
        tmp_path_factory.mktemp("model") / "tiny.safetensors", *networks, metadata={"return_threshold": 0.2, "note": "für Tests"}
    )


@pytest.fixture(scope="session")
def engine(model_file: Path) -> Engine:
    return Engine.load(model_file)


@pytest.fixture
def tokens() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 90, (3, 8, 12)).astype(np.uint8)
