from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine

from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.constraints.leaning import Leaning, chord_fit
from musicvae.compose.generating import Order, draw, draw_tokens
from musicvae.music.lead_sheet import LeadSheet
from musicvae.music.meter import Meter

FOUR = Meter(4, 4)
FREE = Leaning(0.0, 0.0, 0.0, draws=1, tries=1)


def planned(bars=16, chords="C Am F G7", **leaning):
    return replace(Constraints.of(chords=chords).over(FOUR, bars), leaning=replace(FREE, **leaning))


def fits(engine, plan, seeds):
    order = Order(bars=plan.num_bars, plan=plan)
    return chord_fit(draw_tokens(engine, seeds, order), plan.spans, FOUR, 0, order.shift(engine))


@pytest.mark.parametrize(("engine", "leaning"), [(FakeEngine(), {"draws": 6, "group": 4}), (FakeWindowEngine(), {"tries": 6})])
def test_z_that_suits_the_chords_is_kept(engine, leaning):
    free, chosen = (fits(engine, planned(16, **kept), [1, 2, 3]) for kept in ({}, leaning))
    assert chosen.mean() > free.mean() + 0.2


def test_without_a_choice_a_piece_is_the_one_drawn_freely():
    for engine in (FakeEngine(), FakeWindowEngine()):
        seeds = [3, 4]
        free = draw_tokens(engine, seeds, Order(bars=20))
        np.testing.assert_array_equal(free, draw_tokens(engine, seeds, Order(bars=20, plan=planned(20))))


@pytest.mark.parametrize("leaning", [{"draws": 2}, {"tries": 4, "strong": 2.0}, {"draws": 2, "tries": 2, "group": 3}])
@pytest.mark.parametrize("make", [FakeEngine, FakeWindowEngine])
def test_a_piece_depends_on_its_seed_alone(make, leaning):
    order = Order(bars=20, plan=planned(20, **leaning))
    many = draw(make(), [5, 6, 7], order)
    assert draw(make(), [6], order) == [many[1]]
    assert many[0] != many[1]
    assert all(isinstance(piece, LeadSheet) for piece in many)


def test_each_bar_may_come_from_another_draw():
    seeds = list(range(8))
    engine = FakeEngine()
    free, tried = (fits(engine, planned(tries=tries), seeds) for tries in (1, 8))
    assert (tried >= free).all()
    assert tried.mean() > free.mean()


def test_what_is_heard_at_strong_places_is_counted():
    tokens = np.zeros((1, 2, 16), np.uint8)
    tokens[0, 0, [0, 6, 8, 12]] = np.array([60, 61, 1 + 19, 62]) - 19  # C held to the half, then a rest, D on the fourth beat
    tokens[0, 0, 8] = 1
    tokens[0, 1, [0, 8]] = np.array([65, 67]) - 19
    plan = planned(2, "C G7")
    np.testing.assert_allclose(chord_fit(tokens, plan.spans, FOUR, 0, 0), [[1 + 0.25 - 0.25, 1 + 0.25 + 1 + 0.25]])
    np.testing.assert_allclose(chord_fit(tokens, plan.spans, FOUR, 0, 1)[0, 1], -2.5)  # G7 sounds as Ab7 there
