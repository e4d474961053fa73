import numpy as np
import pytest
from evaluate.doubles import corpus_of

from musicvae.evaluate.codec import select_windows
from musicvae.evaluate.samples import Passages, canonical, lag_row, sample_row
from musicvae.music.vocabulary import token_of

BARS = np.zeros((8, 16), np.uint8)
BARS[:, 0] = [token_of(pitch) for pitch in (60, 62, 64, 65, 60, 62, 64, 66)]


def training(*tunes):
    return corpus_of([(0, 0, -1, tune) for tune in tunes])


def row_of(tokens, passages, tunes=None):
    real = lag_row(tokens, meter="4/4", source="real")
    return sample_row(tokens, np.arange(len(tokens)) if tunes is None else tunes, kind=0, source="x", passages=passages, real_lags=real)


def test_figures_of_a_piece_worked_out_by_hand():
    piece = BARS[[0, 1, 0, 1, 2, 3, 2, 4]].copy()  # bars 0 and 4 are equal: five pitches, four of them distinct bars
    piece[0, 8] = token_of(61)
    row = row_of(piece[None], Passages({}, {}))
    assert row.notes_per_bar.value == 9 / 8
    assert row.different_bars.value == 5 / 8  # C with C#, D, C, E, F
    assert row.repeated_bars.value == 3 / 8
    # No scale holds C, C#, D, E and F: A natural or harmonic minor leaves only C# out.
    assert row.notes_in_scale.value == pytest.approx(8 / 9)
    lags = lag_row(piece[None], meter="4/4", source="x").shares
    assert lags[0] == 5 / 8
    assert lags[2] == 2 / 8  # bar 3 repeats bar 1, bar 6 bar 4
    assert lags[5] == 1 / 8  # bar 7 repeats bar 2
    assert sum(lags) == pytest.approx(1)


def test_copied_passages_are_found_at_any_bar_and_only_there():
    passages = Passages.of_training(training(BARS[:6]), 0)
    assert len(passages.exact) == 3  # bars 0-3, 1-4, 2-5
    found = row_of(BARS[None, 1:6], passages)
    assert found.copied.value == 1
    changed = BARS[None, 1:6].copy()
    changed[0, 4, 8] = token_of(72)
    assert row_of(changed, passages).copied.value == 0.5  # one of two passages has the new note


def test_a_transposed_copy_is_found_as_such():
    passages = Passages.of_training(training(BARS[:4]), 0)
    moved = np.where(BARS[:4] > 1, BARS[:4] + 5, BARS[:4])[None].astype(np.uint8)
    row = row_of(moved, passages)
    assert (row.copied.value, row.copied_transposed.value) == (0, 1)


def test_passages_of_few_notes_do_not_count():
    sparse = BARS[:5].copy()
    sparse[1] = 0
    passages = Passages.of_training(training(sparse), 0)
    assert len(passages.exact) == 0
    assert np.isnan(row_of(sparse[None], passages).copied.value)


def test_only_training_tunes_of_the_meter_are_indexed():
    tune = BARS[:4]
    corpus = corpus_of([(1, 0, -1, tune), (2, 0, -1, tune), (0, 2, -1, tune[:, :12])])
    assert not Passages.of_training(corpus, 0).exact
    assert len(Passages.of_training(corpus, 2).exact) == 1


def test_a_note_off_in_silence_hides_no_copy():
    noisy = BARS[:4].copy()[None]
    noisy[0, 0, 0], noisy[0, 0, 4] = 1, noisy[0, 0, 0]
    clean = noisy.copy()
    clean[0, 0, 0] = 0
    np.testing.assert_array_equal(canonical(noisy), clean)


def test_lag_distance_is_total_variation():
    same = np.repeat(BARS[None, :1], 8, axis=1)  # 7 of 8 bars repeat at lag 1
    real = lag_row(BARS[None, [0, 1, 2, 3, 0, 1, 2, 3]], meter="4/4", source="real")  # 4 of 8 at lag 4
    row = sample_row(same, [0], kind=0, source="x", passages=Passages({}, {}), real_lags=real)
    assert row.lag_distance == pytest.approx(7 / 8)
    assert row_of(same, Passages({}, {})).lag_distance == 0


def test_training_windows_copy_themselves_and_perhaps_others():
    corpus = corpus_of([(0, 0, -1, BARS), (0, 0, -1, BARS[:4])])
    windows = select_windows(corpus, "train", 0, bars=4, hop=1)
    passages = Passages.of_training(corpus, 0)
    assert passages.count(windows.tokens)[:, 0].tolist() == [1, 1, 1, 1, 1, 1]
    # Five windows of the first tune, of which the first is the second tune, whole.
    assert passages.count(windows.tokens, windows.tunes)[:, 0].tolist() == [1, 0, 0, 0, 0, 1]


def test_a_note_that_ends_in_a_passage_but_began_before_is_no_part_of_it():
    tune = BARS.copy()
    tune[0, 12], tune[1, 0], tune[1, 4], tune[1, 8] = token_of(70), 0, 1, token_of(71)
    passages = Passages.of_training(training(tune), 0)
    cut = tune[1:5].copy()
    cut[0, 4] = 0  # as a window that starts there has it
    assert passages.count(cut[None])[0].tolist() == [1, 1, 1]


def test_no_pieces_give_no_figures():
    row = row_of(np.zeros((0, 8, 16), np.uint8), Passages({}, {}))
    assert np.isnan(row.notes_in_scale.value)
    assert row.copied.num_windows == 0
