import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from evaluate.doubles import random_corpus

from musicvae.evaluate.style_sense import directions, fit_sense, pieces_of_split, sense_of


def test_pieces_of_one_style_spread_by_one_in_every_direction():
    rng = np.random.default_rng(0)
    names = np.repeat(["a", "b", "c", "few"], [400, 400, 400, 3])
    mix = rng.normal(size=(5, 5)) + 3 * np.eye(5)
    traits = rng.normal(size=(1203, 5)) @ mix + np.repeat(rng.normal(size=(4, 5)) * 3, [400, 400, 400, 3], axis=0)
    projection, origin, between = directions(traits, names)
    points = traits @ projection - origin
    within = np.mean([np.cov(points[names == name].T) for name in "abc"], axis=0)
    assert np.diag(within).mean() == pytest.approx(1, abs=0.4)
    assert np.abs(within - np.diag(np.diag(within))).max() < 0.4
    assert np.all(np.diff(between) <= 0)
    assert between[:2].min() > 0.1
    assert between[2:] == pytest.approx([0.02] * 3), "three styles differ in two directions"


def test_the_reader_names_styles_and_those_of_few_pieces_are_no_style():
    rng = np.random.default_rng(1)
    labels = ["x"] * 30 + ["y"] * 30 + ["z"] * 3 + [""] * 20
    traits = rng.normal(size=(83, 4)) + np.repeat([[0, 0, 0, 5], [0, 5, 0, 0], [0, 0, 0, 0], [5, 0, 0, 0]], [30, 30, 3, 20], axis=0)
    sense = fit_sense(traits, labels, ["s"] * 83)
    assert sense.common.shape == (3,)
    assert sense.common.sum() == pytest.approx(1)
    named = sense.beliefs((traits - sense.mean) / sense.spread).argmax(axis=1)
    found = [np.bincount(named[rows], minlength=3) for rows in (slice(30), slice(30, 60), slice(63, 83))]
    assert sorted(counts.argmax() for counts in found) == [0, 1, 2]
    assert all(counts.max() >= 0.9 * counts.sum() for counts in found)
    assert fit_sense(traits[:30], labels[:30], ["s"] * 30) is None


def test_a_corpus_of_one_style_teaches_nothing():
    engine, corpus = FakeEngine(canonical_key=False, max_bars=8), random_corpus((16, 6, 4), bars=8)
    pieces, labels, sources = pieces_of_split(engine, corpus, "train", 0)
    assert len(pieces) == len(labels) == len(sources) <= 16
    found = sense_of(engine, corpus, 0)
    assert found is None or len(found.common) == len(set(labels))
