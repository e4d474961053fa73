"""A melody as a model sees it: the code of each window and what is needed to write it out again.

On disk a code is an .npz file (numpy's zip of arrays) of numbers and one JSON text; nothing in it
is executed when it is read, and every field is checked.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import ChordRows, Floats
from musicvae.compose.windows import Window
from musicvae.music.chord_rows import EIGHTHS_PER_ROW
from musicvae.music.files import atomic_path
from musicvae.music.key import Key
from musicvae.music.meter import Meter

__all__ = ["Code"]

_FORMAT = 1
_MAX_SHIFT = 150


@dataclass(frozen=True, kw_only=True, eq=False)
class Code:
    """An encoded melody.

    mu, sigma: (W, Z), read-only; mean and standard deviation of q(z | window). windows: W stretches
    of model bars that follow each other (with `apart`: that may leave bars out). held: (W,), whether a note sounds on into the window.
    num_bars: written bars. key: as the melody stated it, None where unknown. shift_semitones: added
    to its pitches before encoding. played: (N, 3) onset, duration (steps) and velocity of its
    notes. model_hash: of the model that encoded it. refine: gradient steps that mu took. apart: whether the model's
    window has a fixed length (`compose.windows`). chords: (model bars, 8) over which it was encoded, read-only; None without.
    notices: what the user should know; not kept on disk. ValueError where the fields do not fit together.
    """

    mu: Floats
    sigma: Floats
    windows: tuple[Window, ...]
    held: tuple[bool, ...]
    meter: Meter
    num_bars: int
    tempo_qpm: float
    key: Key | None
    shift_semitones: int
    program: int
    name: str
    played: NDArray[np.int64]
    model_hash: str
    refine: int = 0
    apart: bool = False
    chords: ChordRows | None = None
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("mu", np.float64), ("sigma", np.float64), ("played", np.int64), ("chords", np.uint8)):
            if getattr(self, name) is not None:
                array = np.array(getattr(self, name), kind)
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        _check(self)

    @property
    def bars(self) -> NDArray[np.int64]:
        """Model bars of each window, (W,)."""
        return np.array([window.num_bars for window in self.windows], np.int64)

    @property
    def num_model_bars(self) -> int:
        """Model bars of the whole melody."""
        return self.meter.model_bars(self.num_bars)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write an .npz file; FileExistsError if it is there and `force` is off. Returns the path."""
        about = {
            "format": _FORMAT, "meter": str(self.meter), "num_bars": self.num_bars, "tempo_qpm": self.tempo_qpm,
            "key": None if self.key is None else str(self.key), "shift_semitones": self.shift_semitones, "program": self.program,
            "name": self.name, "model_hash": self.model_hash, "refine": self.refine,
        }  # fmt: skip
        arrays: dict[str, Any] = {
            "mu": self.mu, "sigma": self.sigma, "bars": self.bars, "held": np.array(self.held, bool), "played": self.played,
        }  # fmt: skip
        if self.apart:
            about["apart"] = True
            arrays["starts"] = np.array([window.start_bar for window in self.windows])
        if self.chords is not None:
            arrays["chords"] = self.chords
        arrays["about"] = np.array(json.dumps(about))
        with atomic_path(path, force=force) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Code:
        """Read an .npz file that `save` wrote; ValueError for anything else, FileNotFoundError where there is none."""
        try:
            # Opened here, since numpy leaves a file open that turns out to be no archive.
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays: dict[str, Any] = {name: file[name] for name in ("mu", "sigma", "bars", "held", "played", "about")}
                arrays |= {name: file[name] for name in ("starts", "chords") if name in file}
            about = json.loads(str(arrays.pop("about")))
        except FileNotFoundError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is no code of a melody, or is damaged: files that `musicvae encode` wrote are meant") from error
        try:
            return cls._from_parts(arrays, about)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{path} is a damaged code: {error}") from error

    @classmethod
    def _from_parts(cls, arrays: Mapping[str, Any], about: Mapping[str, Any]) -> Code:
        if not isinstance(about, dict) or about.pop("format", None) != _FORMAT:
            raise ValueError("its format is unknown; was it written by a newer version?")
        if unknown := set(about) - {field.name for field in fields(cls)}:
            raise ValueError(f"it has unknown fields {sorted(unknown)}")
        bars = [int(b) for b in arrays["bars"]]
        starts = [int(s) for s in arrays["starts"]] if "starts" in arrays else [sum(bars[:window]) for window in range(len(bars))]
        return cls(
            mu=_numbers(arrays, "mu"), sigma=_numbers(arrays, "sigma"), played=_numbers(arrays, "played"),
            chords=_numbers(arrays, "chords") if "chords" in arrays else None,
            windows=tuple(Window(start, num) for start, num in zip(starts, bars, strict=True)),
            held=tuple(bool(h) for h in arrays["held"]),
            **{**about, "meter": Meter.parse(about["meter"]), "key": None if about["key"] is None else Key.parse(about["key"])},
        )  # fmt: skip


