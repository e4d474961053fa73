from dataclasses import replace

import pytest
from compose.fake_engine import same_music, tune
from hypothesis import given
from strategies import melodies, meters

from musicvae.compose.alignment import align, written_in
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter


def test_equal_melodies_are_left_alone():
    a, b = tune(1), tune(2)
    aligned = align(a, b)
    assert (aligned.a, aligned.b, aligned.notices) == (a, b, ())


def test_a_shorter_one_is_repeated_where_it_fits():
    aligned = align(tune(1, 4), tune(2, 16))
    assert aligned.a.num_bars == aligned.b.num_bars == 16
    assert same_music(aligned.a.cut(12, 4), tune(1, 4))
    assert aligned.notices == ("A was played 4 times to fill 16 bars",)


def test_else_its_last_time_is_cut_short():
    aligned = align(tune(1, 16), tune(2, 5))
    assert same_music(aligned.b, Melody.joined([tune(2, 5)] * 4).cut(0, 16))
    assert aligned.notices == ("B was played 3 times and then its first bar to fill 16 bars",)
    assert align(tune(1, 9), tune(2, 5)).notices == ("B was played once and then its first 4 bars to fill 9 bars",)


def test_it_can_be_padded_with_rests():
    aligned = align(tune(1, 16), tune(2, 5), how="pad")
    assert aligned.b.notes == tune(2, 5).notes
    assert aligned.b.num_bars == 16
    assert aligned.notices == ("B, of 5 bars, was filled up with rests to 16",)
    assert align(tune(1, 4), tune(2, 16), how="pad").a.notes == tune(1, 4).notes


def test_trimming_cuts_both():
    aligned = align(tune(1, 16), tune(2, 5), how="trim")
    assert aligned.a == tune(1, 16).cut(0, 5)
    assert aligned.notices == ("both were cut to the 5 bars of B",)


def test_a_jig_in_four_four_keeps_its_bars_and_their_speed():
    jig = Melody((Note(60, 0, 6), Note(62, 6, 2), Note(64, 8, 4), Note(65, 12, 12)), meter=Meter(6, 8), num_bars=2, tempo_qpm=90)
    moved, lost = written_in(jig, Meter(4, 4))
    assert [(n.onset_steps, n.duration_steps) for n in moved.notes] == [(0, 8), (8, 3), (11, 5), (16, 16)]
    assert (moved.num_bars, lost) == (2, 0)
    assert moved.tempo_qpm == pytest.approx(120)  # 3 beats at 90 last as long as 4 at 120


def test_notes_that_fall_on_one_step_are_counted():
    run = Melody(tuple(Note(60 + i, i, 1) for i in range(16)), num_bars=1)
    aligned = align(replace(run, meter=Meter(6, 8), notes=run.notes[:12], num_bars=1), run)
    assert len(aligned.b.notes) == 12
    assert "4 notes of B were lost where two fell on one step" in aligned.notices
    assert "B, in 4/4, was written in A's 6/8" in aligned.notices


def test_two_four_and_four_four_differ_in_bar_lines_only():
    polka = tune(1, 7, "2/4")
    moved, lost = written_in(polka, Meter(4, 4))
    assert (moved.notes, moved.num_bars, moved.tempo_qpm, lost) == (polka.notes, 4, polka.tempo_qpm, 0)
    assert written_in(tune(1, 3), Meter(2, 4))[0].num_bars == 6


def test_meters_of_two_kinds_can_be_refused():
    with pytest.raises(ValueError, match=r"A is in 4/4 and B in 6/8: allow them to be mapped \(meters='map'\)"):
        align(tune(1), tune(2, 16, "6/8"), meters="refuse")
    assert align(tune(1), tune(2, 32, "2/4"), meters="refuse").b.num_bars == 16


def test_unknown_rules_are_named():
    with pytest.raises(ValueError, match="align must be one of repeat, pad, trim; got 'stretch'"):
        align(tune(1), tune(2), how="stretch")


@given(melodies(), meters())
def test_any_melody_can_be_written_in_any_meter(melody, meter):
    moved, lost = written_in(melody, meter)
    assert moved.meter == meter
    assert len(moved.notes) + lost == len(melody.notes)
    assert moved.num_steps == moved.num_bars * meter.steps_per_bar  # and the notes lie inside, which Melody checks
    if melody.meter.kind == meter.kind:
        assert moved.notes == melody.notes


@given(melodies(), melodies())
def test_aligned_melodies_have_one_meter_and_length(a, b):
    for how in ("repeat", "pad", "trim"):
        aligned = align(a, b, how=how)
        assert (aligned.a.meter, aligned.a.num_bars) == (aligned.b.meter, aligned.b.num_bars)
        assert aligned.a.meter == a.meter
