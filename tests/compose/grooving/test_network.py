"""The real engine under the commands, with drawn weights."""

import numpy as np
import pytest
from compose.grooving_music import rows_of, stiff
from model.pieces.networks import engine

from musicvae.compose.pieces.model import PieceModel


@pytest.fixture(scope="module")
def players():
    return {name: PieceModel(engine(f"tiny-{name}"), name=name) for name in ("groove", "drumify")}


def test_a_long_beat_is_played(players):
    score = stiff(3 * players["groove"].max_bars + 1)
    made = players["groove"].humanize(score, seed=3, temperature=1.0)
    assert made.report.hits == len(rows_of(score, 2))
    assert made.data == players["groove"].humanize(score, seed=3, temperature=1.0).data
    moved = players["groove"].groove_transfer(score, stiff(2), apply_to="bass")
    assert len(rows_of(moved.score, 1)) == len(rows_of(score, 1))


def test_a_long_rhythm_becomes_a_beat(players):
    bars = 2 * players["drumify"].max_bars + 1
    made = players["drumify"].drumify(stiff(bars), player=players["groove"], seed=3)
    assert made.report.bars == bars
    assert made.report.hits > 0
    assert np.array_equal(
        made.notes.onset_ticks, players["drumify"].drumify(stiff(bars), player=players["groove"], seed=3).notes.onset_ticks
    )
