"""Figures of ``musicvae score`` as its tables show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["chance_figure", "figure", "runs_text"]


def figure(value: float) -> float | None:
    """A number of bits to two digits after the point; None for none."""
    return None if math.isnan(value) else round(value, 2) + 0.0


def chance_figure(value: float | None) -> float | None:
    """A share to three digits after the point; None for none."""
    return None if value is None or math.isnan(value) else round(value, 3)


def runs_text(bars: Sequence[int]) -> str:
    """Bars as ``7-10, 13``."""
    runs: list[list[int]] = []
    for bar in bars:
        if runs and bar == runs[-1][-1] + 1:
            runs[-1].append(bar)
        else:
            runs.append([bar])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
