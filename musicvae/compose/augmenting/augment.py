"""Variations of one piece that are fit to train on: none a near-copy, none too far away to keep its label.

Variation k is asked for amount k of those given, one after another and then again from the first. A candidate is kept if it is at least
`near` times its amount away from the piece and from every variation kept before it, and at most `FARTHER` farther away from the
piece than asked. Candidates are drawn in rounds, each for what is still missing of every amount; after `_ROUNDS` rounds
fewer are given, and it is said how many were turned down, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from musicvae.compose.augmenting.likeness import Marks, distance, marks_of, nearest
from musicvae.compose.limits import check_pieces, check_seed
from musicvae.compose.seeds import derived_seed
from musicvae.compose.varying.amounts import check_amounts
from musicvae.compose.varying.results import Variations
from musicvae.music.melody import Melody
from musicvae.music.piece import Piece

__all__ = ["DEFAULT_AMOUNTS", "FARTHER", "NEAR", "Augmented", "Limits", "augment"]

DEFAULT_AMOUNTS = (0.2, 0.3, 0.4)
NEAR = 0.5
"""Share of its amount that a variation is away from all others at least."""
FARTHER = 0.1
"""Distance by which a variation may be farther away than asked."""
_ROUNDS = 4
_COPY, _TWIN, _FAR = "a near-copy of its source", "a near-copy of another variation", "farther away than asked"
Music = TypeVar("Music", Melody, Piece)


class Varier(Protocol[Music]):
    """A loaded model of any material."""

    def vary(self, source: Any, amount: float | Sequence[float] = ..., n: int = ..., *, seed: int | None = ...) -> Variations[Music]:
        """Variations of the source."""
        ...


@dataclass(frozen=True)
class Limits:
    """How many variations, how far away; ValueError for numbers that make no sense.

    amounts: shares above 0 of the marks that become others. near: in [0, 1], as `NEAR`.
    """

    n: int = 10
    amounts: tuple[float, ...] = DEFAULT_AMOUNTS
    near: float = NEAR

    def __post_init__(self) -> None:
        check_pieces(self.n)
        if not all(check_amounts(self.amounts)):
            raise ValueError("amount 0 gives copies of the source: give amounts above 0")
        if not 0 <= self.near <= 1:
            raise ValueError(f"near must be a share from 0 to 1 of the amount, got {self.near!r}")


@dataclass(frozen=True)
class Augmented(Variations[Music]):
    """Variations of one piece, in the order in which they were kept.

    nearest: distance of each to the nearest other one. refused: candidates that were turned down, by reason.
    """

    nearest: tuple[float, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)


def augment(model: Varier[Music], music: Music, limits: Limits, *, seed: int = 0) -> Augmented[Music]:
    """At most `limits.n` variations of a piece, by the rule of this module; fewer with a word in `notices`.

    Each has in its `provenance` the seed and the amount with which `vary` gives it again.
    """
    source, wanted = marks_of(music), Counter(limits.amounts[k % len(limits.amounts)] for k in range(limits.n))
    kept: list[tuple[Music, float, float, Marks]] = []
    refused: Counter[str] = Counter()
    notices: list[str] = []
    for number in range(_ROUNDS if source else 0):
        if not (missing := {amount: count for amount, count in wanted.items() if count > 0}):
            break
        for amount, count in missing.items():
            found = model.vary(music, amount, count, seed=derived_seed(check_seed(seed), f"augment {number} {amount!r}"))
            notices += [text for text in found.notices if text not in notices and not number]
            for piece in found:
                marks = marks_of(piece)
                away = distance(source, marks)
                why = _refusal(away, nearest(marks, (other for *_, other in kept)), amount, limits.near)
                if why:
                    refused[why] += 1
                    continue
                kept.append((piece, amount, away, marks))
                wanted[amount] -= 1
    return _result(kept, refused, notices, limits.n)


def _refusal(away: float, apart: float, amount: float, near: float) -> str:
    """Why a candidate is turned down; "" for one that is kept."""
    if not away or away < near * amount:
        return _COPY
    if away > amount + FARTHER:
        return _FAR
    return _TWIN if not apart or apart < near * amount else ""


def _result(kept: list[Any], refused: Counter[str], notices: Sequence[str], wanted: int) -> Augmented[Any]:
    marks = [own for *_, own in kept]
    apart = tuple(nearest(own, (other for place, other in enumerate(marks) if place != here)) for here, own in enumerate(marks))
    told = list(notices)
    if len(kept) < wanted:
        why = ", ".join(f"{count} {reason}" for reason, count in refused.most_common()) or "there is nothing to vary"
        told.append(f"{len(kept)} of {wanted} variations could be made ({why})")
    pieces, amounts, distances = (tuple(entry[column] for entry in kept) for column in range(3))
    return Augmented(pieces, tuple(told), amounts, distances, apart, dict(refused))
