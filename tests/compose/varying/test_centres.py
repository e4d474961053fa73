import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.latent import between
from musicvae.compose.varying.centres import centre


def points(seed, count, size=6):
    return list(np.random.default_rng(seed).standard_normal((count, size)))


@given(st.integers(0, 99), st.floats(0, 1))
def test_two_points_are_the_way_between_them(seed, share):
    a, b = points(seed, 2)
    for method in ("slerp", "lerp"):
        np.testing.assert_allclose(centre([a, b], [1 - share, share], method), between(a, b, share, method), atol=1e-12)


def test_all_weight_on_one_is_that_one():
    three = points(1, 3)
    assert np.array_equal(centre(three, [0, 1, 0], "slerp"), three[1])


@given(st.integers(0, 99), st.lists(st.floats(0.05, 1), min_size=3, max_size=5))
def test_the_centre_on_the_sphere_has_the_least_squared_angles(seed, weights):
    given_points, shares = points(seed, len(weights)), np.array(weights) / sum(weights)
    found = centre(given_points, shares, "slerp")
    norms = np.linalg.norm(given_points, axis=1)
    assert np.linalg.norm(found) == pytest.approx(shares @ norms)

    def cost(direction):
        angles = np.arccos(np.clip(given_points @ direction / norms / np.linalg.norm(direction), -1, 1))
        return shares @ angles**2

    rng = np.random.default_rng(seed)
    assert all(cost(found) <= cost(found + 1e-3 * rng.standard_normal(6)) + 1e-12 for _ in range(20))
    order = rng.permutation(len(weights))
    np.testing.assert_allclose(centre([given_points[i] for i in order], shares[order], "slerp"), found, atol=1e-9)


def test_directions_that_cancel_have_their_plain_mean():
    a = np.array([1.0, 0, 0])
    three = [a, -a, np.zeros(3)]
    np.testing.assert_allclose(centre(three, [0.5, 0.25, 0.25], "slerp"), 0.25 * a)
    np.testing.assert_allclose(centre(points(2, 3), [0.2, 0.3, 0.5], "lerp"), np.array([0.2, 0.3, 0.5]) @ np.array(points(2, 3)))
