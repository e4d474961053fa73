"""A binary model that learns while it codes: many contexts each guess the next bit, and a mixer that learns weighs their guesses.

Conventions: a *site* is a kind of decision; its mixer has a weight for each of its contexts and for each number of times that this
context was met (in eight steps), so that it learns by itself how far a young context is to be trusted. Weights are integers in units of
2**-16, everything else as in `compressing.odds`; nothing but integers is used, so that reader and writer agree on every machine.
After Mahoney (2005), "Adaptive weighing of context models for lossless data compression".
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from musicvae.compose.compressing.coder import BitCoder
from musicvae.compose.compressing.odds import LIMIT, ONE, log_odds, probabilities

__all__ = ["AGES", "Mixer"]

AGES = (0, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6) + (7,) * 232
"""Which of eight weights a context has that was met so many times."""
_MOST_MET = 255
_FIRST_WEIGHT = (0, 16000, 20000, 22000, 24000, 26000, 28000, 30000)
_ADVICE_WEIGHT = 40000
_RATES = tuple(round(65536 / (n + 1.6)) for n in range(_MOST_MET + 1))
_SLOWEST = 30
"""After so many meetings a context's guess moves no slower."""
_LEARNING = 14

Weights = dict[str, list[list[int]]]


class Mixer:
    """The model of one stream: contexts, mixers, and the coder that bits go through.

    weights: of sites, to begin with (see `weights`); sites that are not there begin with round numbers. rate: of the mixers' learning.
    """

    def __init__(self, coder: BitCoder, weights: Mapping[str, Sequence[Sequence[int]]] | None = None, *, rate: int = 6) -> None:
        self.coder = coder
        self.rate = rate
        self._slots: dict[Hashable, list[int]] = {}
        self.weights: Weights = {site: [list(row) for row in rows] for site, rows in (weights or {}).items()}
        self._chances, self._odds = probabilities(), log_odds()

    @property
    def is_reader(self) -> bool:
        """Whether bits come out of the coder."""
        return self.coder.is_reader

    def bit(self, bit: int | None, site: str, contexts: Sequence[Hashable], advice: Sequence[int] = ()) -> int:
        """Code one bit (None: it is read) and learn from it.

        contexts: what is known, most general first; a site always has as many. advice: log-odds from elsewhere, likewise.
        """
        rows = self.weights.get(site)
        if rows is None:
            rows = [list(_FIRST_WEIGHT) for _ in contexts] + [[_ADVICE_WEIGHT] for _ in advice]
            self.weights[site] = rows
        odds_of, slots, total = self._odds, self._slots, 0
        met: list[list[int]] = []
        said: list[tuple[list[int], int, int]] = []
        for number, context in enumerate(contexts):
            key = (site, number, context)
            slot = slots.get(key)
            if slot is None:
                slots[key] = slot = [ONE >> 1, 0]
            met.append(slot)
            if slot[1]:
                age, odds = AGES[slot[1]], odds_of[slot[0]]
                total += rows[number][age] * odds
                said.append((rows[number], age, odds))
        for number, odds in enumerate(advice, len(contexts)):
            total += rows[number][0] * odds
            said.append((rows[number], 0, odds))
        chance = self._chances[max(-LIMIT, min(LIMIT, total >> 16)) + LIMIT]
        bit = self.coder.code(bit, chance)
        error = (ONE if bit else 0) - chance
        step = error * self.rate
        for row, age, odds in said:
            row[age] += odds * step + (1 << _LEARNING - 1) >> _LEARNING
        target = ONE - 1 if bit else 1
        for slot in met:
            seen = slot[1]
            slot[0] += (target - slot[0]) * _RATES[min(seen, _SLOWEST)] >> 16
            if seen < _MOST_MET:
                slot[1] = seen + 1
        return bit
