import numpy as np
import pytest

from musicvae.compose.revising.forms import Stretch, copied, form_text, planned, returns_of, stretches
from musicvae.compose.revising.returns import ReturnLaw, shipped_law

ALL = np.ones(16, np.bool_)


def music(letters):
    """Tokens of a bar for each letter, all of them different."""
    tokens = np.zeros((len(letters), 16), np.uint8)
    for bar, letter in enumerate(letters):
        tokens[bar, ::4] = (ord(letter) - 60, 40, 42, 44)
    return tokens


A, B, C = "abcdefgh", "ijklmnop", "qrstuvwx"


def likeliest(letters, more, **options):
    return planned(music(letters), ALL, more, 0, shipped_law(), temperature=0, seed=1, **options)


def test_the_likeliest_form_of_aba_is_abab():
    assert likeliest(A + B + A, 8) == tuple(range(8, 16))


def test_what_returns_goes_on():
    assert likeliest(A + A + B + B[:3], 3) == (19, 20, 21)


def test_what_was_new_in_the_plan_can_return_in_it():
    plan = planned(music("ab"), ALL, 8, 0, ReturnLaw({"lag 2": 20.0, "new at 2": 40.0, "new at 3": 40.0}), temperature=0, seed=0)
    assert plan == (None, None, 2, 3, 4, 5, 6, 7)


def test_a_seed_decides_where_the_temperature_is_above_0():
    def drawn(seed, heat):
        return planned(music(A + A + B), ALL, 16, 0, shipped_law(), temperature=heat, seed=seed)

    assert drawn(3, 1.0) == drawn(3, 1.0)
    assert len({drawn(seed, 1.0) for seed in range(8)}) > 3
    assert len({drawn(seed, 0.0) for seed in range(8)}) == 1


def test_a_return_that_is_asked_for_comes_first_and_goes_on():
    assert likeliest(A + B + C, 6, return_to=8)[:4] == (8, 9, 10, 11)
    assert likeliest(A + B + C, 6, return_to=8, free=True) == (8, 9, 10, 11, None, None)
    assert likeliest(A + B, 3, free=True) == (None, None, None)


def test_the_last_bar_counts_as_heard_though_its_end_is_open():
    tokens, closed = music(A + A), ALL.copy()
    tokens[15, 12:], closed[12:] = 0, False
    law = shipped_law()
    options = {"temperature": 0, "seed": 0}
    assert planned(tokens, closed, 4, 0, law, **options) == planned(music(A + A), ALL, 4, 0, law, **options)
    tokens = music(A + A[:4])
    tokens[11, 12:] = 0
    assert planned(tokens, closed, 3, 0, law, **options) == (4, 5, 6)


def test_nothing_is_heard_of_no_bars():
    assert planned(music(""), ALL, 2, 0, shipped_law(), temperature=1, seed=0) == (None, None)


def test_a_long_tune_is_heard_as_its_last_bars_are():
    letters = [chr(ord("a") + i % 26) for i in range(600)]
    tokens = np.zeros((len(letters), 16), np.uint8)
    tokens[:, 0] = [2 + i % 80 for i in range(len(letters))]
    tokens[:, 4] = [2 + i // 80 for i in range(len(letters))]
    tokens[-8:] = tokens[-16:-8]
    tokens[-3:] = tokens[-19:-16]
    plan = planned(np.concatenate([tokens, tokens[-19:-16]]), ALL, 2, 0, shipped_law(), temperature=0, seed=0)
    assert all(source is None or source > 300 for source in plan)


def test_stretches_go_on_as_long_as_they_can():
    plan = (None, None, 4, 5, 6, None, 0, 4)
    assert stretches(plan, 8) == [Stretch(8, 10), Stretch(10, 13, 4), Stretch(13, 14), Stretch(14, 15, 0), Stretch(15, 16, 4)]
    assert stretches((), 8) == []


def test_a_note_held_into_a_bar_starts_anew_where_that_returns():
    tokens = np.zeros((4, 16), np.uint8)
    tokens[0, 8] = 40
    tokens[1, 4] = 45
    assert copied(tokens, 2, 1)[[0, 4]].tolist() == [40, 45]
    tokens[1, 4] = 0
    assert copied(tokens, 2, 1).tolist() == [0] * 16  # it sounds on
    tokens[1, 0] = 1
    tokens[2, 0] = 50
    assert copied(tokens, 3, 2)[0] == 50
    silent = np.zeros((3, 16), np.uint8)
    silent[1, 8] = 40
    assert copied(silent, 2, 0)[0] == 1  # what was silent ends the note


@pytest.mark.parametrize(
    ("returns", "text"),
    [
        ([], "bars 17-32 are new"),
        ([[17, 32, 1]], "bars 17-32 return to bars 1-16"),
        ([[17, 24, 1]], "bars 17-24 return to bars 1-8, bars 25-32 are new"),
        ([[18, 31, 2], [32, 32, 8]], "bar 17 is new, bars 18-31 return to bars 2-15, bar 32 returns to bar 8"),
    ],
)
def test_a_form_in_words(returns, text):
    assert form_text(returns, 17, 32) == text


def test_words_count_bars_of_the_file():
    assert form_text([[3, 4, 1]], 3, 5, 10) == "bars 13-14 return to bars 11-12, bar 15 is new"


def test_returns_count_written_bars():
    form = [Stretch(4, 6), Stretch(6, 8, 2)]
    assert returns_of(form, 1, 8) == [[7, 8, 3]]
    assert returns_of(form, 2, 15) == [[13, 15, 5]]
