"""Checks at the door: what composing takes, and what is said about anything else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

from musicvae.model.noise import MAX_SEED
from musicvae.music.key import Key
from musicvae.music.meter import SUPPORTED, Meter

__all__ = ["MAX_BARS", "MAX_PIECES", "MAX_STEPS", "MAX_STRENGTH", "MAX_TEMPERATURE", "check_bars", "check_choice", "check_key",
           "check_kind", "check_meter", "check_pieces", "check_refine", "check_seed", "check_steps", "check_strengths", "check_temperature",
           "check_tempo", "check_threshold"]  # fmt: skip

MAX_BARS = 10_000
MAX_PIECES = 10_000
MAX_STEPS = 1_000
MAX_REFINE = 10_000
MAX_STRENGTH = 10.0
MAX_TEMPERATURE = 10.0


def _whole(what: str, value: object, low: int, high: int, hint: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise ValueError(f"{what} must be a whole number from {low} to {high}, got {value!r}{hint}")
    return int(value)


def _real(what: str, value: object, low: float, high: float, hint: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise ValueError(f"{what} must be a number from {low:g} to {high:g}, got {value!r}{hint}")
    return float(value)


def check_bars(bars: object) -> int:
    """Written bars, 1 to 10,000; ValueError otherwise."""
    return _whole("bars", bars, 1, MAX_BARS, ": bars are meant, not beats or steps")


def check_pieces(n: object) -> int:
    """A number of pieces, 1 to 10,000; ValueError otherwise."""
    return _whole("n", n, 1, MAX_PIECES, ": it counts the pieces to make")


def check_steps(steps: object) -> int:
    """Pieces along a blend, 2 to 1,000; ValueError otherwise."""
    return _whole("steps", steps, 2, MAX_STEPS, ": both ends are counted")


def check_refine(refine: object) -> int:
    """Gradient steps at encode time, 0 to 10,000; ValueError otherwise."""
    return _whole("refine", refine, 0, MAX_REFINE, ": it counts gradient steps; 0 leaves the encoder's answer as it is")


def check_seed(seed: object) -> int:
    """A seed, 0 to 2**63 - 1; None draws a new one below 2**31. ValueError otherwise."""
    if seed is None:
        return secrets.randbelow(2**31)
    return _whole("seed", seed, 0, MAX_SEED, "")


def check_temperature(temperature: object, what: str = "temperature") -> float:
    """A temperature, 0 to 10; ValueError otherwise."""
    return _real(what, temperature, 0.0, MAX_TEMPERATURE, ": 1 is as learned, 0 always takes the likeliest")


def check_tempo(tempo_qpm: object) -> float:
    """A tempo in quarter notes a minute, 1 to 9,999; ValueError otherwise."""
    return _real("tempo", tempo_qpm, 1.0, 9999.0, ": it counts quarter notes a minute in every meter")


def check_strengths(strengths: Mapping[str, object]) -> dict[str, float]:
    """Strengths by style, each -10 to 10; ValueError for others and for an empty mapping."""
    if not strengths:
        raise ValueError("no style was given: name at least one, as in {'jig': 1.0}")
    hint = ": 1 moves the mean by one standard deviation; was a percentage meant?"
    return {name: _real(f"strength of style {name!r}", s, -MAX_STRENGTH, MAX_STRENGTH, hint) for name, s in strengths.items()}


def check_choice(what: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words; ValueError otherwise."""
    if value not in allowed:
        raise ValueError(f"{what} must be one of {', '.join(allowed)}; got {value!r}")
    return value


def check_meter(meter: str | Meter) -> Meter:
    """A meter that a model has a grid for; ValueError otherwise."""
    return (Meter.parse(meter) if isinstance(meter, str) else meter).require_supported()


def check_kind(meter: Meter, kinds: Sequence[int]) -> Meter:
    """A meter of one of these kinds, indices into `music.meter.KINDS`; ValueError, naming the meters that are, otherwise."""
    if meter.kind_index not in kinds:
        allowed = ", ".join(text for text in SUPPORTED if Meter.parse(text).kind_index in kinds)
        raise ValueError(f"this model knows {allowed} only, not {meter}: the model 'melody' knows all of {', '.join(SUPPORTED)}")
    return meter


def check_key(key: str | Key) -> Key:
    """A key, read from text if need be; ValueError for what is none."""
    return Key.parse(key) if isinstance(key, str) else key


def check_threshold(threshold: float) -> float:
    """A share above 0 and below 1; ValueError otherwise."""
    if not 0 < threshold < 1:
        raise ValueError(
            f"threshold must be a share above 0 and below 1, got {threshold!r}: 0.05 lets one held-out tune in twenty seem odd"
        )
    return threshold
