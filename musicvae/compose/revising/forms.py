"""The form of what follows a given melody: which of the bars to come are new, and which are earlier ones once more.

Conventions: bars are model bars from 0. A plan names for each bar to come the bar that it is once more, or None for a new one; what a
planned return names may lie among the bars to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.revising.returns import Past, ReturnLaw, pickup_bars
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, HOLD, NOTE_OFF, Tokens

__all__ = ["FORMS", "Stretch", "copied", "form_text", "planned", "returns_of", "stretches"]

FORMS = ("auto", "free")
"""auto: as tunes return. free: no returns but those of the prior, within its window."""
Plan = tuple[int | None, ...]
_HEARD = 256
"""Bars that are looked back on, and 16 at most beyond them."""
_ASKED = 4
"""Bars for which a return that was asked for goes on in any case."""


@dataclass(frozen=True)
class Stretch:
    """Bars start to end - 1 of the result, all new or (source) those from bar `source` on once more."""

    start: int
    end: int
    source: int | None = None


def planned(
    tokens: Tokens, closed: NDArray[np.bool_], more: int, kind: int, law: ReturnLaw, *, temperature: float, seed: int,
    return_to: int | None = None, free: bool = False,
) -> Plan:  # fmt: skip
    """A plan of `more` bars after tokens (B, S), bar by bar by the law; temperature 0 takes the likeliest.

    closed: (S,), the steps of the last bar that are given; the others may become anything. return_to: the bar that comes first.
    free: nothing else returns.
    """
    if not len(tokens):
        return (None,) * more
    labels, rng = _labels(tokens, closed), np.random.default_rng(seed)
    sounding = [bool((bar >= FIRST_PITCH_TOKEN).any()) for bar in tokens]
    pickup, plan = pickup_bars(tokens), list[int | None]()
    for turn in range(more):
        if return_to is not None and turn < _ASKED:
            source: int | None = return_to + turn
        elif free:
            source = None
        else:
            source = _next(labels, sounding, pickup, kind, law, temperature, rng)
        plan.append(source)
        labels.append(max(labels) + 1 if source is None else labels[source])
        sounding.append(source is None or sounding[source])
    return tuple(plan)


def _labels(tokens: Tokens, closed: NDArray[np.bool_]) -> list[int]:
    """A number for each bar, the same for equal ones; the last one is equal to the latest that has its closed steps."""
    names: dict[bytes, int] = {}
    labels = [names.setdefault(bar.tobytes(), len(names)) for bar in tokens]
    if closed[: len(closed) // 2].all() and not closed.all():
        alike = np.flatnonzero((tokens[:-1] == tokens[-1])[:, closed].all(axis=1))
        labels[-1] = labels[int(alike[-1])] if len(alike) else labels[-1]
    return labels


def _next(
    labels: list[int], sounding: list[bool], pickup: int, kind: int, law: ReturnLaw, temperature: float, rng: np.random.Generator
) -> int | None:
    """The bar that comes next, the latest of equal ones, or None for a new one."""
    known = len(labels)
    first = 0 if known <= _HEARD else pickup + (known - _HEARD) // 16 * 16
    names = np.array(labels[first:])
    equal = names[:, None] == names[None]
    past = Past(equal, kind, pickup if first == 0 else 0, np.array(sounding[first:]))
    chances = law.probabilities(past, temperature or 1.0)
    if temperature:
        chosen = min(int(np.searchsorted(chances.cumsum(), rng.random(), side="right")), len(chances) - 1)
    else:
        chosen = int(np.concatenate([chances[:1], equal @ chances[1:]]).argmax())
    return None if chosen == 0 else first + int(np.flatnonzero(equal[chosen - 1])[-1])


def stretches(plan: Sequence[int | None], first: int) -> list[Stretch]:
    """The plan of bars `first` on, in stretches as long as can be."""
    found: list[Stretch] = []
    for bar, source in enumerate(plan, first):
        last = found[-1] if found else None
        goes_on = last is not None and (
            source is None if last.source is None else source is not None and source - last.source == bar - last.start
        )
        if last is not None and goes_on:
            found[-1] = Stretch(last.start, bar + 1, last.source)
        else:
            found.append(Stretch(bar, bar + 1, source))
    return found


def copied(tokens: Tokens, bar: int, source: int) -> Tokens:
    """Bar `source` of tokens (B, S), to be put at `bar`: a note held into it starts anew there, unless it sounds before `bar` too."""
    found: Tokens = tokens[source].copy()
    held, before = _sounding_at(tokens, source), _sounding_at(tokens, bar)
    if found[0] == HOLD and held != before:
        found[0] = held if held >= FIRST_PITCH_TOKEN else NOTE_OFF
    return found


def _sounding_at(tokens: Tokens, bar: int) -> int:
    """The token of the note that sounds when a bar begins, HOLD for none."""
    events = tokens[:bar][tokens[:bar] != HOLD]
    return int(events[-1]) if len(events) and events[-1] >= FIRST_PITCH_TOKEN else HOLD


def returns_of(form: Sequence[Stretch], per_bar: int, bars: int) -> list[list[int]]:
    """First and last written bar of what returns and the first of what it returns to, from 1; `bars` written bars in all.

    per_bar: written bars in a model bar.
    """
    return [
        [1 + stretch.start * per_bar, min(stretch.end * per_bar, bars), 1 + stretch.source * per_bar]
        for stretch in form
        if stretch.source is not None
    ]


def form_text(returns: Iterable[Sequence[int]], first: int, last: int, shift: int = 0) -> str:
    """A form in words, such as ``"bars 17-24 return to bars 1-8, bars 25-32 are new"``, of bars `first` to `last`.

    returns: as `returns_of`. shift: added to the number of every bar.
    """
    parts: list[str] = []
    at = first
    for start, end, source in (*returns, (last + 1, last, 0)):
        if start > at:
            parts.append(f"{_span(at + shift, start - 1 + shift)} {'is' if start - 1 == at else 'are'} new")
        if end >= start:
            there = _span(source + shift, source + end - start + shift)
            parts.append(f"{_span(start + shift, end + shift)} {'returns' if start == end else 'return'} to {there}")
        at = end + 1
    return ", ".join(parts)


def _span(first: int, last: int) -> str:
    return f"bar {first}" if first == last else f"bars {first}-{last}"
