import numpy as np
import pytest
from compose.fake_engine import tune
from hypothesis import given
from hypothesis import strategies as st
from strategies import melodies

from musicvae.compose.windows import Window, cut_tokens, held_over, join_tokens, phrase_windows
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import to_tokens

FOUR = Meter(4, 4)


def busy(bars, *, rests=(), holds=(), meter=FOUR):
    """A note on every beat; the bar before each bar in `rests` is silent, and a note lasts into each bar in `holds`."""
    width, notes = meter.steps_per_bar, []
    for onset in range(0, bars * width, 4):
        bar = onset // width
        if bar + 1 in rests:
            continue
        if bar + 1 in holds and onset % width == width - 4:
            notes.append(Note(70, onset, 8))
        elif not (bar in holds and onset % width == 0):
            notes.append(Note(60 + onset % 7, onset, 4))
    return to_tokens(Melody(tuple(notes), meter=meter, num_bars=bars))


def starts(tokens, meter=FOUR, max_bars=16):
    return [window.start_bar for window in phrase_windows([tokens], meter, max_bars=max_bars)]


def test_what_fits_is_one_window():
    assert phrase_windows([busy(16)], FOUR, max_bars=16) == (Window(0, 16),)
    assert phrase_windows([busy(1)], FOUR, max_bars=16) == (Window(0, 1),)


def test_without_anything_to_hear_the_cut_is_at_sixteen_bars():
    assert starts(busy(40)) == [0, 16, 32]


def test_a_rest_beats_a_plain_bar_line_but_eights_beat_a_short_breath():
    assert starts(busy(30, rests=(12,))) == [0, 12, 20]
    assert starts(busy(30, rests=(13,))) == [0, 16]  # 2 points for the rest are not more than 2.5


def test_no_cut_where_a_note_sounds_on():
    assert starts(busy(32, holds=(16,))) == [0, 8, 24]


def test_the_last_window_is_not_a_crumb():
    assert starts(busy(17)) == [0, 8]
    assert starts(busy(20)) == [0, 8]


def test_in_two_four_written_bars_are_counted_by_fours_and_eights():
    tokens = to_tokens(Melody((), meter=Meter(2, 4), num_bars=42))  # 21 model bars
    assert starts(tokens, Meter(2, 4)) == [0, 12]


def test_lines_are_cut_together():
    quiet = busy(30)
    both = phrase_windows([quiet, busy(30, rests=(12,))], FOUR, max_bars=16)
    assert both[0] == Window(0, 16)  # 5 points to 2.5 + 1.5 of the two at bar 12
    with pytest.raises(ValueError, match=r"have one length of at least 1 bar, got \[30, 16\]"):
        phrase_windows([quiet, busy(16)], FOUR, max_bars=16)


@given(st.integers(0, 5), st.integers(1, 90), st.sampled_from(["4/4", "3/4", "6/8", "2/4"]), st.sampled_from([1, 2, 3, 8, 16]))
def test_windows_cover_everything_once_and_keep_to_their_lengths(seed, bars, meter, max_bars):
    melody = tune(seed, bars, meter)
    tokens = to_tokens(melody)
    windows = phrase_windows([tokens], melody.meter, max_bars=max_bars)
    assert [bar for w in windows for bar in range(w.start_bar, w.start_bar + w.num_bars)] == list(range(len(tokens)))
    assert all(w.num_bars <= max_bars for w in windows)
    assert len(windows) == 1 or all(w.num_bars >= max(1, max_bars // 2) for w in windows)


@given(melodies(max_bars=12), st.integers(1, 4))
def test_cutting_and_joining_lose_nothing(melody, max_bars):
    tokens = to_tokens(melody)
    windows = phrase_windows([tokens], melody.meter, max_bars=max_bars)
    parts = cut_tokens(tokens, windows)
    np.testing.assert_array_equal(join_tokens(parts, held_over(tokens, windows)), tokens)


def test_a_window_begins_in_silence_unless_a_note_is_held_over():
    tokens = to_tokens(Melody((Note(60, 12, 4), Note(62, 28, 8)), num_bars=3))
    windows = [Window(0, 1), Window(1, 1), Window(2, 1)]
    assert held_over(tokens, windows) == (False, False, True)
    parts = cut_tokens(tokens, windows)
    assert not parts[1][0, 0]  # the note-off that ended the note before
    assert parts[2][0, 4] == 1  # the note-off that ends the held one


def test_what_a_decoder_leaves_sounding_stops_where_the_input_did():
    sounding, silent = np.zeros((1, 16), np.uint8), np.zeros((1, 16), np.uint8)
    sounding[0, 0] = 41
    assert join_tokens([sounding, silent], (False, False))[1, 0] == 1
    assert join_tokens([sounding, silent], (False, True))[1, 0] == 0
