import numpy as np
import pytest
from evaluate.doubles import random_corpus

from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.judge import area_under_curve, fit_judge, note_features
from musicvae.music.vocabulary import token_of


def test_features_of_a_bar_worked_out_by_hand():
    tokens = np.zeros((1, 2, 12), np.uint8)
    tokens[0, :, 0], tokens[0, 0, 4], tokens[0, 1, 6] = token_of(60), token_of(67), 1
    row = note_features(tokens)[0]
    assert row[:12] == pytest.approx([1, 0, 0, 0, 0.5] + [0] * 7)  # onsets
    assert row[12:24] == pytest.approx([0] * 6 + [0.5] + [0] * 5)  # note-offs
    assert row[24:33] == pytest.approx([0, 0.5, 0, 0, 0, 0, 0, 0.5, 0])  # a fifth up, a fifth down
    assert row[33:40] == pytest.approx([0, 0, 0, 0.5, 0, 0.5, 0])  # 4 steps, 8 steps
    assert row[40:42] == pytest.approx([np.mean([41, 48, 41]) / 12, np.std([41, 48, 41]) / 12])
    assert row[42] == 1


def test_silence_has_features_too():
    assert np.isfinite(note_features(np.zeros((1, 4, 16), np.uint8))).all()
    assert note_features(np.zeros((0, 4, 16), np.uint8)).shape == (0, 51)


def test_a_judge_fitted_on_training_tunes_tells_held_out_ones_apart():
    corpus = random_corpus()
    train, test = (select_windows(corpus, split, 2) for split in ("train", "test"))
    judge = fit_judge(train.tokens, train.labels == 0)
    assert area_under_curve(judge(test.tokens), test.labels == 0) > 0.9
    by_chance = fit_judge(train.tokens, np.arange(len(train)) % 2 == 0)
    assert area_under_curve(by_chance(test.tokens), test.labels == 0) < 0.9


def test_zero_lies_midway_between_the_means():
    train = select_windows(random_corpus(), "train", 2)
    scores = fit_judge(train.tokens, train.labels == 0)(train.tokens)
    assert scores[train.labels == 0].mean() == pytest.approx(-scores[train.labels != 0].mean())
    assert scores[train.labels == 0].mean() > 0


def test_one_sided_labels_are_refused():
    train = select_windows(random_corpus(), "train", 2)
    with pytest.raises(ValueError, match="at least 2 windows of each side, got 0 with the label"):
        fit_judge(train.tokens, np.zeros(len(train), bool))


def test_area_under_curve_counts_pairs():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 5, 60), rng.random(60) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels] for b in scores[~labels]]
    assert area_under_curve(scores, labels) == pytest.approx(np.mean(pairs))
    assert np.isnan(area_under_curve([1.0, 2.0], [True, True]))
