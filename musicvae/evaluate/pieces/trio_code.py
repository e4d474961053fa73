"""The linear rival of a trio model: a linear code of each part alone, the three sharing the bits of a window.

Conventions: as `evaluate.linear`; parts as in `evaluate.pieces.parts`. The parts have one distortion: by reverse water-filling
that is the split of the bits with the least error in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.linear import DECISIONS, LinearCode, WaterFilling, fit_linear_code
from musicvae.evaluate.pieces.hit_code import HitCode, best_guesses, fit_hit_code
from musicvae.evaluate.pieces.parts import PARTS, Parts, part_agreement

__all__ = ["TrioCode", "fit_trio_code"]

Floats = NDArray[np.float64]
_STEPS = 60  # of the bisection


@dataclass(frozen=True)
class TrioCode:
    """Linear codes of melody, bass and drums, fitted apart from one another."""

    melody: LinearCode
    bass: LinearCode
    drums: HitCode

    def decoded(self, truth: Parts, bits: float, *, rng: np.random.Generator | None = None) -> dict[str, NDArray[Any]] | None:
        """The parts that come back where these windows cost `bits` on average in all; None where the codes cannot carry so many.

        rng: for a draw of each code's posterior, None for its mean. Of the ways to decide (of tokens both, of hits all thresholds) the
        one with the best step accuracy on these very windows.
        """
        y = {part: self._of(part).project(truth[part]) for part in PARTS}
        distortion = self._matched(y, bits)
        if distortion is None:
            return None
        return {part: self._best(part, truth[part], y[part], distortion, rng) for part in PARTS}

    def _of(self, part: str) -> Any:
        return getattr(self, part)

    def _best(self, part: str, truth: NDArray[Any], y: Floats, distortion: float, rng: np.random.Generator | None) -> NDArray[Any]:
        noise = None if rng is None else rng.standard_normal(y.shape)
        if part == "drums":
            scores = self.drums.scores(y, distortion, noise=noise)
            return np.asarray(scores > best_guesses(truth, scores)["step accuracy"][0])
        code: LinearCode = self._of(part)
        tried = [code.decode(y, distortion, decision=way, noise=noise) for way in DECISIONS]
        return max(tried, key=lambda guess: part_agreement(part, truth, guess).step_accuracy)

    def _matched(self, y: dict[str, Floats], bits: float) -> float | None:
        """The one distortion at which all parts together cost `bits`."""
        codes: dict[str, WaterFilling] = {part: self._of(part) for part in PARTS}

        def cost(distortion: float) -> float:
            return float(sum(codes[part].kl_bits(y[part], distortion).mean() for part in PARTS))

        low = max(_least_distortion(code) for code in codes.values())
        high = max(float(code.variances[0]) for code in codes.values()) * (1 - 1e-9)
        if not 0 < bits <= cost(low):
            return None
        for _ in range(_STEPS):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if cost(middle) > bits else (low, middle)
        return float(np.sqrt(low * high))


def _least_distortion(code: WaterFilling) -> float:
    """The least error of a component: of a code that lacks some, that of the first one that is not there."""
    return float(code.variances[-1]) * (1.0 if np.isfinite(code.max_bits) else 1e-6)


def fit_trio_code(train: Parts, *, components: int | None = None) -> TrioCode:
    """Fit the three codes on training windows; at most so many components each. ValueError for fewer than 2 windows."""
    most = 1024 if components is None else components
    voices = [fit_linear_code(train[part], components=most) for part in PARTS[:2]]
    return TrioCode(voices[0], voices[1], fit_hit_code(train["drums"], components=components))
