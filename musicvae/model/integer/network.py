"""A model file as a network in whole numbers, without torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from musicvae.model.config import ModelConfig
from musicvae.model.headers import HEADER, check_header
from musicvae.model.integer.decoder import IntegerConductor, IntegerDecoder
from musicvae.model.integer.layers import Tensors
from musicvae.model.integer.prior import IntegerPrior

__all__ = ["IntegerNetwork"]


class IntegerNetwork:
    """Conductor, decoder and prior of one of our own models of melodies; hash: of its file, as `model.weights` has it."""

    def __init__(self, config: ModelConfig, tensors: Tensors, digest: str) -> None:
        self.config, self.hash = config, digest
        self.conductor, self.decoder = IntegerConductor(config, tensors), IntegerDecoder(config, tensors)
        self.prior = IntegerPrior(config, tensors)

    @classmethod
    def load(cls, path: str | Path) -> IntegerNetwork:
        """Read a model file; ValueError for one that is damaged or of another kind, FileNotFoundError where there is none."""
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no model file {path}")
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="np") as file:
                header: Any = json.loads((file.metadata() or {}).get(HEADER, "{}"))
                tensors = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
        except (SafetensorError, ValueError, RecursionError) as error:
            raise ValueError(f"{path} is no model file, or it is damaged ({error}): was the download or copy cut short?") from error
        header = check_header(path, header)
        if "network" in header:
            raise ValueError(f"{path} is no model of melodies of our own, and only those can compress: leave the model out, or give one")
        with path.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()[:12]
        try:
            return cls(ModelConfig.from_dict(header["config"]), tensors, digest)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{path} does not fit the network of this version ({error}): is it another version's, or damaged?") from error
