"""A binary model that learns while it codes: many contexts each guess the next bit, and a mixer that learns weighs their guesses.

Conventions: a *site* is a kind of decision; its mixer has a weight for each of its contexts, for each number of times that this
context was met (in eight steps) and for whether it met one bit only, so that it learns by itself how far a young context is to be
trusted. Weights are integers in units of
2**-16, everything else as in `compressing.odds`; nothing but integers is used, so that reader and writer agree on every machine.
*Experience* is what contexts met before the file was begun; it guesses beside them and does not change.
After Mahoney (2005), "Adaptive weighing of context models for lossless data compression".
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from musicvae.compose.compressing.coder import BitCoder
from musicvae.compose.compressing.odds import LIMIT, ONE, log_odds, probabilities

__all__ = ["Counter", "Experience", "Mixer", "Weights"]

_AGES = (0, 1, 2, 3, 4, 4, 5, 5, 5, 5, *(6,) * 14, *(7,) * 232)
"""Which of eight weights a context has that was met so many times."""
_MOST_MET = 255
_FIRST_WEIGHT = (0, 16000, 22000, 26000, 28000, 30000, 32000, 34000, 0, 0, 16000, 18000, 20000, 22000, 24000, 26000)
_EXPERIENCE_WEIGHT = (0, 6000, 8000, 10000, 12000, 14000, 16000, 16000)
_RATES = tuple(round(65536 / (n + 1.6)) for n in range(_MOST_MET + 1))
_SLOWEST = 30
"""After so many meetings a context's guess moves no slower."""
_LEARNING = 18
_MIXED = 8
"""Added to the number of a context's weight once it has met both bits."""
_MOST_SLOTS = 2_000_000
"""Contexts that are remembered; those that come later say nothing. They take up to 600 MB."""

Weights = dict[str, list[list[int]]]
Experience = Mapping[tuple[str, int, Hashable], tuple[int, int]]
"""By site, number and context: log-odds, and which of the eight weights."""


class Mixer:
    """The model of one stream: contexts, mixers, and the coder that bits go through.

    weights: of sites, to begin with; sites that are not there begin with round numbers. rate: of the mixers' learning.
    """

    def __init__(
        self,
        coder: BitCoder,
        weights: Mapping[str, Sequence[Sequence[int]]] | None = None,
        *,
        rate: int = 16,
        experience: Experience | None = None,
    ) -> None:
        self.coder = coder
        self.rate = rate
        self.experience: Experience = {} if experience is None else experience
        self._slots: dict[Hashable, list[int]] = {}
        self.weights: Weights = {site: [list(row) for row in rows] for site, rows in (weights or {}).items()}
        self._chances, self._odds = probabilities(), log_odds()

    @property
    def is_reader(self) -> bool:
        """Whether bits come out of the coder."""
        return self.coder.is_reader

    def bit(self, bit: int | None, site: str, contexts: Sequence[Hashable]) -> int:
        """Code one bit (None: it is read) and learn from it.

        contexts: what is known, most general first; a site always has as many.
        """
        rows = self.weights.get(site)
        count = len(contexts)
        if rows is None:
            rows = [[*first] for first in (_FIRST_WEIGHT, _EXPERIENCE_WEIGHT) for _ in contexts]
            self.weights[site] = rows
        odds_of, slots, experience, total = self._odds, self._slots, self.experience, 0
        met: list[list[int]] = []
        fresh: list[tuple[str, int, Hashable]] = []
        said: list[tuple[list[int], int, int]] = []
        for number, context in enumerate(contexts):
            key = (site, number, context)
            slot = slots.get(key)
            if slot is not None:
                met.append(slot)
                said.append((rows[number], _AGES[slot[1]] + slot[2], odds_of[slot[0]]))
            elif len(slots) < _MOST_SLOTS:
                fresh.append(key)
            if key in experience:
                odds, age = experience[key]
                said.append((rows[count + number], age, odds))
        for row, age, odds in said:
            total += row[age] * odds
        chance = self._chances[max(-LIMIT, min(LIMIT, total >> 16)) + LIMIT]
        bit = self.coder.code(bit, chance)
        step = ((ONE if bit else 0) - chance) * self.rate
        for row, age, odds in said:
            row[age] += odds * step + (1 << _LEARNING - 1) >> _LEARNING
        target = ONE - 1 if bit else 1
        for slot in met:
            seen = slot[1]
            slot[0] += (target - slot[0]) * _RATES[min(seen, _SLOWEST)] >> 16
            if slot[3] != bit:
                slot[2] = _MIXED
            if seen < _MOST_MET:
                slot[1] = seen + 1
        first = (ONE >> 1) + ((target - (ONE >> 1)) * _RATES[0] >> 16)
        for key in fresh:
            slots[key] = [first, 1, 0, bit]
        return bit


class Counter(Mixer):
    """Counts what contexts meet, and codes nothing: where experience comes from."""

    def __init__(self) -> None:
        super().__init__(_Nowhere())
        self._met: dict[tuple[str, int, Hashable], list[int]] = {}

    def bit(self, bit: int | None, site: str, contexts: Sequence[Hashable]) -> int:
        """Count one bit, which is given."""
        assert bit is not None
        for number, context in enumerate(contexts):
            key = (site, number, context)
            counts = self._met.get(key)
            if counts is None:
                self._met[key] = counts = [0, 0]
            counts[bit] += 1
        return bit

    def found(self) -> Experience:
        """The experience."""
        odds, result = log_odds(), {}
        for key, (zeros, ones) in self._met.items():
            chance = ((5 * ones + 2) << 16) // (5 * (zeros + ones) + 4)
            result[key] = (odds[max(1, min(ONE - 1, chance))], min(7, (zeros + ones).bit_length()))
        return result


class _Nowhere:
    """Where bits go that are only counted."""

    is_reader = False

    def code(self, bit: int | None, chance: int) -> int:
        assert bit is not None
        return bit
