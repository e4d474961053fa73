import numpy as np
import pytest

from musicvae.compose.constraints.leaning import Leaning, chord_bias, chord_scale, strong_steps
from musicvae.music.chords import Chord
from musicvae.music.key import Key
from musicvae.music.lead_sheet import ChordSpan
from musicvae.music.meter import Meter

C_MAJOR = Key(0).scale


@pytest.mark.parametrize(("meter", "steps"), [("4/4", (0, 8)), ("2/2", (0, 8)), ("2/4", (0,)), ("3/4", (0,)), ("6/8", (0, 6))])
def test_strong_places(meter, steps):
    assert strong_steps(Meter.parse(meter)) == steps


@pytest.mark.parametrize(
    ("chord", "gone", "new"),
    [("C", set(), set()), ("Dm7", set(), set()), ("G7", set(), set()), ("E7", {7}, {8}), ("Fm", {9}, {8}), ("A7", {0}, {1}),
     ("C7", {11}, {10}),
     ("Bb", set(), {10}), ("F#m7b5", {5}, {6}), ("Caug", {7}, {8})],
)  # fmt: skip
def test_a_chord_s_scale_has_its_own_notes_in_place_of_the_same_degrees(chord, gone, new):
    assert chord_scale(Chord.parse(chord), C_MAJOR) == C_MAJOR - gone | new


def test_a_bias_takes_nats_off_what_the_chord_does_not_hold():
    spans = (ChordSpan(0, Chord.parse("D")), ChordSpan(16, Chord.parse("G")), ChordSpan(20, None))
    bias = chord_bias(spans, Meter(4, 4), 0, 32, -2, 2, Leaning(4.0, 1.0, 3.0))  # D major, as C major in coordinates
    by_class = bias[:, 60 - 21 : 72 - 21]
    assert bias.shape == (32, 88)
    np.testing.assert_array_equal(bias[:, : 24 - 21 + 12], np.roll(bias, -12, 1)[:, : 24 - 21 + 12])
    assert by_class[0].tolist() == [0, -7, -4, -7, 0, -4, -7, 0, -7, -4, -7, -4]
    assert by_class[4].tolist() == [0, -4, -1, -4, 0, -1, -4, 0, -4, -1, -4, -1]
    assert by_class[1].tolist() == [0, -3, 0, -3, 0, 0, -3, 0, -3, 0, -3, 0]
    assert by_class[16].tolist()[:2] == [0, -7]
    assert not bias[20:].any()  # no chord, no leaning
    np.testing.assert_array_equal(chord_bias(spans, Meter(4, 4), 7, 9, -2, 2, Leaning(4.0, 1.0, 3.0)), bias[7:16])


def test_a_chord_off_the_beat_is_strong_where_it_begins():
    bias = chord_bias((ChordSpan(0, Chord.parse("C")), ChordSpan(6, Chord.parse("F"))), Meter(4, 4), 0, 16, 0, 0, Leaning(4.0, 0.0, 0.0))
    assert np.flatnonzero(bias.any(axis=1)).tolist() == [0, 6, 8]
