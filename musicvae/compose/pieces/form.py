"""When bars of a new piece count as the same: so that pieces have as many different bars as real ones.

A network of any length draws bars that return as the same bar (`model.sampling.same_bars`), if their embeddings are nearer than a
threshold times the spread of the piece's bars. Training sets neither the threshold nor the usual spread; both are settled here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.learning import Tell
from musicvae.compose.pieces.coding import like_bars
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.passages import Passages
from musicvae.model.noise import piece_seed

__all__ = ["Form", "FormingEngine", "different_bars", "settle_form"]

THRESHOLDS = (0.0, *(round(0.05 * i, 2) for i in range(2, 21)))
_TOO_FEW = 0.03  # by so much below real pieces, the share only falls from there on


class FormingEngine(PieceEngine, Protocol):
    """An engine whose bars can return."""

    return_threshold: float
    usual_spread: float

    def bar_spread(self, z: Floats, *, bars: int, told: Columns | None = None) -> Floats:
        """How far apart the bars of each piece are, (N,)."""
        ...


@dataclass(frozen=True)
class Form:
    """What was settled, and the share of different bars in real pieces and in those drawn with it."""

    return_threshold: float
    usual_spread: float
    real: float
    drawn: float


def different_bars(columns: Columns) -> Floats:
    """The share of each window's bars (N, B, ...) that are not the same as an earlier one, (N,)."""
    names = [name for name in ("bars", "bass", "drums") if name in columns]
    count, bars = columns[names[0]].shape[:2]
    flat = [np.ascontiguousarray(columns[name]).reshape(count, bars, -1).view(np.uint8).reshape(count, bars, -1) for name in names]
    joined = np.concatenate(flat, axis=-1)
    return np.array([len({bar.tobytes() for bar in window}) / bars for window in joined], np.float64)


def settle_form(engine: FormingEngine, real: Passages, *, tell: Tell = lambda text: None) -> Form:
    """Set the engine's threshold and usual spread by passages of real pieces, all of one length; as many are drawn, told the same.

    The threshold is the one of `THRESHOLDS` with which drawn pieces have most nearly as many different bars as real ones.
    """
    (bars,) = set(real.bars)
    told = _stacked(real.guides) if engine.guide else None
    share = float(different_bars(_stacked(real.windows)).mean())
    engine.usual_spread = float(np.mean(engine.bar_spread(real.mu, bars=bars, told=told)))
    seeds = [piece_seed(0, row) for row in range(len(real))]
    z = engine.sample_prior(seeds, bars=bars, told=told)
    tried: dict[float, float] = {}
    for threshold in THRESHOLDS:
        engine.return_threshold = threshold
        tried[threshold] = _drawn_share(engine, z, bars, seeds, told)
        tell(f"bars count as the same below {threshold:.2f}: {tried[threshold]:.3f} different bars, {share:.3f} in real pieces")
        if tried[threshold] < share - _TOO_FEW:
            break
    engine.return_threshold = min(tried, key=lambda threshold: (abs(tried[threshold] - share), threshold))
    return Form(engine.return_threshold, engine.usual_spread, share, tried[engine.return_threshold])


def _drawn_share(engine: PieceEngine, z: Floats, bars: int, seeds: Sequence[int], told: Columns | None) -> float:
    parts = []
    for _, rows in like_bars([bars] * len(z)):
        known = None if told is None else {name: given[rows] for name, given in told.items()}
        parts.append(different_bars(engine.decode(z[rows], bars=bars, temperature=1.0, seeds=[seeds[row] for row in rows], told=known)))
    return float(np.concatenate(parts).mean())


def _stacked(parts: Sequence[Columns]) -> dict[str, Any]:
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}
