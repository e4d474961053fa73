"""Whether a model draws anew or draws its examples again.

Conventions: a *unit* is two successive model bars of a tune, tokens (2 * S,) of one kind of meter, with at least `_LEAST` onsets. The
distance of two is the share of notes that are not in both, 1 - F1 over (pitch, onset). A unit is a copy of others if one of them is
at most `_COPY` away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Floats
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["Copying", "copied_share", "measure_copying", "nearest_distances", "units_of"]

_COPY, _LEAST, _AT_ONCE = 0.1, 3, 64
_EXCESS = 0.1
FEW_FILES = 3
"""With fewer files, what they have in common with each other says nothing."""
Units = NDArray[np.uint8]


def units_of(tokens: Tokens) -> Units:
    """The units (U, 2 * S) of a tune, tokens (B, S); overlapping ones, each once."""
    if len(tokens) < 2:
        return np.zeros((0, 2 * tokens.shape[1]), np.uint8)
    units = np.unique(np.concatenate([tokens[:-1], tokens[1:]], axis=1), axis=0)
    kept: Units = units[(units >= FIRST_PITCH_TOKEN).sum(axis=1) >= _LEAST]
    return kept


def nearest_distances(units: Units, others: Units) -> Floats:
    """Distance (U,) of each unit to the nearest of the others; 1 where there are none."""
    found = np.ones(len(units))
    onsets = others >= FIRST_PITCH_TOKEN
    counts = onsets.sum(axis=1)
    for first in range(0, len(units) if len(others) else 0, _AT_ONCE):
        part = units[first : first + _AT_ONCE]
        same = ((part[:, None] == others) & onsets).sum(axis=-1)
        total = (part >= FIRST_PITCH_TOKEN).sum(axis=1)[:, None] + counts
        found[first : first + _AT_ONCE] = (1 - 2 * same / total).min(axis=1)
    return found


def copied_share(distances: Floats) -> float:
    """Share of units that are copies; 0 of none."""
    return float((distances <= _COPY).mean()) if len(distances) else 0.0


@dataclass(frozen=True)
class Copying:
    """Copies of the files among what is drawn. Each is a share of units, or the mean distance to the nearest of the files' units.

    drawn: of what the new model draws; before: of what its base drew; own: of each file in the other files (0 and 1 for a single file).
    """

    files: int
    drawn: float
    before: float
    own: float
    drawn_distance: float
    before_distance: float
    own_distance: float

    @property
    def too_few(self) -> bool:
        """Whether more is copied than another piece of the same kind would have in common with the files."""
        return self.drawn > (self.own if self.files >= FEW_FILES else self.before) + _EXCESS

    def notices(self) -> tuple[str, ...]:
        """What the user should know."""
        told = f"{self.drawn:.0%} of what it draws, in stretches of two bars, is (nearly) in the files"
        if self.files < FEW_FILES:
            told += f" ({self.before:.0%} of what the base draws)"
            counted = "1 file" if self.files == 1 else f"{self.files} files"
            few = f"from {counted} it cannot be told apart what is their kind and what they are"
            return (told, few, *(("the files are too few to be anything but copied",) if self.too_few else ()))
        told += f"; of each file {self.own:.0%} is in the others"
        return (told, "the files are too few to be anything but copied: give it more of them") if self.too_few else (told,)


def measure_copying(
    files: Mapping[int, Sequence[Tokens]], drawn: Mapping[int, Sequence[Tokens]], before: Mapping[int, Sequence[Tokens]]
) -> Copying:
    """Compare what is drawn with files, all by kind of meter, tokens (B, S) in the model's coordinates."""
    own: list[Floats] = []
    new: list[Floats] = []
    old: list[Floats] = []
    for kind, tunes in files.items():
        units = [units_of(tune) for tune in tunes]
        whole = np.concatenate(units)
        if len(units) > 1:
            own += [nearest_distances(unit, np.concatenate([*units[:k], *units[k + 1 :]])) for k, unit in enumerate(units)]
        new += [nearest_distances(units_of(tokens), whole) for tokens in drawn.get(kind, ())]
        old += [nearest_distances(units_of(tokens), whole) for tokens in before.get(kind, ())]
    flat = [np.concatenate(part) if part else np.zeros(0) for part in (new, old, own)]
    shares, means = [copied_share(part) for part in flat], [float(part.mean()) if len(part) else 1.0 for part in flat]
    return Copying(sum(map(len, files.values())), *shares, *means)
