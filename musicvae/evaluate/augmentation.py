"""Whether a classifier with few labelled tunes gains from variations of them: dance types, told apart by a logistic regression.

Conventions: an *example* is a window of a held-out tune, tokens (B, S), in its scale. T tunes; F features, the same in every meter; C
labels. In every draw a few tunes of each label are for training and all others for testing; each way of multiplying adds changed copies
of the training tunes, every tune with its copies having the same weight. Accuracy is the mean over labels of the share that is right.
Intervals are over draws, those of gains over the differences of the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.augmenting.augment import Limits, augment
from musicvae.corpus.store import Corpus
from musicvae.evaluate.variations import edited, tokens_of, window_melody
from musicvae.music.attributes import different_bars
from musicvae.music.meter import KINDS
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, MIN_PITCH, NOTE_OFF, VOCABULARY_SIZE, Tokens

__all__ = [
    "AugmentationRow",
    "Example",
    "Logistic",
    "benchmark_rows",
    "changed",
    "examples_of",
    "fit_logistic",
    "pattern_counts",
    "plain_features",
]

Floats = NDArray[np.float64]
_INTERVALS, _WAITS = (-7.5, -4.5, -2.5, -0.5, 0.5, 2.5, 4.5, 7.5), (1.5, 2.5, 3.5, 4.5, 6.5, 8.5)
_STRENGTHS = (0.01, 0.04, 0.15, 0.6)
_FOLDS, _ITERATIONS = 3, 100
_TYPE = "type"


@dataclass(frozen=True)
class Example:
    """A window of a tune. tune: its number; kind: of meter."""

    tokens: Tokens
    kind: int
    label: str
    tune: int


@dataclass(frozen=True)
class AugmentationRow:
    """One way of multiplying, with so many labelled tunes of each label and copies of each tune; accuracies in [0, 1].

    gain: over the tunes alone, in the same draws, with its 95 % interval. better: share of draws that gained.
    """

    features: str
    way: str
    labelled: int
    copies: int
    accuracy: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    better: float


def examples_of(corpus: Corpus, labels: Sequence[str], *, bars: int = 8, splits: Sequence[str] = ("validation", "test")) -> list[Example]:
    """The first window of each tune of these labels in held-out splits."""
    found, met = [], set()
    for split in splits:
        for kind in range(len(KINDS)):
            windows = corpus.windows(split, kind=kind, bars=bars, hop=bars)
            steps = 16 if kind == 0 else 12
            for window, tokens in zip(windows.tolist(), corpus.tokens(windows), strict=True):
                label = corpus.tags[_TYPE][window[0]]
                tune, name = int(corpus.tune[window[0]]), corpus.tag_names[_TYPE][label] if label >= 0 else ""
                if name in labels and tune not in met:
                    met.add(tune)
                    found.append(Example(tokens[:, :steps], kind, name, tune))
    return found


def plain_features(tokens: Tokens) -> Floats:
    """Numbers (40,) that a musician would name.

    Intervals by size and direction (9), times from onset to onset by length (7), onsets by sixteenth of the beat (4), pitch classes
    (12), whether the last one is the tonic's, register and its spread, onsets and rests per step, different bars.
    """
    flat = tokens.reshape(-1)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    pitches = flat[onsets].astype(float)
    classes = (flat[onsets].astype(int) - FIRST_PITCH_TOKEN + MIN_PITCH) % 12
    register = (pitches.mean() / 12, pitches.std() / 12) if len(onsets) else (0.0, 0.0)
    return np.concatenate([
        _shares(np.diff(pitches), _INTERVALS), _shares(np.diff(onsets), _WAITS), np.bincount(onsets % 4, minlength=4) / max(1, len(onsets)),
        np.bincount(classes, minlength=12) / max(1, len(onsets)), [float(classes[-1] == 0) if len(onsets) else 0.0, *register],
        [len(onsets) / len(flat), float((flat == NOTE_OFF).mean()), different_bars(tokens)],
    ])  # fmt: skip


def pattern_counts(tokens: Tokens) -> Floats:
    """Roots of shares of pairs of successive intervals, cut to -7..7, and of times from onset to onset, cut to 8: (289,)."""
    flat = tokens.reshape(-1)
    onsets = np.flatnonzero(flat >= FIRST_PITCH_TOKEN)
    steps = np.clip(np.diff(flat[onsets].astype(int)), -7, 7) + 7
    waits = np.minimum(np.diff(onsets), 8) - 1
    pairs = [np.bincount(part[:-1] * size + part[1:], minlength=size * size) for part, size in ((steps, 15), (waits, 8))]
    return np.concatenate([np.sqrt(part / max(1, part.sum())) for part in pairs])


def _shares(values: NDArray[Any], edges: Sequence[float]) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return counts / max(1, len(values))


# -- ways of multiplying


def changed(model: Any, example: Example, ways: Mapping[str, Limits], *, seed: int = 0) -> dict[str, list[Tokens]]:
    """Copies of an example by each way: "variations" of each of these limits, and as many trivial ones.

    "transposed": moved by 1 to 6 semitones; "and transposed": the tune so, and each variation by another such interval; "random edits":
    the same share of notes moved by 1 to 6 semitones, as in `evaluate.variations`; "in key": only to notes of the scale.
    """
    own = seed * 1_000_003 + example.tune
    found: dict[str, list[Tokens]] = {}
    for name, limits in ways.items():
        made = augment(model, window_melody(example.tokens, KINDS[example.kind]), limits, seed=own)
        found[name] = [tokens_of(piece) for piece in made]
        for in_key in (False, True):
            moved = [edited(example.tokens, away, in_key=in_key, seed=own + k) for k, away in enumerate(made.distances)]
            found[f"random edits{' in key' if in_key else ''}, like {name}"] = moved
    moves = [move for move in range(-6, 7) if move]
    rng = np.random.default_rng(own)
    count = max(limits.n for limits in ways.values())
    found["transposed"] = [_transposed(example.tokens, moves[int(k)]) for k in rng.permutation(len(moves))[:count]]
    for name in ways:
        both = [_transposed(tokens, moves[int(k)]) for tokens, k in zip(found[name], rng.permutation(len(moves)), strict=False)]
        found[f"{name} and transposed"] = [*found["transposed"], *both]
    return found


def _transposed(tokens: Tokens, semitones: int) -> Tokens:
    onsets = tokens >= FIRST_PITCH_TOKEN
    moved = np.clip(tokens.astype(int) + semitones, FIRST_PITCH_TOKEN, VOCABULARY_SIZE - 1)
    return np.where(onsets, moved, tokens).astype(np.uint8)


# -- the classifier


@dataclass(frozen=True)
class Logistic:
    """Multinomial logistic regression on scaled features. weights: (F + 1, C), the last row for a constant."""

    mean: Floats
    deviation: Floats
    weights: Floats

    def __call__(self, features: Floats) -> NDArray[np.int64]:
        """Labels (N,) of features (N, F)."""
        return np.asarray(self._scores(features).argmax(axis=1), np.int64)

    def _scores(self, features: Floats) -> Floats:
        scaled = (features - self.mean) / self.deviation
        return np.asarray(scaled @ self.weights[:-1] + self.weights[-1], np.float64)


def fit_logistic(features: Floats, labels: NDArray[np.int64], weights: Floats, strength: float, count: int) -> Logistic:
    """Fit to features (N, F) with labels (N,) below `count` and weights (N,); strength: of the penalty on squares, save of the constants.

    Nesterov's accelerated gradient with the step of the smoothness bound (Nesterov, 1983).
    """
    share = weights / weights.sum()
    mean = share @ features
    deviation = np.sqrt(share @ (features - mean) ** 2) + 1e-3
    x = np.column_stack([(features - mean) / deviation, np.ones(len(features))])
    target = np.eye(count)[labels]
    penalty = np.full((x.shape[1], 1), strength)
    penalty[-1] = 0
    step = 1 / (0.5 * float(np.linalg.eigvalsh((x * share[:, None]).T @ x)[-1]) + strength)
    found = ahead = np.zeros((x.shape[1], count))
    for number in range(_ITERATIONS):
        scores = x @ ahead
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        gradient = x.T @ (share[:, None] * (scores / scores.sum(axis=1, keepdims=True) - target)) + penalty * ahead
        following = ahead - step * gradient
        ahead = following + number / (number + 3) * (following - found)
        found = following
    return Logistic(mean, deviation, found)


@dataclass(frozen=True)
class _Task:
    """Features of all tunes (T, F) and of their copies by each way, with labels (T,)."""

    own: Floats
    copies: Mapping[str, Sequence[Floats]]
    labels: NDArray[np.int64]

    def training(self, tunes: NDArray[np.int64], way: str) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Features, labels and weights of these tunes with their copies; each tune weighs 1, half of it the tune itself."""
        parts, labels, weights = [], [], []
        for tune in tunes.tolist():
            copies = self.copies[way][tune] if way else np.zeros((0, self.own.shape[1]))
            parts += [self.own[tune][None], copies]
            labels += [int(self.labels[tune])] * (1 + len(copies))
            weights += [0.5 if len(copies) else 1.0, *[0.5 / len(copies)] * len(copies)] if len(copies) else [1.0]
        return np.concatenate(parts), np.array(labels), np.array(weights)

    def accuracy(self, tunes: NDArray[np.int64], test: NDArray[np.int64], way: str, strength: float) -> float:
        """Mean over labels of the share of test tunes that is right."""
        model = fit_logistic(*self.training(tunes, way), strength, int(self.labels.max()) + 1)
        right = model(self.own[test]) == self.labels[test]
        return float(np.mean([right[self.labels[test] == label].mean() for label in np.unique(self.labels[test])]))

    def chosen(self, tunes: NDArray[np.int64], way: str, rng: np.random.Generator) -> float:
        """The strength of the penalty that does best when parts of the training tunes, with their copies, are left out."""
        fold = np.zeros(len(tunes), int)
        for label in np.unique(self.labels[tunes]):
            places = np.flatnonzero(self.labels[tunes] == label)
            fold[rng.permutation(places)] = np.arange(len(places)) % _FOLDS
        scores = [np.mean([self.accuracy(tunes[fold != f], tunes[fold == f], way, s) for f in range(_FOLDS)]) for s in _STRENGTHS]
        return _STRENGTHS[int(np.argmax(scores))]


