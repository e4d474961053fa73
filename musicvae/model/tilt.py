"""A learned prior leant towards a few pieces: p(z, lags) exp(a . s(z, lags)) / Z, for each meter and length.

Of all densities under which the mean of the summaries s is moved so far, this is the one nearest to the prior (exponential tilting;
Csiszar, 1975). The summary of a z is its tune's block, mean and spread of its bars' blocks, and how its bars return. Of `scored` the
normalizer Z is known, so that what is scored is a density; `drawn`, a stronger leaning, is for drawing alone: of `candidates` draws
from the prior one is taken, with odds of exp(a . s) (sampling-importance-resampling; Rubin, 1988).

Conventions: F numbers in a summary. In meters and lengths where a is 0 all is as it is without, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musicvae.model.config import BarConfig
from musicvae.model.prior import BarPrior
from musicvae.music.meter import KINDS

__all__ = ["TILT_TENSORS", "Prior", "TiltedPrior", "prior_noise", "summary", "summary_size"]

TILT_TENSORS: Final = ("scored", "drawn", "log_norms")
_NEAR_BARS = 4
_AT_ONCE = 1024


def summary_size(config: BarConfig) -> int:
    """F."""
    return config.z_global + 2 * config.z_bar + 3


def summary(config: BarConfig, z: Tensor, lags: Tensor, bars: int) -> Tensor:
    """Summaries (N, F) of z (N, Z) with lags (N, bars).

    The tune's block, mean and deviation of the bars' blocks, and shares of bars that return: at all, from `_NEAR_BARS` bars before, and
    from one or two.
    """
    start, end = config.z_global, config.z_used(bars)
    blocks = z[:, start:end].reshape(len(z), bars, -1)
    returns = torch.stack([lags > 0, lags == _NEAR_BARS, (lags == 1) | (lags == 2)], -1).to(z.dtype).mean(1)
    return torch.cat([z[:, :start], blocks.mean(1), blocks.std(1, unbiased=False), returns], 1)


class TiltedPrior(nn.Module):
    """The leaning of a prior, which stays as it is.

    scored, drawn: (kinds, 1 + max_bars, F), by kind of meter and number of bars; log_norms: (kinds, 1 + max_bars), of `scored`.
    """

    candidates = 32
    """Rows of noise that each z to be drawn needs."""
    scored: Tensor
    drawn: Tensor
    log_norms: Tensor

    def __init__(self, base: BarPrior, tensors: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        self.base, self.config, self.width = base, base.config, base.width
        shape = (len(KINDS), base.config.max_bars + 1)
        for name in TILT_TENSORS:
            wanted = shape if name == "log_norms" else (*shape, summary_size(base.config))
            given = torch.zeros(wanted) if tensors is None else tensors[name]
            if given.shape != wanted:
                raise RuntimeError(f"the leaning {name!r} has shape {tuple(given.shape)}, not {wanted}")
            self.register_buffer(name, given)

    def log_prob(self, z: Tensor, lags: Tensor, bars: int, kind: int, told: Tensor | None = None) -> Tensor:
        """As `BarPrior.log_prob`."""
        return self.log_prob_blocks(z, lags, bars, kind, told).sum(-1)

    def log_prob_blocks(self, z: Tensor, lags: Tensor, bars: int, kind: int, told: Tensor | None = None) -> Tensor:
        """As `BarPrior.log_prob_blocks`; what the leaning adds is known of the whole only, and each block has an equal part of it."""
        blocks = self.base.log_prob_blocks(z, lags, bars, kind, told)
        weights = self.scored[kind, bars]
        if not weights.any():
            return blocks
        added = summary(self.config, z, lags, bars) @ weights - self.log_norms[kind, bars]
        return blocks + added[:, None] / (bars + 1)

    def sample(self, normals: Tensor, uniforms: Tensor, **options: Any) -> Tensor:
        """Draw z (N, Z), as `sample_with_lags` does."""
        return self.sample_with_lags(normals, uniforms, **options)[0]

    @torch.no_grad()
    def sample_with_lags(
        self, normals: Tensor, uniforms: Tensor, *, bars: int, kind: int, temperature: float = 1.0, given: Tensor | None = None,
        given_lags: Tensor | None = None, told: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """As `BarPrior.sample_with_lags`, of `candidates` rows of noise for each z, one after another (`prior_noise`)."""
        count, weights = self.candidates, self.drawn[kind, bars]
        options: dict[str, Any] = {"bars": bars, "kind": kind, "temperature": temperature}
        rows: dict[str, Any] = {"given": given, "given_lags": given_lags, "told": told}
        if not weights.any():
            return self.base.sample_with_lags(normals[::count], uniforms[::count], **options, **rows)
        wide = {name: None if x is None else x.repeat_interleave(count, 0) for name, x in rows.items()}
        parts = []
        for first in range(0, len(normals), _AT_ONCE):
            here = slice(first, first + _AT_ONCE)
            some: dict[str, Any] = {name: None if x is None else x[here] for name, x in wide.items()}
            parts.append(self.base.sample_with_lags(normals[here], uniforms[here], **options, **some))
        z, lags = (torch.cat([part[place] for part in parts]) for place in range(2))
        odds = (summary(self.config, z, lags, bars) @ weights).view(-1, count).softmax(-1).cumsum(-1)
        # The lag of the tune's block is always 0: its noise is free to choose by.
        chosen = (odds < uniforms[::count, 0, :1]).sum(-1).clamp(max=count - 1)
        taken = torch.arange(len(chosen), device=z.device) * count + chosen
        return z[taken], lags[taken]


Prior = BarPrior | TiltedPrior
"""A learned prior, as it is or leant towards pieces."""


def prior_noise(prior: Prior, streams: Sequence[np.random.Generator]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Normals (N * C, 1 + max_bars, width) and uniforms (N * C, 1 + max_bars, 2) of C candidates from each stream.

    The first candidate has the noise that it has where it is the only one.
    """
    count = prior.candidates if isinstance(prior, TiltedPrior) else 1
    shape = (1 + prior.config.max_bars, prior.width)
    pairs = [(stream.standard_normal(shape), stream.random((shape[0], 2))) for stream in streams for _ in range(count)]
    return np.stack([normals for normals, _ in pairs]), np.stack([uniforms for _, uniforms in pairs])
