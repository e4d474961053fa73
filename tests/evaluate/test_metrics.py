import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from musicvae.evaluate.metrics import agreement, bootstrap, f1_score, mean_estimate, pooled_f1, pooled_step_accuracy, spearman

C4, D4 = 41, 43  # tokens of two pitches


def windows(*rows):
    return np.array([[row] for row in rows], np.uint8)  # one bar each


def test_onsets_count_only_at_exact_pitch_and_step():
    truth = windows([C4, 0, D4, 0], [C4, 0, 0, 1])
    guess = windows([C4, 0, C4, D4], [0, C4, 0, 1])
    counts = agreement(truth, guess)
    assert counts.common_onsets.tolist() == [1, 0]
    assert counts.true_onsets.tolist() == [2, 1]
    assert counts.guessed_onsets.tolist() == [3, 1]
    assert counts.equal_steps.tolist() == [2, 2]
    assert counts.precision == 1 / 4
    assert counts.recall == 1 / 3
    assert counts.f1 == pytest.approx(2 / (1 / (1 / 4) + 1 / (1 / 3)))
    assert counts.window_f1 == pytest.approx([2 / 5, 0])
    assert counts.step_accuracy == 0.5


def test_f1_agrees_with_sets_of_onsets():
    rng = np.random.default_rng(3)
    truth, guess = (rng.choice([0, 0, 1, C4, D4], (6, 2, 4)).astype(np.uint8) for _ in range(2))
    a, b = ({(*map(int, at), int(x[tuple(at)])) for at in np.argwhere(x >= 2)} for x in (truth, guess))
    assert agreement(truth, guess).f1 == pytest.approx(2 * len(a & b) / (len(a) + len(b)))


def test_silence_guessed_as_silence_is_perfect_and_undefined_shares_are_nan():
    silence = np.zeros((2, 1, 4), np.uint8)
    counts = agreement(silence, silence)
    assert counts.f1 == 1
    assert np.isnan(counts.precision)
    assert np.isnan(counts.recall)
    assert np.isnan(agreement(silence[:0], silence[:0]).step_accuracy)
    assert f1_score(0, 0, 3) == 0


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"truth \(1, 1, 4\) and guess \(1, 2, 4\).*other meter"):
        agreement(np.zeros((1, 1, 4), np.uint8), np.zeros((1, 2, 4), np.uint8))


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=30))
def test_spearman_with_ties_agrees_with_scipy(pairs):
    x, y = np.array(pairs, float).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(spearman(x, y))
    else:
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_spearman_refuses_unequal_lengths():
    with pytest.raises(ValueError, match="3 values beside 2"):
        spearman([1, 2, 3], [1, 2])


def test_bootstrap_interval_agrees_with_the_normal_theory_of_a_mean():
    values = np.random.default_rng(1).normal(5, 2, 400)
    estimate = mean_estimate(values, np.arange(400))
    half = 1.96 * values.std() / 20
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert estimate.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_windows_of_one_tune_are_drawn_together():
    rng = np.random.default_rng(2)
    by_tune = rng.normal(0, 1, 50)
    values, tunes = np.repeat(by_tune, 16), np.repeat(np.arange(50), 16)
    together, apart = mean_estimate(values, tunes), mean_estimate(values, np.arange(800))
    assert (together.num_windows, together.num_tunes) == (800, 50)
    # 16 copies of a value tell no more than one of them: the interval is 4 times as wide.
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(4, rel=0.15)


def test_bootstrap_without_windows_or_with_one_tune_has_no_interval():
    assert np.isnan(mean_estimate([], []).value)
    one = mean_estimate([1.0, 2.0], ["a", "a"])
    assert one.value == 1.5
    assert np.isnan(one.low)
    with pytest.raises(ValueError, match="2 windows but 1 tune labels"):
        bootstrap(np.ones((2, 1)), [0], lambda sums: sums[:, 0])


def test_mean_leaves_nan_out():
    assert mean_estimate([1.0, np.nan, 3.0], [0, 1, 2]).value == 2
    assert mean_estimate([1.0, np.nan, 3.0], [0, 1, 2]).num_windows == 2


def test_pooled_figures_are_the_plain_ones_inside_their_intervals():
    rng = np.random.default_rng(5)
    truth = rng.choice([0, 1, C4, D4], (40, 2, 8)).astype(np.uint8)
    guess = np.where(rng.random(truth.shape) < 0.7, truth, 0).astype(np.uint8)
    counts, tunes = agreement(truth, guess), np.arange(40) // 2
    for estimate, value in ((pooled_f1(counts, tunes), counts.f1), (pooled_step_accuracy(counts, tunes), counts.step_accuracy)):
        assert estimate.value == pytest.approx(value)
        assert estimate.low < value < estimate.high
    assert pooled_f1(counts, tunes, seed=1) == pooled_f1(counts, tunes, seed=1)
