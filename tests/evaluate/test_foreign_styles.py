import numpy as np
import pytest
from compose.fake_engine import FakeEngine
from compose.judging.music import leaping, sense, walking, yardstick

from musicvae.compose.judging.collection import windows_of_piece
from musicvae.evaluate.foreign_styles import Appearances, foreign_rows, summary_row
from musicvae.evaluate.judge import area_under_curve

ENGINE = FakeEngine(canonical_key=False)


def test_foreign_pieces_are_found_among_others():
    styles = {
        name: [windows_of_piece(ENGINE, make(seed)) for seed in range(100, 116)] for name, make in (("walk", walking), ("leap", leaping))
    }
    rows = foreign_rows(
        sense(ENGINE), yardstick(ENGINE, 2).ngram, 0, "4/4", styles, ["walk", "gone"], unknown=["leap"], pieces=10, rounds=2
    )
    ((row, _),) = rows
    assert (row.home, row.foreign, row.known) == ("walk", "leap", False)
    assert row.score.value > 0.9
    assert row.gain.value == pytest.approx(row.score.value - row.ngram.value)
    assert summary_row(rows, "4/4", known=False).score == row.score.__class__(row.score.value, row.score.low, row.score.high, 1, 1)
    assert summary_row(rows, "4/4", known=True) is None


def test_areas_are_those_of_ranks_and_draws_are_of_pieces():
    rng = np.random.default_rng(0)
    foreign = np.arange(40) < 12
    score, ngram = rng.normal(size=(2, 40)).round(1) + foreign
    found = Appearances(np.arange(40) % 7, foreign, score, ngram).areas(rng)
    assert found[0] == pytest.approx([area_under_curve(values, foreign) for values in (score, ngram)])
    assert found[1:].std(axis=0).min() > 0.01
    alone = Appearances(np.zeros(40, np.int64), foreign, score, ngram).areas(rng)
    assert alone.std(axis=0) == pytest.approx([0, 0], abs=1e-9), "one piece drawn again is the same piece"
