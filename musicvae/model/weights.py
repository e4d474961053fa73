"""A model on disk: one safetensors file with tensors, configuration and history, and no code.

Tensors are stored in half precision under ``vae.`` and ``prior.``; the header's metadata holds,
under ``musicvae``, JSON: the format, the configuration, and what `save_model` was given. A model is known by its hash,
the first 12 hexadecimal digits of the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from musicvae.model.config import ModelConfig
from musicvae.model.prior import BarPrior
from musicvae.model.vae import MelodyVAE
from musicvae.music.files import atomic_path

__all__ = ["FORMAT", "Bundle", "add_metadata", "load_model", "read_metadata", "save_model"]

FORMAT = 1
_HEADER = "musicvae"


@dataclass(frozen=True)
class Bundle:
    """A loaded model: networks in evaluation mode and single precision, and the file's story."""

    vae: MelodyVAE
    prior: BarPrior
    config: ModelConfig
    metadata: Mapping[str, Any]
    hash: str


def save_model(path: str | Path, vae: MelodyVAE, prior: BarPrior, *, metadata: Mapping[str, Any]) -> Path:
    """Write a model file, replacing what is there only once the new one is whole; returns the path.

    metadata: anything JSON can hold; keys "format" and "config" are set here.
    """
    path = Path(path)
    parts = {"vae": vae, "prior": prior}
    tensors = {
        f"{part}.{name}": x.detach().to("cpu", torch.float16).contiguous()
        for part, net in parts.items()
        for name, x in net.state_dict().items()
    }
    header = {**metadata, "format": FORMAT, "config": vae.config.to_dict()}
    # One entry, since the order of several is not fixed and the same model must give the same file.
    data = save(tensors, {_HEADER: json.dumps(header, sort_keys=True)})
    with atomic_path(path, force=True) as temporary:
        temporary.write_bytes(data)
    return path


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The header of a model file; ValueError where it is damaged or of a newer format."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no model file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is no model file, or it is damaged ({error}): was the download or copy cut short?") from error
    if not isinstance(header.get("format"), int) or "config" not in header:
        raise ValueError(f"{path} is a safetensors file but no musicvae model: its header names no format and configuration")
    if header["format"] > FORMAT:
        raise ValueError(f"{path} has format {header['format']}, newer than {FORMAT}, the newest known here: upgrade musicvae")
    return header


def load_model(path: str | Path) -> Bundle:
    """Read a model file; FileNotFoundError, or ValueError where it is damaged, newer or another thing."""
    path = Path(path)
    header = read_metadata(path)
    config = ModelConfig.from_dict(header["config"])
    vae, prior = MelodyVAE(config), BarPrior(config)
    networks: dict[str, nn.Module] = {"vae": vae, "prior": prior}
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
        for part, network in networks.items():
            network.load_state_dict({name.removeprefix(f"{part}."): x for name, x in tensors.items() if name.startswith(f"{part}.")})
            network.eval()
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ValueError(f"{path} does not fit the network of this version ({reason}): is it another version's, or damaged?") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return Bundle(vae, prior, config, header, digest)


def add_metadata(path: str | Path, out: str | Path, entries: Mapping[str, Any]) -> Path:
    """Write the model of `path` to `out` with further entries in its header; its tensors stay as they are."""
    bundle = load_model(path)
    return save_model(out, bundle.vae, bundle.prior, metadata={**bundle.metadata, **entries})
