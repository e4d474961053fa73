"""Arithmetic on z: ways from one point to another, and blocks in use."""

from __future__ import annotations

import numpy as np

from musicvae.compose.engine import Floats, Layout

__all__ = ["between", "in_use"]

_NEARLY_PARALLEL = 1e-6


def in_use(z: Floats, bars: int, config: Layout) -> Floats:
    """The same z (..., Z) with 0 in the blocks of bars that a piece of `bars` bars does not have."""
    used = np.zeros_like(z)
    used[..., : config.z_used(bars)] = z[..., : config.z_used(bars)]
    return used


def between(a: Floats, b: Floats, alpha: float, method: str) -> Floats:
    """The point a share `alpha` in [0, 1] of the way from a to b, both (Z,); exactly a at 0 and b at 1.

    method "lerp": along the straight line. "slerp": the direction turns at an even rate and the
    norm changes evenly (Shoemake 1985, applied to the unit vectors as by Roberts et al. 2018).
    Parallel vectors, or one of length 0, give the straight line; opposite ones turn by way of the
    axis that is least theirs, so that every pair has one finite answer.
    """
    if alpha in (0.0, 1.0):
        return (b if alpha else a).copy()
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if method == "lerp" or not norm_a or not norm_b:
        return np.asarray((1 - alpha) * a + alpha * b)
    direction = _turned(a / norm_a, b / norm_b, alpha)
    return np.asarray(((1 - alpha) * norm_a + alpha * norm_b) * direction)


def _turned(a: Floats, b: Floats, alpha: float) -> Floats:
    """The unit vector a share alpha of the way along the arc from unit vector a to unit vector b."""
    angle = float(np.arccos(np.clip(a @ b, -1.0, 1.0)))
    if angle < _NEARLY_PARALLEL:
        return a
    if np.pi - angle < _NEARLY_PARALLEL and len(a) > 1:
        axis = np.zeros_like(a)
        axis[np.argmin(np.abs(a))] = 1.0
        side = axis - (axis @ a) * a
        return np.asarray(np.cos(np.pi * alpha) * a + np.sin(np.pi * alpha) * side / np.linalg.norm(side))
    # Also right for one dimension, where opposite vectors have no arc: the straight line stands in.
    if np.pi - angle < _NEARLY_PARALLEL:
        return np.asarray((1 - alpha) * a + alpha * b)
    return np.asarray((np.sin((1 - alpha) * angle) * a + np.sin(alpha * angle) * b) / np.sin(angle))
