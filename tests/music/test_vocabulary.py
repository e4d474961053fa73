from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import melodies, meters, tokens

from musicvae.music.melody import DEFAULT_VELOCITY, Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.vocabulary import (
    HOLD,
    NOTE_OFF,
    VOCABULARY_SIZE,
    canonical_tokens,
    from_tokens,
    grid_tokens,
    pitch_of,
    to_tokens,
    token_of,
)


def sounding(flat):
    """What is heard at each step, by the definition of the events alone: None or (pitch, step at which it started)."""
    heard, state = [], None
    for step, event in enumerate(flat):
        if event == 1:
            state = None
        elif event >= 2:
            state = (int(event) + 19, step)
        heard.append(state)
    return heard


def heard_in(melody, num_steps):
    heard = [None] * num_steps
    for note in melody.notes:
        heard[note.onset_steps : note.end_steps] = [(note.pitch, note.onset_steps)] * note.duration_steps
    return heard


def test_the_layout_is_that_of_musicvae():
    assert (HOLD, NOTE_OFF, VOCABULARY_SIZE) == (0, 1, 90)
    assert (token_of(21), token_of(60), token_of(108)) == (2, 41, 89)


@given(st.integers(21, 108))
def test_pitches_survive_the_round_trip(pitch):
    assert pitch_of(token_of(pitch)) == pitch


@pytest.mark.parametrize("pitch", [20, 109, -1, 7])
def test_a_pitch_outside_the_piano_names_the_range(pitch):
    with pytest.raises(ValueError, match=rf"pitch {pitch} is outside \[21, 108\], the range of a piano: transpose by octaves\?"):
        token_of(pitch)
    if 0 <= pitch <= 127:
        with pytest.raises(ValueError, match=rf"pitch {pitch} is outside \[21, 108\]"):
            to_tokens(Melody((Note(pitch, 0, 1),)))


@pytest.mark.parametrize("token", [-1, 0, 1, 90])
def test_a_token_that_starts_no_note_names_those_that_do(token):
    with pytest.raises(ValueError, match=rf"token {token} starts no note; those that do are 2..89"):
        pitch_of(token)


def test_tokens_of_a_bar_written_by_hand():
    # E held, D repeated, a rest, then C to the end of the bar.
    tune = Melody((Note(64, 0, 4), Note(62, 4, 2), Note(62, 6, 2), Note(60, 12, 4)), num_bars=1)
    expected = [[45, 0, 0, 0, 43, 0, 43, 0, 1, 0, 0, 0, 41, 0, 0, 0]]
    np.testing.assert_array_equal(to_tokens(tune), expected)
    assert to_tokens(tune).dtype == np.uint8


def test_a_note_that_ends_with_the_bar_is_ended_in_the_next():
    tune = Melody((Note(60, 8, 8),), num_bars=2)
    assert to_tokens(tune)[1].tolist() == [1] + [0] * 15


