import numpy as np
import pytest

from musicvae.corpus.store import Corpus
from musicvae.evaluate.personal import energy_distance, labels_and_kinds, tune_tokens


@pytest.fixture(scope="module")
def corpus():
    """Ten jigs of three bars, tune k of them sounding pitch 10 + k only, and a reel."""
    lines = 11
    bars = np.zeros((3 * lines, 16), np.uint8)
    bars[:, 0] = np.repeat(np.arange(10, 10 + lines), 3)
    label = np.array([0] * 10 + [1])
    return Corpus(
        bars=bars, start=3 * np.arange(lines), num_bars=np.full(lines, 3), kind=np.array([2] * 10 + [0]), split=np.ones(lines, int),
        mode=np.zeros(lines, int), label=label, source=np.zeros(lines, int), labels=("jig", "reel"), sources=("here",),
        tune=np.arange(lines), tags={"type": label}, tag_names={"type": ("jig", "reel")},
    )  # fmt: skip


def pitches(tunes):
    return [int(tune[0, 0]) for tune in tunes]


def test_tunes_are_drawn_at_random_and_the_same_ones_again(corpus):
    split = "validation"
    every = tune_tokens(corpus, "jig", split, 2)
    assert sorted(pitches(every)) == list(range(10, 20))
    assert {tune.shape for tune in every} == {(3, 12)}
    some = pitches(tune_tokens(corpus, "jig", split, 2, 4))
    assert some == pitches(tune_tokens(corpus, "jig", split, 2, 4))
    assert len(set(some)) == 4
    draws = [pitches(tune_tokens(corpus, "jig", split, 2, 4, seed=seed)) for seed in range(8)]
    assert len({tuple(draw) for draw in draws}) > 4
    assert any(max(draw) > 13 for draw in draws)


def test_energy_distance_of_equal_and_of_shifted_samples():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    assert abs(energy_distance(x, y)) < 0.02
    far = energy_distance(x, y + [5.0, 0.0])
    assert far > 4
    # On a line, two points each: 2 E|x - y| - E|x - x'| - E|y - y'| by hand.
    assert energy_distance(np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]])) == pytest.approx(2 * (1 + 5 + 1 + 3) / 4 - 2 - 4)


def test_labels_and_kinds():
    assert labels_and_kinds("jig:6/8,waltz:3/4") == {"jig": 2, "waltz": 1}
