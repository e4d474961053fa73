import numpy as np
import pytest
from evaluate.pieces.doubles import beats

from musicvae.evaluate.pieces.hit_code import best_guesses, commonest_bar, fit_hit_code
from musicvae.evaluate.pieces.hits import bar_lags, different_rows, hit_agreement, hit_bits, struck


def some(seed=0, shape=(5, 2, 16, 9)):
    return np.random.default_rng(seed).random(shape) < 0.2


def test_hits_survive_being_bits_and_are_read_from_every_material():
    hits = some()
    np.testing.assert_array_equal(struck({"bars": hit_bits(hits)}), hits)
    np.testing.assert_array_equal(struck({"bars": hits * np.uint8(99)}), hits)
    np.testing.assert_array_equal(struck({"bars": np.zeros((5, 2, 16), np.uint8), "drums": hit_bits(hits)}), hits)


def test_agreement_counts_steps_whole_and_hits_one_by_one():
    truth = np.zeros((1, 1, 16, 9), bool)
    truth[0, 0, 0, [0, 2]] = truth[0, 0, 4, 1] = True
    guess = truth.copy()
    guess[0, 0, 0, 2], guess[0, 0, 8, 3] = False, True
    counts = hit_agreement(truth, guess)
    assert (counts.equal_steps[0], counts.steps[0]) == (14, 16)
    assert (counts.common_onsets[0], counts.true_onsets[0], counts.guessed_onsets[0]) == (2, 3, 3)
    assert counts.f1 == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="other bars or drum map"):
        hit_agreement(truth, np.concatenate([guess, guess], axis=1))


def test_bars_that_come_back():
    a, b = some(1, (16, 9)), some(2, (16, 9))
    windows = np.stack([[a, b, a, a], [a, a, b, b]])
    np.testing.assert_array_equal(bar_lags(windows, 2), [4, 3, 1])
    np.testing.assert_allclose(different_rows(windows), [0.5, 0.5])


def test_the_linear_code_is_principal_components_and_costs_what_is_asked():
    hits = np.concatenate([beats(60, 2, style=s) for s in (0, 1)])
    code = fit_hit_code(hits)
    flat = hits.reshape(len(hits), -1).astype(float)
    values = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False) ** 2 / len(hits)
    np.testing.assert_allclose(code.variances, values[: len(code.variances)], atol=1e-5)
    assert code.total_variance == pytest.approx(values.sum(), rel=1e-5)
    y = code.project(hits)
    level = code.matched_distortion(y, 6.0)
    assert code.kl_bits(y, level).mean() == pytest.approx(6.0, rel=1e-6)
    few, many = (best_guesses(hits, code.scores(y, code.matched_distortion(y, bits)))["hit F1"][1].f1 for bits in (1.0, 80.0))
    assert few < many
    np.testing.assert_allclose(code.scores(y, 0.0), hits, atol=1e-4)


def test_noise_is_a_draw_around_the_mean():
    hits = np.concatenate([beats(40, 1, style=s) for s in (0, 1)])
    code = fit_hit_code(hits, components=8)
    y, level = code.project(hits), code.distortion(2.0)
    noise = np.random.default_rng(0).standard_normal((400, *y.shape))
    drawn = np.mean([code.scores(y, level, noise=n) for n in noise], axis=0)
    np.testing.assert_allclose(drawn, code.scores(y, level), atol=0.05)


def test_thresholds_are_the_best_of_those_tried():
    truth = some(3)
    scores = np.where(truth, 0.45, 0.3)
    best = best_guesses(truth, scores)
    assert best["hit F1"][1].f1 == best["step accuracy"][1].step_accuracy == 1.0
    assert 0.3 <= best["hit F1"][0] < 0.45


def test_the_commonest_bar_is_not_an_empty_one():
    a, b, rest = some(1, (16, 9)), some(2, (16, 9)), np.zeros((16, 9), bool)
    np.testing.assert_array_equal(commonest_bar(np.stack([[rest, rest, rest], [a, b, b]])), b)
    assert not commonest_bar(np.stack([[rest]])).any()


@pytest.mark.parametrize("shape", [(1, 2, 16, 9), (5, 32, 9)])
def test_a_code_needs_windows(shape):
    with pytest.raises(ValueError, match="at least 2 windows"):
        fit_hit_code(np.zeros(shape, bool))


def test_windows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="other bars or drum map"):
        fit_hit_code(some()).project(some(0, (5, 1, 16, 9)))
