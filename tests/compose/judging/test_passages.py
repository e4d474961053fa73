import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.fake_reader import FakeReader
from compose.judging.music import returning

from musicvae.compose.judging.measuring import measure
from musicvae.compose.judging.passages import Runs, runs_read
from musicvae.music.vocabulary import to_tokens


def window(foreign, bars=16):
    """Two bars again and again, but for some that are nowhere else."""
    tokens = to_tokens(returning(1, bars))
    for bar in foreign:
        tokens[bar, ::4] = [30 + bar, 35 + bar, 40 + bar, 33 + bar]
    return tokens


class Told:
    """A reader that writes down what is unknown, and says of each bar how many bars are known, in nats."""

    def __init__(self):
        self.asked = []

    def bar_log_probs(self, tokens, gaps, kind, *, bars, doubtful=False):
        assert not doubtful
        assert set(np.unique(gaps)) <= {0, 1}
        assert (gaps.min(axis=2) == gaps.max(axis=2)).all()
        unknown = gaps[:, :, 0] > 0
        self.asked += [(int(bar), tuple(np.flatnonzero(~row).tolist())) for bar, row in zip(bars, unknown, strict=True)]
        return np.repeat(1.0 * (~unknown).sum(axis=1)[:, None], tokens.shape[2], axis=1) / tokens.shape[2]


def test_runs_are_asked_for_bar_after_bar_with_the_rest_and_without():
    told = Told()
    runs = runs_read(told, np.zeros((5, 16), np.uint8), 0)
    assert list(zip(runs.starts, runs.lengths, strict=True)) == [(0, 2), (1, 2), (2, 2), (3, 2)]
    alone = {(first + after, tuple(range(first, first + after))) for first in range(5) for after in range(2) if first + after < 5}
    rest = {(s + k, tuple(bar for bar in range(5) if not s + k <= bar < s + 2)) for s in range(4) for k in range(2)}
    assert len(told.asked) == len(alone) + len(rest)
    assert set(told.asked) == alone | rest
    # Three bars around each first bar of a run and four around the second, none and one without the rest.
    assert runs.bits == pytest.approx(np.full(4, (3 + 4 - 0 - 1) / np.log(2)))
    assert runs.shared == pytest.approx(runs.bits / 2**0.5)


@pytest.mark.parametrize(("bars", "lengths"), [(1, set()), (3, set()), (4, {2}), (8, {2, 4}), (16, {2, 4, 8})])
def test_the_rest_is_at_least_as_long_as_a_run(bars, lengths):
    runs = runs_read(FakeReader(), window((), bars), 0)
    assert set(runs.lengths.tolist()) == lengths
    assert len(runs.bits) == sum(bars - length + 1 for length in lengths)
    assert np.isnan(runs.of_bars()).all() == (not lengths)


@pytest.mark.parametrize("foreign", [(4, 5), (6, 7, 8, 9), tuple(range(8))])
def test_bars_that_are_nowhere_else_are_the_most_foreign_however_many(foreign):
    shared = runs_read(FakeReader(), window(foreign, 24), 0).of_bars()
    assert set(np.argsort(shared, kind="stable")[: len(foreign)].tolist()) == set(foreign)
    assert shared[list(foreign)].max() < np.delete(shared, foreign).min()


def test_runs_that_overlap_a_more_foreign_one_make_no_bar_foreign():
    runs = Runs(5, np.array([0, 1, 2, 3]), np.array([2, 2, 2, 2]), np.array([5.0, -1.0, -3.0, 0.0]) * 2**0.5)
    assert runs.of_bars() == pytest.approx([5, 5, -3, -3, 0])


def test_a_window_is_measured_by_the_reader_where_there_is_one():
    tokens = window((6, 7, 8, 9))
    found = measure(FakeEngine(canonical_key=False), tokens, 0, reader=FakeReader())
    runs = runs_read(FakeReader(), tokens, 0)
    assert found.shared == pytest.approx(runs.of_bars())
    assert found.statistics()["passages"] == pytest.approx(-runs.shared.min())
    assert len(found.notes) == len(found.moves) == len(found.onsets)
    usual = np.isin(found.onsets // 16, (6, 7, 8, 9), invert=True)
    assert found.notes[~usual].min() > found.notes[usual].max()
