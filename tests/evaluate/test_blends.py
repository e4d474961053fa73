import numpy as np
import pytest
from evaluate.doubles import TransparentEngine, random_corpus
from scipy import stats

from musicvae.evaluate.blends import blend_row, measure_path, measure_paths, select_pairs
from musicvae.evaluate.codec import Codec, select_windows


@pytest.fixture(scope="module")
def pairs():
    return select_pairs(select_windows(random_corpus(), "test", 0), 20)


def test_pairs_are_of_two_tunes_and_use_every_window_before_any_again():
    windows = select_windows(random_corpus((0, 0, 60)), "test", 0)
    a, b = select_pairs(windows, 25)
    assert len(a) == len(b) == 25
    assert (a.tunes != b.tunes).all()
    used = [tokens.tobytes() for part in (a, b) for tokens in part.tokens]
    assert len(set(used)) == 50
    np.testing.assert_array_equal(a.tunes, select_pairs(windows, 25)[0].tunes)


def test_a_single_tune_makes_no_pair():
    windows = select_windows(random_corpus((0, 0, 1)), "test", 0)
    with pytest.raises(ValueError, match="needs windows of two tunes in 4/4, got 1"):
        select_pairs(windows, 1)


def test_ends_of_a_perfect_code_are_the_inputs(pairs):
    measures = measure_paths(Codec(TransparentEngine()), pairs, method="lerp")
    assert (measures.ends == 1).all()
    assert (measures.distance_to_a[:, 0] == 0).all()
    np.testing.assert_allclose(measures.distance_to_a[:, -1], (pairs[0].tokens != pairs[1].tokens).mean(axis=(1, 2)))


def test_refining_mends_the_ends(pairs):
    codec = Codec(TransparentEngine(blur=0.5))
    rough = blend_row([measure_paths(codec, pairs, method="slerp")], way="slerp", refine_steps=0)
    fine = blend_row([measure_paths(codec, pairs, method="slerp", refine_steps=20)], way="slerp", refine_steps=20)
    assert rough.end_f1.value < fine.end_f1.value == 1
    assert (fine.meter, fine.pairs, len(fine.distances)) == ("4/4", 20, 9)


def test_measures_of_a_path_worked_out_by_hand():
    a, b = (np.full((1, 1, 4), token, np.uint8) for token in (40, 50))
    windows = select_windows(random_corpus(), "test", 0, limit=1)
    pair = tuple(type(windows)(0, tokens, windows.tunes, windows.labels) for tokens in (a, b))
    path = np.array([[40, 40, 40, 0], [40, 40, 0, 0], [50, 50, 50, 50], [50, 50, 50, 40]], np.uint8).reshape(1, 4, 1, 4)
    measures = measure_path(pair, path)
    assert measures.ends == pytest.approx([(2 * 3 / 7 + 3 / 4) / 2])
    np.testing.assert_allclose(measures.distance_to_a, [[0.25, 0.5, 1.0, 0.75]])
    assert measures.correlation == pytest.approx([stats.spearmanr([0, 1, 2, 3], [0.25, 0.5, 1.0, 0.75]).statistic])
    assert measures.jump == pytest.approx([1.0 / np.mean([0.25, 1.0, 0.25])])


def test_a_path_that_stands_still_has_neither_correlation_nor_jump():
    windows = select_windows(random_corpus(), "test", 0, limit=2)
    still = np.repeat(windows.tokens[:, None], 3, axis=1)
    row = blend_row([measure_path((windows, windows), still)], way="slerp", refine_steps=0)
    assert row.end_f1.value == 1
    assert np.isnan(row.rank_correlation.value)
    assert np.isnan(row.largest_jump.value)


def test_rows_over_several_meters_weigh_pairs_alike():
    corpus, codec = random_corpus(), Codec(TransparentEngine(blur=0.5))
    parts = [measure_paths(codec, select_pairs(select_windows(corpus, "test", kind), n), method="lerp") for kind, n in ((0, 9), (2, 3))]
    row = blend_row(parts, way="lerp", refine_steps=0)
    assert (row.meter, row.pairs) == ("all", 12)
    assert row.end_f1.value == pytest.approx((9 * parts[0].ends.mean() + 3 * parts[1].ends.mean()) / 12)
