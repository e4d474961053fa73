import numpy as np
import pytest
from compose.fake_engine import FakeEngine, tune

from musicvae.compose.directions import difference_direction, joint_direction, mean_mu, quartile_direction
from musicvae.compose.passages import Passages, passages_of
from musicvae.model.config import ModelConfig
from musicvae.music.melody import Melody

CONFIG = ModelConfig(z_global=6, z_bar=1, max_bars=1)


def passages(mu):
    """Passages with this mu (R, 7), whatever their notes."""
    return Passages(mu, (np.zeros((1, 16), np.uint8),) * len(mu), (Melody((), num_bars=1),) * len(mu))


@pytest.fixture
def correlated():
    """mu whose numbers depend on each other, and two attributes that share one of them."""
    rng = np.random.default_rng(0)
    mu = rng.standard_normal((4000, 7)) @ rng.standard_normal((7, 7))
    values = np.stack([mu[:, 0] + mu[:, 1], mu[:, 1] + 0.5 * mu[:, 2]], axis=1) + 0.05 * rng.standard_normal((4000, 2))
    return passages(mu), values


def test_the_joint_direction_moves_one_attribute_and_leaves_the_other(correlated):
    group, values = correlated
    v = joint_direction(group, values, CONFIG)
    sd = values.std(axis=0)
    assert (v[0] + v[1]) / sd[0] == pytest.approx(1, abs=0.1)
    assert (v[1] + 0.5 * v[2]) / sd[1] == pytest.approx(0, abs=0.1)


def test_the_quartile_direction_moves_both(correlated):
    group, values = correlated
    v = quartile_direction(group, values[:, 0], CONFIG)
    order = np.argsort(values[:, 0])
    np.testing.assert_allclose(v, group.mu[order[-1000:]].mean(0) - group.mu[order[:1000]].mean(0))
    assert abs(v[1] + 0.5 * v[2]) > 0.5 * values.std(axis=0)[1]


def test_of_all_directions_the_likeliest_is_taken(correlated):
    group, values = correlated
    v = joint_direction(group, values[:, :1], CONFIG)
    covariance = np.cov(group.mu.T)
    w = np.array([1, 1, 0, 0, 0, 0, 0]) / values[:, 0].std()
    expected = covariance @ w / (w @ covariance @ w)
    np.testing.assert_allclose(v, expected, atol=0.1 * np.abs(expected).max())


def test_attributes_that_do_not_vary(correlated):
    group, values = correlated
    still = np.concatenate([values, np.ones((4000, 1))], axis=1)
    np.testing.assert_allclose(joint_direction(group, still, CONFIG), joint_direction(group, values, CONFIG))
    with pytest.raises(ValueError, match="the attribute has the same value in all melodies"):
        joint_direction(group, still[:, ::-1], CONFIG)


def test_differences_of_means():
    engine = FakeEngine()
    long, short = passages_of(engine, [tune(s, 4) for s in range(6)]), passages_of(engine, [tune(s + 50, 2) for s in range(6)])
    v = difference_direction(long, short, engine.config)
    np.testing.assert_allclose(v[: 4 + 64], long.mu.mean(0)[: 4 + 64] - short.mu.mean(0)[: 4 + 64])
    assert not v[4 + 64 :].any()
    assert difference_direction(long, mean_mu(short, engine.config), engine.config)[4 + 64 : 4 + 128].any()
