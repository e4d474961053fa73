import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.harmony import chords_text, spread_chords
from musicvae.music.chords import Chord

C, A_MINOR, F, G = (Chord.parse(symbol).code for symbol in ("C", "Am", "F", "G"))


def test_chords_are_spread_evenly_over_the_bars():
    assert spread_chords("C Am F G", 4).tolist() == [[code] * 8 for code in (C, A_MINOR, F, G)]
    assert spread_chords("C | Am, F | G", 2).tolist() == [[C] * 4 + [A_MINOR] * 4, [F] * 4 + [G] * 4]
    assert spread_chords(["C", None, Chord(7), "N.C."], 1).tolist() == [[C, C, 0, 0, G, G, 0, 0]]
    assert spread_chords("C Am F", 1).tolist() == [[C, C, C, A_MINOR, A_MINOR, F, F, F]]


@given(count=st.integers(1, 40), bars=st.integers(1, 12))
def test_all_chords_come_in_order_and_about_as_long(count, bars):
    chords = [Chord(i % 12) for i in range(count)]
    if count > 8 * bars:
        with pytest.raises(ValueError, match="do not fit into"):
            spread_chords(chords, bars)
        return
    flat = spread_chords(chords, bars).reshape(-1)
    change = np.flatnonzero(np.diff(flat)) + 1 if count > 1 else []
    runs = np.diff([0, *change, 8 * bars])
    assert len(runs) == count
    assert runs.max() - runs.min() <= 1


def test_a_number_is_no_chord():
    with pytest.raises(ValueError, match="chords are written as in 'C Am F G', got 5"):
        spread_chords(5, 4)


def test_slips_are_named():
    with pytest.raises(ValueError, match="no chords were given"):
        spread_chords(" | ", 4)
    with pytest.raises(ValueError, match="Hm"):
        spread_chords("C Hm", 4)


def test_the_text_makes_the_same_chords_again():
    assert chords_text("C | Am,F  G") == "C Am F G"
    chords = ["C", None, Chord.parse("F#m7b5")]
    assert np.array_equal(spread_chords(chords_text(chords), 3), spread_chords(chords, 3))
