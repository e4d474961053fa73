import numpy as np
import pytest

from musicvae.evaluate.linear import DECISIONS, fit_linear_code
from musicvae.evaluate.metrics import agreement


def tunes(count=300, bars=2, steps=6, seed=0):
    """Random walks of a hidden state: windows with some structure to find."""
    rng = np.random.default_rng(seed)
    theme = rng.choice([0, 1, 40, 42, 44], (8, bars, steps))
    tokens = theme[rng.integers(8, size=count)]
    change = rng.random(tokens.shape) < 0.2
    return np.where(change, rng.choice([0, 40, 42], tokens.shape), tokens).astype(np.uint8)


def one_hot(tokens):
    return (tokens.reshape(len(tokens), -1, 1) == np.arange(90)).reshape(len(tokens), -1).astype(float)


@pytest.fixture(scope="module")
def code():
    return fit_linear_code(tunes(), components=10, min_count=1)


def test_components_are_those_of_a_dense_singular_value_decomposition(code):
    x = one_hot(tunes())
    x -= x.mean(axis=0)
    _, values, vectors = np.linalg.svd(x, full_matrices=False)
    np.testing.assert_allclose(code.variances, values[:10] ** 2 / len(x), rtol=1e-3)
    assert code.total_variance == pytest.approx((values**2).sum() / len(x), rel=1e-5)
    projected = x @ vectors[:10].T
    np.testing.assert_allclose(np.abs(code.project(tunes())), np.abs(projected), atol=2e-3)


def test_distortion_solves_the_water_filling_equation(code):
    for bits in (0.5, 3.0, 8.0):
        level = code.distortion(bits)
        assert 0.5 * np.log2(np.maximum(code.variances / level, 1)).sum() == pytest.approx(bits, rel=1e-9)


def test_kl_is_that_of_gaussians_and_means_the_rate_over_training_windows(code):
    y, level = code.project(tunes()), code.distortion(4.0)
    k = int((code.variances > level).sum())
    mean = (1 - level / code.variances[:k]) * y[:, :k]
    variance, prior = level * (1 - level / code.variances[:k]), code.variances[:k] - level
    # KL(N(m, v) || N(0, p)) written out by hand
    nats = 0.5 * (variance / prior + mean**2 / prior - 1 + np.log(prior / variance))
    np.testing.assert_allclose(code.kl_bits(y, level), nats.sum(axis=1) / np.log(2), rtol=1e-9)
    assert code.kl_bits(y, level).mean() == pytest.approx(4.0, rel=1e-3)


def test_matched_distortion_gives_the_measured_bits_on_other_windows(code):
    y = code.project(tunes(seed=9, count=50))
    assert code.kl_bits(y, code.matched_distortion(y, 5.0)).mean() == pytest.approx(5.0, rel=1e-6)


def test_noise_moves_the_code_and_none_of_it_is_its_mean(code):
    y = np.repeat(code.project(tunes()[:1]), 2, axis=0)
    level = code.distortion(4.0)
    noise = np.stack([np.zeros(10), np.full(10, 1e3)])
    calm, wild = code.decode(y, level, decision="argmax", noise=noise)
    np.testing.assert_array_equal(calm, code.decode(y[:1], level, decision="argmax")[0])
    assert (wild != calm).any()


@pytest.mark.parametrize("decision", DECISIONS)
def test_all_components_without_distortion_give_the_input_back(decision):
    tokens = tunes()
    full = fit_linear_code(tokens, components=512, min_count=1)
    np.testing.assert_array_equal(full.decode(full.project(tokens), 0.0, decision=decision), tokens)


def test_two_stages_decide_the_onset_before_the_pitch():
    # Half the windows hold, a quarter each start one of two pitches more often than that together.
    tokens = np.zeros((100, 1, 2), np.uint8)
    tokens[:30, 0, 0], tokens[30:60, 0, 0] = 40, 42
    tokens[::2, 0, 1] = 40
    code = fit_linear_code(tokens, components=1, min_count=1)
    blank = np.zeros((1, len(code.variances)))
    assert code.decode(blank, float(code.variances[0]), decision="argmax")[0, 0, 0] == 0
    assert code.decode(blank, float(code.variances[0]), decision="two-stage")[0, 0, 0] in (40, 42)


def test_more_bits_reconstruct_better(code):
    tokens = tunes(seed=5)
    y = code.project(tokens)
    scores = [agreement(tokens, code.decode(y, code.matched_distortion(y, bits), decision="argmax")).f1 for bits in (1, 3, 5)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


def test_unseen_tokens_are_coded_as_nothing(code):
    tokens = tunes(count=3)
    tokens[0, 0, 0] = 77
    assert np.isfinite(code.project(tokens)).all()


def test_rare_columns_are_left_out():
    tokens = tunes()
    tokens[0, 0, 0] = 77
    assert fit_linear_code(tokens, min_count=1).columns[0, 77] >= 0
    assert fit_linear_code(tokens, min_count=2).columns[0, 77] == -1


def test_fit_is_the_same_for_a_seed(code):
    np.testing.assert_array_equal(fit_linear_code(tunes(), components=10, min_count=1).basis, code.basis)


def test_what_cannot_be_done_says_so(code):
    with pytest.raises(ValueError, match="10000 bits cannot be carried by 10 components"):
        code.distortion(10_000)
    with pytest.raises(ValueError, match="bits cannot be carried"):
        code.matched_distortion(code.project(tunes()), 10_000)
    with pytest.raises(ValueError, match=r"windows \(2, 6\) .* got \(2, 7\): other meter"):
        code.project(np.zeros((1, 2, 7), np.uint8))
    with pytest.raises(ValueError, match="at least 2 windows"):
        fit_linear_code(np.zeros((1, 2, 6), np.uint8))
    with pytest.raises(ValueError, match="unknown decision 'guess'; allowed are argmax, two-stage"):
        code.decode(np.zeros((1, 10)), 0.1, decision="guess")
