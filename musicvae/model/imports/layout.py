"""Where each tensor of a published checkpoint goes: names and shapes on both sides, and how one becomes the other.

A published LSTM cell has one kernel (inputs then state, 4 H) whose columns are input, candidate, forget and output gate, and adds 1 to the
forget gate when it runs; here a cell has two matrices (4 H, inputs) and (4 H, H), gates in the order input, forget, candidate, output, and
the 1 is in the bias. Kernels of dense layers are transposed. The conductor's first cell reads one number that is always zero: that row
is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from musicvae.model.imports.tensors import Floats
from musicvae.model.published.config import PublishedConfig

__all__ = ["CORE", "Move", "core_prefixes", "layout"]

_GATE_ORDER = (0, 2, 1, 3)  # published blocks, in the order that is kept here
_FORGET = 1
_TILE = (16, 256)
CORE = "decoder/"


@dataclass(frozen=True)
class Move:
    """One published tensor of a known shape and what becomes of it: tensors by name and shape, all made by `convert`."""

    source: str
    shape: tuple[int, ...]
    targets: tuple[tuple[str, tuple[int, ...]], ...]
    convert: Callable[[Floats], tuple[Floats, ...]]


def layout(config: PublishedConfig) -> list[Move]:
    """Every tensor of a network of this configuration, once each; names on our side are those of `PublishedVAE`'s state."""
    return [*_encoder(config), *_conductor(config), *_controls(config), *_cores(config)]


def core_prefixes(config: PublishedConfig) -> list[str]:
    """What the published names of each core decoder's tensors begin with, before `CORE`."""
    above = "core_decoder/" if config.conductor_sizes else ""
    return [f"{above}core_decoder_{k}/" for k in range(len(config.outputs))] if config.separate else [above]


def _encoder(config: PublishedConfig) -> Iterator[Move]:
    depth = config.input_depth + config.control_depth
    if config.encoder_levels:
        (size,) = config.encoder_sizes
        for level in range(len(config.encoder_levels)):
            source = f"encoder/hierarchical_level_{level}/cell_0/"
            yield from _both_ways(source, f"encoder.levels.{level}.0", depth if level == 0 else 2 * size, size)
    else:
        for layer, size in enumerate(config.encoder_sizes):
            yield from _both_ways(f"encoder/cell_{layer}/", f"encoder.levels.0.{layer}", depth, size)
            depth = 2 * size
    for name in ("mu", "sigma"):
        yield from _dense(f"encoder/{name}", f"encoder.{name}", 2 * config.encoder_sizes[-1], config.z_size)


def _conductor(config: PublishedConfig) -> Iterator[Move]:
    sizes = config.conductor_sizes
    if not sizes:
        return
    above = "decoder/hierarchical_level_0/"
    yield from _dense(f"{above}initial_state", "conductor.start", config.z_size, 2 * sum(sizes))
    for layer, size in enumerate(sizes):
        inputs = 0 if layer == 0 else sizes[layer - 1]
        yield from _cell(f"{above}cell_{layer}/lstm_cell/", f"conductor.cells.{layer}", inputs, size, idle=int(layer == 0))


def _controls(config: PublishedConfig) -> Iterator[Move]:
    depth = config.control_depth
    for layer, size in enumerate(config.control_sizes):
        yield from _both_ways(f"control_preprocessing/cell_{layer}/", f"controls.levels.0.{layer}", depth, size)
        depth = 2 * size


def _cores(config: PublishedConfig) -> Iterator[Move]:
    told = config.conductor_sizes[-1] if config.conductor_sizes else config.z_size
    controls = 2 * config.control_sizes[-1] if config.control_sizes else config.control_depth
    for core, prefix in enumerate(core_prefixes(config)):
        fed = config.outputs[core] if config.separate else sum(config.outputs)
        written = fed + config.nade_size
        source, target = f"{prefix}{CORE}", f"cores.{core}"
        yield from _dense(f"{source}z_to_initial_state", f"{target}.start", told, 2 * sum(config.decoder_sizes))
        inputs = fed + told + controls
        for layer, size in enumerate(config.decoder_sizes):
            yield from _cell(f"{source}multi_rnn_cell/cell_{layer}/lstm_cell/", f"{target}.cells.{layer}", inputs, size)
            inputs = size
        yield from _dense(f"{source}output_projection", f"{target}.output", inputs, written)
        if config.head == "nade":
            shape = (fed, config.nade_size)
            yield Move(f"{source}nade/w_enc", (fed, 1, config.nade_size), ((f"{target}.head.w_enc", shape),), _squeezed)
            yield Move(f"{source}nade/w_dec_t", (fed, config.nade_size, 1), ((f"{target}.head.w_dec", shape),), _squeezed)


def _both_ways(source: str, target: str, inputs: int, size: int) -> Iterator[Move]:
    for short, long in (("fw", "forward"), ("bw", "backward")):
        yield from _cell(f"{source}bidirectional_rnn/{short}/multi_rnn_cell/cell_0/lstm_cell/", f"{target}.{long}_cell", inputs, size)


def _cell(source: str, target: str, inputs: int, size: int, idle: int = 0) -> Iterator[Move]:
    """An LSTM cell; idle: rows of the kernel for inputs that are always zero, left out."""
    recurrent = (f"{target}.weight_rec", (4 * size, size))
    targets = ((f"{target}.weight_in", (4 * size, inputs)), recurrent) if inputs else (recurrent,)

    def split(kernel: Floats) -> tuple[Floats, ...]:
        parts = ([_gates(kernel[:inputs])] if inputs else []) + [_gates(kernel[inputs + idle :])]
        return tuple(parts)

    yield Move(f"{source}kernel", (inputs + idle + size, 4 * size), targets, split)
    yield Move(f"{source}bias", (4 * size,), ((f"{target}.bias", (4 * size,)),), _bias)


def _dense(source: str, target: str, inputs: int, outputs: int) -> Iterator[Move]:
    yield Move(f"{source}/kernel", (inputs, outputs), ((f"{target}.weight", (outputs, inputs)),), lambda kernel: (_transposed(kernel),))
    yield Move(f"{source}/bias", (outputs,), ((f"{target}.bias", (outputs,)),), lambda bias: (bias,))


def _gates(rows: Floats) -> Floats:
    """(inputs, 4 H) in published order as (4 H, inputs) in ours."""
    out = np.empty(rows.shape[::-1], np.float32)
    size = rows.shape[1] // 4
    for place, block in enumerate(_GATE_ORDER):
        _transpose_into(out[place * size : (place + 1) * size], rows[:, block * size : (block + 1) * size])
    return out


def _bias(bias: Floats) -> tuple[Floats, ...]:
    blocks = bias.reshape(4, -1)[list(_GATE_ORDER)]
    blocks[_FORGET] += np.float32(1)
    return (blocks.reshape(-1),)


def _transposed(kernel: Floats) -> Floats:
    out = np.empty(kernel.shape[::-1], np.float32)
    _transpose_into(out, kernel)
    return out


def _transpose_into(out: Floats, rows: Floats) -> None:
    """Tile by tile, so that what is read and what is written both stay in the cache; 16 numbers are one line of it."""
    height, width = _TILE
    for top in range(0, rows.shape[0], height):
        for left in range(0, rows.shape[1], width):
            out[left : left + width, top : top + height] = rows[top : top + height, left : left + width].T


def _squeezed(weights: Floats) -> tuple[Floats, ...]:
    return (weights.reshape(weights.shape[0], -1),)
