"""Whether a personalised model composes like pieces it was not given, and whether it copies those that it was.

Conventions: a *kind of music* is a label of a corpus, such as a dance type, in one kind of meter. A model is personalised with tunes of
one split and measured on all tunes of another. Windows (W, B, S) have the same length for tunes and for what is drawn. Features are
those of `evaluate.judge`, scaled by the mean and deviation that they have in other tunes of the training split. Energy distance:
2 E|x - y| - E|x - x'| - E|y - y'|, 0 for equal distributions (Szekely & Rizzo, 2013). Intervals are over pieces drawn, those of bits
over tunes. Which tunes are the files, and which windows are held out where there are many, is drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.engine import Engine
from musicvae.compose.personalising.copying import Units, copied_share, nearest_distances, units_of
from musicvae.corpus.store import Corpus
from musicvae.evaluate.judge import Judge, fit_judge, note_features
from musicvae.evaluate.metrics import Estimate, mean_estimate
from musicvae.evaluate.pricing import bits_and_cost, canonical_rows, piece_bits
from musicvae.model.noise import piece_seed
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

__all__ = ["PersonalRow", "PersonalYard", "energy_distance", "labels_and_kinds", "tune_tokens", "yard_for"]

_OTHERS = 600
_HELD_OUT = 160  # windows
_TYPE = "type"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PersonalRow:
    """What one model draws, for one kind of music.

    judged: mean score by a judge of the notes, above 0 for what is more like the label than like other tunes; accepted: share above 0.
    energy: distance to held-out tunes. copied: share of stretches of two bars that are nearly in the files; nearest: their mean
    distance to the nearest one there. model_bits: bits per note of held-out tunes (`evaluate.pricing`); cost: bits per note more
    than under the base, in the same tunes.
    """

    label: str
    way: str
    files: int
    judged: Estimate
    accepted: Estimate
    energy: float
    copied: Estimate
    nearest: Estimate
    model_bits: Estimate
    cost: Estimate
    seconds: float


@dataclass(frozen=True)
class PersonalYard:
    """What every model is measured by. held_out: windows (W, B, S); tunes: of each; files: units of the files."""

    label: str
    kind: int
    judge: Judge
    mean: Floats
    deviation: Floats
    held_out: Tokens
    tunes: NDArray[np.int64]
    files: Units

    def bits(self, engine: Engine) -> Floats:
        """Bits (W,) of the held-out windows."""
        return piece_bits(engine, self.held_out, self.kind)

    def row(self, way: str, files: int, drawn: Tokens, bits: Floats | None, before: Floats, seconds: float) -> PersonalRow:
        """The row of a model that drew these windows (W, B, S) and needs these bits, its base `before`; bits None: of real tunes."""
        pieces = list(range(len(drawn)))
        nearest = [nearest_distances(units_of(piece), self.files) for piece in drawn]
        notes = np.maximum(1, (self.held_out >= FIRST_PITCH_TOKEN).sum(axis=(1, 2)))
        nothing = Estimate(float("nan"), float("nan"), float("nan"), 0, 0)
        price = (nothing, nothing) if bits is None else bits_and_cost(np.stack([bits, notes, before, notes], axis=1), self.tunes)
        scores = self.judge(drawn)
        return PersonalRow(
            self.label, way, files, mean_estimate(list(scores), pieces), mean_estimate([float(score > 0) for score in scores], pieces),
            0.0 if bits is None else self.energy(drawn), mean_estimate([copied_share(own) for own in nearest], pieces),
            mean_estimate([float(own.mean()) if len(own) else 1.0 for own in nearest], pieces), *price, seconds,
        )  # fmt: skip

    def energy(self, drawn: Tokens) -> float:
        """Energy distance of windows to the held-out ones."""
        scaled = [(note_features(part) - self.mean) / self.deviation for part in (drawn, self.held_out)]
        return energy_distance(*scaled)

    def draw(self, engine: Engine, count: int, seed: int = 0) -> Tokens:
        """Windows (count, B, S) of the kind of meter and length of the held-out ones, at temperature 1."""
        bars, seeds = self.held_out.shape[1], [piece_seed(seed, k) for k in range(count)]
        z = engine.sample_prior(seeds, bars=bars, kind=self.kind)
        return engine.decode(z, bars=bars, kind=self.kind, temperature=1.0, seeds=seeds)


def energy_distance(x: Floats, y: Floats) -> float:
    """Energy distance of samples (N, F) and (M, F), unbiased."""

    def between(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1)), np.float64)

    n, m = len(x), len(y)
    inside = between(x, x).sum() / max(1, n * (n - 1)) + between(y, y).sum() / max(1, m * (m - 1))
    return float(2 * between(x, y).mean() - inside)


def tune_tokens(corpus: Corpus, label: str, split: str, kind: int, limit: int | None = None, *, seed: int = 0) -> list[Tokens]:
    """Whole tunes (bars, S) of a label, kind of meter and split, the first line of each; at most `limit`, drawn at random."""
    code = corpus.tag_names[_TYPE].index(label)
    lines = [line for line in corpus.select(split, kind=kind) if corpus.tags[_TYPE][line] == code]
    _, first = np.unique(corpus.tune[lines], return_index=True)
    steps = Meter.parse(KINDS[kind]).steps_per_bar
    chosen = np.random.default_rng(seed).permutation(sorted(first.tolist()))[:limit]
    return [corpus.tokens(np.array([[lines[i], 0, corpus.num_bars[lines[i]]]]))[0, :, :steps] for i in chosen]


def yard_for(corpus: Corpus, label: str, kind: int, files: Sequence[Tokens], *, bars: int = 8, split: str = "test") -> PersonalYard:
    """The yard for a label; the judge is fitted on training tunes. ValueError where there are fewer than two windows held out."""
    steps = Meter.parse(KINDS[kind]).steps_per_bar
    code = corpus.tag_names[_TYPE].index(label)

    def windows(name: str, hop: int) -> tuple[Tokens, NDArray[np.bool_], NDArray[np.int64]]:
        found = corpus.windows(name, kind=kind, bars=bars, hop=hop)
        own = np.asarray(corpus.tags[_TYPE][found[:, 0]] == code)
        return corpus.tokens(found)[:, :, :steps], own, np.asarray(corpus.tune[found[:, 0]], np.int64)

    training, own, _ = windows("train", bars)
    rng = np.random.default_rng(0)
    others = training[rng.permutation(np.flatnonzero(~own))[:_OTHERS]]
    same = training[rng.permutation(np.flatnonzero(own))[:_OTHERS]]
    judge = fit_judge(np.concatenate([same, others]), np.arange(len(same) + len(others)) < len(same))
    features = note_features(others)
    test, of_label, tunes = windows(split, bars)
    if of_label.sum() < 2:
        raise ValueError(f"the split {split} holds fewer than two windows of {bars} bars with the label {label} in {KINDS[kind]}")
    kept = np.sort(rng.permutation(np.flatnonzero(of_label))[:_HELD_OUT])
    return PersonalYard(
        label, kind, judge, features.mean(axis=0), features.std(axis=0) + 1e-6, canonical_rows(test[kept]), tunes[kept],
        np.concatenate([units_of(tune) for tune in files]),
    )  # fmt: skip


def labels_and_kinds(text: str) -> Mapping[str, int]:
    """``jig:6/8,hymn:4/4`` as kinds of meter by label."""
    return {label: Meter.parse(meter).kind_index for label, meter in (word.split(":") for word in text.split(","))}
