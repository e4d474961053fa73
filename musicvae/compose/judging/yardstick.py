"""How odd is odd: what a model's own held-out tunes score, kept in a file beside it.

A score alone says little: a song costs more bits than a hymn, and among a hundred right notes the least likely is unlikely.
So each statistic of a piece is set against that of the held-out windows the file was made from: its *chance* (`judging.tails`) is the
share of them that are at least as odd.

Conventions: statistics are higher for odder music; those of one kind of meter are compared with their own where there are
at least 50, else with those of all kinds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.compose.judging.collection import StyleSense
from musicvae.compose.judging.ngram import NGram
from musicvae.compose.judging.tails import chance_of, limit_of
from musicvae.music.files import atomic_path
from musicvae.music.meter import KINDS

__all__ = ["STATISTICS", "Yardstick", "load_yardstick", "save_yardstick"]

STATISTICS = ("whole", "notes", "passages")
"""Of a window: how odd the oddest quarter of its notes is, how odd its oddest note, how little its most foreign passage shares."""
_FORMAT = 3
_FEWEST = 50


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What held-out windows score under one model.

    measured: by statistic, (V,) values, NaN where a window has none; kinds: (V,) of the windows. styles: what was learned of them, by
    kind. ngram: of the training tunes. about: what it was made from. with_reader: whether a reader of damaged music was asked for the
    odd places, which must then be asked for those of other music, too.
    """

    model_hash: str
    measured: Mapping[str, Floats]
    kinds: NDArray[np.int64]
    styles: Mapping[int, StyleSense]
    ngram: NGram
    about: Mapping[str, Any]
    with_reader: bool = False

    def chance(self, statistic: str, value: float, kind: int) -> float:
        """The share of held-out windows that are at least as odd, above 0; NaN for a value that is none."""
        return chance_of(value, self._others(statistic, kind))

    def limit(self, statistic: str, chance: float, kind: int) -> float:
        """A value whose `chance` is this, or the least of the held-out windows' whose chance is not greater."""
        return limit_of(chance, self._others(statistic, kind))

    def _others(self, statistic: str, kind: int) -> Floats:
        values = self.measured[statistic]
        own = values[(self.kinds == kind) & ~np.isnan(values)]
        return own if len(own) >= _FEWEST else values[~np.isnan(values)]


def save_yardstick(yardstick: Yardstick, path: str | Path, *, force: bool = False) -> Path:
    """Write a yardstick to a file; FileExistsError if it is there and `force` is off."""
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {f"ngram.{name}": array for name, array in yardstick.ngram.arrays().items()}
    arrays |= {f"measured.{name}": yardstick.measured[name].astype(np.float32) for name in STATISTICS}
    arrays["kinds"] = yardstick.kinds.astype(np.uint8)
    for kind, sense in yardstick.styles.items():
        arrays |= {f"styles.{kind}.{name}": array for name, array in sense.arrays().items()}
    about = {"format": _FORMAT, "model_hash": yardstick.model_hash, "about": dict(yardstick.about), "with_reader": yardstick.with_reader}
    data = save(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()}, {"musicvae_scores": json.dumps(about, sort_keys=True)}
    )
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def load_yardstick(path: str | Path, model_hash: str) -> Yardstick:
    """The yardstick in a file; ValueError for a file that is none or belongs to another model, FileNotFoundError where there is none."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} does not exist: make it with scripts/calibrate_scores.py")
    try:
        with safe_open(str(path), framework="numpy") as file:
            about = json.loads((file.metadata() or {})["musicvae_scores"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # safe_open is no mapping
        if about["format"] != _FORMAT:
            raise ValueError(f"it is of format {about['format']}, this version reads {_FORMAT}; make it again")
        found = Yardstick(
            str(about["model_hash"]),
            {name: np.asarray(arrays[f"measured.{name}"], np.float64) for name in STATISTICS},
            np.asarray(arrays["kinds"], np.int64),
            {kind: StyleSense.of_arrays(own) for kind in range(len(KINDS)) if (own := _under(arrays, f"styles.{kind}."))},
            NGram.of_arrays(_under(arrays, "ngram.")),
            dict(about["about"]),
            bool(about["with_reader"]),
        )  # fmt: skip
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no file of scores of held-out tunes, or is damaged: {error}") from error
    if found.model_hash != model_hash:
        raise ValueError(
            f"{path} was made for model {found.model_hash}, this is model {model_hash}: make it again with scripts/calibrate_scores.py"
        )
    return found


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin so, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
