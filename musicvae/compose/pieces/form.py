"""How new pieces hang together: bars change as much from one to the next as in real ones, and as many are different.

A learned prior of some dozens of bits a bar is a little too broad: from one bar to the next drawn pieces change more than real ones. So
what a prior temperature of 1 means is settled first, as a scale. Narrowing all of the prior would also make pieces more like one another:
where an engine has a `first_scale`, the first bar is drawn with that one, and only the bars that follow with what is settled. A network
of any length also draws bars that return as the same bar (`model.sampling.same_bars`), if their embeddings are nearer than a threshold
times the spread of the piece's bars. Training sets neither scale, threshold nor the usual spread; all are settled here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.learning import Tell
from musicvae.compose.pieces.coding import like_bars
from musicvae.compose.pieces.engine import Columns, PieceEngine
from musicvae.compose.pieces.passages import Passages
from musicvae.model.noise import piece_seed

__all__ = ["Form", "FormingEngine", "changed_steps", "different_bars", "settle_form"]

SCALES = tuple(round(1.0 - 0.1 * i, 1) for i in range(9))

THRESHOLDS = (0.0, *(round(0.05 * i, 2) for i in range(2, 21)))
_TOO_FEW = 0.03  # by so much below real pieces, the share only falls from there on


class FormingEngine(PieceEngine, Protocol):
    """An engine whose prior can be narrowed and whose bars can return."""

    prior_scale: float
    return_threshold: float
    usual_spread: float

    def bar_spread(self, z: Floats, *, bars: int, told: Columns | None = None) -> Floats:
        """How far apart the bars of each piece are, (N,)."""
        ...


@dataclass(frozen=True)
class Form:
    """What was settled; and of real pieces, and those drawn with it, the share of different bars and of steps that change."""

    prior_scale: float
    return_threshold: float
    usual_spread: float
    real: float
    drawn: float
    real_changes: float
    drawn_changes: float


def different_bars(columns: Columns) -> Floats:
    """The share of each window's bars (N, B, ...) that are not the same as an earlier one, (N,)."""
    joined = _bytes(columns)
    bars = joined.shape[1]
    joined = joined.reshape(len(joined), bars, -1)
    return np.array([len({bar.tobytes() for bar in window}) / bars for window in joined], np.float64)


def changed_steps(columns: Columns) -> Floats:
    """The share of each window's steps (N, B, 16, ...), from its second bar on, where anything differs from the bar before, (N,)."""
    joined = _bytes(columns)
    return np.asarray((joined[:, 1:] != joined[:, :-1]).any(-1).mean((1, 2)), np.float64)


def _bytes(columns: Columns) -> NDArray[np.uint8]:
    """All that is written, byte by byte, (N, B, 16, bytes)."""
    names = [name for name in ("bars", "bass", "drums") if name in columns]
    shape = columns[names[0]].shape[:3]
    return np.concatenate([np.ascontiguousarray(columns[name]).reshape(*shape, -1).view(np.uint8) for name in names], axis=-1)


def settle_form(engine: FormingEngine, real: Passages, *, usual: Passages | None = None, tell: Tell = lambda text: None) -> Form:
    """Set the engine's scale, threshold and usual spread by passages of real pieces, all of one length; as many are drawn, told the same.

    The scale is the one of `SCALES` with which drawn pieces change most nearly as real ones do, the threshold the one of `THRESHOLDS`
    with which they then have most nearly as many different bars. usual: passages of another length, which count as much for the scale.
    """
    (bars,) = set(real.bars)
    told = _stacked(real.guides) if engine.guide else None
    share = float(different_bars(_stacked(real.windows)).mean())
    engine.usual_spread = float(np.mean(engine.bar_spread(real.mu, bars=bars, told=told)))
    engine.return_threshold = 0.0
    sets = [real] if usual is None else [usual, real]
    changes = _settle_scale(engine, sets, tell)
    tried: dict[float, float] = {}
    for threshold in THRESHOLDS:
        engine.return_threshold = threshold
        tried[threshold] = float(different_bars(_drawn_like(engine, real)).mean())
        tell(f"bars count as the same below {threshold:.2f}: {tried[threshold]:.3f} different bars, {share:.3f} in real pieces")
        if tried[threshold] < share - _TOO_FEW:
            break
    engine.return_threshold = min(tried, key=lambda threshold: (abs(tried[threshold] - share), threshold))
    drawn = _changes([_drawn_like(engine, each) for each in sets])
    return Form(
        engine.prior_scale, engine.return_threshold, engine.usual_spread, share, tried[engine.return_threshold], changes, drawn
    )  # fmt: skip


def _settle_scale(engine: FormingEngine, sets: Sequence[Passages], tell: Tell) -> float:
    """Set the engine's scale; the share of steps that change in real pieces, in the mean over the sets."""
    changes = _changes([_stacked(real.windows) for real in sets])
    changed: dict[float, float] = {}
    for scale in SCALES:
        engine.prior_scale = scale
        changed[scale] = _changes([_drawn_like(engine, real) for real in sets])
        tell(f"with the prior's spread times {scale:.1f}: {changed[scale]:.3f} of steps change, {changes:.3f} in real pieces")
        if changed[scale] < changes:
            break
    engine.prior_scale = min(changed, key=lambda scale: (abs(changed[scale] - changes), -scale))
    return changes


def _changes(sets: Sequence[Columns]) -> float:
    return float(np.mean([changed_steps(windows).mean() for windows in sets]))


def _drawn_like(engine: FormingEngine, real: Passages) -> dict[str, Any]:
    """As many pieces as there are real ones, as long, told the same."""
    (bars,) = set(real.bars)
    seeds = [piece_seed(0, row) for row in range(len(real))]
    return _drawn(engine, bars, seeds, _stacked(real.guides) if engine.guide else None)


def _drawn(engine: PieceEngine, bars: int, seeds: Sequence[int], told: Columns | None) -> dict[str, Any]:
    """Pieces drawn at temperature 1, told what they are told."""
    z = engine.sample_prior(seeds, bars=bars, told=told)
    parts = []
    for _, rows in like_bars([bars] * len(z)):
        known = None if told is None else {name: given[rows] for name, given in told.items()}
        parts.append(engine.decode(z[rows], bars=bars, temperature=1.0, seeds=[seeds[row] for row in rows], told=known))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _stacked(parts: Sequence[Columns]) -> dict[str, Any]:
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}
