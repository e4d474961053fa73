"""Weights in the layout of TensorFlow.js, as magenta.js loads them: a manifest in JSON and shards of raw numbers.

A group's shards, joined in order, hold its tensors one after another, little-endian. A quantised tensor's values are
q * scale + min, with a scale and a minimum for each tensor; those kept as float16 are widened.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.model.imports.files import Files, Region
from musicvae.model.imports.tensors import Floats, as_floats, checked_finite, size_of

__all__ = ["MANIFEST", "Manifest", "read_json"]

MANIFEST = "weights_manifest.json"
_WIDTHS = {"float32": 4, "int32": 4, "bool": 1, "uint8": 1, "float16": 2}
_QUANTISED = {"uint8": 1, "uint16": 2, "float16": 2}
_PIECE = 1 << 18
_MOST_JSON_BYTES = 16 << 20


@dataclass(frozen=True)
class _Tensor:
    """Where a tensor lies in its group, and how its numbers are kept."""

    shape: tuple[int, ...]
    kind: str
    scale: float
    minimum: float
    offset: int
    size: int
    shards: tuple[Region, ...]
    quantised: bool


class Manifest:
    """The tensors that the manifest among these files lists, a `tensors.Source`.

    FileNotFoundError for a shard that is missing; ValueError for a manifest that is malformed or does not fit the shards.
    """

    def __init__(self, files: Files) -> None:
        self.name = MANIFEST
        listed = read_json(files[MANIFEST])
        self._tensors: dict[str, _Tensor] = {}
        for number, group in enumerate(_sequence(listed, "the manifest"), 1):
            self._add_group(files, group, number)
        self.others: Mapping[str, int] = Counter("counters" for name in self._tensors if name == "global_step")
        self.shapes: Mapping[str, tuple[int, ...]] = {name: tensor.shape for name, tensor in self._tensors.items() if name != "global_step"}
        kinds = sorted({tensor.kind for tensor in self._tensors.values() if tensor.quantised})
        self.story: Mapping[str, Any] = {"format": "magenta.js", "quantised": ", ".join(kinds) or "no"}

    def read(self, name: str) -> Floats:
        """A tensor in single precision."""
        tensor = self._tensors[name]
        raw = _joined(tensor)
        if tensor.kind in ("float32", "float16"):
            return checked_finite(as_floats(raw, tensor.kind, tensor.shape), name)
        packed = raw.view(f"<u{_QUANTISED[tensor.kind]}")
        values = np.empty(packed.shape, np.float32)
        for first in range(0, len(packed), _PIECE):
            piece = slice(first, first + _PIECE)
            # In double precision and then rounded: the nearest single to what the manifest says.
            with np.errstate(over="ignore"):
                values[piece] = packed[piece].astype(np.float64) * tensor.scale + tensor.minimum
        return checked_finite(values.reshape(tensor.shape), name)

    def _add_group(self, files: Files, group: Any, number: int) -> None:
        paths = _sequence(_get(group, "paths", f"group {number}"), f"the paths of group {number}")
        shards = tuple(files[_plain_name(path)] for path in paths)
        at, held = 0, sum(shard.size for shard in shards)
        for entry in _sequence(_get(group, "weights", f"group {number}"), f"the weights of group {number}"):
            name = _text(entry, "name", f"a tensor of group {number}").removesuffix(":0")
            tensor = _tensor(name, entry, at, shards)
            if name in self._tensors:
                raise ValueError(f"{MANIFEST} lists {name} twice")
            at += tensor.size
            if at > held:
                raise ValueError(f"{name} lies beyond the end of the shards of group {number} ({held} bytes): is one of them cut short?")
            self._tensors[name] = tensor
        if at != held:
            raise ValueError(f"the shards of group {number} hold {held} bytes, its tensors {at}: does the manifest belong to them?")


def read_json(region: Region) -> Any:
    """What a JSON file holds; ValueError where it is none."""
    if region.size > _MOST_JSON_BYTES:
        raise ValueError(f"{region.path.name} has {region.size >> 20} MiB, too much for a description")
    try:
        return json.loads(region.read().tobytes().decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{region.path.name} is no JSON ({error or type(error).__name__}): is it damaged?") from error


def _tensor(name: str, entry: Any, at: int, shards: tuple[Region, ...]) -> _Tensor:
    shape = tuple(_sequence(_get(entry, "shape", name), f"the shape of {name}"))
    if not all(isinstance(size, int) and not isinstance(size, bool) for size in shape):
        raise ValueError(f"{MANIFEST}: the shape of {name} is no list of whole numbers")
    kind = _text(entry, "dtype", name)
    if kind not in _WIDTHS or (kind != "float32" and name != "global_step"):
        raise ValueError(f"{MANIFEST}: {name} holds numbers of type {kind!r}, but weights are float32")
    packing = entry.get("quantization")
    if packing is None:
        return _Tensor(shape, kind, 1.0, 0.0, at, size_of(shape) * _WIDTHS[kind], shards, False)
    packed = _text(packing, "dtype", f"the quantisation of {name}")
    if packed not in _QUANTISED:
        raise ValueError(f"{MANIFEST}: {name} is quantised to {packed!r}; known are {', '.join(_QUANTISED)}")
    scale, minimum = (0.0, 0.0) if packed == "float16" else (_real(packing, "scale", name), _real(packing, "min", name))
    return _Tensor(shape, packed, scale, minimum, at, size_of(shape) * _QUANTISED[packed], shards, True)


def _real(packing: Any, key: str, name: str) -> float:
    value = _get(packing, key, f"the quantisation of {name}")
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{MANIFEST}: the {key} of {name} is no number but {value!r}")
    return float(value)


def _joined(tensor: _Tensor) -> NDArray[np.uint8]:
    """The bytes of a tensor, which may begin in one shard and end in another."""
    raw = np.empty(tensor.size, np.uint8)
    start, done = tensor.offset, 0
    for shard in tensor.shards:
        count = min(shard.size - start, tensor.size - done)
        if count > 0:
            raw[done : done + count] = shard.read(start, count)
            done += count
        start = max(0, start - shard.size)
    return raw


def _plain_name(path: Any) -> str:
    """A shard's name; it must lie beside the manifest."""
    if not isinstance(path, str) or not path or path in (".", "..") or "/" in path or "\\" in path or "\0" in path:
        raise ValueError(f"{MANIFEST} names the shard {path!r}; shards lie beside it, under plain names")
    return path


def _get(entry: Any, key: str, what: str) -> Any:
    if not isinstance(entry, Mapping) or key not in entry:
        raise ValueError(f"{MANIFEST}: {what} has no {key!r}: is it the manifest of another program, or damaged?")
    return entry[key]


def _text(entry: Any, key: str, what: str) -> str:
    value = _get(entry, key, what)
    if not isinstance(value, str):
        raise ValueError(f"{MANIFEST}: the {key} of {what} is no text")
    return value


def _sequence(value: Any, what: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{MANIFEST}: {what} is no list: is it the manifest of another program, or damaged?")
    return value
