"""Whether pieces of another style are found in a collection: the area under the ROC curve, for every pair of styles.

Collections are drawn from held-out pieces of one style, a tenth of each being of another; what is foreign is told from what is not over
all collections of a pair. The rival judges by the bits a note that an n-gram of the others in the collection needs, less those of
an n-gram of all music. Intervals come from drawing the pieces of both styles again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.judging.collection import StyleSense
from musicvae.compose.judging.ngram import NGram, fit_ngram
from musicvae.evaluate.metrics import Estimate
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["Appearances", "StyleRow", "foreign_rows", "ngram_foreignness", "summary_row"]

Floats = NDArray[np.float64]
_DRAWS = 1000
_PARTS = 4
FEWEST_FOREIGN, FEWEST_HOME = 5, 15
"""Held-out pieces that a style needs to be put among others, and to be a collection."""


@dataclass(frozen=True)
class StyleRow:
    """Pieces of another style among those of `home`: the area under the curve, that of the n-gram, and the difference.

    pieces: how many a collection has; known: whether tunes of the foreign style were among those that styles were learned from.
    """

    meter: str
    home: str
    foreign: str
    known: bool
    pieces: int
    score: Estimate
    ngram: Estimate
    gain: Estimate


@dataclass(frozen=True, eq=False)
class Appearances:
    """Pieces in the collections of a pair: who (A,), a number of its style; whether foreign (A,); how foreign by score and n-gram (A,)."""

    who: NDArray[np.int64]
    foreign: NDArray[np.bool_]
    score: Floats
    ngram: Floats

    def areas(self, rng: np.random.Generator) -> Floats:
        """Areas (1 + draws, 2) of score and n-gram: of all, then with the pieces of both styles drawn again."""
        odd, own = (self._weights(self.foreign == side, rng) for side in (True, False))
        found = []
        for values in (self.score, self.ngram):
            high, low = values[self.foreign, None], values[~self.foreign]
            beats = (high > low) + 0.5 * (high == low)
            found.append(np.einsum("ri,ij,rj->r", odd, beats, own, optimize=True))
        return np.stack(found, axis=1)

    def _weights(self, side: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
        """Weights (1 + draws, side) of appearances that sum to 1; a piece that is drawn twice counts twice wherever it appears."""
        pieces, which = np.unique(self.who[side], return_inverse=True)
        drawn = rng.multinomial(len(pieces), np.full(len(pieces), 1 / len(pieces)), _DRAWS)
        weights = np.concatenate([np.ones((1, len(which))), drawn[:, which]])
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def foreign_rows(
    sense: StyleSense, ngram: NGram, kind: int, meter: str, styles: Mapping[str, Sequence[Sequence[Tokens]]], homes: Sequence[str], *,
    unknown: Sequence[str] = (), pieces: int = 30, share: float = 0.1, rounds: int = 8, seed: int = 0,
    tell: Callable[[str], None] = lambda text: None,
) -> list[tuple[StyleRow, Floats]]:  # fmt: skip
    """A row for each home and each other style, with its areas as `Appearances.areas` has them.

    styles: by name, pieces by their windows (bars, S); unknown: those of which nothing was learned. Collections have so many
    pieces, `rounds` of them.
    """
    traits = {name: sense.traits(own, kind) for name, own in styles.items()}
    known = {name: _nats_a_note(ngram, own, kind) for name, own in styles.items()}
    rows = []
    for home in (name for name in homes if len(styles.get(name, ())) >= FEWEST_HOME):
        for foreign in (name for name, some in styles.items() if name != home and len(some) >= FEWEST_FOREIGN):
            tell(f"{meter} {foreign} among {home}")
            rng, met = np.random.default_rng([seed, kind]), []
            for _ in range(rounds):
                own = min(pieces - max(1, round(share * pieces)), len(styles[home]))
                odd = min(max(1, round(own * share / (1 - share))), len(styles[foreign]))
                chosen = [(home, int(i)) for i in rng.permutation(len(styles[home]))[:own]]
                chosen += [(foreign, int(i)) for i in rng.permutation(len(styles[foreign]))[:odd]]
                score = sense.foreignness(np.stack([traits[name][i] for name, i in chosen]))
                world = np.array([known[name][i] for name, i in chosen])
                rival = ngram_foreignness([styles[name][i] for name, i in chosen], world, kind)
                who = np.array([i for _, i in chosen])
                met.append((who, np.array([name == foreign for name, _ in chosen]), score, rival))
            areas = Appearances(*(np.concatenate([entry[k] for entry in met]) for k in range(4))).areas(rng)
            shown = (_estimate(values, len(met[0][0])) for values in (areas[:, 0], areas[:, 1], areas[:, 0] - areas[:, 1]))
            rows.append((StyleRow(meter, home, foreign, foreign not in unknown, pieces, *shown), areas))
    return rows


def summary_row(rows: Sequence[tuple[StyleRow, Floats]], meter: str, known: bool) -> StyleRow | None:
    """The mean over the pairs whose foreign style was known, or was not; None where there are none."""
    chosen = [(row, areas) for row, areas in rows if row.known is known and row.meter == meter]
    if not chosen:
        return None
    mean = np.mean([areas for _, areas in chosen], axis=0)
    shown = (_estimate(values, len(chosen)) for values in (mean[:, 0], mean[:, 1], mean[:, 0] - mean[:, 1]))
    return StyleRow(meter, "all", "known" if known else "unknown", known, chosen[0][0].pieces, *shown)


def ngram_foreignness(pieces: Sequence[Sequence[Tokens]], world: Floats, kind: int) -> Floats:
    """Nats a note (P,) that an n-gram of the others needs, those of a piece's own quarter being left out, less those in `world` (P,)."""
    found = np.zeros(len(pieces))
    for turn in range(_PARTS):
        fitted = fit_ngram((part[None], kind) for row, own in enumerate(pieces) if row % _PARTS != turn for part in own)
        found[turn::_PARTS] = _nats_a_note(fitted, pieces[turn::_PARTS], kind)
    return np.asarray(found - world)


def _nats_a_note(ngram: NGram, pieces: Sequence[Sequence[Tokens]], kind: int) -> Floats:
    nats = [-sum(float(ngram.log_probs(part[None], kind).sum()) for part in own) for own in pieces]
    return np.array(nats) / [max(sum(int((part >= FIRST_PITCH_TOKEN).sum()) for part in own), 1) for own in pieces]


def _estimate(values: Floats, count: int) -> Estimate:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high), count, count)
