import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.revising.spans import first_bar_of, place_text, span_text, steps_of
from musicvae.music.meter import Meter

METER = Meter(4, 4)


def steps(text, bars=16, meter=METER, **options):
    return np.flatnonzero(steps_of(text, meter, bars, **options)).tolist()


def test_bars_beats_and_sixteenths():
    assert steps("2") == steps(2) == list(range(16, 32))
    assert steps("1-2,4") == steps(["1-2", 4]) == [*range(32), *range(48, 64)]
    assert steps("3:2") == list(range(36, 40))
    assert steps("3:2.5") == [38]
    assert steps("3:2.0") == [36]
    assert steps("1:4-2:1") == list(range(12, 20))
    assert steps("2", meter=Meter(6, 8)) == list(range(12, 24))
    assert steps("12", bars=4, first_bar=10) == list(range(32, 48))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("17", "mask '17': there is no bar 17, the melody has bars 1 to 16"),
        ("0", "there is no bar 0"),
        ("7-5", "mask '7-5' ends before it begins"),
        ("", "names no bars"),
        ("7,,8", "names no bars"),
        ("seven", "is no bar, beat or stretch of them: write it as in 7-10,13"),
        ("3:5", "bar 3 has no beat 5; beats of 4/4 are 1 to below 5"),
        ("3:1.1", "bar 3 has no beat 1.1"),
        (3.5, "mask '3.5' is no bar, beat or stretch of them"),
    ],
)
def test_slips_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        steps(text)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.sampled_from(["4/4", "3/4", "2/4"]), st.integers(1, 9))
def test_a_part_as_text_means_the_same_part(mask, meter, first_bar):
    meter = Meter.parse(meter)
    bars = -(-len(mask) // meter.steps_per_bar)
    part = np.zeros(bars * meter.steps_per_bar, bool)
    part[: len(mask)] = mask
    if part.any():
        text = span_text(part, meter, first_bar)
        assert np.array_equal(steps_of(text, meter, bars, first_bar=first_bar), part), text


def test_places_and_first_bars():
    assert [place_text(step, METER) for step in (0, 2, 16, 23)] == ["1:1.0", "1:1.5", "2:1.0", "2:2.75"]
    assert first_bar_of("7-10,3") == 7
    assert first_bar_of([9, "2"]) == 9
    with pytest.raises(ValueError, match="is no bar"):
        first_bar_of("x")
