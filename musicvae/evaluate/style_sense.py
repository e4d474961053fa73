"""Learning what tells styles apart in a collection, for `compose.judging.collection`.

Styles are the labels of tunes (dance types, songs, hymns, pop); tunes without one count as a style of their collection. Conventions: N
pieces with F traits, C styles, D directions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicvae.compose.coding import windows_of
from musicvae.compose.judging.collection import FEWEST_PIECES, StyleSense
from musicvae.compose.judging.traits import traits_of
from musicvae.compose.windows import cut_tokens
from musicvae.evaluate.pieces.classifiers import fit_softmax
from musicvae.music.meter import KINDS, Meter
from musicvae.music.vocabulary import FIRST_PITCH_TOKEN, Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicvae.compose.engine import Engine
    from musicvae.corpus.store import Corpus

__all__ = ["directions", "fit_sense", "pieces_of_split", "sense_of", "usual_foreignness"]

Floats = NDArray[np.float64]
_FEWEST = 8  # pieces that make a style
_FEWEST_NOTES, _FEWEST_BARS, _MOST_WINDOWS = 16, 8, 2
_PENALTY = 0.01
_SHRINKAGE, _LEAST_BETWEEN = 0.1, 0.02  # chosen on validation tunes: styles that nothing was learned from need the latter
_MOST = 300  # pieces that one style counts for in what is common to all
_ENOUGH = 1000  # pieces of a kind that need no others to learn from
_FOLDER, _FOLDERS = 30, 10


def pieces_of_split(engine: Engine, corpus: Corpus, split: str, kind: int) -> tuple[list[list[Tokens]], list[str], list[str]]:
    """Pieces of a split by their first windows, at least 8 bars and 16 notes each; their labels ("" for none) and their collections."""
    pieces, labels, sources, meter = [], [], [], Meter.parse(KINDS[kind])
    for line in corpus.select(split, kind=kind).tolist():
        whole = corpus.tokens([(line, 0, int(corpus.num_bars[line]))])[0][:, : meter.steps_per_model_bar]
        own = cut_tokens(whole, windows_of(engine, [whole], meter), apart=engine.config.fixed_window)[:_MOST_WINDOWS]
        if len(whole) >= _FEWEST_BARS and sum(int((part >= FIRST_PITCH_TOKEN).sum()) for part in own) >= _FEWEST_NOTES:
            pieces.append(own)
            labels.append(corpus.labels[corpus.label[line]] if corpus.label[line] >= 0 else "")
            sources.append(corpus.sources[corpus.source[line]])
    return pieces, labels, sources


def sense_of(engine: Engine, corpus: Corpus, kind: int, *, seed: int = 0) -> StyleSense | None:
    """Learn from the training split, and what is usual from the validation split; None where the former has fewer than two styles.

    A kind with few pieces learns from those of kinds with as many steps in a bar as well.
    """
    traits, labels, sources = _learned_from(engine, corpus, kind)
    sense = fit_sense(traits, labels, sources) if labels else None
    if sense is None:
        return None
    pieces, labels, _ = pieces_of_split(engine, corpus, "validation", kind)
    held_out = sense.traits(pieces, kind) if pieces else np.zeros((0, len(sense.mean)))
    return replace(sense, usual=usual_foreignness(sense, held_out, labels, seed=seed))


def _learned_from(engine: Engine, corpus: Corpus, kind: int) -> tuple[Floats, list[str], list[str]]:
    """Traits (N, F), labels and collections of the training pieces for one kind; what is of another kind is named apart."""
    traits: list[Floats] = []
    labels: list[str] = []
    sources: list[str] = []
    steps = Meter.parse(KINDS[kind]).steps_per_model_bar
    for other in sorted(engine.config.kinds, key=lambda other: other != kind):
        if other == kind or (Meter.parse(KINDS[other]).steps_per_model_bar == steps and len(traits) < _ENOUGH):
            pieces, own_labels, own_sources = pieces_of_split(engine, corpus, "train", other)
            mark = "" if other == kind else f" in {KINDS[other]}"
            traits += [traits_of(own, other) for own in pieces]
            labels += [label and label + mark for label in own_labels]
            sources += [source + mark for source in own_sources]
    return np.array(traits), labels, sources


def fit_sense(traits: Floats, labels: Sequence[str], sources: Sequence[str]) -> StyleSense | None:
    """Learn from traits (N, F), labels ("" for none) and collections of N pieces; None where they are of fewer than two styles."""
    names = np.array([label or f"of {source}" for label, source in zip(labels, sources, strict=True)])
    finer = np.array([f"{label} of {source}" for label, source in zip(labels, sources, strict=True)])
    styles, classes, counts = np.unique(names, return_inverse=True, return_counts=True)
    large = np.flatnonzero(counts >= _FEWEST)
    if len(large) < 2:
        return None
    known = np.isin(classes, large)
    chosen = np.searchsorted(large, classes[known])
    weights = counts[classes[known]] ** -0.5
    reader = fit_softmax(traits[known], chosen, len(large), weights=weights, penalty=_PENALTY)
    common = np.bincount(chosen, weights)
    projection, origin, between = directions((traits - reader.mean) / reader.spread, finer)
    return StyleSense(
        reader.mean, reader.spread, reader.weights, reader.offset, common / common.sum(), projection, origin, between, np.zeros(0)
    )


def directions(traits: Floats, names: NDArray[np.str_]) -> tuple[Floats, Floats, Floats]:
    """Projection (F, D), origin (D,) and variances (D,) of styles in directions in which pieces of one (N, F) spread by 1. Ioffe (2006)."""
    styles, counts = np.unique(names, return_counts=True)
    styles, counts = styles[counts >= _FEWEST], counts[counts >= _FEWEST]
    means = np.stack([traits[names == style].mean(axis=0) for style in styles])
    shares = np.minimum(counts, _MOST)
    within = np.zeros((traits.shape[1], traits.shape[1]))
    for style, mean, share in zip(styles, means, shares / shares.sum(), strict=True):
        within += share * np.cov((traits[names == style] - mean).T, bias=True)
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    values, axes = np.linalg.eigh(within)
    whitening, origin = axes / np.sqrt(values), shares @ means / shares.sum()
    away = (means - origin) @ whitening
    found, turn = np.linalg.eigh(away.T @ away / len(styles) - np.mean(1 / counts) * np.eye(len(within)))
    projection = whitening @ turn[:, ::-1]
    return projection, origin @ projection, np.maximum(found[::-1], _LEAST_BETWEEN)


def usual_foreignness(sense: StyleSense, traits: Floats, labels: Sequence[str], *, seed: int = 0) -> Floats:
    """Foreignness of pieces with scaled traits (N, F) in collections drawn from those of their own label."""
    rng, named, found = np.random.default_rng([seed, 11]), np.array(labels), [np.zeros(0)]
    for label in sorted(set(labels) - {""}):
        own = np.flatnonzero(named == label)
        if len(own) >= FEWEST_PIECES:
            for _ in range(_FOLDERS):
                found.append(sense.foreignness(traits[rng.choice(own, min(len(own), _FOLDER), replace=False)]))
    return np.concatenate(found)
