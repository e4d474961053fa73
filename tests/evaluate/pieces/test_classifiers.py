import numpy as np
import pytest
from evaluate.pieces.doubles import beats
from scipy.optimize import minimize

from musicvae.evaluate.pieces.classifiers import fit_flags, fit_softmax
from musicvae.evaluate.pieces.hits import hit_bits
from musicvae.evaluate.pieces.judging import beat_features, feel_features, fit_judge, judge_rows


def examples(seed=0, count=300):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 3)) * (1, 10, 0.1) + (0, 5, 0)
    return x, (x[:, 0] + 0.05 * x[:, 1] + rng.standard_normal(count) > 0.5).astype(int)


def test_softmax_is_at_the_least_of_its_loss():
    x, y = examples()
    found = fit_softmax(x, y, 2, penalty=0.02, steps=2000)
    z = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(w):
        w = w.reshape(4, 2)
        scores = z @ w[:3] + w[3]
        return np.mean(np.logaddexp(*scores.T) - scores[np.arange(len(y)), y]) + 0.01 * (w[:3] ** 2).sum()

    least = minimize(loss, np.zeros(8), tol=1e-10)
    assert loss(np.concatenate([found.weights, found.offset[None]]).reshape(-1)) == pytest.approx(least.fun, abs=1e-7)


def test_flags_are_fitted_one_by_one_and_scores_are_log_odds():
    x, y = examples()
    both = fit_flags(x, np.stack([y, 1 - y], axis=1))(x)
    np.testing.assert_allclose(both[:, 0], -both[:, 1], atol=1e-9)
    assert (1 / (1 + np.exp(-both[:, 0]))).mean() == pytest.approx(y.mean(), abs=1e-3)


def test_a_class_without_examples_is_refused():
    with pytest.raises(ValueError, match="examples of each"):
        fit_softmax(np.zeros((3, 2)), [0, 0, 0], 2)
    with pytest.raises(ValueError, match="got none"):
        fit_flags(np.zeros((0, 2)), np.zeros((0, 1)))


def test_weights_make_rare_classes_count():
    x = np.concatenate([np.full((90, 1), 0.0), np.full((10, 1), 0.0)])
    y = np.repeat([0, 1], (90, 10))
    scores = fit_softmax(x, y, 2, weights=np.repeat([1 / 90, 1 / 10], (90, 10)), steps=2000)(x)
    np.testing.assert_allclose(scores[:, 0], scores[:, 1], atol=1e-6)


def test_the_judge_tells_two_styles_apart():
    hits = np.concatenate([beats(20, 2, style=s) for s in (0, 1)])
    classes = np.repeat([0, 1], 20)
    judge = fit_judge({"bars": hit_bits(hits)}, classes, ("rock", "jazz"))
    held = np.concatenate([beats(8, 2, style=s, seed=9) for s in (0, 1)])
    rows = judge_rows(judge, {"bars": hit_bits(held)}, np.repeat([0, 1], 8), np.arange(16), np.bincount(classes))
    assert [(row.style, row.training_windows, row.held_out_windows) for row in rows] == [("rock", 20, 8), ("jazz", 20, 8), ("all", 40, 16)]
    assert all(row.named_right.value == 1 for row in rows)


def test_features_of_a_known_beat():
    hits = np.zeros((1, 2, 16, 9), bool)
    hits[0, :, [0, 6], 0] = True
    features = beat_features({"bars": hit_bits(hits)})[0]
    assert features[0] == features[6 * 9] == 1
    assert features[144] == 2
    np.testing.assert_allclose(features[-4:], [2, 2 / 16, 0.5, 0.5])


def test_the_feel_says_nothing_of_the_hits():
    rng = np.random.default_rng(0)
    for hits in (beats(1, 2, style=0), beats(1, 2, style=1)):
        even = {"bars": hits * np.uint8(64), "offsets": hits * np.float16(0.25)}
        np.testing.assert_allclose(feel_features(even)[0, :2], [64 / 127, 0], atol=1e-6)
        assert not np.abs(np.delete(feel_features(even)[0], [0, 27])).max() > 1e-6
    late = {"bars": hits * np.uint8(64), "offsets": hits * rng.uniform(-0.2, 0.2, hits.shape)}
    assert np.abs(feel_features(late)[0, 29:]).max() > 0