def test_two_written_bars_of_2_4_make_one_model_bar_and_an_odd_one_is_filled_with_silence():
    tune = Melody((Note(60, 0, 8), Note(62, 8, 8), Note(64, 16, 8)), meter=Meter(2, 4), num_bars=3)
    rows = to_tokens(tune)
    assert rows.shape == (2, 16)
    assert rows[1].tolist() == [45, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert from_tokens(rows, Meter(2, 4), num_bars=3).notes == tune.notes


@pytest.mark.parametrize("end", [14, 15, 16])
def test_a_note_ends_where_it_should_near_the_end_of_the_melody(end):
    tune = Melody((Note(60, 0, end),), num_bars=1)
    assert np.flatnonzero(to_tokens(tune) == NOTE_OFF).tolist() == ([end] if end < 16 else [])
    assert from_tokens(to_tokens(tune), tune.meter).notes == tune.notes


@given(melodies())
def test_a_melody_survives_the_round_trip(melody):
    rows = to_tokens(melody)
    meter = melody.meter
    assert rows.shape == (meter.model_bars(melody.num_bars), meter.steps_per_model_bar)
    again = from_tokens(rows, meter, num_bars=melody.num_bars)
    assert again.notes == tuple(replace(note, velocity=DEFAULT_VELOCITY) for note in melody.notes)
    assert (again.meter, again.num_bars) == (meter, melody.num_bars)
    np.testing.assert_array_equal(to_tokens(again), rows)


@given(melodies())
def test_tokens_sound_as_the_melody_does(melody):
    flat = to_tokens(melody).ravel()
    assert sounding(flat) == heard_in(melody, len(flat))


@given(meters(), st.data())
def test_any_tokens_are_a_melody_that_sounds_as_they_do(meter, data):
    rows = data.draw(tokens(steps=meter.steps_per_model_bar))
    melody = from_tokens(rows, meter)
    assert melody.num_bars == len(rows) * meter.written_per_model_bar
    assert heard_in(melody, rows.size) == sounding(rows.ravel())


@given(meters(), st.data())
def test_fewer_bars_cut_what_is_beyond(meter, data):
    rows = data.draw(tokens(steps=meter.steps_per_model_bar))
    num_bars = data.draw(st.integers(1, len(rows) * meter.written_per_model_bar))
    assert from_tokens(rows, meter, num_bars=num_bars) == from_tokens(rows, meter).cut(0, num_bars)


@given(tokens())
def test_canonical_tokens_are_those_that_the_melody_writes(rows):
    canonical = canonical_tokens(rows)
    np.testing.assert_array_equal(canonical, to_tokens(from_tokens(rows, Meter(4, 4))))
    np.testing.assert_array_equal(canonical_tokens(canonical), canonical)


@given(melodies())
def test_tokens_of_a_melody_are_canonical(melody):
    rows = to_tokens(melody)
    np.testing.assert_array_equal(canonical_tokens(rows), rows)


def test_canonical_tokens_leave_their_input_alone():
    rows = np.array([[1, 0, 1, 41, 0, 1, 1, 0] * 2], np.uint8)
    before = rows.copy()
    assert canonical_tokens(rows).tolist() == [[0, 0, 0, 41, 0, 1, 0, 0] * 2]
    np.testing.assert_array_equal(rows, before)


def test_wrong_shapes_and_tokens_are_refused():
    with pytest.raises(ValueError, match=r"tokens of 3/4 have shape \(bars, 12\), got \(1, 16\)"):
        from_tokens(np.zeros((1, 16), np.uint8), Meter(3, 4))
    with pytest.raises(ValueError, match=r"tokens of 4/4 have shape \(bars, 16\), got \(16,\)"):
        from_tokens(np.zeros(16, np.uint8), Meter(4, 4))
    with pytest.raises(ValueError, match=r"token 90 is outside 0\.\.89"):
        from_tokens(np.full((1, 16), 90, np.uint8), Meter(4, 4))
    with pytest.raises(ValueError, match=r"meter 5/4 has no grid"):
        from_tokens(np.zeros((1, 20), np.uint8), Meter(5, 4))
    with pytest.raises(ValueError, match=r"meter 7/8 has no grid"):
        to_tokens(Melody((), meter=Meter(7, 8)))


def columns(melody):
    return (np.array([getattr(n, field) for n in melody.notes], np.int64) for field in ("pitch", "onset_steps", "duration_steps"))


@given(melodies())
def test_tokens_of_columns_are_those_of_the_melody(melody):
    assert np.array_equal(grid_tokens(*columns(melody), melody.meter, melody.num_bars), to_tokens(melody))


def test_columns_that_have_no_tokens_are_refused():
    note = np.array([60]), np.array([12]), np.array([5])
    with pytest.raises(ValueError, match=r"notes from step 12 to 17 do not fit 1 bars of 4/4"):
        grid_tokens(*note, Meter(4, 4), 1)
    with pytest.raises(ValueError, match=r"pitch 109 is outside \[21, 108\]"):
        grid_tokens(note[0] + 49, note[1], note[2], Meter(4, 4), 2)
    with pytest.raises(ValueError, match="meter 5/4 has no grid"):
        grid_tokens(*note, Meter(5, 4), 2)
