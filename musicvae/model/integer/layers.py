"""Layers of a network in whole numbers.

Conventions: an activation is a whole number in units of 2**-`FINE`, clipped to +-2**`CLIP_BITS` units; a weight one in units of
2**-`WEIGHT_BITS`. Both are held in double precision, where products and sums stay below 2**53 and so are exact: a matrix product gives
the same numbers whatever library, order and number of threads. Rounding is half up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from musicvae.model.integer.tables import EXP_BITS, FINE, STEPS_BITS, Integers, falling_exp, gelu, logistic, tanh

__all__ = ["FINE", "Gru", "Integers", "Linear", "Mlp", "Tensors", "embedding", "soft_weights", "to_activations"]

Tensors = Mapping[str, NDArray[np.float64]]
"""The numbers of a model file, in double precision, by name."""

WEIGHT_BITS = 14
CLIP_BITS = 19
_MOST_INPUTS = 1 << 10
_MOST_WEIGHT = float(1 << 53 - CLIP_BITS - 11)


def rounded(values: Integers, bits: int) -> Integers:
    """Values divided by 2**bits."""
    return np.floor(values * 2.0**-bits + 0.5)


def clipped(values: Integers) -> Integers:
    """Activations within their bounds."""
    return np.clip(values, -(2.0**CLIP_BITS), 2.0**CLIP_BITS)


def to_activations(values: NDArray[np.float64]) -> Integers:
    """Numbers in units of 1 as activations."""
    return clipped(np.floor(values * 2.0**FINE + 0.5))


def embedding(tensors: Tensors, name: str) -> Integers:
    """The rows of an embedding, as activations."""
    return to_activations(tensors[f"{name}.weight"])


def _coarse(values: Integers) -> Integers:
    """Activations in the units of the tables."""
    return rounded(values, FINE - STEPS_BITS)


class Linear:
    """Rows times a weight, plus a bias."""

    def __init__(self, tensors: Tensors, name: str, *, weight: str = "weight", bias: str | None = "bias") -> None:
        matrix = tensors[f"{name}.{weight}"]
        if matrix.shape[1] > _MOST_INPUTS:
            raise ValueError(f"{name} has {matrix.shape[1]} inputs; at most {_MOST_INPUTS} can be summed exactly")
        self._weight = np.ascontiguousarray(np.clip(np.floor(matrix * 2.0**WEIGHT_BITS + 0.5), -_MOST_WEIGHT, _MOST_WEIGHT).T)
        self._bias: Integers | float = 0.0
        if bias is not None and f"{name}.{bias}" in tensors:
            self._bias = to_activations(tensors[f"{name}.{bias}"])

    def __call__(self, x: Integers) -> Integers:
        """Activations (..., in) to (..., out)."""
        return clipped(rounded(x @ self._weight, WEIGHT_BITS) + self._bias)


class Mlp:
    """Two layers with a GELU between them, as ``nn.Sequential`` names them."""

    def __init__(self, tensors: Tensors, name: str) -> None:
        self._first, self._second = Linear(tensors, f"{name}.0"), Linear(tensors, f"{name}.2")

    def __call__(self, x: Integers) -> Integers:
        """Activations (..., in) to (..., out)."""
        return self._second(gelu(_coarse(self._first(x))))


class Gru:
    """One step of a gated recurrent unit, gates in the order reset, update, new, as `torch.nn.GRU`."""

    def __init__(self, recurrent: Linear, enter: Linear | None = None) -> None:
        self._recurrent, self._enter = recurrent, enter

    @classmethod
    def of_torch(cls, tensors: Tensors, name: str, layer: int = 0) -> Gru:
        """A layer of a `torch.nn.GRU`."""
        recurrent = Linear(tensors, name, weight=f"weight_hh_l{layer}", bias=f"bias_hh_l{layer}")
        return cls(recurrent, Linear(tensors, name, weight=f"weight_ih_l{layer}", bias=f"bias_ih_l{layer}"))

    def __call__(self, x: Integers, state: Integers) -> Integers:
        """What enters (or its gates, where there is no layer for that) and the state (..., H) to the next state."""
        gates = x if self._enter is None else self._enter(x)
        memory, size = self._recurrent(state), state.shape[-1]
        both = logistic(_coarse(gates[..., : 2 * size] + memory[..., : 2 * size]))
        reset, update = both[..., :size], both[..., size:]
        new = tanh(_coarse(gates[..., 2 * size :] + rounded(reset * memory[..., 2 * size :], FINE)))
        mixed: Integers = rounded(new * ((1 << FINE) - update) + update * state, FINE)
        return mixed


def soft_weights(scores: Integers) -> Integers:
    """The exponentials of activations (..., K) less the largest, in units of 2**-`EXP_BITS`: a softmax before it is divided by its sum."""
    return falling_exp(_coarse(scores.max(-1, keepdims=True) - scores))


def shares(weights: Integers) -> Integers:
    """Weights (..., K) divided by their sum, in units of 2**-`FINE`."""
    whole: Integers = np.floor(weights * 2.0**FINE / weights.sum(-1, keepdims=True))
    return whole


assert EXP_BITS + FINE < 53
