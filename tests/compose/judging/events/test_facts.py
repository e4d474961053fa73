import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.pieces.networks import columns

from musicvae.compose.judging.events.hit_facts import CLASSES, hit_facts, without_hit
from musicvae.compose.judging.events.note_facts import REACH, note_facts
from musicvae.compose.judging.events.odds import PieceOdds, shipped_odds
from musicvae.music.converters.drum_hits import hits_of


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_no_place_is_judged_by_itself(seed, bars):
    rng = np.random.default_rng(seed)
    hits, usual = rng.random((bars, 16, CLASSES)) < 0.2, rng.random((16, CLASSES))
    bar, step, drum = rng.integers(bars), rng.integers(16), rng.integers(CLASSES)
    other = hits.copy()
    other[bar, step, drum] ^= True
    place = 16 * bar + step, drum
    beside = range(7, 13)  # votes for places beside it, which weigh the bars by all else, this place too
    mine, its = (np.delete(hit_facts(rows, usual)[place], beside) for rows in (hits, other))
    assert mine == pytest.approx(its)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from(["bars", "bass"]))
def test_no_note_is_judged_by_itself(seed, bars, line):
    rng = np.random.default_rng(seed)
    rows = {name: column[0] for name, column in columns("trio", 1, bars, seed % 1000).items()}
    onsets = np.flatnonzero(rows[line].reshape(-1) > 1)
    if len(onsets) < 2:
        return
    note = rng.integers(len(onsets))
    middle = rows[line].reshape(-1)[onsets].astype(np.int64)
    other = {**rows, line: rows[line].copy()}
    other[line].reshape(-1)[onsets[note]] += rng.integers(1, 7)
    assert note_facts(rows, line, middle)[note] == pytest.approx(note_facts(other, line, middle)[note])
    assert note_facts(rows, line, middle).shape[1] == 2 * REACH + 1


def test_a_hit_taken_away_is_one_that_was_never_there():
    hits = np.zeros((3, 16, CLASSES), bool)
    hits[:, ::4, 0] = True
    hits[1, 6, 2] = True
    gone = hits.copy()
    gone[1, 6, 2] = False
    near = list(range(21, 37))  # the same class up to eight steps away
    facts, less = (hit_facts(which, np.full((16, CLASSES), 0.2)) for which in (hits, gone))
    for away in (-3, 2):
        place = 16 + 6 - away
        assert without_hit(facts[[place], 2], np.array([away]))[0, near] == pytest.approx(less[place, 2, near])
        assert not np.array_equal(facts[place, 2, near], less[place, 2, near])


def test_what_ships_survives_its_file():
    odds = shipped_odds()
    again = PieceOdds.of_json(odds.to_json())
    facts = np.random.default_rng(0).normal(size=(5, len(odds.hits.layers[0][0])))
    assert np.array_equal(again.hits(facts), odds.hits(facts))
    assert again.usual.shape == (16, CLASSES)
    assert hits_of(again.usual > 0.5).any()
