"""Which pieces of a collection are not of its kind: foreign styles, mislabelled files.

How far a piece is from the middle of all music does not tell: a plain hymn is near it, and foreign among reels. So what is asked is
whether the piece is likelier with the style of the others than with any style, a ratio of likelihoods, of traits of the piece
(`judging.traits`) that were learned to tell styles apart. It is asked in two ways. By names: a linear reader believes in each of
the styles it knows; the others' beliefs on average are the style of the collection. Without names: styles are points with a Gaussian
around them, which are Gaussian themselves (Ioffe 2006, probabilistic linear discriminant analysis); this also holds of styles that
nothing was learned from. The more surely the reader names a style for the collection, the more it counts.

Both are asked twice, the second time with the foreign ones of the first left out of what others are judged by, as in the concentration
step of Rousseeuw & Van Driessen (1999).

Conventions: P pieces of one kind of meter with F traits, C known styles, D directions between styles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import place, windows_of
from musicvae.compose.engine import Engine, Floats
from musicvae.compose.judging.tails import chance_of
from musicvae.compose.judging.traits import traits_of
from musicvae.compose.windows import cut_tokens
from musicvae.music.melody import Melody
from musicvae.music.vocabulary import Tokens

__all__ = ["FEWEST_PIECES", "StyleSense", "astray", "unlike", "windows_of_piece"]

Kept = NDArray[np.bool_]
FEWEST_PIECES = 6
"""Pieces of one kind of meter that make a collection."""
_KEPT = 0.85  # share of a collection that the second pass goes by
_DOUBTED, _SURE = 0.4, 0.8  # belief in one style, on average, from which the reader begins to count, and counts alone
_LEAST_SPREAD = 0.3  # nats; among pieces that are all alike, less is nothing


def windows_of_piece(engine: Engine, melody: Melody) -> list[Tokens]:
    """The windows of a melody in the engine's coordinates. ValueError for a meter that it does not know."""
    tokens = place(engine, melody)[0].tokens
    return cut_tokens(tokens, windows_of(engine, [tokens], melody.meter), apart=engine.config.fixed_window)


@dataclass(frozen=True, eq=False)
class StyleSense:
    """What was learned of styles in one kind of meter.

    mean, spread: (F,) of traits. weights (F, C), offset (C,): of the reader; common: (C,) share of each style in what it learned from.
    projection (F, D), origin (D,): to where pieces of one style spread by 1 in every direction, and styles by `between` (D,), a variance.
    usual: (U,) foreignness of held-out pieces in collections of their own style.
    """

    mean: Floats
    spread: Floats
    weights: Floats
    offset: Floats
    common: Floats
    projection: Floats
    origin: Floats
    between: Floats
    usual: Floats

    def traits(self, pieces: Sequence[Sequence[Tokens]], kind: int) -> Floats:
        """Scaled traits (P, F) of pieces given by their windows."""
        return np.asarray((np.stack([traits_of(own, kind) for own in pieces]) - self.mean) / self.spread)

    def foreignness(self, traits: Floats) -> Floats:
        """How foreign each piece (P,) of a collection is, from scaled traits (P, F), in robust standard deviations above the median.

        ValueError for fewer than `FEWEST_PIECES`.
        """
        if len(traits) < FEWEST_PIECES:
            raise ValueError(f"a collection is at least {FEWEST_PIECES} pieces of one kind of meter, got {len(traits)}")
        beliefs, points = self.beliefs(traits), traits @ self.projection - self.origin
        sure = float(np.clip((beliefs.mean(axis=0).max() - _DOUBTED) / (_SURE - _DOUBTED), 0, 1))
        by_name = _twice(lambda kept: astray(beliefs, self.common, kept), len(traits))
        without = _twice(lambda kept: unlike(points, self.between, kept), len(traits))
        found = sure * _standard(by_name) + (1 - sure) * _standard(without)
        return np.asarray(found - np.median(found))

    def beliefs(self, traits: Floats) -> Floats:
        """The reader's probability (P, C) of each style."""
        scores = traits @ self.weights + self.offset
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def chance(self, foreignness: float) -> float:
        """The share of held-out pieces that are as foreign among their own."""
        return chance_of(foreignness, self.usual)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All of it in half precision, to be kept in a file; `of_arrays` reads it."""
        return {field.name: np.asarray(getattr(self, field.name), np.float16) for field in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> StyleSense:
        """What `arrays` gave; KeyError for anything else."""
        return cls(**{field.name: np.asarray(arrays[field.name], np.float64) for field in fields(cls)})


def astray(beliefs: Floats, common: Floats, kept: Kept) -> Floats:
    """Nats (P,) that beliefs (P, C) are likelier with styles as `common` (C,) as they are than with those of the others among `kept` (P,).

    log p(x) / p(x | collection), where p(x | style) is p(style | x) / p(style) times p(x), and the others' beliefs on average, `common`
    counting as one more, are the collection's styles.
    """
    total, count = _others(beliefs, kept)
    shares = (total + common) / (count + 1)
    return np.asarray(-np.log(np.maximum((beliefs * shares / common).sum(axis=1), 1e-300)))


def unlike(points: Floats, between: Floats, kept: Kept) -> Floats:
    """Nats (P,) that points (P, D) are likelier with a style of their own than with that of the others among `kept` (P,). Ioffe (2006)."""
    total, count = _others(points, kept)
    spread = 1 + between / (count * between + 1)
    away = points - total * between / (count * between + 1)
    alone = points**2 / (1 + between) + np.log(1 + between)
    return np.asarray((away**2 / spread + np.log(spread) - alone).sum(axis=1) / 2)


def _others(values: Floats, kept: Kept) -> tuple[Floats, Floats]:
    """For each row of values (P, K) the sum (P, K) of the other kept ones and how many they are, (P, 1)."""
    own = kept[:, None].astype(np.float64)
    return (own * values).sum(axis=0) - own * values, kept.sum() - own


def _twice(judge: Callable[[Kept], Floats], count: int) -> Floats:
    first = judge(np.ones(count, bool))
    return judge(first <= np.quantile(first, _KEPT))


def _standard(values: Floats) -> Floats:
    """Distances above the median in robust standard deviations: 1.4826 times the median distance. Rousseeuw & Croux (1993)."""
    away = values - np.median(values)
    return np.asarray(away / max(1.4826 * float(np.median(np.abs(away))), _LEAST_SPREAD))
