from dataclasses import replace

import numpy as np
import pytest
from compose.fake_engine import FakeEngine, FakeWindowEngine, tune
from compose.judging.music import returning, wrong, yardstick

from musicvae.compose.judging.pieces import judge
from musicvae.music.melody import Melody

ENGINE = FakeEngine(canonical_key=False)


@pytest.fixture(scope="module")
def held_out():
    return yardstick(ENGINE, count=100)


def test_a_wrong_note_is_named_with_the_right_one_and_its_place(held_out):
    score = judge(ENGINE, wrong(returning(1)), held_out, threshold=0.2)
    odd = max(score.odd_notes(), key=lambda note: note.bits)
    assert (odd.number, odd.bar, odd.beat) == (13, 4, 2)
    assert (odd.pitch, odd.better) == (wrong(returning(1)).notes[13].pitch, returning(1).notes[13].pitch)
    assert score.chances["notes"] < 0.01
    assert score.is_odd


def test_what_is_like_the_held_out_tunes_is_not_odd(held_out):
    score = judge(ENGINE, returning(1), held_out)
    assert not score.is_odd
    assert not score.odd_notes()
    assert score.chance > 0.5


def test_bits_add_up_and_are_set_against_the_n_gram(held_out):
    score = judge(ENGINE, returning(1), held_out)
    assert score.bits_per_note == pytest.approx(score.bits / 32)
    assert score.gain == pytest.approx((score.simple_bits - score.bits) / 32)
    assert np.nansum(score.bar_bits) < score.bits


def test_foreign_bars_are_named_in_written_bars(held_out):
    own, other = returning(1), returning(1).transposed(5)
    notes = (*own.notes[:16], *other.notes[16:24], *own.notes[24:])
    score = judge(ENGINE, replace(own, notes=notes), held_out, threshold=0.2)
    assert {5, 6} <= set(score.odd_bars())
    assert len(score.odd_bars()) < 8


@pytest.mark.parametrize("meter", ["2/4", "3/4", "6/8"])
@pytest.mark.parametrize("bars", [1, 5, 37])
def test_every_note_and_bar_has_its_place_in_any_meter(meter, bars, held_out):
    melody = tune(1, bars, meter, rate=0.15)
    score = judge(ENGINE, melody, held_out, places=bars < 30)
    assert len(score.note_bits) == len(score.better) == len(melody.notes)
    assert len(score.bar_bits) == melody.meter.model_bars(bars)
    assert all(1 <= bar <= bars for bar in score.odd_bars())


def test_quick_scores_have_bits_and_call_nothing_odd(held_out):
    score = judge(ENGINE, wrong(returning(1)), held_out, places=False)
    assert np.isfinite(score.bits)
    assert np.isnan(score.note_bits).all()
    assert np.isnan(score.chance)
    assert not score.is_odd


@pytest.mark.parametrize("engine", [ENGINE, FakeWindowEngine()])
def test_without_held_out_tunes_there_are_bits_and_no_chances(engine):
    score = judge(engine, returning(1))
    assert np.isfinite(score.bits)
    assert np.isnan(score.simple_bits)
    assert np.isfinite(score.note_bits).all()
    assert not score.is_odd


def test_silence_is_scored_too(held_out):
    score = judge(ENGINE, Melody((), num_bars=4), held_out)
    assert np.isnan(score.bits_per_note)
    assert not score.is_odd
