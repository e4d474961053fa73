import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.fake_reader import FakeReader

from musicvae.compose.revising.denoising import Judges
from musicvae.compose.revising.filling import Search
from musicvae.evaluate.codec import Windows
from musicvae.evaluate.revisions import HOLE_BARS, measure_fills, measure_wrong_notes, with_wrong_notes


@pytest.fixture
def windows():
    """Each tune is one bar, sixteen times; in the second the bars of the hole end otherwise."""
    rng = np.random.default_rng(0)
    bars = rng.choice([0, 0, 40, 44, 47], (3, 1, 16)).astype(np.uint8)
    bars[:, :, 0] = 42
    tokens = np.repeat(bars, 16, axis=1)
    tokens[1, HOLE_BARS, 12:] = 60
    return Windows(0, tokens, np.arange(3), np.zeros(3, np.int64))


def test_ways_are_compared_on_the_same_holes(windows):
    rows = measure_fills(
        FakeEngine(), windows, {"repair": Search(reader=FakeReader(sure=1.0)), "draw": Search(1, 1, 1.0, None, FakeReader())}
    )
    named = {row.way: row for row in rows}
    assert list(named) == ["four bars before", "most alike bar", "repair", "draw"]
    missed = (windows.tokens[1, HOLE_BARS] != windows.tokens[1, 0]).sum() / (3 * 64)
    for way in ("most alike bar", "repair"):
        assert named[way].tokens.value == pytest.approx(1 - missed)
        assert (named[way].gain.value, named[way].gain.low, named[way].gain.high) == (0, 0, 0)
    assert named["draw"].gain.value == pytest.approx(named["draw"].tokens.value - named["most alike bar"].tokens.value)
    assert named["draw"].gain.low <= named["draw"].gain.value <= named["draw"].gain.high < 0
    assert named["draw"].tokens.num_tunes == 3


def test_wrong_notes_are_counted(windows):
    moved = with_wrong_notes(windows.tokens[0], 0.25, np.random.default_rng(0))
    onsets = windows.tokens[0] >= 2
    changed = moved != windows.tokens[0]
    assert changed.sum() == round(0.25 * onsets.sum())
    assert onsets[changed].all()
    (row,) = measure_wrong_notes(windows, {"reader": Judges(reader=FakeReader())}, wrong_shares=[0.1])
    assert (row.way, row.wrong_share) == ("reader", 0.1)
    assert 0.3 < row.corrected.value <= row.found.value <= 1
    assert row.damaged.value < 0.1
