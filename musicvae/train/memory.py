"""What a step of training takes of a machine's memory, and in how many parts a batch has to be gone through to fit.

Estimates from a network's numbers, made to lie a little above what was measured.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

from musicvae.model.published.config import PublishedConfig

__all__ = ["memory_bytes", "pieces_that_fit", "step_bytes"]

_USABLE = 0.6
"""Share of a machine's memory that a run may take: corpus, libraries and other programs need some too."""
_PARAMETER_BYTES = 4 * 5
"""A parameter, its gradient, Adam's two moments, and the copy that a checkpoint or half precision makes."""
_KEPT_PER_UNIT = 8
"""Numbers kept for each unit of a recurrent layer and step: its gates, their gradients, memory and output."""
_KEPT_PER_OUTPUT = 4
"""Single-precision numbers for each output: scores, their logarithms, and the gradients of both."""
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def step_bytes(config: PublishedConfig, *, parameters: int, windows: int, value_bytes: int) -> int:
    """Bytes of memory at the height of a step with so many windows; value_bytes: of a number in the products, 2 or 4."""
    reading = 2 * sum(config.encoder_sizes)  # two directions
    writing = sum(config.decoder_sizes) * (len(config.outputs) if config.separate else 1)
    outputs = sum(config.outputs) + config.nade_size * (2 * config.outputs[0] if config.head == "nade" else 0)
    per_step = _KEPT_PER_UNIT * value_bytes * (reading + writing) + _KEPT_PER_OUTPUT * 4 * outputs
    return parameters * _PARAMETER_BYTES + windows * config.steps * per_step


def pieces_that_fit(config: PublishedConfig, *, parameters: int, windows: int, value_bytes: int, memory: int) -> int:
    """The fewest parts of a batch of so many windows that each fit into `memory` bytes; parts of one window, if nothing does."""
    fixed = step_bytes(config, parameters=parameters, windows=0, value_bytes=value_bytes)
    needed = step_bytes(config, parameters=parameters, windows=windows, value_bytes=value_bytes) - fixed
    room = _USABLE * memory - fixed
    return windows if room <= 0 else max(1, min(windows, math.ceil(needed / room)))


def memory_bytes(device: torch.device) -> int:
    """Memory of a device in bytes, all of it, in use or not; of a processor what this process may have."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 * 2**30
    try:
        return min(whole, int(_CGROUP.read_text()))
    except (OSError, ValueError):  # no such limit, or the word "max"
        return whole
