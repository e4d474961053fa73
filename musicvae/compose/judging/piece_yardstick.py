"""How odd is odd in drums and trios: what a network's own held-out pieces score, kept in a file beside it.

As `compose.judging.yardstick` for melodies, with two statistics: how much likelier hits and notes would be otherwise, in bits for each of
them, and how little the most foreign passage shares with the rest. The more bars vote on a place, the more can be told of it, so that a
piece is compared with held-out windows of its length, or of the nearest shorter one that was measured.
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
from musicvae.compose.judging.tails import chance_of, limit_of
from musicvae.music.files import atomic_path

__all__ = ["PIECE_SCORES_SUFFIX", "PIECE_STATISTICS", "PieceYardstick", "load_piece_yardstick", "save_piece_yardstick"]

PIECE_SCORES_SUFFIX = ".scores.json"
"""Of the file beside a model of drums or trios."""
PIECE_STATISTICS = ("events", "passages")
"""Of a window: bits a hit or note by which other hits and notes would be likelier, how little its most foreign passage shares."""
_FORMAT = 1
_DIGITS = 4


@dataclass(frozen=True, eq=False)
class PieceYardstick:
    """What held-out windows score under one network.

    measured: by statistic, (V,) values, NaN where a window has none; bars: (V,) of the windows. about: what it was made from.
    """

    model_hash: str
    measured: Mapping[str, Floats]
    bars: NDArray[np.int64]
    about: Mapping[str, Any]

    def chance(self, statistic: str, value: float, bars: int) -> float:
        """The share of held-out windows that are at least as odd, above 0; NaN for a value that is none."""
        return chance_of(value, self._others(statistic, bars))

    def limit(self, statistic: str, chance: float, bars: int) -> float:
        """A value whose `chance` is this, or the least of the held-out windows' whose chance is not greater."""
        return limit_of(chance, self._others(statistic, bars))

    def _others(self, statistic: str, bars: int) -> Floats:
        values = self.measured[statistic]
        known = ~np.isnan(values)
        lengths = np.unique(self.bars[known])
        if not len(lengths):
            return values[known]
        own = lengths[max(0, int(np.searchsorted(lengths, bars, side="right")) - 1)]
        return np.asarray(values[known & (self.bars == own)])


def save_piece_yardstick(yardstick: PieceYardstick, path: str | Path, *, force: bool = False) -> Path:
    """Write a yardstick to a file; FileExistsError if it is there and `force` is off."""
    measured = {name: [_rounded(value) for value in yardstick.measured[name].tolist()] for name in PIECE_STATISTICS}
    data = {"format": _FORMAT, "model_hash": yardstick.model_hash, "about": dict(yardstick.about), "bars": yardstick.bars.tolist(),
            "measured": measured}  # fmt: skip
    with atomic_path(path, force=force) as temporary:
        temporary.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    return Path(path)


def load_piece_yardstick(path: str | Path, model_hash: str) -> PieceYardstick:
    """The yardstick in a file; ValueError for a file that is none or belongs to another model, FileNotFoundError where there is none."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"it is of format {data['format']}, this version reads {_FORMAT}; make it again")
        bars = np.array(data["bars"], np.int64)
        measured = {name: np.array([np.nan if value is None else value for value in data["measured"][name]], np.float64).reshape(bars.shape)
                    for name in PIECE_STATISTICS}  # fmt: skip
        found = PieceYardstick(str(data["model_hash"]), measured, bars, dict(data["about"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no file of scores of held-out pieces, or is damaged: {error}") from error
    if found.model_hash != model_hash:
        raise ValueError(
            f"{path} was made for model {found.model_hash}, this is model {model_hash}: make it again with scripts/calibrate_scores.py"
        )
    return found


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.{_DIGITS}g}")
