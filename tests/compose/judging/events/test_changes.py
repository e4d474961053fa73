import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.judging.events.changes import Change, changed, doubts
from musicvae.compose.judging.events.odds import shipped_odds

KICK, HAT = 0, 2


def beat(bars=8):
    """Hi-hat in eighths, the kick on one and three."""
    hits = np.zeros((bars, 16), np.uint64)
    hits[:, ::2] |= np.uint64(1 << HAT)
    hits[:, ::8] |= np.uint64(1 << KICK)
    return hits


@given(st.permutations(range(3)))
def test_hits_go_where_others_were_in_whatever_order(order):
    hits = np.zeros((1, 16), np.uint64)
    hits[0, [4, 5, 7]] = np.uint64(1)
    moves = [Change("bars", 4, 0, 5, 0, 1.0), Change("bars", 5, 0, 7, 0, 1.0), Change("bars", 7, 0, 8, 0, 1.0)]
    found = changed({"bars": hits}, [moves[i] for i in order])
    assert np.flatnonzero(found["bars"][0]).tolist() == [5, 7, 8]
    assert np.flatnonzero(hits[0]).tolist() == [4, 5, 7]


def test_doubts_name_the_hit_that_is_off_and_nothing_in_a_clean_beat():
    assert doubts(shipped_odds(), {"bars": beat()}, 0.05) == []
    late = beat()
    late[5, 8] ^= np.uint64(1 << KICK)
    late[5, 9] |= np.uint64(1 << KICK)
    (found,) = doubts(shipped_odds(), {"bars": late}, 0.05)
    assert (found.column, found.step, found.value, found.better_step) == ("bars", 5 * 16 + 9, KICK, 5 * 16 + 8)


def test_long_beats_vote_part_by_part_and_steps_count_on():
    late = beat(70)
    late[69, 8] ^= np.uint64(1 << KICK)
    late[69, 9] |= np.uint64(1 << KICK)
    (found,) = doubts(shipped_odds(), {"bars": late}, 0.05)
    assert (found.step, found.better_step) == (69 * 16 + 9, 69 * 16 + 8)
