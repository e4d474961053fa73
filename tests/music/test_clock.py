import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.clock import seconds_at
from musicvae.music.score import Score, TempoChange


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(20, 300)), max_size=5), st.lists(st.integers(0, 9000), min_size=1, max_size=5))
def test_seconds_are_the_sum_over_all_ticks(changes, ticks):
    tempi = tuple(TempoChange(tick, qpm) for tick, qpm in sorted(dict(changes).items()))
    found = seconds_at(Score(24, (), tempi), np.array(ticks))
    for tick, seconds in zip(ticks, found.tolist(), strict=True):
        places = sorted({0, tick, *(t.tick for t in tempi if t.tick < tick)})
        tempo = [next((t.qpm for t in reversed(tempi) if t.tick <= place), 120.0) for place in places[:-1]]
        assert seconds == pytest.approx(sum((b - a) * 60 / 24 / q for a, b, q in zip(places, places[1:], tempo, strict=False)))


def test_fractions_and_places_before_the_start():
    score = Score(100, (), (TempoChange(0, 60.0), TempoChange(100, 120.0)))
    assert seconds_at(score, np.array([-50.0, 50.5, 150.0])) == pytest.approx([-0.5, 0.505, 1.25])
