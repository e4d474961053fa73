"""A piece as a network sees it: the code of each window and what is needed to write it out again.

On disk a code is an .npz file (numpy's zip of arrays) of numbers and one JSON text, the array ``piece``; nothing in it is
executed when it is read, and every field is checked.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.pieces.engine import Columns
from musicvae.compose.pieces.windows import Reading, free_readings, readings
from musicvae.music.files import atomic_path
from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.piece import PIECE_MATERIALS, VOICES

__all__ = ["PieceCode"]

_FORMAT = 1
_MAX_BARS = 10_000
_GUIDES: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "chords": ("uint8", (8,)), "hits": ("uint64", (16,)), "taps": ("uint8", (16,)), "tap_offsets": ("float16", (16,)),
    "tempo": ("float64", ()),
}  # fmt: skip
_ARRAYS = ("mu", "sigma", "held")
_NOT_KEPT = {*_ARRAYS, "guide", "notices", "key"}


@dataclass(frozen=True, kw_only=True, eq=False)
class PieceCode:
    """An encoded piece of drums, grooves, trios or performances.

    mu, sigma: (W, Z), read-only; mean and standard deviation of q(z | window). span: bars a window reads, always where is_fixed, else
    at most; the windows are `compose.pieces.windows.readings` of num_bars, or `free_readings`. held: (W, P) steps that a note of
    each melodic part sounds on into the window. guide: what conditions the network, (num_bars, ...) as in `compose.pieces.guides`,
    {} for nothing. model_hash: of the model that encoded it. refine: gradient steps that mu took. notices: what the user should
    know; not kept on disk. ValueError where the fields do not fit together.
    """

    mu: Floats
    sigma: Floats
    held: NDArray[np.int64]
    span: int
    num_bars: int
    material: str
    drum_map: str
    tempo_qpm: float
    name: str
    model_hash: str
    is_fixed: bool = True
    key: Key | None = None
    guide: Columns = field(default_factory=dict)
    refine: int = 0
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("mu", np.float64), ("sigma", np.float64), ("held", np.int64)):
            array = np.array(getattr(self, name), kind)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        _check(self)

    @property
    def windows(self) -> tuple[Reading, ...]:
        """What each window reads and gives."""
        return (readings if self.is_fixed else free_readings)(self.num_bars, self.span)

    @property
    def meter(self) -> Meter:
        """4/4, the only one of these networks."""
        return Meter(4, 4)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write an .npz file; FileExistsError if it is there and `force` is off. Returns the path."""
        about = {name.name: getattr(self, name.name) for name in fields(self) if name.name not in _NOT_KEPT}
        about |= {"format": _FORMAT, "key": None if self.key is None else str(self.key)}
        arrays = {name: getattr(self, name) for name in _ARRAYS} | {f"guide_{name}": rows for name, rows in self.guide.items()}
        with atomic_path(path, force=force) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, piece=np.array(json.dumps(about)), **arrays)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> PieceCode:
        """Read an .npz file that `save` wrote; ValueError for anything else, FileNotFoundError where there is none."""
        try:
            # Opened here, since numpy leaves a file open that turns out to be no archive.
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays: dict[str, Any] = {name: file[name] for name in (*_ARRAYS, "piece")}
                guide = {name: file[f"guide_{name}"] for name in _GUIDES if f"guide_{name}" in file.files}
            about = json.loads(str(arrays.pop("piece")))
        except FileNotFoundError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is no code of a piece, or is damaged: files that `musicvae encode` wrote are meant") from error
        try:
            return cls._from_parts(arrays, guide, about)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{path} is a damaged code: {error}") from error

    @classmethod
    def _from_parts(cls, arrays: Mapping[str, Any], guide: Columns, about: Mapping[str, Any]) -> PieceCode:
        if not isinstance(about, dict) or about.pop("format", None) != _FORMAT:
            raise ValueError("its format is unknown; was it written by a newer version?")
        if unknown := set(about) - {entry.name for entry in fields(cls)}:
            raise ValueError(f"it has unknown fields {sorted(unknown)}")
        for name, kinds in (("mu", "f"), ("sigma", "f"), ("held", "iu")):
            if arrays[name].dtype.kind not in kinds:
                raise ValueError(f"{name} is of type {arrays[name].dtype}")
        key = None if about["key"] is None else Key.parse(about["key"])
        return cls(**arrays, **{**about, "key": key}, guide=guide)


def _check(code: PieceCode) -> None:
    """ValueError unless all fields of the code fit together."""
    for name, kind in (("num_bars", int), ("span", int), ("refine", int), ("name", str), ("model_hash", str), ("drum_map", str)):
        if not isinstance(getattr(code, name), kind) or isinstance(getattr(code, name), bool):
            raise ValueError(f"{name} is {getattr(code, name)!r}")
    if not 1 <= code.num_bars <= _MAX_BARS or not 1 <= code.span <= _MAX_BARS or code.refine < 0 or code.material not in PIECE_MATERIALS:
        raise ValueError(f"{code.num_bars} bars in spans of {code.span}, material {code.material!r}, refine {code.refine}")
    if isinstance(code.tempo_qpm, bool) or not isinstance(code.tempo_qpm, int | float) or not 0 < code.tempo_qpm < 10_000:
        raise ValueError(f"tempo {code.tempo_qpm!r} is outside (0, 10000)")
    if not isinstance(code.is_fixed, bool):
        raise ValueError(f"is_fixed is {code.is_fixed!r}")
    windows = len(code.windows)
    if code.mu.ndim != 2 or code.mu.shape != code.sigma.shape or len(code.mu) != windows:
        raise ValueError(f"mu {code.mu.shape} and sigma {code.sigma.shape} do not fit {windows} windows")
    if not np.isfinite(code.mu).all() or not np.isfinite(code.sigma).all() or (code.sigma <= 0).any():
        raise ValueError("mu and sigma must be finite and sigma above 0")
    if code.held.shape != (windows, len(VOICES.get(code.material, ()))) or (code.held < 0).any():
        raise ValueError(f"held notes have shape {code.held.shape}, or less than 0 steps")
    for name, rows in code.guide.items():
        dtype, row = _GUIDES[name]
        if rows.dtype != dtype or rows.shape != (code.num_bars, *row):
            raise ValueError(f"{name} must be {dtype} of shape {(code.num_bars, *row)}, got {rows.dtype} of shape {rows.shape}")
