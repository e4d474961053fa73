import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.latent import between, in_use
from musicvae.model.config import ModelConfig

VECTORS = st.lists(st.floats(-3, 3), min_size=5, max_size=5).map(np.array)


@given(VECTORS, VECTORS, st.sampled_from(["slerp", "lerp"]))
def test_ways_are_finite_and_end_exactly_where_they_should(a, b, method):
    np.testing.assert_array_equal(between(a, b, 0.0, method), a)
    np.testing.assert_array_equal(between(a, b, 1.0, method), b)
    for alpha in (0.1, 0.5, 0.9):
        assert np.isfinite(between(a, b, alpha, method)).all()


@given(VECTORS.filter(lambda v: np.linalg.norm(v) > 0.01), VECTORS.filter(lambda v: np.linalg.norm(v) > 0.01))
def test_slerp_turns_evenly_and_its_norm_moves_evenly(a, b):
    points = [between(a, b, alpha, "slerp") for alpha in np.linspace(0, 1, 5)]
    norms = [np.linalg.norm(p) for p in points]
    np.testing.assert_allclose(norms, np.linspace(np.linalg.norm(a), np.linalg.norm(b), 5), atol=1e-6)
    units = [p / n for p, n in zip(points, norms, strict=True)]
    angles = [np.arccos(np.clip(u @ v, -1, 1)) for u, v in zip(units, units[1:], strict=False)]
    np.testing.assert_allclose(angles, angles[0], atol=1e-5)


def test_slerp_of_known_vectors():
    half = between(np.array([2.0, 0.0]), np.array([0.0, 4.0]), 0.5, "slerp")
    np.testing.assert_allclose(half, 3 * np.array([1, 1]) / np.sqrt(2))


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-12, 3.0])
def test_identical_and_parallel_inputs_go_straight(factor):
    a = np.array([0.3, -1.0, 2.0])
    np.testing.assert_allclose(between(a, factor * a, 0.25, "slerp"), (1 + 0.25 * (factor - 1)) * a, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_opposite_inputs_have_a_way(size):
    a = np.arange(1.0, size + 1)
    middle = between(a, -a, 0.5, "slerp")
    assert np.isfinite(middle).all()
    if size > 1:
        assert np.linalg.norm(middle) == pytest.approx(np.linalg.norm(a))
        assert middle @ a == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(between(np.zeros(size), a, 0.5, "slerp"), a / 2)


def test_lerp_is_the_straight_line():
    np.testing.assert_allclose(between(np.array([1.0, 0.0]), np.array([0.0, 4.0]), 0.25, "lerp"), [0.75, 1.0])


def test_blocks_not_in_use_are_emptied():
    config = ModelConfig(z_global=2, z_bar=3, max_bars=4)
    used = in_use(np.ones((2, 14)), 2, config)
    assert used[:, :8].all()
    assert not used[:, 8:].any()
