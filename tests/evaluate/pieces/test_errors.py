import numpy as np
from model.pieces.networks import columns

from musicvae.compose.judging.events.odds import shipped_odds
from musicvae.evaluate.pieces.errors import measure_errors, with_errors, with_moved_hits, with_wrong_pitches
from musicvae.evaluate.pieces.windows import PieceWindows


def repeated(material, count=3):
    """Windows of 16 bars, the same bar over and over."""
    made = {name: np.repeat(rows, 16, axis=1) for name, rows in columns(material, count, 1).items()}
    return PieceWindows(made, np.arange(count), np.full(count, -1), np.full(count, 120.0))


def test_moved_hits_go_one_to_three_steps_to_where_none_was():
    hits = np.random.default_rng(0).random((4, 16, 9)) < 0.2
    heard, moved = with_moved_hits(hits, 0.1, np.random.default_rng(1))
    assert heard.sum() == hits.sum()
    assert len(moved) == round(0.1 * hits.sum())
    true, now = hits.reshape(-1, 9), heard.reshape(-1, 9)
    for (step, drum), before in moved.items():
        assert 1 <= abs(step - before) <= 3
        assert (true[before, drum], true[step, drum], now[before, drum], now[step, drum]) == (True, False, False, True)
    assert (true != now).sum() == 2 * len(moved)


def test_wrong_pitches_keep_their_rhythm():
    line = columns("trio", 1, 8)["bars"][0]
    heard, true = with_wrong_pitches(line, 0.1, np.random.default_rng(0))
    assert len(true) == round(0.1 * (line > 1).sum())
    assert np.array_equal(heard > 1, line > 1)
    assert {int(step) for step in np.flatnonzero((heard != line).reshape(-1))} == set(true)
    assert all(line.reshape(-1)[step] == token for step, token in true.items())
    assert with_wrong_pitches(np.zeros((2, 16), np.uint8), 0.1, np.random.default_rng(0))[1] == {}


def test_what_always_repeats_is_put_right_by_the_majority_and_by_repair():
    windows = repeated("trio")
    rows = list(measure_errors(windows, shipped_odds(), "trio", wrong_shares=(0.1,)))
    assert [(row.line, row.way) for row in rows][:3] == [("melody", "majority"), ("melody", "most alike bar"), ("melody", "repair")]
    for row in rows:
        if row.way == "majority":
            assert row.gain.value == 0
            assert row.corrected.value > 0.5
        if row.way == "repair":
            assert row.found.value >= row.corrected.value > 0.5
            assert row.damaged.value < 0.05
            assert row.wrong_share == 0.1


def test_errors_of_a_window_without_drums_are_those_of_its_lines():
    rows = {name: column[0] for name, column in columns("trio", 1, 2).items()}
    errors = with_errors({**rows, "drums": np.zeros((2, 16), np.uint64)}, 0.1, np.random.default_rng(0))
    assert errors.moved == {}
    assert set(errors.wrong) == {"bars", "bass"}
