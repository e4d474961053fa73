import pytest

from musicvae.music.key import Key
from musicvae.music.meter import Meter
from musicvae.music.score import KeyChange, MeterChange, Score, ScoreNote, TempoChange, Track
from musicvae.music.segments import NO_METER, ONE_BEAT, assumed_meter, segments, stated_key, tempo_at

TPB = 480
BAR = 4 * TPB  # of 4/4


def score_of(*meters, **fields):
    return Score(TPB, (), meters=tuple(MeterChange(tick, Meter(*meter)) for tick, meter in meters), **fields)


def told(found):
    return [(s.start, str(s.meter), s.start_bar, s.num_bars, s.has_pickup, s.has_partial_end) for s in found]


def test_bars_of_one_beat_throughout_are_read_as_four_four():
    beat = MeterChange(480, Meter(1, 4))
    score = Score(480, (), meters=(beat, MeterChange(960, Meter(1, 4))))
    assert assumed_meter(score) == ONE_BEAT
    assert [(s.start, str(s.meter), s.num_bars) for s in segments(score, 480 + 4 * 1920, 480)] == [(480, "4/4", 4)]
    mixed = Score(480, (), meters=(beat, MeterChange(960, Meter(3, 4))))
    assert assumed_meter(mixed) == ""
    assert assumed_meter(Score(480, ())) == NO_METER


def test_bars_are_counted_over_the_whole_file():
    score = score_of((0, (4, 4)), (3 * BAR, (3, 4)), (3 * BAR + 6 * TPB, (7, 8)))
    assert told(segments(score, 3 * BAR + 6 * TPB + 1)) == [
        (0, "4/4", 1, 3, False, False), (3 * BAR, "3/4", 4, 2, False, False), (3 * BAR + 6 * TPB, "7/8", 6, 1, False, False)
    ]  # fmt: skip


def test_a_bar_cut_short_by_a_change_of_meter_is_told():
    first, second = segments(score_of((0, (4, 4)), (2 * BAR + TPB, (3, 4))), 3 * BAR)
    assert (first.num_bars, first.has_partial_end, second.start_bar) == (3, True, 4)


@pytest.mark.parametrize("late", [1, 20, 60])
def test_a_change_of_meter_a_hair_after_the_bar_line_cuts_no_bar(late):
    first, second = segments(score_of((0, (4, 4)), (2 * BAR + late, (3, 4))), 3 * BAR)
    assert (first.num_bars, first.has_partial_end, second.start_bar) == (2, False, 3)


@pytest.mark.parametrize(("end", "bars"), [(2 * BAR, 2), (2 * BAR + 60, 2), (2 * BAR + 61, 3), (30, 1), (0, 1)])
def test_a_last_note_that_rings_a_hair_over_the_bar_line_opens_no_bar(end, bars):
    assert [s.num_bars for s in segments(score_of((0, (4, 4))), end)] == [bars]


@pytest.mark.parametrize(("again", "pieces"), [(2 * BAR, 1), (2 * BAR + 15, 1), (2 * BAR - 15, 1), (2 * BAR + TPB, 2)])
def test_a_meter_that_is_stated_again_splits_only_out_of_phase(again, pieces):
    assert len(segments(score_of((0, (4, 4)), (again, (4, 4))), 4 * BAR)) == pieces


def test_a_short_first_bar_is_a_pickup():
    score = Score(
        TPB, (Track((ScoreNote(0, 60, TPB, 80),)),), meters=(MeterChange(0, Meter(1, 4)), MeterChange(TPB, Meter(3, 4)))
    )  # fmt: skip
    assert told(segments(score, 7 * TPB)) == [(-2 * TPB, "3/4", 1, 3, True, False)]


def test_segments_share_the_onsets_out():
    found = segments(score_of((0, (4, 4)), (BAR, (3, 4)), (BAR + 3 * TPB, (2, 4))), 4 * BAR)
    assert [s.low_ticks for s in found[1:]] == [s.high_ticks for s in found[:-1]] == [BAR - 60, BAR + 3 * TPB - 60]
    assert (found[0].low_ticks, found[-1].high_ticks) == (-float("inf"), float("inf"))


def test_the_tempo_is_the_last_one_that_makes_sense():
    tempi = (TempoChange(0, 90.0), TempoChange(100, 0.0), TempoChange(200, 20_000.0), TempoChange(300, 60.0))
    score = Score(TPB, (), tempi=tempi)
    assert [tempo_at(score, tick) for tick in (-50, 0, 250, 299, 300)] == [90.0, 90.0, 90.0, 90.0, 60.0]
    assert tempo_at(Score(TPB, ()), 0) == tempo_at(Score(TPB, (), tempi=tempi[1:2]), 500) == 120.0


def test_the_stated_key_is_that_which_holds_longest_in_the_segment():
    score = score_of(
        (0, (4, 4)), (8 * BAR, (3, 4)), keys=tuple(KeyChange(bar * BAR, Key(tonic)) for bar, tonic in ((1, 0), (3, 7), (9, 2)))
    )
    first, second = segments(score, 20 * BAR)
    assert (stated_key(score, first), stated_key(score, second)) == (Key(7), Key(2))
    assert stated_key(score_of((0, (4, 4))), first) is None
