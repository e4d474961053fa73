"""Style vectors: directions in z with a name, and the small files they live in.

Conventions: `direction` is a (Z,) vector; strength s adds ``s * scale * direction`` where s >= 0 and
``s * scale_down * direction`` where s < 0, in the blocks of the bars that a piece has. A file (.safetensors) holds
one vector or many, one tensor each under the vector's name, and everything else as JSON text in
its metadata; reading one can run no code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from musicvae.compose.engine import Floats, Layout
from musicvae.compose.latent import in_use
from musicvae.music.files import atomic_path
from musicvae.music.melody import DEFAULT_TEMPO_QPM
from musicvae.music.meter import Meter

__all__ = ["StyleVector", "Usual", "added", "check_style_name", "load_styles", "meter_of", "save_styles", "tempo_of"]

_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,63}")


@dataclass(frozen=True, kw_only=True, eq=False)
class StyleVector:
    """A named direction in the z of one model.

    direction: (Z,), read-only. scale, scale_down: > 0, what strengths 1 and -1 multiply it with.
    attribute: name of the attribute it moves, if it is for one. meter, tempo_qpm: what generating with
    it uses unless told otherwise. model_hash: of the only model it fits. report: how it was learnt.
    """

    name: str
    direction: Floats
    model_hash: str
    scale: float = 1.0
    scale_down: float = 1.0
    attribute: str | None = None
    meter: Meter | None = None
    tempo_qpm: float | None = None
    description: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        direction = np.array(self.direction, np.float64)
        direction.flags.writeable = False
        object.__setattr__(self, "direction", direction)
        check_style_name(self.name)
        if direction.ndim != 1 or not direction.size or not np.isfinite(direction).all():
            raise ValueError(f"the direction of style {self.name!r} must be one vector of finite numbers, got shape {direction.shape}")
        for what, scale in (("scale", self.scale), ("scale_down", self.scale_down)):
            if not math.isfinite(scale) or scale <= 0:
                raise ValueError(f"{what} of style {self.name!r} must be a finite number above 0, got {scale!r}")

    def at(self, strength: float, bars: int, config: Layout) -> Floats:
        """What this strength adds to the z, (Z,), of a piece of `bars` model bars."""
        scale = self.scale if strength >= 0 else self.scale_down
        return in_use(strength * scale * self.direction, bars, config)

    def check_model(self, model_hash: str, z_size: int) -> StyleVector:
        """Return self, or raise ValueError if this vector belongs to another model."""
        if self.model_hash != model_hash or len(self.direction) != z_size:
            raise ValueError(
                f"style {self.name!r} was learnt for model {self.model_hash}, this is model {model_hash}: "
                "learn it again for this model, or load the one it belongs to"
            )
        return self


def added(styles: Sequence[tuple[StyleVector, float]], bars: int, config: Layout) -> Floats:
    """What vectors with their strengths add together to the z, (Z,), of a piece of `bars` model bars."""
    total = np.zeros(config.z_size)
    for vector, strength in styles:
        total += vector.at(strength, bars, config)
    return total


class Usual(NamedTuple):
    """Meter and tempo of most of what a model was made from, so that it composes in them unless told otherwise."""

    meter: Meter = Meter(4, 4)
    tempo_qpm: float = DEFAULT_TEMPO_QPM

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Usual:
        """What a model's header says, in an entry that personalised models have; 4/4 and 120 for any other."""
        found = metadata.get("usual")
        return cls(Meter.parse(found["meter"]), float(found["tempo_qpm"])) if isinstance(found, Mapping) else cls()


def meter_of(styles: Sequence[tuple[StyleVector, float]], asked: Meter | None, usual: Usual | None = None) -> Meter:
    """The meter to generate in: the asked one, else the styles', else the model's usual one; ValueError where they contradict."""
    hints = {vector.name: vector.meter for vector, strength in styles if vector.meter is not None and strength > 0}
    for name, hint in hints.items():
        if asked is not None and asked.kind != hint.kind:
            raise ValueError(f"style {name!r} is in {hint}, but meter {asked} was asked for: leave the meter out, or choose another style")
    if len({hint.kind for hint in hints.values()}) > 1:
        listed = ", ".join(f"{name} in {hint}" for name, hint in hints.items())
        raise ValueError(f"the styles contradict each other ({listed}): choose those of one meter")
    return asked or next(iter(hints.values()), (usual or Usual()).meter)


def tempo_of(styles: Sequence[tuple[StyleVector, float]], usual: Usual | None = None) -> float:
    """The tempo of the strongest style that has one, else the model's usual one."""
    hints = [(strength, vector.tempo_qpm) for vector, strength in styles if vector.tempo_qpm is not None and strength > 0]
    return max(hints, key=lambda hint: hint[0])[1] if hints else (usual or Usual()).tempo_qpm


def check_style_name(name: str) -> str:
    """A name that can be a file's; ValueError otherwise."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"style name {name!r} must be 1 to 64 letters, digits, '-', '_', '+' or '.', beginning with a letter or digit")
    return name


def save_styles(vectors: Sequence[StyleVector], path: str | Path, *, force: bool = False) -> Path:
    """Write one or more vectors of one model to a file; FileExistsError if it is there and `force` is off."""
    from safetensors.numpy import save

    names = [vector.name for vector in vectors]
    if len({vector.model_hash for vector in vectors}) != 1 or len(set(names)) != len(names):
        raise ValueError(f"a file holds vectors of one model with a name each, got {names}")
    about = {"format": _FORMAT, "model_hash": vectors[0].model_hash, "styles": {vector.name: _about(vector) for vector in vectors}}
    data = save({vector.name: np.array(vector.direction) for vector in vectors}, {"musicvae_styles": json.dumps(about, sort_keys=True)})
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def load_styles(path: str | Path) -> dict[str, StyleVector]:
    """The vectors in a file by name; ValueError for a file that is none, FileNotFoundError where there is none."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: was the style learnt under another name?")
    try:
        with safe_open(str(path), framework="numpy") as file:
            about = json.loads((file.metadata() or {})["musicvae_styles"])
            directions = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no style vectors, or is damaged: files that `musicvae style learn` wrote are meant") from error
    try:
        if about["format"] != _FORMAT:
            raise ValueError(f"format {about['format']} is unknown; was it written by a newer version?")
        styles = about["styles"]
        return {name: _vector(name, directions[name], about["model_hash"], dict(styles[name])) for name in sorted(styles)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is a damaged file of style vectors: {error}") from error


def _about(vector: StyleVector) -> dict[str, Any]:
    return {
        "scale": vector.scale, "scale_down": vector.scale_down, "attribute": vector.attribute,
        "meter": None if vector.meter is None else str(vector.meter), "tempo_qpm": vector.tempo_qpm,
        "description": vector.description, "report": dict(vector.report),
    }  # fmt: skip


def _vector(name: str, direction: Any, model_hash: Any, about: dict[str, Any]) -> StyleVector:
    if direction.dtype.kind != "f" or not isinstance(model_hash, str):
        raise ValueError(f"style {name!r} has a direction of type {direction.dtype} and model {model_hash!r}")
    meter = None if about["meter"] is None else Meter.parse(about.pop("meter")).require_supported()
    return StyleVector(name=name, direction=direction, model_hash=model_hash, **{**about, "meter": meter})
