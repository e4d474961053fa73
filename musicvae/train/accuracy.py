"""How often a network's likeliest frame is the true one."""

from __future__ import annotations

from collections import Counter
from typing import cast

import torch
from torch import Tensor

from musicvae.model.published.decoder import LstmDecoder
from musicvae.model.published.vae import PublishedVAE

__all__ = ["Hits"]


class Hits:
    """Counts over batches.

    Of classes, each one that has a target counts, every stream for itself too; of drums drawn sound by sound, a step is right
    where all its sounds are.
    """

    def __init__(self) -> None:
        self._right: Counter[int] = Counter()
        self._all: Counter[int] = Counter()

    @torch.no_grad()
    def count(self, vae: PublishedVAE, outputs: list[Tensor], targets: Tensor) -> None:
        """Take in the outputs (N, T, width) of each core and the targets (N, T, streams) or (N, T, D) they were to give."""
        cores = [cast(LstmDecoder, core) for core in vae.cores]
        frames = [core.head.draw(x.float(), None, 0.0) for core, x in zip(cores, outputs, strict=True)]
        found = torch.cat(frames, -1)
        if vae.config.head != "categorical":
            sounds = targets.shape[-1] // (3 if vae.config.head == "groove" else 1)
            equal = (found[..., :sounds] > 0.5) == (targets[..., :sounds] > 0.5)
            self._add(0, equal.all(-1), torch.ones_like(equal[..., 0]))
            return
        for stream in range(targets.shape[-1]):
            true = targets[..., stream]
            self._add(stream, (found[..., stream] == true) & (true >= 0), true >= 0)

    def _add(self, stream: int, right: Tensor, counted: Tensor) -> None:
        self._right[stream] += int(right.sum())
        self._all[stream] += int(counted.sum())

    def shares(self, name: str) -> dict[str, float]:
        """The share of right ones under this name and, of several streams, of each under the name and its number from 1."""
        found = {name: self._right.total() / max(1, self._all.total())}
        if len(self._all) > 1:
            found |= {f"{name}_{stream + 1}": self._right[stream] / max(1, self._all[stream]) for stream in sorted(self._all)}
        return found
