"""How tunes come back to what was heard: the probability that the next bar is new, or is a given earlier bar once more.

A log-linear choice (McFadden, 1974) between a new bar and every bar before it, whose features say where in the phrase both stand, how far
back the return goes, how long it has gone on, whether the tune returned so before, and which sections the tune had so far: "after AAB
comes B". Its weights were fitted to the training tunes of the shipped model (`scripts/fit_returns.py`).

Conventions: b model bars are known and bar b is to come. Two bars are equal where every token is. Arrays (1 + b,) have the new bar first,
then the bars 0 to b - 1. Phrases are counted from the first bar that is no pickup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["Past", "ReturnLaw", "equal_bars", "features", "pickup_bars", "shipped_law"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
_PHRASE = 8
_LAGS = (1, 2, 3, 4, 8, 12, 16, 24, 32)
_RUNS = (1, 2, 3, 4, 7, 8, 16)
"""Classes of how many bars a return has gone on: the largest of these that is not above it."""
_DEPTHS: Mapping[int, tuple[int, ...]] = {8: (1, 2, 3, 4, 6), 4: (2, 4), 16: (1, 2, 3)}
"""Bars of a section -> of how many last sections the order is looked at."""


@dataclass(frozen=True, eq=False)
class Past:
    """What is known of the bars so far.

    equal: (b, b). kind: index into `music.meter.KINDS`. pickup: bars before the first phrase, 0 or 1. sounding: (b,), bars in which a
    note starts.
    """

    equal: Bools
    kind: int
    pickup: int
    sounding: Bools


@dataclass(frozen=True)
class ReturnLaw:
    """The weights of the features by name; others count nothing."""

    weights: Mapping[str, float]

    def probabilities(self, past: Past, temperature: float = 1.0) -> Floats:
        """Of a new bar and of each earlier one, (1 + b,), summing to 1; temperature as of a draw, above 0."""
        scores = np.zeros(1 + len(past.equal))
        for name, values in features(past):
            scores += self.weights.get(name, 0.0) * values
        weights = np.exp((scores - scores.max()) / temperature)
        chances: Floats = weights / weights.sum()
        return chances


@cache
def shipped_law() -> ReturnLaw:
    """The one that ships."""
    return ReturnLaw(json.loads(resources.files("musicvae.pretrained").joinpath("returns.json").read_text(encoding="utf-8"))["weights"])


def equal_bars(tokens: Tokens) -> Bools:
    """Which of the bars (b, S) are equal, (b, b)."""
    found: Bools = (tokens[:, None] == tokens[None]).all(axis=-1)
    return found


def pickup_bars(tokens: Tokens) -> int:
    """1 where the first bar (b, S) begins no phrase: no note starts in its first half."""
    return int(not (tokens[0, : tokens.shape[1] // 2] >= FIRST_PITCH_TOKEN).any())


def features(past: Past) -> Iterator[tuple[str, Floats]]:
    """Name and values (1 + b,) of every feature that is not zero everywhere."""
    known = len(past.equal)
    runs = _runs(past.equal)
    returned = np.asarray(np.tril(past.equal, -1).any(axis=1))
    for name, of_bars in _of_returns(past, runs, returned):
        if of_bars.any():
            yield name, np.concatenate([[0.0], of_bars])
    for name, of_new in _of_new(past, int(runs.max(initial=0)), returned):
        if of_new:
            yield name, np.concatenate([[float(of_new)], np.zeros(known)])
    yield from _of_sections(past)


def _runs(equal: Bools) -> NDArray[np.int64]:
    """For each bar how many bars before it equal, one by one, those before the bar to come, at most 16; (b,)."""
    known = len(equal)
    runs, going = np.zeros(known, np.int64), np.ones(known, np.bool_)
    for back in range(1, min(16, known) + 1):
        same = np.zeros(known, np.bool_)
        same[back:] = equal[known - back, : known - back]
        going &= same
        runs += going
    return runs


def _of_returns(past: Past, runs: NDArray[np.int64], returned: Bools) -> Iterator[tuple[str, Floats]]:
    """Features (b,) of a return to each bar."""
    bar = len(past.equal)
    source = np.arange(bar)
    lag, phase, stands = bar - source, (bar - past.pickup) % _PHRASE, (source - past.pickup) % _PHRASE
    begins, alike = runs == 0, stands == phase
    classes = np.array([_lag_class(value) for value in lag.tolist()])
    for value in np.unique(classes):
        yield f"lag {value}", (classes == value).astype(np.float64)
        yield f"begin lag {value}", ((classes == value) & begins).astype(np.float64)
    for low, high in zip(_RUNS, (*_RUNS[1:], 99), strict=True):
        yield f"run {low}", ((runs >= low) & (runs < high)).astype(np.float64)
    yield f"begin at {phase}", (begins & alike).astype(np.float64)
    yield f"go on at {phase}", (~begins & alike).astype(np.float64)
    if phase % 4 == 0:
        yield "begin half a phrase off", (begins & ((phase - stands) % _PHRASE == 4)).astype(np.float64)
    yield "go on off the phrase", (~begins & (lag % 4 != 0)).astype(np.float64)
    opening = begins & (source == past.pickup)
    yield "opening", opening.astype(np.float64)
    if (bar - past.pickup) % 16 == 0:
        yield "opening at 16", opening.astype(np.float64)
        yield "begin at 16", (begins & ((source - past.pickup) % 16 == 0)).astype(np.float64)
    heard = np.asarray(past.equal.sum(axis=1))
    yield "heard twice", (heard == 2).astype(np.float64)
    yield "heard more", (heard > 2).astype(np.float64)
    before, at_place = _precedents(past.equal)
    yield "precedent", before
    yield "begin by precedent", np.where(begins, before, 0.0)
    yield "begin by precedent here", np.where(begins, at_place, 0.0)
    yield "go on by precedent here", np.where(begins, 0.0, at_place)
    yield "latest", np.asarray(~np.triu(past.equal, 1).any(axis=1), np.float64)
    yield "not the longest run", (runs < runs.max(initial=0)).astype(np.float64)
    if phase % 4 == 0:
        yield "begin after new bars", np.where(begins, float(min(_since(returned), 8)), 0.0)


def _of_new(past: Past, longest: int, returned: Bools) -> Iterator[tuple[str, float]]:
    """Features of a new bar. longest: run of a return that could go on."""
    bar = len(past.equal)
    phase = (bar - past.pickup) % _PHRASE
    counted = past.sounding.copy()
    counted[:1] = False
    share = (float((returned & counted).sum()) + 0.5) / (float(counted.sum()) + 2)
    odds = float(np.log(share / (1 - share)))
    yield "new", 1.0
    yield f"new at {phase}", 1.0
    yield "new at 16", float((bar - past.pickup) % 16 == 0)
    yield "new, returns so far", odds
    yield "new, bars", float(np.log(max(bar, 1)))
    yield f"new after run {max(low for low in (0, *_RUNS) if low <= longest)}", 1.0
    yield f"new in meter {past.kind}", 1.0
    yield f"new after {min(_since(returned), 9)} new", 1.0
    if longest:
        yield "new after a run, returns so far", odds
        yield f"new after a run at {phase}", 1.0
    if phase == 0:
        yield "new after returns in the phrase", float(returned[-_PHRASE:].mean()) if bar else 0.0


def _of_sections(past: Past) -> Iterator[tuple[str, Floats]]:
    """Features of the order of sections so far with what could come, where one has just ended."""
    bar = len(past.equal)
    for size, depths in _DEPTHS.items():
        whole, rest = divmod(bar - past.pickup, size)
        if rest or whole < 1:
            continue
        letters, firsts = _letters(past.equal, past.pickup, size, whole)
        for depth in (depth for depth in depths if depth <= whole):
            names: dict[int, str] = {}
            for letter in letters[-depth:]:
                names.setdefault(letter, chr(ord("A") + len(names)))
            order = "".join(names[letter] for letter in letters[-depth:])
            starts = ("", "^") if depth == whole else ("",)
            for start in starts:
                values: dict[str, Floats] = {"new": np.eye(1, 1 + bar)[0]}
                for letter in range(len(firsts)):
                    last = max(i for i, other in enumerate(letters) if other == letter)
                    name = names.get(letter, "opening" if letter == 0 else "older")
                    values.setdefault(name, np.zeros(1 + bar))[1 + past.pickup + last * size] = 1.0
                for name, of_all in values.items():
                    yield f"{size} bars: {start}{order} {name}", of_all


def _letters(equal: Bools, pickup: int, size: int, whole: int) -> tuple[list[int], list[int]]:
    """A number for each section of so many bars, the same for those of which three of the first four bars are; and where each is first."""
    letters: list[int] = []
    firsts: list[int] = []
    for start in range(pickup, pickup + whole * size, size):
        ahead = np.arange(4)
        same = [letter for letter, first in enumerate(firsts) if int(equal[start + ahead, first + ahead].sum()) >= 3]
        letters.append(same[0] if same else len(firsts))
        if not same:
            firsts.append(start)
    return letters, firsts


def _precedents(equal: Bools) -> tuple[Floats, Floats]:
    """For each bar as source, (b,): log share of earlier bars with a return of this lag; the same where they stand alike, less 0.3."""
    bar = len(equal)
    before, at_place = np.zeros(bar), np.zeros(bar)
    for lag in range(1, bar + 1):
        count = int(np.diagonal(equal, -lag).sum()) if lag < bar else 0
        before[bar - lag] = np.log((count + 0.2) / (max(bar - lag, 1) + 1))
        places = np.arange(bar - _PHRASE, lag - 1, -_PHRASE)
        if len(places):
            at_place[bar - lag] = equal[places, places - lag].mean() - 0.3
    return before, at_place


def _since(returned: Bools) -> int:
    """How many of the last bars (b,) are no returns."""
    latest = np.flatnonzero(returned)
    return len(returned) - 1 - int(latest[-1]) if len(latest) else len(returned)


def _lag_class(lag: int) -> str:
    if lag in _LAGS:
        return str(lag)
    if lag % 8 == 0:
        return "of 8"
    return "of 4" if lag % 4 == 0 else "5 to 7" if lag < 8 else "other"
