"""TensorFlow checkpoints of the second format: an ``.index`` file with names, shapes and places, and ``.data`` shards with the numbers.

The index is a sorted string table: under the empty key a header (number of shards, byte order), under each variable's name an entry
(type, shape, shard, offset, size, checksum).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from musicvae.model.imports.crc32c import crc32c, unmasked
from musicvae.model.imports.files import Files, Region
from musicvae.model.imports.protobuf import Fields, fields_of, signed
from musicvae.model.imports.sstable import read_table
from musicvae.model.imports.tensors import BFLOAT16, FLOATS, Floats, as_floats, checked_finite, size_of

__all__ = ["Checkpoint"]

_TYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64", 9: "int64", 10: "bool",
    14: BFLOAT16, 17: "uint16", 18: "complex128", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
_SLOTS = re.compile(r"/(Adam|Adam_1|Momentum|RMSProp|RMSProp_1|Adagrad|Adadelta|Adadelta_1)$|(^|/)beta[12]_power$")
_COUNTERS = re.compile(r"(^|/)(global_step|save_counter|iter)$|^_CHECKPOINTABLE_OBJECT_GRAPH$")
_STEPS = "global_step"
_MOST_INDEX_BYTES = 64 << 20


@dataclass(frozen=True)
class _Entry:
    """Where a tensor lies."""

    kind: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class Checkpoint:
    """A checkpoint of this prefix among these files, a `tensors.Source`.

    FileNotFoundError for a shard that is missing; ValueError for a damaged index, or tensors that are cut in slices.
    """

    def __init__(self, files: Files, prefix: str) -> None:
        self.name = f"{prefix}.index"
        try:
            table = read_table(_index_bytes(files[self.name]))
            shards, self._big_endian = _header(table.pop(b"", b""))
            entries = {_text(key): fields_of(value) for key, value in table.items() if not key.startswith(b"\0")}
            self._entries = {name: _entry(name, fields, shards) for name, fields in entries.items()}
        except ValueError as error:
            raise ValueError(f"{self.name} cannot be read: {error}") from error
        self._shards = {
            number: files[f"{prefix}.data-{number:05d}-of-{shards:05d}"] for number in sorted({e.shard for e in self._entries.values()})
        }
        self.others: Mapping[str, int] = Counter(kind for name in self._entries if (kind := _other(name)))
        self.shapes: Mapping[str, tuple[int, ...]] = {
            name: entry.shape for name, entry in self._entries.items() if not _other(name) and entry.kind in FLOATS
        }
        for name, entry in self._entries.items():
            self._check_place(name, entry)
            if entry.kind not in FLOATS and not _other(name):
                raise ValueError(f"{self.name}: {name} holds numbers of type {entry.kind}, but weights are floating-point numbers")
        self.story: Mapping[str, Any] = {"format": "TensorFlow checkpoint", "file": self.name, **self._steps()}

    def read(self, name: str) -> Floats:
        """A tensor in single precision, its checksum compared."""
        entry = self._entries[name]
        raw = self._raw(name, entry)
        return checked_finite(as_floats(raw, entry.kind, entry.shape, big_endian=self._big_endian), name)

    def _raw(self, name: str, entry: _Entry) -> Any:
        raw = self._shards[entry.shard].read(entry.offset, entry.size)
        if crc32c(raw) != entry.checksum:
            raise ValueError(f"{name} does not match its checksum: {self._shards[entry.shard].path.name} is damaged; copy it again?")
        return raw

    def _check_place(self, name: str, entry: _Entry) -> None:
        width = np.dtype(entry.kind).itemsize if entry.kind in ("int32", "int64") else FLOATS.get(entry.kind)
        if width is not None and entry.size != size_of(entry.shape) * width:
            raise ValueError(f"{self.name}: {name} of shape {_by(entry.shape)} cannot have {entry.size} bytes: is the index damaged?")
        region = self._shards[entry.shard]
        if entry.offset + entry.size > region.size:
            raise ValueError(
                f"{name} lies beyond the end of {region.path.name} ({region.size} bytes, {entry.offset + entry.size} needed): cut short?"
            )

    def _steps(self) -> dict[str, int]:
        """How long the network was trained, where the checkpoint says so."""
        entry = self._entries.get(_STEPS)
        if entry is None or entry.kind not in ("int32", "int64") or size_of(entry.shape) != 1:
            return {}
        raw = self._raw(_STEPS, entry)
        return {"trained_steps": int.from_bytes(raw.tobytes(), "big" if self._big_endian else "little", signed=True)}


def _index_bytes(region: Region) -> bytes:
    if region.size > _MOST_INDEX_BYTES:
        raise ValueError(f"{region.size >> 20} MiB are too much for a list of tensors")
    return region.read().tobytes()


def _header(data: bytes) -> tuple[int, bool]:
    """Number of shards, and whether numbers are big-endian."""
    fields = fields_of(data)
    shards, order = _number(fields, 1), _number(fields, 2)
    if not 1 <= shards <= 99_999 or order not in (0, 1):
        raise ValueError(f"its header names {shards} shards and byte order {order}")
    return shards, order == 1


def _entry(name: str, fields: Fields, shards: int) -> _Entry:
    if 7 in fields:
        raise ValueError(f"{name} is cut in slices (a partitioned variable), which no published checkpoint is: save it whole first")
    kind = _TYPES.get(_number(fields, 1), f"number {_number(fields, 1)}")
    shape = tuple(signed(_number(fields_of(_bytes(dim)), 1)) for dim in fields_of(_bytes(fields.get(2, [b""])[-1])).get(2, []))
    size_of(shape)
    entry = _Entry(kind, shape, _number(fields, 3), signed(_number(fields, 4)), signed(_number(fields, 5)), unmasked(_number(fields, 6)))
    if not 0 <= entry.shard < shards or entry.offset < 0 or entry.size < 0:
        raise ValueError(f"{name} lies at an impossible place (shard {entry.shard} of {shards}, byte {entry.offset})")
    return entry


def _number(fields: Fields, field: int) -> int:
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a shape is malformed")
    return value


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the name {key[:80]!r} is no text") from None


def _other(name: str) -> str:
    """What a tensor is that belongs to training only, in a word; "" for weights."""
    if _SLOTS.search(name):
        return "optimiser slots"
    return "counters" if _COUNTERS.search(name) else ""


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
