"""Tiny published networks with random weights, their variables in the published layout, and random examples for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from model.published.oracle import Oracle
from numpy.typing import NDArray
from torch import Tensor

from musicvae.model.published.config import PublishedConfig
from musicvae.model.published.presets import PUBLISHED
from musicvae.model.published.vae import PublishedVAE

CONTROLLED = replace(PUBLISHED["cat-mel_2bar_med_chords"].config, preset="controls read first", control_sizes=(4, 3))
CONFIGS = {**{name: preset.config for name, preset in PUBLISHED.items()}, CONTROLLED.preset: CONTROLLED}


def tiny(name: str) -> PublishedConfig:
    """A published configuration with few numbers, layers and parts being its own."""
    config = CONFIGS[name]
    small = {
        "z_size": 4, "encoder_sizes": (5, 4)[: len(config.encoder_sizes)], "decoder_sizes": (6, 5, 4)[: len(config.decoder_sizes)],
        "conductor_sizes": (5, 4, 3)[: len(config.conductor_sizes)], "steps": 12, "segments": 3 if config.segments > 1 else 1,
        "encoder_levels": (4, 3) if config.encoder_levels else (), "control_depth": min(config.control_depth, 3),
    }  # fmt: skip
    if config.head == "nade":
        return replace(config, **small, nade_size=6, outputs=(5,), input_depth=6)
    if config.head == "groove":
        return replace(config, **small)
    outputs = {1: (7,), 3: (4, 5, 6)}[len(config.outputs)]
    return replace(config, **small, outputs=outputs, input_depth=4 if name.startswith("cat-drums") else sum(outputs))


def network(config: PublishedConfig, seed: int = 0) -> PublishedVAE:
    """In double precision, with weights so large that every part tells."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae = PublishedVAE(config)
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.copy_(torch.randn(parameter.shape) * 0.6)
    return vae.double().eval()


@dataclass(frozen=True)
class Examples:
    """inputs, frames: (N, T, D) as the published network had them; rows and targets: the same as our networks take them."""

    inputs: Tensor
    rows: Tensor
    frames: NDArray[np.float64]
    targets: Tensor
    controls: Tensor | None


def examples(config: PublishedConfig, n: int = 2, seed: int = 1) -> Examples:
    """Random ones: inputs with up to two ones a step, targets that end early in places."""
    rng = np.random.default_rng(seed)
    shape = (n, config.steps)
    controls = torch.tensor(rng.normal(size=(*shape, config.control_depth))) if config.control_depth else None
    rows = np.sort(rng.integers(-1, config.input_depth, (*shape, 2)), -1)
    rows[..., 0] = np.where(rows[..., 0] == rows[..., 1], -1, rows[..., 0])
    inputs = np.zeros((*shape, config.input_depth + 1))
    np.put_along_axis(inputs, rows % (config.input_depth + 1), 1.0, -1)
    if config.head == "groove":
        frames = np.concatenate([rng.integers(0, 2, (*shape, 9)), rng.random((*shape, 9)), rng.uniform(-1, 1, (*shape, 9))], -1)
        targets = torch.tensor(frames)
    elif config.head == "nade":
        frames = rng.integers(0, 2, (*shape, *config.outputs)).astype(np.float64)
        targets = torch.tensor(frames)
    else:
        classes = np.stack([rng.integers(-1, width, shape) for width in config.outputs], -1)
        frames = np.concatenate([np.eye(w + 1)[c][..., :w] for w, c in zip(config.outputs, np.moveaxis(classes, -1, 0), strict=True)], -1)
        targets = torch.tensor(classes)
    return Examples(torch.tensor(inputs[..., :-1]), torch.tensor(rows), frames, targets, controls)


def oracle(vae: PublishedVAE) -> Oracle:
    """The oracle with this network's weights."""
    names = (
        "encoder_sizes", "encoder_levels", "decoder_sizes", "conductor_sizes", "control_sizes", "segments", "outputs", "separate",
        "head", "nade_size",
    )  # fmt: skip
    return Oracle(variables(vae), **{name: getattr(vae.config, name) for name in names})


def variables(vae: PublishedVAE) -> dict[str, NDArray[np.float64]]:
    """Weights under their published names and in the published layout."""
    config, found = vae.config, {}
    state = {name: x.detach().double().numpy() for name, x in vae.state_dict().items()}

    def dense(theirs: str, ours: str) -> None:
        found[f"{theirs}/kernel"], found[f"{theirs}/bias"] = state[f"{ours}.weight"].T, state[f"{ours}.bias"]

    def cell(theirs: str, ours: str) -> None:
        recurrent = state[f"{ours}.weight_rec"]
        entering = state.get(f"{ours}.weight_in", np.full((len(recurrent), 1), 99.0))
        i, f, g, o = np.split(np.concatenate([entering, recurrent], 1), 4)
        found[f"{theirs}/lstm_cell/kernel"] = np.concatenate([i, g, f, o]).T
        i, f, g, o = np.split(state[f"{ours}.bias"], 4)
        found[f"{theirs}/lstm_cell/bias"] = np.concatenate([i, g, f - 1.0, o])

    def both_ways(theirs: str, ours: str, layers: int) -> None:
        for layer in range(layers):
            for direction, name in (("fw", "forward_cell"), ("bw", "backward_cell")):
                cell(f"{theirs}cell_{layer}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0", f"{ours}.{layer}.{name}")

    for level in range(max(1, len(config.encoder_levels))):
        scope = f"encoder/hierarchical_level_{level}/" if config.encoder_levels else "encoder/"
        both_ways(scope, f"encoder.levels.{level}", len(config.encoder_sizes))
    dense("encoder/mu", "encoder.mu")
    dense("encoder/sigma", "encoder.sigma")
    both_ways("control_preprocessing/", "controls.levels.0", len(config.control_sizes))
    if config.conductor_sizes:
        dense("decoder/hierarchical_level_0/initial_state", "conductor.start")
    for layer in range(len(config.conductor_sizes)):
        cell(f"decoder/hierarchical_level_0/cell_{layer}", f"conductor.cells.{layer}")
    for k in range(len(vae.cores)):
        scope = ("core_decoder/" if config.conductor_sizes else "") + (f"core_decoder_{k}/" if config.separate else "") + "decoder"
        dense(f"{scope}/z_to_initial_state", f"cores.{k}.start")
        dense(f"{scope}/output_projection", f"cores.{k}.output")
        for layer in range(len(config.decoder_sizes)):
            cell(f"{scope}/multi_rnn_cell/cell_{layer}", f"cores.{k}.cells.{layer}")
        if config.head == "nade":
            found[f"{scope}/nade/w_enc"] = state[f"cores.{k}.head.w_enc"][:, None]
            found[f"{scope}/nade/w_dec_t"] = state[f"cores.{k}.head.w_dec"][:, :, None]
    return found
