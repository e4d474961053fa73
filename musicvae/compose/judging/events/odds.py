"""Small networks that say how likely a hit or a pitch is, given all others of its piece: their numbers, and the file that ships.

They were fitted to training beats and songs in which some hits and notes were wrong (`scripts/fit_piece_errors.py`), so that they trust
what they go by no more than such music deserves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats

__all__ = ["Layers", "PieceOdds", "shipped_odds"]

_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Layers:
    """A perceptron of one output: a matrix (inputs, outputs) and an offset (outputs,) for each layer, max(0, x) between two."""

    layers: Sequence[tuple[Floats, Floats]]

    def __call__(self, facts: Floats) -> Floats:
        """Its output (...) for facts (..., F)."""
        values = facts
        for number, (matrix, offset) in enumerate(self.layers):
            values = (np.maximum(values, 0.0) if number else values) @ matrix + offset
        return np.asarray(values[..., 0])

    def to_json(self) -> list[dict[str, Any]]:
        """Numbers to four digits."""
        return [{"matrix": _rounded(matrix), "offset": _rounded(offset)} for matrix, offset in self.layers]

    @classmethod
    def of_json(cls, data: Sequence[Mapping[str, Any]]) -> Self:
        """`to_json` backwards."""
        return cls([(np.array(layer["matrix"], np.float64), np.array(layer["offset"], np.float64)) for layer in data])


@dataclass(frozen=True, eq=False)
class PieceOdds:
    """usual: (16, 9), how often each class of drums is hit at each step of a bar. hits, pitches: the networks for facts of either."""

    usual: Floats
    hits: Layers
    pitches: Layers

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {"usual": _rounded(self.usual), "hits": self.hits.to_json(), "pitches": self.pitches.to_json()}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Self:
        """`to_json` backwards."""
        return cls(np.array(data["usual"], np.float64), Layers.of_json(data["hits"]), Layers.of_json(data["pitches"]))


@cache
def shipped_odds() -> PieceOdds:
    """The networks that ship."""
    return PieceOdds.of_json(json.loads(resources.files("musicvae.pretrained").joinpath("piece_errors.json").read_text(encoding="utf-8")))


def _rounded(values: NDArray[np.float64]) -> Any:
    return [_rounded(row) for row in values] if values.ndim > 1 else [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
