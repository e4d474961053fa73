from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import melodies

from musicvae.music.key import Key
from musicvae.music.melody import DEFAULT_VELOCITY, Melody, Note
from musicvae.music.meter import Meter

TUNE = Melody((Note(60, 0, 4), Note(62, 4, 8), Note(64, 14, 6), Note(65, 24, 8)), num_bars=2, key=Key(0))


def test_times_in_beats_are_quarters_in_every_meter():
    note = Note(60, 6, 2)
    assert (note.onset, note.duration, note.end_steps) == (1.5, 0.5, 8)
    jig = Melody((note,), meter=Meter(6, 8), num_bars=3)
    assert (jig.num_steps, jig.num_beats) == (36, 9.0)


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ([Note(128, 0, 1)], r"note 0 has pitch 128, outside 0-127"),
        ([Note(-1, 0, 1)], r"note 0 has pitch -1, outside 0-127"),
        ([Note(60, 0, 1), Note(60, 1, 1, 0)], r"note 1 has velocity 0, outside 1-127 \(0 would be a note-off\)"),
        ([Note(60, 0, 1, 128)], r"note 0 has velocity 128, outside 1-127"),
        ([Note(60, 0, 0)], r"note 0 lasts 0 steps; every note lasts at least 1: was the grid too coarse\?"),
        ([Note(60, -1, 2)], r"note 0 starts at step -1, before step 0"),
        ([Note(60, 0, 3), Note(62, 2, 1)], r"note 1 starts at step 2, before step 3 where the note before it ends"),
        ([Note(60, 4, 1), Note(62, 0, 1)], r"note 1 starts at step 0, before step 5"),
        ([Note(60, 15, 2)], r"note 0 ends at step 17, after the last bar \(step 16\): more bars needed\?"),
    ],
)
def test_bad_notes_are_refused(notes, message):
    with pytest.raises(ValueError, match=message):
        Melody(tuple(notes), num_bars=1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_bars": 0}, r"a melody has at least 1 bar, got 0"),
        ({"tempo_qpm": 0.0}, r"tempo 0 is outside \(0, 10000\) quarter notes a minute"),
        ({"tempo_qpm": float("nan")}, r"tempo nan is outside"),
        ({"tempo_qpm": float("inf")}, r"tempo inf is outside"),
        ({"program": 128}, r"program 128 is outside 0-127 \(General MIDI counts from 0 here\)"),
        ({"program": -1}, r"program -1 is outside"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Melody((), **fields)


def test_a_melody_without_notes_and_one_that_fills_its_bars_are_fine():
    assert Melody((), num_bars=3).num_steps == 48
    assert Melody((Note(0, 0, 16), Note(127, 16, 16)), num_bars=2).notes[1].end_steps == 32


def test_melodies_are_values():
    assert replace(TUNE) == TUNE
    assert len({TUNE, replace(TUNE), TUNE.transposed(1)}) == 2
    with pytest.raises(FrozenInstanceError):
        TUNE.num_bars = 3  # type: ignore[misc]  # the point of the test


@given(melodies(min_pitch=30, max_pitch=90), st.integers(-24, 24))
def test_transposing_there_and_back_gives_the_melody(melody, semitones):
    moved = melody.transposed(semitones)
    assert moved.transposed(-semitones) == melody
    assert [note.pitch - semitones for note in moved.notes] == [note.pitch for note in melody.notes]
    assert moved.key == (melody.key and melody.key.transposed(semitones))


def test_transposing_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"note 0 has pitch 128, outside 0-127"):
        TUNE.transposed(68)


@given(melodies(max_bars=8), st.data())
def test_cut_keeps_the_notes_that_start_in_the_bars(melody, data):
    start = data.draw(st.integers(0, melody.num_bars + 1))
    bars = data.draw(st.integers(1, melody.num_bars + 2))
    part = melody.cut(start, bars)
    width = melody.meter.steps_per_bar
    assert part.num_bars == bars
    assert [(n.pitch, n.onset_steps + start * width, n.velocity) for n in part.notes] == [
        (n.pitch, n.onset_steps, n.velocity) for n in melody.notes if n.onset_steps // width in range(start, start + bars)
    ]
    for cut, whole in zip(part.notes, (n for n in melody.notes if n.onset_steps >= start * width), strict=False):
        assert cut.duration_steps == min(whole.duration_steps, part.num_steps - cut.onset_steps)


@given(melodies(max_bars=8))
def test_the_cuts_joined_are_the_melody_but_for_notes_over_the_cut(melody):
    joined = Melody.joined(melody.cut(bar, 1) for bar in range(melody.num_bars))
    width = melody.meter.steps_per_bar
    assert joined == replace(
        melody,
        notes=tuple(replace(n, duration_steps=min(n.duration_steps, width - n.onset_steps % width)) for n in melody.notes),
    )


@given(melodies())
def test_cutting_all_bars_and_joining_one_part_change_nothing(melody):
    assert melody.cut(0, melody.num_bars) == melody
    assert Melody.joined([melody]) == melody


def test_cut_refuses_a_negative_start_and_no_bars():
    with pytest.raises(ValueError, match=r"start bar -1 is below 0 \(bars of a melody count from 0\)"):
        TUNE.cut(-1, 1)
    with pytest.raises(ValueError, match=r"a melody has at least 1 bar, got 0"):
        TUNE.cut(0, 0)


def test_joined_takes_everything_else_from_the_first():
    other = replace(TUNE, tempo_qpm=60.0, program=5, name="Other", key=None)
    joined = Melody.joined([other, TUNE])
    assert (joined.tempo_qpm, joined.program, joined.name, joined.key, joined.num_bars) == (60.0, 5, "Other", None, 4)


@pytest.mark.parametrize("meter", ["3/4", "2/4"])
def test_different_meters_cannot_be_joined(meter):
    with pytest.raises(ValueError, match=rf"2 parts of different meters cannot be joined: 4/4, {meter}"):
        Melody.joined([TUNE, Melody((), meter=Meter.parse(meter), num_bars=2)])


def test_bars_of_the_same_length_in_other_meters_cannot_be_joined():
    with pytest.raises(ValueError, match=r"parts of different meters cannot be joined: 3/4, 6/8$"):
        Melody.joined([Melody((), meter=Meter(3, 4)), Melody((), meter=Meter(6, 8))])


def test_joining_nothing_is_refused():
    with pytest.raises(ValueError, match=r"no parts to join"):
        Melody.joined([])


@given(melodies())
def test_from_beats_gives_back_the_notes(melody):
    beats = [(n.pitch, n.onset, n.duration, n.velocity) for n in reversed(melody.notes)]
    again = Melody.from_beats(beats, num_bars=melody.num_bars, meter=melody.meter, tempo_qpm=melody.tempo_qpm)
    assert again.notes == melody.notes


def test_from_beats_rounds_to_steps_and_fills_in_velocity():
    tune = Melody.from_beats([(60, 0.03, 0.9), (62, 1.1, 0.01)], num_bars=1)
    assert tune.notes == (Note(60, 0, 4, DEFAULT_VELOCITY), Note(62, 4, 1, DEFAULT_VELOCITY))


def test_from_beats_refuses_overlaps_and_notes_past_the_end():
    with pytest.raises(ValueError, match=r"note 1 starts at step 4, before step 8"):
        Melody.from_beats([(60, 0, 2), (62, 1, 1)], num_bars=1)
    with pytest.raises(ValueError, match=r"note 0 ends at step 20, after the last bar \(step 16\)"):
        Melody.from_beats([(60, 3, 2)], num_bars=1)


@pytest.mark.parametrize("onset", [float("nan"), float("inf")])
def test_from_beats_refuses_times_that_are_no_numbers(onset):
    with pytest.raises(ValueError, match=r"times in beats must be finite"):
        Melody.from_beats([(60, onset, 1)], num_bars=1)
