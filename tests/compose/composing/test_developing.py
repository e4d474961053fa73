import numpy as np
from compose.fake_engine import FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.composing.developing import WAYS, Return, distance_of
from musicvae.compose.composing.hearing import dominant, likeness
from musicvae.compose.constraints.constraints import Constraints
from musicvae.compose.model import Model
from musicvae.music.vocabulary import to_tokens


def sections(piece):
    tokens = to_tokens(piece.melody)
    return [(s, tokens[s.start_bar : s.start_bar + s.num_bars]) for s in piece.sections]


@given(variation=st.integers(1, 30), vary=st.floats(0, 1))
def test_returns_go_farther_and_farther_but_never_beyond_what_is_asked(variation, vary):
    now, then = distance_of(Return(variation, vary)), distance_of(Return(variation + 1, vary))
    assert 0 <= now <= then <= vary


def test_ways_take_turns():
    assert [Return(variation, 0.4).way for variation in range(1, 6)] == [*WAYS, *WAYS[:2]]


def test_returns_are_farther_the_later_and_keep_their_first_bar(model):
    rows = []
    for seed in range(6):
        first, *again = [tokens for _, tokens in sections(model.compose("A", bars=48, section_bars=8, seed=seed, vary=0.6))]
        assert all((tokens[0] == first[0]).all() for tokens in again)
        rows.append([likeness(first, tokens, octaves=True) for tokens in again])
    found = np.mean(rows, axis=0)
    assert found[0] > found[1:3].mean() > found[3:].mean() > 0.2
    assert found[0] > 0.7


def test_more_variation_is_more_variation(model):
    def last(vary):
        return np.mean(
            [likeness(*(parts[i][1] for i in (0, -1)), octaves=True) for seed in range(4)
             for parts in [sections(model.compose("A", bars=24, section_bars=8, seed=seed, vary=vary))]]
        )  # fmt: skip

    assert last(0.2) > last(0.9) + 0.1


def test_octaves_count_as_one_where_that_is_asked():
    low = np.zeros((1, 16), np.uint8)
    low[0, ::4] = (40, 42, 44, 45)
    high = np.where(low, low + 12, 0).astype(np.uint8)
    assert (likeness(low, high), likeness(low, high, octaves=True)) == (0, 1)


def test_a_new_section_lies_in_a_neighbouring_key_and_is_led_to_in_it():
    piece = Model(FakeEngine()).compose("AB", bars=32, section_bars=8, seed=3, key="C")
    letters = [(section.letter, section.away) for section in piece.sections]
    assert letters == [("A", False), ("B", False), ("C", True), ("B", False)]
    starts = {note.onset_steps: note.pitch % 12 for note in piece.melody.notes}
    # The half cadences rest on the dominants of the keys that follow: D F# A before the section in G, G B D before the return.
    assert starts[15 * 16] in {2, 6, 9}
    assert starts[23 * 16] in dominant(piece.melody.key)


def test_what_is_demanded_holds_in_new_sections_and_in_variations():
    constraints = Constraints.of(scale="C major", range="C4-A5")
    piece = Model(FakeEngine()).compose("AB", bars=64, section_bars=8, seed=3, constraints=constraints, vary=1)
    assert "C" in {section.letter for section in piece.sections}
    assert constraints.over(piece.melody.meter, 64).broken(piece.melody) == ()


def test_without_variation_a_form_is_played_as_it_is():
    piece = Model(FakeEngine()).compose("AB", bars=32, section_bars=8, seed=3, vary=0)
    assert [section.letter for section in piece.sections] == ["A", "B", "A", "B"]
    assert piece.notices == ()
