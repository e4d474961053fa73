"""The point of a latent space that lies among several others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musicvae.compose.engine import Floats
from musicvae.compose.latent import between

__all__ = ["centre"]

_ROUNDS = 60
_STILL = 1e-13
_NEARLY_OPPOSITE = 1e-6


def centre(points: Sequence[Floats], weights: Sequence[float], method: str) -> Floats:
    """The weighted mean of points (Z,); weights are at least 0 and sum to 1.

    method "lerp": the plain mean. "slerp": the directions' mean on the sphere (Buss & Fillmore 2001), with the mean of their
    norms. Of one or two points whose weight is not 0 it is `compose.latent.between`, and exactly the point where
    one has all the weight. Where directions have no mean on the sphere (they cancel, or a point is 0), the plain mean.
    """
    chosen = [(np.asarray(point), float(weight)) for point, weight in zip(points, weights, strict=True) if weight > 0]
    if len(chosen) <= 2:
        (first, first_weight), (last, last_weight) = chosen[0], chosen[-1]
        share = 0.0 if len(chosen) == 1 else last_weight / (first_weight + last_weight)
        return between(first, last, share, method)
    stack, shares = np.stack([point for point, _ in chosen]), np.array([weight for _, weight in chosen])
    norms = np.linalg.norm(stack, axis=1)
    if method == "lerp" or not norms.all():
        return np.asarray(shares @ stack)
    direction = _mean_direction(stack / norms[:, None], shares / shares.sum())
    return np.asarray(shares @ stack if direction is None else shares @ norms * direction)


def _mean_direction(units: Floats, shares: Floats) -> Floats | None:
    """The unit vector whose squared angles to the units (N, Z), weighted, are least; None where there is none to be found."""
    mean = shares @ units
    for _ in range(_ROUNDS):
        length = float(np.linalg.norm(mean))
        if length < _NEARLY_OPPOSITE:
            return None
        mean = mean / length
        cosines = np.clip(units @ mean, -1.0, 1.0)
        if cosines.min() < -1 + _NEARLY_OPPOSITE:
            return None
        angles = np.arccos(cosines)
        # The units as seen from the mean: how far each lies in which direction along the sphere.
        sines = np.sqrt(np.maximum(1 - cosines**2, 1e-300))
        seen = (angles / sines)[:, None] * (units - cosines[:, None] * mean)
        step = shares @ np.where(angles[:, None] > 1e-9, seen, 0.0)
        size = float(np.linalg.norm(step))
        if size < _STILL:
            break
        mean = np.cos(size) * mean + np.sin(size) * step / size
    return np.asarray(mean / np.linalg.norm(mean))
