from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.fake_reader import FakeReader
from compose.judging.music import yardstick
from evaluate.doubles import random_corpus

from musicvae.evaluate.judge import area_under_curve
from musicvae.evaluate.ngram import ngram_of
from musicvae.evaluate.oddity import area, spoiled_rows, with_foreign_bars, with_wrong_notes
from musicvae.evaluate.yardsticks import make_yardstick, passages_of_split

_TOLD_BY = {
    "one wrong note": "score: oddest note",
    "a tenth of the notes wrong": "score: oddest quarter of the notes",
    "four bars of another tune": "score: most foreign passage",
}
ENGINE = FakeEngine(canonical_key=False)
SHORT = FakeEngine(canonical_key=False, max_bars=8)


@pytest.fixture(scope="module")
def corpus():
    return random_corpus((16, 6, 4), bars=8)


def test_the_asked_share_of_notes_is_moved_and_named():
    rng = np.random.default_rng(0)
    tokens = np.where(rng.random((4, 16)) < 0.5, rng.integers(2, 90, (4, 16)), 0).astype(np.uint8)
    notes = int((tokens >= 2).sum())
    for share in (0, 0.3, 1):
        spoiled, wrong = with_wrong_notes(tokens, share, rng)
        onsets = np.flatnonzero(tokens.reshape(-1) >= 2)
        changed = np.flatnonzero(spoiled.reshape(-1) != tokens.reshape(-1))
        assert np.array_equal(changed, onsets[wrong])
        assert len(wrong) == max(1, round(share * notes))
        moves = np.abs(spoiled.reshape(-1)[changed].astype(int) - tokens.reshape(-1)[changed])
        assert moves.min() >= 1
        assert moves.max() <= 6


def test_four_bars_come_from_the_same_place_of_the_other():
    own, other = (np.full((9, 16), value, np.uint8) for value in (50, 60))
    mixed = with_foreign_bars(own, other, np.random.default_rng(0))
    rows = np.flatnonzero((mixed == 60).all(axis=1))
    assert len(rows) == 4
    assert rows.tolist() == list(range(rows[0], rows[0] + 4))


@pytest.mark.parametrize("paired", [True, False])
def test_the_area_is_that_of_ranks(paired):
    rng = np.random.default_rng(3)
    odd, usual = rng.normal(1, 1, 50).round(1), rng.normal(0, 1, 50).round(1)
    found = area(odd, usual, paired=paired)
    assert found.value == pytest.approx(area_under_curve(np.r_[odd, usual], np.repeat([True, False], 50)))
    assert found.low < found.value < found.high


def test_a_yardstick_holds_validation_windows_of_every_kind(corpus):
    made = make_yardstick(SHORT, corpus, windows=4)
    assert len(made.kinds) == 4
    assert made.model_hash == "fake"
    assert made.about["windows"] == 4
    assert np.isfinite(made.measured["notes"]).all()
    tunes = [tokens.tobytes() for tokens, _ in passages_of_split(SHORT, corpus, "validation", 99)]
    assert len(tunes) == len(set(tunes)) == 6
    with pytest.raises(ValueError, match="no validation tunes"):
        make_yardstick(SHORT, random_corpus((8, 0, 2)), windows=4)


def test_spoiled_tunes_give_rows_for_every_judge(corpus):
    held_out = replace(yardstick(ENGINE, count=2), ngram=ngram_of(corpus, bars=8))
    found = spoiled_rows(SHORT, corpus, 0, held_out, held_out.ngram, reader=FakeReader(), without_too=True, tunes=2)
    kinds = {"one wrong note", "a tenth of the notes wrong", "four bars of another tune"}
    assert {row.spoiled for row in found.areas} == kinds
    assert len(found.areas) == 3 * len({row.judge for row in found.areas})
    assert {row.judge for row in found.ranks} == {"score", "without the reader", "n-gram, notes moved", "n-gram"}
    assert all(0 <= row.above.value <= 1 for row in found.ranks)
    by_judge = {(row.spoiled, row.judge): row.area.value for row in found.areas}
    for row in found.gains:
        own = next(value for (kind, judge), value in by_judge.items() if kind == row.spoiled and judge == _TOLD_BY[kind])
        assert row.gain.value == pytest.approx(own - by_judge[row.spoiled, row.than])
    assert len(found.gains) == 6
    assert {row.windows for row in found.alarms} == kinds | {"as they were"}
    assert all(row.odd.value <= row.whole + row.notes + row.passages for row in found.alarms)
