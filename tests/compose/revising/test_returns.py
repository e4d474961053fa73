import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.compose.revising.returns import Past, ReturnLaw, equal_bars, features, pickup_bars, shipped_law


def past(letters, kind=0, pickup=0):
    """A tune of bars named by letters; a dot is a bar without notes."""
    names = np.array([ord(letter) for letter in letters])
    return Past(names[:, None] == names[None], kind, pickup, np.array([letter != "." for letter in letters]))


def chances(letters, **fields):
    return shipped_law().probabilities(past(letters, **fields))


A, B, C = "abcdefgh", "ijklmnop", "qrstuvwx"


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="abcd.", min_size=1, max_size=40), st.integers(0, 2), st.integers(0, 1))
def test_chances_are_those_of_a_new_bar_and_of_each_before(letters, kind, pickup):
    found = chances(letters, kind=kind, pickup=pickup)
    assert found.shape == (1 + len(letters),)
    assert found.min() > 0
    assert found.sum() == pytest.approx(1)


def test_what_goes_on_as_before_is_likeliest():
    found = chances(A + A[:4])
    assert found.argmax() == 1 + 4
    assert found.max() > 0.8


def test_after_aab_comes_the_rest_of_b():
    found = chances(A + A + B)
    assert found.argmax() == 1 + 16
    assert found[1:].argmax() == 16
    assert chances(A + B + A)[1 + 8] > chances(A + B + C)[1 + 8]  # ABA goes on to B more than ABC does


def test_a_tune_that_never_returned_goes_on_with_new_bars():
    assert chances(A + B + C).argmax() == 0


def test_a_pickup_moves_all_phrases_by_a_bar():
    with_pickup, without = chances("." + A + A + B, pickup=1), chances(A + A + B)
    assert with_pickup[1 + 17] == pytest.approx(without[1 + 16], abs=0.1)
    assert with_pickup.argmax() == 1 + 17


def test_temperature_sharpens():
    cold, warm = (shipped_law().probabilities(past(A + A + B), heat) for heat in (0.5, 2.0))
    assert cold.max() > chances(A + A + B).max() > warm.max()


def test_weights_that_nobody_knows_count_nothing():
    law = ReturnLaw({"no such feature": 5.0})
    assert law.probabilities(past("abc")) == pytest.approx([0.25] * 4)
    assert ReturnLaw({"lag 2": np.log(3)}).probabilities(past("abc")) == pytest.approx([1 / 6, 1 / 6, 3 / 6, 1 / 6])


def test_features_say_where_a_return_would_stand():
    found = dict(features(past(A + A[:3])))
    assert np.flatnonzero(found["run 3"]).tolist() == [1 + 3]
    assert np.flatnonzero(found["lag 8"]).tolist() == [1 + 3]
    assert np.flatnonzero(found["go on at 3"]).tolist() == [1 + 3]
    assert np.flatnonzero(found["heard twice"]).tolist() == [1, 2, 3, 9, 10, 11]
    assert np.flatnonzero(found["latest"]).tolist() == [1 + bar for bar in range(3, 11)]
    sections = dict(features(past(A + A + B)))
    assert np.flatnonzero(sections["8 bars: ^AAB A"]).tolist() == [1 + 8]
    assert np.flatnonzero(sections["8 bars: ^AAB B"]).tolist() == [1 + 16]
    assert "8 bars: ABA A" in dict(features(past(A + A + B + A)))


def test_bars_are_equal_token_for_token_and_pickups_begin_late():
    tokens = np.zeros((3, 16), np.uint8)
    tokens[0, 8] = tokens[1, 0] = tokens[2, 0] = 40
    assert equal_bars(tokens).tolist() == [[True, False, False], [False, True, True], [False, True, True]]
    assert (pickup_bars(tokens), pickup_bars(tokens[1:])) == (1, 0)
