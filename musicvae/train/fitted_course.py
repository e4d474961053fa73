"""Training a network of this project: the network by a course of its own, and after it the prior, where it has one to learn."""

from __future__ import annotations

import hashlib
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from musicvae.model.config import BarConfig, ModelConfig
from musicvae.model.pieces.config import PieceConfig
from musicvae.model.pieces.vae import PieceVAE
from musicvae.model.vae import MelodyVAE
from musicvae.model.weights import Bundle, PieceBundle, save_model
from musicvae.train.course import Course, Finish
from musicvae.train.options import TrainOptions
from musicvae.train.prior_fit import Codes, fit_prior

__all__ = ["PRIOR_FILE", "FittedCourse"]

PRIOR_FILE = "prior.ckpt"
"""In the folder of a run: how far the fit of the prior is."""
Network = TypeVar("Network", MelodyVAE, PieceVAE)


class FittedCourse(Course, Generic[Network]):
    """What courses of melodies and of other pieces have in common: weights to start from, and how a model file is made."""

    config: ModelConfig | PieceConfig
    options: TrainOptions

    @abstractmethod
    def network(self) -> Network:
        """A new network of the configuration."""

    @abstractmethod
    def bundle(self, path: str | Path) -> Bundle | PieceBundle:
        """A model file of the same kind of network; ValueError for another."""

    @abstractmethod
    def codes(self, vae: Network, device: torch.device) -> Codes:
        """What the prior is fitted to: codes by a network (in evaluation mode, on `device`)."""

    def starting_weights(self, path: str | Path) -> dict[str, Tensor]:
        """Weights of a model of the same numbers."""
        bundle = self.bundle(path)
        if bundle.config != self.config:
            differing = _differing_numbers(self.config, bundle.config)
            raise ValueError(f"{path} cannot be started from, its network is another one: {differing}; was another preset meant?")
        return bundle.vae.state_dict()

    def write(self, weights: Mapping[str, Tensor], story: dict[str, Any], end: Finish) -> Mapping[str, float]:
        """Fit the prior, where there is one, then write all."""
        begin = time.monotonic()
        vae = self.network()
        vae.load_state_dict(weights)
        vae = vae.to(end.device).eval()
        if isinstance(vae, PieceVAE) and not vae.config.has_prior:
            save_model(end.out, vae.cpu(), None, metadata=story)
            return {}
        fit = fit_prior(
            self.config, self.codes(vae, end.device), self.options, device=end.device, checkpoint=end.run_dir / PRIOR_FILE,
            notes={**end.notes, "weights": _weights_digest(vae)}, report=end.tell,
        )  # fmt: skip
        seconds = round(story["seconds"] + time.monotonic() - begin, 1)
        save_model(end.out, vae.cpu(), fit.prior.cpu(), metadata={**story, "seconds": seconds, "prior": fit.figures()})
        return fit.figures()


def _differing_numbers(here: BarConfig, there: BarConfig) -> str:
    """What of two configurations is not the same, in words."""
    ours, theirs = here.to_dict(), there.to_dict()
    return ", ".join(f"{name} is {theirs.get(name)}, here {ours[name]}" for name in ours if ours[name] != theirs.get(name))


def _weights_digest(vae: nn.Module) -> str:
    """Sixteen hexadecimal digits that change with any weight."""
    digest = hashlib.sha256()
    for parameter in vae.state_dict().values():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
