"""Scaling a style vector so that strength 1 moves its attribute by one standard deviation.

The effect of a strength is the mean attribute of greedily decoded passages minus that of the
passages themselves. Each sign has its own scale, found by doubling and bisection on given
passages, since a code does not decode to quite the melody it came from, and an attribute may
have less room on one side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musicvae.compose.engine import Engine
from musicvae.compose.passages import Passages, decode_passages
from musicvae.compose.styles import StyleVector
from musicvae.music.attributes import ATTRIBUTES
from musicvae.music.melody import Melody

__all__ = ["ScaledSide", "attribute_named", "calibrate", "measure_effects", "scaled_side"]

_MAX_SCALE = 16.0
_HALVINGS = 6


@dataclass(frozen=True)
class ScaledSide:
    """What was found for one sign: the scale, and the effect it has in standard deviations."""

    scale: float
    effect: float
    reached: bool


def attribute_named(name: str) -> Callable[[Melody], float]:
    """A measure by its name in `music.attributes.ATTRIBUTES`; ValueError for one that is unknown."""
    if name not in ATTRIBUTES:
        raise ValueError(f"unknown attribute {name!r}; known are {', '.join(ATTRIBUTES)}")
    return ATTRIBUTES[name]


def calibrate(engine: Engine, vector: StyleVector, passages: Passages, *, target: float | None = None) -> StyleVector:
    """The vector with `scale` and `scale_down` such that strengths 1 and -1 move its attribute's mean by `target`.

    passages: held-out ones; target: default one standard deviation over them. Where the target is
    out of reach with 16 times the direction, the scale with the largest effect is taken and the
    report says so ("reached" false). ValueError for a vector without an attribute.
    """
    if vector.attribute is None:
        raise ValueError(f"style {vector.name!r} is for no attribute, so there is nothing to calibrate it by")
    measure = attribute_named(vector.attribute)
    before = passages.measured(measure)
    sd = float(before.std())
    target = sd if target is None else target
    if target <= 0:
        raise ValueError(f"attribute {vector.attribute!r} does not vary over the {len(passages)} passages given to calibrate by")

    def effect(scale: float) -> float:
        decoded = decode_passages(engine, passages, scale * vector.direction)
        return float(np.mean([measure(melody) for melody in decoded]) - before.mean())

    at_rest = effect(0.0)
    up, down = (scaled_side(effect, sign, target, at_rest) for sign in (1, -1))
    found = {
        "passages": len(passages), "standard_deviation": sd, "target": target, "effect_at_0": at_rest,
        "effect_at_1": up.effect, "effect_at_-1": down.effect, "reached": up.reached, "reached_down": down.reached,
    }  # fmt: skip
    return replace(vector, scale=up.scale, scale_down=down.scale, report={**vector.report, "calibration": found})


def measure_effects(engine: Engine, vector: StyleVector, passages: Passages, strengths: Sequence[float]) -> dict[str, dict[str, Any]]:
    """What greedy decoding at each strength (0 without any decoding) does to every attribute.

    For each name of `music.attributes.ATTRIBUTES` "standard_deviation" over the passages and
    "moves", the change of the mean at each strength in such standard deviations (0 where it does not vary).
    """
    before = {name: passages.measured(measure) for name, measure in ATTRIBUTES.items()}
    moves: dict[str, list[float]] = {name: [] for name in ATTRIBUTES}
    for strength in strengths:
        offset = vector.at(strength, engine.config.max_bars, engine.config)
        melodies = decode_passages(engine, passages, offset) if strength else list(passages.melodies)
        for name, measure in ATTRIBUTES.items():
            sd = float(before[name].std())
            change = float(np.mean([measure(melody) for melody in melodies]) - before[name].mean())
            moves[name].append(change / sd if sd > 0 else 0.0)
    return {name: {"standard_deviation": float(before[name].std()), "moves": moves[name]} for name in ATTRIBUTES}


def scaled_side(effect: Callable[[float], float], sign: int, target: float, at_rest: float) -> ScaledSide:
    """The scale whose effect in the direction of `sign` is the target, by doubling, then bisection."""
    # Where decoding alone already moves the mean that far, the vector is judged by what it adds.
    base = at_rest if sign * at_rest >= target else 0.0
    tried = {0.0: sign * (at_rest - base)}
    low, high = 0.0, 0.25
    while True:
        tried[high] = sign * (effect(sign * high) - base)
        if tried[high] >= target or high >= _MAX_SCALE:
            break
        low, high = high, 2 * high
    reached = tried[high] >= target
    if reached:
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            tried[middle] = sign * (effect(sign * middle) - base)
            low, high = (low, middle) if tried[middle] >= target else (middle, high)
        scale = min((s for s in tried if s > 0), key=lambda s: (abs(tried[s] - target), s))
    else:
        scale = max((s for s in tried if s > 0), key=lambda s: (tried[s], -s))
    return ScaledSide(scale, sign * tried[scale] + base, reached)
