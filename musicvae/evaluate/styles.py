"""How strongly a style vector moves what it is for, and everything else.

Conventions: held-out melodies are encoded, moved by strengths -2, -1, 0, 1, 2 and decoded greedily; at strength 0
a melody is itself, as `compose.styling` has it. A *shift* is the least-squares slope over
strengths, per unit of strength, in standard deviations (SD) of validation windows, one a tune. A dance
type is measured by a judge fitted on training tunes (`evaluate.judge`), against other known types where there are
enough. The baseline is a random
direction of equal length in the same blocks of z.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.evaluate.codec import Codec, Windows, select_windows
from musicvae.evaluate.judge import Judge, area_under_curve, fit_judge
from musicvae.evaluate.metrics import Estimate, mean_estimate, spearman
from musicvae.music.attributes import ATTRIBUTES
from musicvae.music.key import Key
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import Tokens, from_tokens

if TYPE_CHECKING:
    from musicvae.compose.styles import StyleVector
    from musicvae.corpus.store import Corpus

__all__ = ["STRENGTHS", "EffectRow", "StyleRow", "Yardstick", "attribute_values", "measure_style", "yardstick"]

Floats = NDArray[np.float64]
Measure = Callable[[int, Tokens], Floats]
"""Kind and tokens (W, B, S) of windows -> values (W,)."""

STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)
_JUDGE_WINDOWS = 3000  # at most, of each side
_JUDGE_OTHERS = 50


@dataclass(frozen=True)
class Yardstick:
    """What a vector is measured by: all attributes, perhaps a judge, and their SD over validation windows.

    own: the name of the measure that the vector is for. kinds: of the melodies it is tried on. judge_area: how well the
    judge tells validation windows apart (area under the ROC curve), NaN for an attribute.
    """

    own: str
    kinds: tuple[int, ...]
    measures: Mapping[str, Measure]
    deviations: Mapping[str, float]
    judge_area: float


@dataclass(frozen=True)
class StyleRow:
    """One style vector over its melodies.

    rank_pooled: Spearman of strength and own measure over all melodies and strengths; rank_by_melody: mean
    of each melody's; rank_decoded: the same with the plain reconstruction standing at strength 0. random_*: of
    the random direction.
    """

    style: str
    measure: str
    melodies: int
    rank_pooled: float
    rank_by_melody: Estimate
    rank_decoded: float
    shift: Estimate
    largest_side_effect: str
    side_shift: float
    random_rank: float
    random_shift: float
    judge_area: float


@dataclass(frozen=True)
class EffectRow:
    """Shift of every measure by one style vector, in SD per unit of strength."""

    style: str
    shifts: Mapping[str, float]


def attribute_values(name: str) -> Measure:
    """The measure of an attribute; keys are the canonical one, whose scale all modes share."""
    attribute = ATTRIBUTES[name]

    def values(kind: int, tokens: Tokens) -> Floats:
        meter = Meter.parse(KINDS[kind])
        return np.array([attribute(replace(from_tokens(piece, meter), key=Key(0))) for piece in tokens], np.float64)

    return values


def yardstick(vector: StyleVector, corpus: Corpus, *, bars: int = 16, seed: int = 0) -> Yardstick | None:
    """What this vector is measured by; None for one that is neither for an attribute nor for a label with enough training tunes."""
    measures: dict[str, Measure] = {name: attribute_values(name) for name in ATTRIBUTES}
    kinds = _kinds(corpus, vector)
    own, area = vector.attribute, float("nan")
    if own is None:
        if vector.name not in corpus.labels or len(kinds) != 1:
            return None
        own = f"{vector.name} judge"
        label, kind = corpus.labels.index(vector.name), kinds[0]
        fitted = _judge(corpus, label, kind, bars, seed)
        if fitted is None:
            return None
        judge, area = fitted
        measures[own] = lambda _, tokens: judge(tokens)
    parts = [select_windows(corpus, "validation", kind, bars=bars, one_per_tune=True, seed=seed) for kind in kinds]
    values = {name: np.concatenate([measure(part.kind, part.tokens) for part in parts]) for name, measure in measures.items()}
    return Yardstick(own, kinds, measures, {name: float(v.std()) for name, v in values.items()}, area)


def measure_style(
    codec: Codec, vector: StyleVector, stick: Yardstick, melodies: Sequence[Windows], *, seed: int = 0
) -> tuple[StyleRow, EffectRow]:
    """Move held-out windows (one part for each kind) by the vector and by a random one of its length."""
    # A stream of its own for each style, so that chance differs from one to the next.
    rng = np.random.default_rng([seed, *vector.name.encode()])
    stretch = np.where(vector.direction != 0, rng.standard_normal(len(vector.direction)), 0)
    chance = replace(vector, direction=stretch * np.linalg.norm(vector.direction) / np.linalg.norm(stretch))
    values, at_rest = _values(codec, vector, stick.measures, melodies)
    random_values, _ = _values(codec, chance, {stick.own: stick.measures[stick.own]}, melodies)
    tunes = np.concatenate([part.tunes for part in melodies])
    shifts = {name: _slopes(found) / _positive(stick.deviations[name]) for name, found in values.items()}
    side = {name: float(found.mean()) for name, found in shifts.items() if name != stick.own and stick.deviations[name] > 0}
    largest = max(side, key=lambda name: abs(side[name]))
    own = values[stick.own]
    # The same five values, the plain reconstruction standing in the middle.
    decoded = np.where(np.equal(STRENGTHS, 0), at_rest[stick.own][:, None], own)
    row = StyleRow(
        style=vector.name,
        measure=stick.own,
        melodies=len(own),
        rank_pooled=spearman(np.broadcast_to(STRENGTHS, own.shape), own),
        rank_by_melody=mean_estimate(_ranks_by_melody(own), tunes),
        rank_decoded=_mean_known(_ranks_by_melody(decoded)),
        shift=mean_estimate(shifts[stick.own], tunes),
        largest_side_effect=largest,
        side_shift=side[largest],
        random_rank=_mean_known(_ranks_by_melody(random_values[stick.own])),
        random_shift=float(_slopes(random_values[stick.own]).mean() / _positive(stick.deviations[stick.own])),
        judge_area=stick.judge_area,
    )
    return row, EffectRow(vector.name, {name: float(found.mean()) for name, found in shifts.items()})


def _values(
    codec: Codec, vector: StyleVector, measures: Mapping[str, Measure], melodies: Sequence[Windows]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """By measure: values (N, 5) at all strengths, strength 0 being the melody itself, and (N,) of its reconstruction."""
    at: dict[str, list[Floats]] = {name: [] for name in measures}
    at_rest: dict[str, list[Floats]] = {name: [] for name in measures}
    for part in melodies:
        mu = codec.encode(part).mu
        columns = [
            codec.decode(mu + vector.at(strength, part.bars, codec.engine.config), kind=part.kind, bars=part.bars)
            if strength
            else part.tokens
            for strength in STRENGTHS
        ]
        plain = codec.decode(mu, kind=part.kind, bars=part.bars)
        for name, measure in measures.items():
            at[name].append(np.stack([measure(part.kind, tokens) for tokens in columns], axis=1))
            at_rest[name].append(measure(part.kind, plain))
    return {name: np.concatenate(parts) for name, parts in at.items()}, {name: np.concatenate(parts) for name, parts in at_rest.items()}


def _judge(corpus: Corpus, label: int, kind: int, bars: int, seed: int) -> tuple[Judge, float] | None:
    """A judge of a label fitted on training windows and its area on validation windows; None for too few windows."""
    train = select_windows(corpus, "train", kind, bars=bars, seed=seed)
    held_out = select_windows(corpus, "validation", kind, bars=bars, one_per_tune=True, seed=seed)
    if ((train.labels >= 0) & (train.labels != label)).sum() >= _JUDGE_OTHERS:
        # A tune without a label may well be of this type: those of known other types make the better contrast.
        train, held_out = (part.take(np.flatnonzero(part.labels >= 0)) for part in (train, held_out))
    rng = np.random.default_rng([seed, label])
    sides = [rng.permutation(np.flatnonzero((train.labels == label) == side))[:_JUDGE_WINDOWS] for side in (True, False)]
    if min(map(len, sides)) < 2:
        return None
    chosen = train.take(np.concatenate(sides))
    judge = fit_judge(chosen.tokens, chosen.labels == label)
    return judge, area_under_curve(judge(held_out.tokens), held_out.labels == label)


def _kinds(corpus: Corpus, vector: StyleVector) -> tuple[int, ...]:
    """Kinds that have validation and test tunes: for a label the one it is most often in, else all."""
    split, kind = np.asarray(corpus.split), np.asarray(corpus.kind)
    present = tuple(k for k in range(len(KINDS)) if ((kind == k) & (split == 1)).any() and ((kind == k) & (split == 2)).any())
    if vector.attribute is None and vector.name in corpus.labels:
        own = (np.asarray(corpus.label) == corpus.labels.index(vector.name)) & (split == 0)
        counts = np.bincount(kind[own], minlength=len(KINDS))
        return tuple(k for k in present if counts[k] and counts[k] == counts.max())[:1]
    return present if vector.meter is None else tuple(k for k in present if k == vector.meter.kind_index)


def _slopes(values: Floats) -> Floats:
    """Least-squares slope over strengths of each row of (N, 5); the strengths have mean 0."""
    strengths = np.array(STRENGTHS)
    return np.asarray(values @ strengths / (strengths @ strengths), np.float64)


def _ranks_by_melody(values: Floats) -> Floats:
    return np.array([spearman(STRENGTHS, row) for row in values], np.float64)


def _mean_known(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _positive(deviation: float) -> float:
    """A deviation to divide by; NaN where the measure does not vary."""
    return deviation if deviation > 0 else float("nan")
