import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import meters

from musicvae.music.meter import KINDS, MAX_STEPS_PER_BAR, SUPPORTED, Meter, counted_bars


@pytest.mark.parametrize(
    ("text", "kind", "steps", "written", "beats"),
    [
        ("4/4", "4/4", 16, 1, 4.0),
        ("2/2", "4/4", 16, 1, 4.0),
        ("2/4", "4/4", 8, 2, 2.0),
        ("3/4", "3/4", 12, 1, 3.0),
        ("6/8", "6/8", 12, 1, 3.0),
    ],
)
def test_each_supported_meter_has_the_grid_of_the_table(text, kind, steps, written, beats):
    meter = Meter.parse(text)
    assert meter.is_supported
    assert (meter.kind, meter.steps_per_bar, meter.written_per_model_bar, meter.beats_per_bar) == (kind, steps, written, beats)
    assert meter.steps_per_model_bar == steps * written
    assert KINDS[meter.kind_index] == kind


def test_the_table_above_is_complete():
    assert sorted(SUPPORTED) == ["2/2", "2/4", "3/4", "4/4", "6/8"]
    assert max(Meter.parse(text).steps_per_model_bar for text in SUPPORTED) == MAX_STEPS_PER_BAR


@given(st.integers(1, 999), st.integers(0, 9))
def test_any_meter_survives_being_written_and_read(numerator, exponent):
    meter = Meter(numerator, 2**exponent)
    assert Meter.parse(str(meter)) == meter
    assert pickle.loads(pickle.dumps(meter)) == meter


@given(st.integers(1, 40), st.integers(0, 6))
def test_steps_of_a_bar_are_exact_or_refused(numerator, exponent):
    meter = Meter(numerator, 2**exponent)
    steps = Fraction(16 * numerator, 2**exponent)
    if steps.denominator == 1:
        assert meter.steps_per_bar == steps
    else:
        with pytest.raises(ValueError, match=f"a bar of {numerator}/{2**exponent} is no whole number of sixteenths"):
            _ = meter.steps_per_bar


@given(meters(), st.integers(1, 500))
def test_model_bars_hold_the_written_bars_with_less_than_one_to_spare(meter, written):
    model = meter.model_bars(written)
    assert 0 <= model * meter.steps_per_model_bar - written * meter.steps_per_bar < meter.steps_per_model_bar


@pytest.mark.parametrize(("text", "expected"), [("C", "4/4"), ("C|", "2/2"), (" 6/8 ", "6/8"), ("12/8", "12/8")])
def test_names_and_spaces_are_read(text, expected):
    assert str(Meter.parse(text)) == expected


@pytest.mark.parametrize("text", ["", "4", "4/", "/4", "-3/4", "3.5/4", "3 4", "4/4/4", "four/four", "1000/4"])
def test_what_is_no_meter_is_refused_with_the_allowed_ones(text):
    with pytest.raises(ValueError, match=r"is no meter: write it as in 3/4; allowed here are 4/4, 2/2, 2/4, 3/4, 6/8"):
        Meter.parse(text)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 4), (-1, 4), (3, 0), (3, 3), (4, 12), (4, -4)])
def test_impossible_numbers_are_refused(numerator, denominator):
    with pytest.raises(ValueError, match=rf"{numerator}/{denominator} is no meter: .* power of two, as in 3/4"):
        Meter(numerator, denominator)


@pytest.mark.parametrize("name", ["kind", "kind_index", "written_per_model_bar", "steps_per_model_bar"])
def test_an_unsupported_meter_can_be_held_but_has_no_grid(name):
    meter = Meter(7, 8)
    assert not meter.is_supported
    assert meter.steps_per_bar == 14
    with pytest.raises(ValueError, match=r"meter 7/8 has no grid; allowed are 4/4, 2/2, 2/4, 3/4, 6/8"):
        getattr(meter, name)


def test_require_supported_returns_the_meter():
    assert Meter(3, 4).require_supported() == Meter(3, 4)


def test_one_bar_is_no_bars():
    assert [counted_bars(count) for count in (0, 1, 2)] == ["0 bars", "1 bar", "2 bars"]
