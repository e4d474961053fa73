"""Tiny networks of pieces with drawn weights, and music for them."""

import numpy as np
import torch

from musicvae.model.pieces.config import PIECE_PRESETS
from musicvae.model.pieces.engine import PiecesEngine
from musicvae.model.pieces.vae import PieceVAE
from musicvae.model.prior import BarPrior
from musicvae.model.weights import PieceBundle, save_model


def networks(preset):
    """The network and the prior of a preset, the same at each call."""
    config = PIECE_PRESETS[preset]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        vae = PieceVAE(config).eval()
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.normal_(0, 0.3)  # so that different codes give different music
        prior = BarPrior(config).eval() if config.has_prior else None
    return vae, prior


def engine(preset, **metadata):
    vae, prior = networks(preset)
    return PiecesEngine(PieceBundle(vae, prior, vae.config, metadata, "tiny"))


def saved(preset, path, **metadata):
    """A model file with these networks."""
    return save_model(path, *networks(preset), metadata=metadata)


def columns(material, count, bars, seed=0):
    """Windows (N, B, ...) of this material."""
    rng = np.random.default_rng([seed, bars])
    struck = rng.random((count, bars, 16, 9)) < 0.2
    if material == "groove":
        late = np.where(struck, rng.uniform(-0.4, 0.4, struck.shape), 0)
        return {"bars": np.where(struck, rng.integers(30, 120, struck.shape), 0).astype(np.uint8), "offsets": late.astype(np.float16)}
    drums = hits_of(struck)
    if material == "drums":
        return {"bars": drums}
    voices = {name: np.where(rng.random((count, bars, 16)) < 0.4, rng.integers(30, 60, (count, bars, 16)), 0) for name in ("bars", "bass")}
    return {**{name: voice.astype(np.uint8) for name, voice in voices.items()}, "drums": drums}


def hits_of(struck):
    """Which classes are hit (..., 16, 9) as bits (..., 16)."""
    return np.bitwise_or.reduce(struck.astype(np.uint64) << np.arange(9, dtype=np.uint64), axis=-1)


def told(preset, count, bars, seed=1):
    """What a network of this preset is told; None for nothing."""
    groove = columns("groove", count, bars, seed)
    if preset.endswith("groove"):
        return {"hits": hits_of(groove["bars"] > 0), "tempo": np.full((count, bars), 90.0)}
    if preset.endswith("drumify"):
        return {"taps": (groove["bars"].max(-1) > 0).astype(np.uint8), "tap_offsets": groove["offsets"].max(-1)}
    return None
