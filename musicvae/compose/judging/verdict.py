"""Whether music is odd: what all scores say of it that are set against those of held-out music."""

from __future__ import annotations

from collections.abc import Mapping

from musicvae.compose.judging.tails import smallest_of

__all__ = ["Verdict"]


class Verdict:
    """chances: by statistic, the share of held-out music that is as odd; threshold: the share that may seem as odd as what is called so."""

    chances: Mapping[str, float]
    threshold: float

    @property
    def chance(self) -> float:
        """The share of held-out music that is as odd in any way, at most 1 (Bonferroni); NaN where nothing is known of it."""
        return smallest_of(self.chances.values())

    @property
    def is_odd(self) -> bool:
        """Whether less held-out music than the threshold is as odd."""
        return self.chance <= self.threshold
