"""A network of a few numbers in whole numbers, the same on every machine: its weights come from Python's own generator."""

import random

import numpy as np

from musicvae.model.config import ModelConfig
from musicvae.model.integer.network import IntegerNetwork

CONFIG = ModelConfig(
    z_global=3, z_bar=2, max_bars=16, bar_size=8, encoder_size=8, conductor_size=12, embedding_size=8, heads=2, decoder_size=12,
    readout_size=4, prior_size=8, prior_mixtures=2,
)  # fmt: skip
DIGEST = "0123456789ab"


def shapes(config):
    c, e, d, r, p = config.conductor_size, config.embedding_size, config.decoder_size, config.readout_size, config.prior_size
    width, block = max(config.z_global, config.z_bar), config.z_global + config.z_bar
    found = {}

    def linear(name, outs, ins, bias=True):
        found[f"{name}.weight"] = (outs, ins)
        if bias:
            found[f"{name}.bias"] = (outs,)

    def gru(name, size, layers=1):
        for layer in range(layers):
            for side in ("ih", "hh"):
                found[f"{name}.weight_{side}_l{layer}"] = (3 * size, size)
                found[f"{name}.bias_{side}_l{layer}"] = (3 * size,)

    linear("vae.conductor.latent", c, block)
    linear("vae.conductor.direct", e, block)
    found["vae.conductor.places.weight"], found["vae.conductor.lengths.weight"] = (3 * config.max_bars, c), (config.max_bars + 1, c)
    gru("vae.conductor.tune", c)
    linear("vae.conductor.proposal.0", c, 2 * c)
    linear("vae.conductor.proposal.2", e, c)
    for name, outs in (("query", 16 * config.heads), ("key", 16 * config.heads), ("lag", config.heads * config.max_bars)):
        linear(f"vae.conductor.{name}", outs, 2 * c)
    found["vae.decoder.previous.weight"], found["vae.decoder.places.weight"] = (92, 3 * d), (48, 3 * d)
    linear("vae.decoder.bar", 3 * d, e)
    linear("vae.decoder.start", d, e)
    linear("vae.decoder.readout", 16 * r, e)
    linear("vae.decoder.step_gates", 3 * d, r, bias=False)
    linear("vae.decoder.recurrence", 3 * d, d)
    linear("vae.decoder.events", 91, d + r)
    linear("prior.enter", p, width)
    linear("prior.mixtures.0", 2 * p, 4 * p)
    linear("prior.mixtures.2", config.prior_mixtures * (1 + 3 * width), 2 * p)
    found["prior.places.weight"], found["prior.lengths.weight"] = (3 * (config.max_bars + 1), p), (config.max_bars + 1, p)
    found["prior.lags.weight"] = (config.max_bars, p)
    gru("prior.recurrence", p, layers=2)
    return found


def made_up(config=CONFIG):
    """Weights in units of 1/256, mostly small."""
    chance = random.Random(7)
    tensors = {}
    for name, shape in shapes(config).items():
        count = int(np.prod(shape))
        drawn = np.frombuffer(chance.randbytes(count), np.uint8).astype(np.float64).reshape(shape)
        tensors[name] = (drawn - 128) / 256
    # As trained ones do, it starts notes in the middle of the piano, and not at every step.
    tensors["vae.decoder.events.weight"] *= 6
    tensors["vae.decoder.events.bias"][:3] += [2.0, -1.0, 0.5]
    tensors["vae.decoder.events.bias"][3:] -= np.abs(np.arange(88) - 45) / 4
    return IntegerNetwork(config, tensors, DIGEST)
