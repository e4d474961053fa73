import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.judging.music import leaping, sense, walking

from musicvae.compose.judging.collection import FEWEST_PIECES, StyleSense, astray, unlike, windows_of_piece

ENGINE = FakeEngine(canonical_key=False)


@pytest.fixture(scope="module")
def known():
    return sense(ENGINE)


def traits(known, *melodies):
    return known.traits([windows_of_piece(ENGINE, melody) for melody in melodies], 0)


@pytest.mark.parametrize(("home", "foreign"), [(walking, leaping), (leaping, walking)])
@pytest.mark.parametrize("count", [FEWEST_PIECES, 14])
def test_the_piece_of_another_style_is_furthest_from_the_others(known, home, foreign, count):
    melodies = [home(seed) for seed in range(100, 99 + count)] + [foreign(100)]
    away = known.foreignness(traits(known, *melodies))
    assert int(away.argmax()) == count - 1
    assert known.chance(away[-1]) < 0.05
    assert np.median(away) == pytest.approx(0)


def test_a_style_that_nothing_was_learned_from_is_found(known):
    melodies = [walking(seed) for seed in range(100, 112)] + [walking(100, steps=16, low=36)]
    assert int(known.foreignness(traits(known, *melodies)).argmax()) == 12


def test_the_order_of_a_collection_does_not_matter(known):
    rows = traits(known, *(walking(seed) for seed in range(100, 110)), leaping(1), leaping(2))
    order = np.random.default_rng(0).permutation(12)
    assert known.foreignness(rows[order]) == pytest.approx(known.foreignness(rows)[order])


def test_pieces_that_are_all_alike_are_not_foreign(known):
    rows = traits(known, *[walking(100)] * 8)
    assert known.foreignness(rows) == pytest.approx(np.zeros(8))


def test_a_few_pieces_are_no_collection(known):
    with pytest.raises(ValueError, match=f"at least {FEWEST_PIECES} pieces of one kind of meter, got 3"):
        known.foreignness(traits(known, *(walking(seed) for seed in range(3))))


def test_what_is_kept_in_half_precision_judges_alike(known):
    rows = traits(known, *(walking(seed) for seed in range(100, 110)), leaping(1))
    again = StyleSense.of_arrays(known.arrays())
    assert again.foreignness(rows) == pytest.approx(known.foreignness(rows), rel=0.02, abs=0.1)


def test_beliefs_against_a_collection_are_bayes_rule():
    rng = np.random.default_rng(0)
    beliefs, common = rng.dirichlet(np.ones(3), 5), np.array([0.5, 0.3, 0.2])
    found = astray(beliefs, common, np.array([True, True, False, True, True]))
    for row, own in enumerate(beliefs):
        others = [beliefs[i] for i in (0, 1, 3, 4) if i != row]
        shares = (np.sum(others, axis=0) + common) / (len(others) + 1)
        assert found[row] == pytest.approx(-np.log(sum(own[c] * shares[c] / common[c] for c in range(3))))


def test_points_against_a_collection_are_the_densities_of_gaussians():
    rng = np.random.default_rng(1)
    points, between = rng.normal(size=(6, 2)), np.array([2.0, 0.5])
    found = unlike(points, between, np.arange(6) != 4)
    for row, own in enumerate(points):
        others = np.array([i for i in range(6) if i not in (row, 4)])
        nats = 0.0
        for axis, variance in enumerate(between):
            # all pieces of one style are a Gaussian with the style's variance between any two of them
            together = np.append(points[others, axis], own[axis])
            joint, rest = (np.eye(n) + variance for n in (len(together), len(others)))
            nats += gaussian(together, joint) - gaussian(points[others, axis], rest) - gaussian(own[axis : axis + 1], np.eye(1) + variance)
        assert found[row] == pytest.approx(-nats)


def gaussian(values, covariance):
    """Log-density around zero."""
    quadratic = values @ np.linalg.solve(covariance, values)
    return -(quadratic + np.linalg.slogdet(covariance)[1] + len(values) * np.log(2 * np.pi)) / 2
