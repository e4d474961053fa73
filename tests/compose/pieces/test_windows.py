import numpy as np
from compose.fake_piece_engine import line, piece
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.pieces.windows import cut_columns, held_steps, join_columns, plain_readings, readings
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import from_tokens


@given(total=st.integers(1, 40), span=st.integers(1, 16))
def test_windows_read_the_whole_span_and_give_every_bar_once(total, span):
    windows = readings(total, span)
    given_bars = [bar for w in windows for bar in range(w.first_bar, w.first_bar + w.num_bars)]
    assert given_bars == list(range(total))
    assert len(windows) == max(1, -(-total // span))
    if total >= span:
        assert all(0 <= w.start_bar <= total - span for w in windows)  # real music only


@given(total=st.integers(1, 40), span=st.integers(1, 16), longer=st.integers(0, 20))
def test_windows_of_a_shorter_new_piece_begin_those_of_a_longer(total, span, longer):
    short, long = plain_readings(total, span), plain_readings(total + longer, span)
    assert [w.start_bar for w in short] == [w.start_bar for w in long][: len(short)]
    assert sum(w.num_bars for w in short) == total


def test_a_short_piece_is_repeated_to_fill_the_span():
    own = piece("drums", 3)
    cut = cut_columns(own.columns, readings(3, 4), 4, "drums")
    assert np.array_equal(cut["bars"][0], own.columns["bars"][[0, 1, 2, 0]])


@given(total=st.integers(1, 9), span=st.integers(1, 4), seed=st.integers(0, 50))
def test_trios_come_back_with_their_tied_notes(total, span, seed):
    columns = piece("trio", total, seed).columns
    windows = readings(total, span)
    parts = cut_columns(columns, windows, span, "trio")
    joined = join_columns(parts, windows, "trio", held_steps(columns, windows, "trio"))
    assert np.array_equal(joined["drums"], columns["drums"])
    for name in ("bars", "bass"):
        assert from_tokens(joined[name], Meter(4, 4)).notes == from_tokens(columns[name], Meter(4, 4)).notes


def test_without_ties_a_note_ends_with_its_window():
    tokens = np.zeros((2, 16), np.uint8)
    tokens[0, 8] = 40
    columns = {"bars": tokens, "bass": tokens, "drums": np.zeros((2, 16), np.uint64)}
    windows = readings(2, 1)
    assert held_steps(columns, windows, "trio").tolist() == [[0, 0], [16, 16]]
    joined = join_columns(cut_columns(columns, windows, 1, "trio"), windows, "trio")
    assert joined["bars"][1, 0] == 1


def test_a_window_never_opens_with_a_note_off_nor_hears_a_note_from_before():
    tokens = line(np.random.default_rng(0), 4, 40)
    tokens[1, 14], tokens[2, 0], tokens[2, 3] = 50, 0, 1
    columns = {"bars": tokens, "bass": tokens, "drums": np.zeros((4, 16), np.uint64)}
    cut = cut_columns(columns, readings(4, 2), 2, "trio")
    flat = cut["bars"][1].reshape(-1)
    assert flat[flat > 0][0] > 1
