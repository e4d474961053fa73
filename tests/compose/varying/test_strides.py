import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.varying.strides import Way, distinct_ways, places_for


def measured_by(ways):
    """What measures distances on these ways, functions of the place."""
    return lambda asked: [ways[way](place) for way, place in asked]


@given(st.floats(0.7, 3), st.lists(st.floats(0.05, 0.99), min_size=1, max_size=4))
def test_places_on_a_way_that_only_rises_are_where_it_has_the_amount(power, amounts):
    places = places_for(measured_by([lambda t: t**power, lambda t: t]), 2, amounts)
    np.testing.assert_allclose(places[0] ** power, amounts, atol=0.02)
    np.testing.assert_allclose(places[1], amounts, atol=0.01)


def test_what_is_found_for_an_amount_depends_on_no_other():
    rng = np.random.default_rng(1)
    bumps = rng.uniform(0, 0.2, 4000)

    def way(t):
        return t + bumps[int(3999 * t)]

    together = places_for(measured_by([way]), 1, [0.1, 0.3, 0.31, 0.7])[0]
    assert [places_for(measured_by([way]), 1, [amount])[0, 0] for amount in (0.1, 0.3, 0.31, 0.7)] == together.tolist()


def test_the_ends():
    flat = measured_by([lambda t: 0.5])
    assert places_for(flat, 1, [0.0])[0, 0] == 0
    assert places_for(flat, 1, [1.0])[0, 0] > 0


@pytest.mark.parametrize(("least", "repeated"), [(1, 0), (4, 0), (100, 3)])
def test_ways_that_were_met_before_are_replaced_while_there_are_others(least, repeated):
    """Seeds are told apart by place only: the first `least` all come to the same music."""
    order = []

    def made(seeds):
        order.extend(seed for seed in seeds if seed not in order)
        return [Way(seed, ((np.array([max(0, order.index(seed) - least + 1)]), 0.1),)) for seed in seeds]

    ways, same = distinct_ways(made, 4, 7, True)
    assert len(ways) == 4
    assert same == repeated
    assert len({way.steps[0][0].tobytes() for way in ways}) == 4 - same
    assert ways[0].seed == 7
