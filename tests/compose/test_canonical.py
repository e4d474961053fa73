from dataclasses import replace

import pytest
from compose.fake_engine import tune
from hypothesis import given
from hypothesis import strategies as st
from strategies import keys, melodies

from musicvae.compose.canonical import fold, from_coordinates, to_coordinates, transposition
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.vocabulary import MAX_PITCH, MIN_PITCH, to_tokens


@pytest.mark.parametrize("shift", [-14, -5, 0, 2, 3, 11])
def test_one_tune_has_the_same_coordinates_in_every_key(shift):
    plain, moved = tune(3), tune(3, shift=shift)
    a, b = to_coordinates(plain, canonical_key=True), to_coordinates(moved, canonical_key=True)
    assert (a.tokens == b.tokens).all()
    assert b.shift_semitones == a.shift_semitones - shift
    back = from_coordinates(b.tokens, moved.meter, shift_semitones=b.shift_semitones, num_bars=moved.num_bars)
    assert [n.pitch for n in back.notes] == [n.pitch for n in moved.notes]


def test_an_unstated_key_is_estimated():
    placed = to_coordinates(replace(tune(3, shift=2), key=None), canonical_key=True)
    assert placed.key == Key.parse("D")
    assert (placed.tokens == to_coordinates(tune(3), canonical_key=True).tokens).all()


def test_the_mode_settles_the_shift():
    melody = replace(tune(3), key=Key.parse("D dorian"))
    assert to_coordinates(melody, canonical_key=True).shift_semitones % 12 == 0
    assert to_coordinates(replace(melody, key=Key.parse("D")), canonical_key=True).shift_semitones % 12 == 10


@given(melodies(max_bars=3, min_pitch=0, max_pitch=127), st.booleans())
def test_coordinates_lose_only_octaves_out_of_range(melody, canonical_key):
    placed = to_coordinates(melody, canonical_key=canonical_key)
    back = from_coordinates(placed.tokens, melody.meter, shift_semitones=placed.shift_semitones, num_bars=melody.num_bars)
    assert [(n.onset_steps, n.pitch % 12) for n in back.notes] == [(n.onset_steps, n.pitch % 12) for n in melody.notes]
    inside = [MIN_PITCH <= n.pitch + placed.shift_semitones <= MAX_PITCH for n in melody.notes]
    assert placed.num_folded == inside.count(False)
    assert all(new.pitch == old.pitch for new, old, ok in zip(back.notes, melody.notes, inside, strict=True) if ok)


def test_canonical_key_off_leaves_pitches_alone():
    melody = tune(3, shift=3)
    placed = to_coordinates(melody, canonical_key=False)
    assert placed.shift_semitones == 0
    assert (placed.tokens == to_tokens(melody)).all()


def test_no_notes_have_coordinates_too():
    placed = to_coordinates(Melody((), num_bars=2), canonical_key=True)
    assert not placed.tokens.any()


def test_pitches_that_undoing_the_shift_would_take_below_zero_are_folded():
    tokens = to_tokens(Melody((Note(21, 0, 4),), num_bars=1))
    assert from_coordinates(tokens, Melody(()).meter, shift_semitones=48).notes[0].pitch == 9


@pytest.mark.parametrize(("pitch", "expected"), [(20, 32), (8, 32), (9, 21), (21, 21), (108, 108), (109, 97), (120, 108), (-3, 21)])
def test_folding_takes_as_few_octaves_as_will_do(pitch, expected):
    assert fold(pitch, 21, 108) == expected


@given(keys(), keys())
def test_a_transposition_is_near_and_leads_to_the_signature(a, b):
    shift = transposition(a, b)
    assert -6 <= shift <= 5
    assert a.transposed(shift).major_tonic == b.major_tonic
