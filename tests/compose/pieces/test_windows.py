import numpy as np
from compose.fake_piece_engine import line, piece
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.pieces.windows import cut_columns, free_readings, held_steps, join_columns, plain_readings, readings
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
    cut = cut_columns(own.columns, readings(3, 4), "drums")
    assert np.array_equal(cut[0]["bars"], own.columns["bars"][[0, 1, 2, 0]])


@given(total=st.integers(1, 80), most=st.integers(1, 16))
def test_windows_of_any_length_cover_every_bar_and_none_is_too_short(total, most):
    windows = free_readings(total, most)
    assert [bar for w in windows for bar in range(w.start_bar, w.start_bar + w.num_bars)] == list(range(total))
    assert all((w.skip_bars, w.read_bars) == (0, w.num_bars) for w in windows)
    assert all(min(total, max(1, most // 2)) <= w.num_bars <= most for w in windows)


def test_windows_of_any_length_end_after_whole_phrases():
    lengths = {total: [w.num_bars for w in free_readings(total, 16)] for total in (16, 17, 20, 24, 32, 33)}
    assert lengths == {16: [16], 17: [8, 9], 20: [12, 8], 24: [16, 8], 32: [16, 16], 33: [16, 8, 9]}


@given(total=st.integers(1, 9), span=st.integers(1, 4), seed=st.integers(0, 50), cut=st.sampled_from([readings, free_readings]))
def test_trios_come_back_with_their_tied_notes(total, span, seed, cut):
    columns = piece("trio", total, seed).columns
    windows = cut(total, span)
    parts = cut_columns(columns, windows, "trio")
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
    joined = join_columns(cut_columns(columns, windows, "trio"), windows, "trio")
    assert joined["bars"][1, 0] == 1


def test_a_window_never_opens_with_a_note_off_nor_hears_a_note_from_before():
    tokens = line(np.random.default_rng(0), 4, 40)
    tokens[1, 14], tokens[2, 0], tokens[2, 3] = 50, 0, 1
    columns = {"bars": tokens, "bass": tokens, "drums": np.zeros((4, 16), np.uint64)}
    cut = cut_columns(columns, readings(4, 2), "trio")
    flat = cut[1]["bars"].reshape(-1)
    assert flat[flat > 0][0] > 1
