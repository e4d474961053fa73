"""Directions in z that stand for what one group of melodies has and another has not.

Conventions: R passages, Z latent numbers, A attributes.

"difference" takes the mean mu of one group minus that of another (Roberts et al. 2018: the top
quarter by an attribute minus the bottom quarter). "joint" predicts all attributes from mu at once by
ridge regression, with weights W (Z, A), and takes, of all directions v with W'v = e_k (the k-th attribute
moves by one standard deviation, the others stay), the one that is likeliest under the covariance C
of mu: v = C W (W'C W)^-1 e_k. It has fewer side effects, as far as they are linear.
"""

from __future__ import annotations

import numpy as np

from musicvae.compose.engine import Floats, Layout
from musicvae.compose.passages import Passages

__all__ = ["METHODS", "difference_direction", "joint_direction", "joint_way", "mean_mu", "quartile_direction", "quartile_way"]

METHODS = ("joint", "difference")
# Shares of the mean variance of mu, so that they mean the same for every model.
_RIDGE = 0.03
_SHRINKAGE = 0.01


def mean_mu(passages: Passages, config: Layout) -> Floats:
    """Mean mu (Z,), each block over the passages that have it."""
    return np.asarray(passages.filled(config).mean(axis=0))


def difference_direction(passages: Passages, versus: Passages | Floats, config: Layout) -> Floats:
    """Mean mu of some passages minus that of others, or minus a given mean (Z,); 0 in blocks that either lacks."""
    used = config.z_used(int(passages.bars.max()))
    other = versus if isinstance(versus, np.ndarray) else mean_mu(versus, config)
    if isinstance(versus, Passages):
        used = min(used, config.z_used(int(versus.bars.max())))
    direction = mean_mu(passages, config) - other
    direction[used:] = 0
    return direction


def quartile_direction(passages: Passages, values: Floats, config: Layout) -> Floats:
    """Mean mu of the quarter of passages with the largest values minus that of the quarter with the smallest; (Z,)."""
    return quartile_way(passages.filled(config), values)


def quartile_way(mu: Floats, values: Floats) -> Floats:
    """The same from mu (R, Z) and the values (R,)."""
    order = np.argsort(values, kind="stable")
    quarter = max(1, len(order) // 4)
    return np.asarray(mu[order[-quarter:]].mean(axis=0) - mu[order[:quarter]].mean(axis=0))


def joint_direction(passages: Passages, values: Floats, config: Layout) -> Floats:
    """The direction (Z,) that moves the first attribute by one standard deviation and leaves the others.

    values: (R, A), the attribute to move first; one of the others that does not vary is left out.
    ValueError if the first does not vary.
    """
    return joint_way(passages.filled(config), values)


def joint_way(mu: Floats, values: Floats) -> Floats:
    """The same from mu (R, Z) and the values (R, A)."""
    spread = values.std(axis=0)
    if spread[0] <= 0:
        raise ValueError("the attribute has the same value in all melodies: there is nothing to learn it from")
    kept = np.flatnonzero(spread > 1e-9)
    target = (values[:, kept] - values[:, kept].mean(axis=0)) / spread[kept]
    centred = mu - mu.mean(axis=0)
    covariance = centred.T @ centred / len(mu)
    level = float(np.trace(covariance)) / len(covariance)
    identity = np.eye(len(covariance))
    weights = np.linalg.solve(covariance + (_RIDGE * level + 1e-12) * identity, centred.T @ target / len(mu))
    shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * level * identity
    reach = weights.T @ shrunk @ weights
    moves = np.linalg.solve(reach + 1e-6 * np.trace(reach) * np.eye(len(reach)), np.eye(len(reach))[0])
    return np.asarray(shrunk @ weights @ moves)
