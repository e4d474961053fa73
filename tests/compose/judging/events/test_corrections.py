"""Wrong hits and notes of beats and trios, with the shipped models."""

from dataclasses import replace

import numpy as np
import pytest

from musicvae.compose.judging.events.corrections import PieceCorrection
from musicvae.compose.model import load
from musicvae.music.piece import Piece

KICK, SNARE, HAT = 1 << 0, 1 << 1, 1 << 2


@pytest.fixture(scope="module")
def drums():
    return load("drums", threads=1)


def beat(bars=16):
    bar = np.zeros(16, np.uint64)
    bar[::2] |= np.uint64(HAT)
    bar[[0, 8]] |= np.uint64(KICK)
    bar[[4, 12]] |= np.uint64(SNARE)
    return Piece("drums", {"bars": np.repeat(bar[None], bars, axis=0)}, drum_map="nine", tempo_qpm=100.0)


def with_late_snare(piece, bar=6):
    rows = np.array(piece.columns["bars"])
    rows[bar, 4] ^= np.uint64(SNARE)
    rows[bar, 5] |= np.uint64(SNARE)
    return replace(piece, columns={"bars": rows})


def test_a_steady_beat_has_nothing_wrong_and_a_late_hit_goes_back(drums):
    assert drums.propose_repairs(beat()) == ()
    wrong = with_late_snare(beat())
    found = drums.propose_repairs(wrong)
    assert [(item.line, item.onset_steps, item.note, item.better_steps, item.better_note) for item in found] == [("drums", 101, 1, 100, 1)]
    assert found[0].bits > 0
    mended = drums.apply_repairs(wrong, found)
    np.testing.assert_array_equal(mended.columns["bars"], beat().columns["bars"])
    np.testing.assert_array_equal(drums.repair(wrong).columns["bars"], beat().columns["bars"])


def test_what_is_locked_is_right(drums):
    assert drums.propose_repairs(with_late_snare(beat()), lock="7") == ()


def test_slips(drums):
    with pytest.raises(ValueError, match="the share of wrong notes lies above 0 and below 1, got 0"):
        drums.propose_repairs(beat(), wrong_share=0)
    with pytest.raises(ValueError, match="nothing is left to look at: all is locked"):
        drums.propose_repairs(beat(), lock="drums")
    with pytest.raises(ValueError, match="is no correction: give some of those that propose_repairs returns"):
        drums.apply_repairs(beat(), [3])
    with pytest.raises(ValueError, match="the piece has nothing that the correction of drums at step 3 is for"):
        drums.apply_repairs(beat(), [PieceCorrection("drums", 3, 1, 4, 1, 1.0)])


def test_a_wrong_note_of_a_trio_is_found_in_its_line():
    trio = load("trio", threads=1)
    piece = trio.generate(16, seed=3)
    rows = np.array(piece.columns["bass"])
    bars, steps = np.nonzero(rows >= 2)
    at = len(bars) // 2
    rows[bars[at], steps[at]] += 1
    found = trio.propose_repairs(replace(piece, columns={**piece.columns, "bass": rows}), only="bass")
    assert {item.line for item in found} <= {"bass"}
    assert (bars[at] * 16 + steps[at]) in {item.onset_steps for item in found}