def benchmark_rows(
    examples: Sequence[Example], copies: Sequence[Mapping[str, Sequence[Tokens]]], *, labelled: Sequence[int] = (5, 20), draws: int = 20,
    seed: int = 0, progress: Callable[[str], None],
) -> list[AugmentationRow]:  # fmt: skip
    """Rows for the tunes alone and for every way, for both kinds of features.

    copies[i]: of example i by way, {} where it is for testing only.
    """
    names = sorted({example.label for example in examples})
    labels = np.array([names.index(example.label) for example in examples])
    trainable = np.array([bool(own) for own in copies])
    ways = ["", *next(own for own in copies if own)]
    rows = []
    for what, features in (("plain", plain_features), ("patterns", pattern_counts)):
        own = np.stack([features(example.tokens) for example in examples])
        made = {
            way: [np.stack([features(t) for t in row[way]]) if row and row[way] else np.zeros((0, own.shape[1])) for row in copies]
            for way in ways[1:]
        }
        task = _Task(own, made, labels)
        for count in labelled:
            scores = {way: np.zeros(draws) for way in ways}
            for draw in range(draws):
                rng = np.random.default_rng([seed, count, draw])
                picks = [rng.permutation(np.flatnonzero((labels == label) & trainable))[:count] for label in range(len(names))]
                tunes = np.concatenate(picks)
                test = np.setdiff1d(np.arange(len(examples)), tunes)
                for way in ways:
                    strength = task.chosen(tunes, way, np.random.default_rng([seed, draw]))
                    scores[way][draw] = task.accuracy(tunes, test, way, strength)
                progress(f"{what} features, {count} labelled: draw {draw + 1} of {draws}")
            rows += [_row(what, way, count, made, scores) for way in ways]
    return rows


def _row(what: str, way: str, count: int, made: Mapping[str, Sequence[Floats]], scores: Mapping[str, Floats]) -> AugmentationRow:
    gains = scores[way] - scores[""]
    copies = max((len(part) for part in made[way]), default=0) if way else 0
    return AugmentationRow(
        what, way or "tunes alone", count, copies, float(scores[way].mean()), *_interval(scores[way]), float(gains.mean()),
        *_interval(gains), float((gains > 0).mean()),
    )  # fmt: skip


def _interval(values: Floats) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
