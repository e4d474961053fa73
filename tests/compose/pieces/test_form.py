import numpy as np
import pytest
from compose.pieces.test_groups import FILES, corpus
from model.pieces.networks import columns, engine

from musicvae.compose.pieces.form import SCALES, THRESHOLDS, changed_steps, different_bars, settle_form
from musicvae.compose.pieces.groups import corpus_passages


def test_bars_are_different_where_any_part_is():
    trio = {name: column[:, [0, 1, 0, 0]].copy() for name, column in columns("trio", 2, 2).items()}
    assert different_bars(trio).tolist() == [0.5, 0.5]
    trio["bass"][1, 3, 15] = 70
    assert different_bars(trio).tolist() == [0.5, 0.75]
    assert different_bars({"bars": np.zeros((1, 4, 16), np.uint64)}).tolist() == [0.25]


def test_steps_change_where_any_part_does():
    trio = {name: column[:, [0, 0, 0, 0]].copy() for name, column in columns("trio", 2, 2).items()}
    assert changed_steps(trio).tolist() == [0.0, 0.0]
    trio["bass"][1, 3, :12] = 71
    trio["drums"][1, 3, 8:] = 511 - trio["drums"][1, 3, 8:]
    assert changed_steps(trio).tolist() == [0.0, pytest.approx(1 / 3)]


@pytest.mark.parametrize("preset", ["tiny-drums", "tiny-drumify"])
def test_the_threshold_whose_pieces_have_as_many_different_bars_is_settled(preset):
    made = engine(preset)
    found = corpus_passages(made, corpus(FILES, "groove" if preset.endswith("y") else "drums"), ("train",)).passages
    real = found.take([row for row, bars in enumerate(found.bars) if bars == 4]).some(12)
    # Pieces whose second half is their first, so that half of their bars are different.
    for window in real.windows:
        for column in window.values():
            column[2:] = column[:2]
    told = []
    form = settle_form(made, real, tell=told.append)
    assert form.real == pytest.approx(0.5)
    assert form.return_threshold in THRESHOLDS
    assert made.return_threshold == form.return_threshold
    assert made.usual_spread == form.usual_spread > 0
    assert form.prior_scale in SCALES
    assert made.prior_scale == form.prior_scale
    assert form.real_changes == pytest.approx(mean_changes(real))
    assert told[0].startswith("with the prior's spread times 1.0: ")
    assert any(line.startswith("bars count as the same below 0.00: ") for line in told)


def mean_changes(real):
    return changed_steps({k: np.stack([w[k] for w in real.windows]) for k in real.windows[0]}).mean()


def test_pieces_of_the_usual_length_count_as_much_for_the_scale():
    made = engine("tiny-drums")
    found = corpus_passages(made, corpus(FILES), ("train",)).passages
    short, real = (found.take([row for row, length in enumerate(found.bars) if length == bars]).some(8) for bars in (2, 4))
    for window in short.windows:
        window["bars"][1] = window["bars"][0]
    assert mean_changes(short) == 0 < mean_changes(real)
    form = settle_form(made, real, usual=short)
    assert form.real_changes == pytest.approx(mean_changes(real) / 2)
    assert made.first_scale is None


def test_a_narrower_prior_is_what_a_lower_temperature_is():
    made = engine("tiny-drums")
    half = made.sample_prior([1, 2], bars=4, temperature=0.5)
    made.prior_scale = 0.5
    np.testing.assert_array_equal(made.sample_prior([1, 2], bars=4), half)


def test_the_first_bar_may_be_drawn_more_freely_than_those_that_follow_it():
    made = engine("tiny-drums")
    made.prior_scale = 0.9
    wide = made.sample_prior([1, 2], bars=4)
    made.prior_scale = 0.3
    narrow = made.sample_prior([1, 2], bars=4)
    made.first_scale = 0.9
    both, first = made.sample_prior([1, 2], bars=4), made.z_used(1)
    np.testing.assert_array_equal(both[:, :first], wide[:, :first])
    np.testing.assert_array_equal(both, made.sample_prior([1, 2], bars=4, given=wide, given_bars=1))
    assert not np.allclose(both[:, first:], wide[:, first:])
    assert not np.allclose(both[:, first:], narrow[:, first:])
    made.first_scale = 0.3
    np.testing.assert_array_equal(made.sample_prior([1, 2], bars=4), narrow)