def _numbers(arrays: Mapping[str, Any], name: str) -> NDArray[Any]:
    array: NDArray[Any] = arrays[name]
    if array.dtype.kind not in ("f" if name in ("mu", "sigma") else "iu"):
        raise ValueError(f"{name} is of type {array.dtype}")
    return array


def _check(code: Code) -> None:
    """ValueError unless all fields of the code fit together."""
    windows = len(code.windows)
    if code.mu.ndim != 2 or code.mu.shape != code.sigma.shape or not windows == len(code.mu) == len(code.held) or not windows:
        raise ValueError(f"mu {code.mu.shape} and sigma {code.sigma.shape} do not fit {windows} windows")
    if not np.isfinite(code.mu).all() or not np.isfinite(code.sigma).all() or (code.sigma <= 0).any():
        raise ValueError("mu and sigma must be finite and sigma above 0")
    for name, kind in (("num_bars", int), ("shift_semitones", int), ("program", int), ("refine", int), ("name", str), ("model_hash", str)):
        if not isinstance(getattr(code, name), kind) or isinstance(getattr(code, name), bool):
            raise ValueError(f"{name} is {getattr(code, name)!r}")
    if isinstance(code.tempo_qpm, bool) or not isinstance(code.tempo_qpm, int | float) or not 0 < code.tempo_qpm < 10_000:
        raise ValueError(f"tempo {code.tempo_qpm!r} is outside (0, 10000)")
    if not isinstance(code.apart, bool):
        raise ValueError(f"apart is {code.apart!r}")
    ends = [0, *(window.start_bar + window.num_bars for window in code.windows)]
    for window, end in zip(code.windows, ends, strict=False):
        if window.num_bars < 1 or window.start_bar < end or (window.start_bar > end and not code.apart):
            raise ValueError("windows must follow each other from bar 0 on, each at least 1 bar long")
    if code.num_bars < 1 or ends[-1] > code.num_model_bars or (ends[-1] < code.num_model_bars and not code.apart):
        raise ValueError(f"{code.num_bars} bars of {code.meter} do not fit windows that end at model bar {ends[-1]}")
    if code.chords is not None and code.chords.shape != (code.num_model_bars, EIGHTHS_PER_ROW):
        raise ValueError(f"chords of {code.num_model_bars} bars have shape ({code.num_model_bars}, 8), got {code.chords.shape}")
    if abs(code.shift_semitones) > _MAX_SHIFT or not 0 <= code.program <= 127 or code.refine < 0:
        raise ValueError(f"shift {code.shift_semitones}, program {code.program} or refine {code.refine} is out of range")
    played = code.played
    if played.ndim != 2 or played.shape[1] != 3:
        raise ValueError(f"played notes have shape (notes, 3), got {played.shape}")
    ordered = bool((np.diff(played[:, 0]) > 0).all()) and bool((played[:, 0] >= 0).all())
    if not ordered or (played[:, 1] < 1).any() or (played[:, 2] < 1).any() or (played[:, 2] > 127).any():
        raise ValueError("played notes must be in order, at least 1 step long and of velocity 1 to 127")
