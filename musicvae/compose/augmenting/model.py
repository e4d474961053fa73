"""What a model of any material makes of a piece to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from musicvae.compose.augmenting.augment import DEFAULT_AMOUNTS, NEAR, Augmented, Limits, augment
from musicvae.compose.intake import Source, take
from musicvae.compose.limits import check_seed
from musicvae.compose.varying.amounts import check_amounts
from musicvae.compose.varying.model import VaryingModel
from musicvae.music.melody import Melody

__all__ = ["AugmentingModel"]


class AugmentingModel(VaryingModel):
    """The part of a model of melodies that multiplies them for training sets."""

    def augment(
        self, source: Source, n: int = 10, *, amount: float | Sequence[float] = DEFAULT_AMOUNTS, near: float = NEAR, seed: int | None = None
    ) -> Augmented[Melody]:
        """At most `n` variations of a melody, no two of which, nor the melody itself, are near-copies of each other (`compose.augmenting`).

        amount: shares above 0 of notes that become others, each in turn. near: share of its amount by which each differs from all
        others at least. The result is a sequence with `amounts`, `distances`, `nearest`, `refused` and `notices`; a whole folder, with
        labels, is multiplied by `compose.augmenting.folder.augment_folder`.
        """
        taken = take(source)
        made = augment(self, taken.melody, Limits(n, check_amounts(amount), near), seed=check_seed(seed))
        return replace(made, notices=(*taken.notices, *made.notices))
