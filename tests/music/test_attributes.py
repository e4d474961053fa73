import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import melodies, tokens

from musicvae.music.attributes import ATTRIBUTES, PAPER_ATTRIBUTES, different_bars, own_key, repeat_lags, scale_share
from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter


def tune(*onsets, pitch=60, meter="4/4", num_bars=1, key=None):
    """Notes of one step at these onsets."""
    return Melody(tuple(Note(pitch, onset, 1) for onset in onsets), meter=Meter.parse(meter), num_bars=num_bars, key=key)


def line(*pitches, key=None):
    """Quarter notes, one after another."""
    return Melody(tuple(Note(p, 4 * i, 4) for i, p in enumerate(pitches)), num_bars=max(1, math.ceil(len(pitches) / 4)), key=key)


def test_the_registry_names_each_and_begins_with_the_papers_five():
    assert PAPER_ATTRIBUTES == ("density", "interval", "syncopation-8", "syncopation-16", "diatonic")
    assert set(ATTRIBUTES) == {*PAPER_ATTRIBUTES, "pitch-mean", "pitch-range", "rests", "repetition"}
    assert all(name == attribute.name and attribute.meaning and attribute.unit for name, attribute in ATTRIBUTES.items())


@given(melodies())
def test_every_attribute_is_a_finite_float_within_its_range(melody):
    for attribute in ATTRIBUTES.values():
        value = attribute(melody)
        low, high = attribute.range
        assert isinstance(value, float)
        assert low <= value <= high, attribute.name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("density", 0),
        ("interval", 0),
        ("syncopation-8", 0),
        ("syncopation-16", 0),
        ("diatonic", 1),
        ("pitch-mean", 71),
        ("pitch-range", 0),
        ("rests", 1),
        ("repetition", 0.75),
    ],
)
def test_a_melody_without_notes_has_every_attribute(name, expected):
    assert ATTRIBUTES[name](Melody((), num_bars=4)) == expected


@pytest.mark.parametrize(
    ("name", "melody", "expected"),
    [
        ("density", tune(0, 4, 5, 12), 4 / 16),
        ("density", tune(*range(12), meter="6/8"), 1),
        ("interval", line(60, 64, 62, 62), (4 + 2 + 0) / 3),
        ("interval", line(60), 0),
        ("pitch-mean", line(60, 64, 68), 64),
        ("pitch-range", line(60, 72, 55), 17),
        ("rests", tune(0, 4, 5, 12), 12 / 16),
        ("rests", Melody((Note(60, 0, 16),), num_bars=1), 0),
    ],
)
def test_values_counted_by_hand(name, melody, expected):
    assert ATTRIBUTES[name](melody) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ((0, 1, 2, 3), 0),  # each odd step follows an onset
        ((1,), 1),
        ((0, 3), 1 / 2),
        ((0, 3, 4, 7, 9, 10), 3 / 6),  # 3, 7 and 9
        ((2, 4, 6), 0),  # eighths only
        ((15,), 1),
    ],
)
def test_syncopation_by_sixteenths(onsets, expected):
    assert ATTRIBUTES["syncopation-16"](tune(*onsets)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ((0, 2, 4, 6), 0),  # all eighths: each off-beat one follows its beat
        ((2,), 1),
        ((1, 2), 0),  # an onset one step before
        ((0, 6, 8), 1 / 3),  # dotted quarter and eighth
        ((2, 6, 10, 14), 1),
        ((1, 3, 5), 0),  # sixteenths off the eighths do not count
        ((14,), 1),
    ],
)
@pytest.mark.parametrize("meter", ["4/4", "2/2"])
def test_syncopation_by_eighths_where_the_beat_is_a_quarter(onsets, expected, meter):
    assert ATTRIBUTES["syncopation-8"](tune(*onsets, meter=meter)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ((0, 2, 4, 6, 8, 10), 0),  # a bar of a jig
        ((0, 4, 6, 10), 0),  # quarter and eighth
        ((2, 4, 6), 1 / 3),  # the beat silent: its second eighth is syncopated, the third is not
        ((4,), 1),
        ((0, 8), 1 / 2),
        ((0, 10), 1 / 2),
        ((6,), 0),  # the second dotted quarter is a beat
        ((1, 4), 0),
        ((3, 9), 0),  # off the eighths
    ],
)
def test_syncopation_by_eighths_in_6_8_is_off_the_dotted_quarter(onsets, expected):
    assert ATTRIBUTES["syncopation-8"](tune(*onsets, meter="6/8")) == pytest.approx(expected)


@given(melodies(meter=st.sampled_from([Meter(4, 4), Meter(2, 4), Meter(2, 2), Meter(3, 4)])))
def test_syncopation_is_the_papers_rule_in_meters_of_quarters(melody):
    grid = np.zeros(melody.num_steps + 2, bool)  # two silent steps first
    grid[[note.onset_steps + 2 for note in melody.notes]] = True
    now, one_before, two_before = grid[2:], grid[1:-1], grid[:-2]
    step = np.arange(melody.num_steps)
    sixteenth = now & (step % 2 == 1) & ~one_before
    eighth = now & (step % 4 == 2) & ~one_before & ~two_before
    count = max(1, len(melody.notes))
    assert ATTRIBUTES["syncopation-16"](melody) == pytest.approx(sixteenth.sum() / count)
    assert ATTRIBUTES["syncopation-8"](melody) == pytest.approx(eighth.sum() / count)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("C major", 3 / 4), ("D major", 3 / 4), ("G major", 1.0), ("E dorian", 3 / 4), ("A dorian", 1.0), ("Eb major", 2 / 4)],
)
def test_diatonic_is_measured_in_the_stated_key(key, expected):
    assert ATTRIBUTES["diatonic"](line(60, 66, 67, 69, key=Key.parse(key))) == pytest.approx(expected)


def test_diatonic_estimates_a_key_that_is_not_stated():
    scale = line(62, 64, 66, 67, 69, 71, 73, 74, 62, 63)  # D major and one E flat
    assert own_key(scale) == Key.parse("D major")
    assert ATTRIBUTES["diatonic"](scale) == pytest.approx(9 / 10)


def test_own_key_prefers_the_stated_one():
    assert own_key(line(60, 64, 67, key=Key.parse("F# phrygian"))) == Key.parse("F# phrygian")


@given(melodies(min_pitch=40, max_pitch=80, min_notes=1), st.integers(-12, 12))
def test_transposing_changes_the_mean_pitch_only(melody, semitones):
    melody = replace(melody, key=own_key(melody))
    moved = melody.transposed(semitones)
    for name, attribute in ATTRIBUTES.items():
        assert attribute(moved) == pytest.approx(attribute(melody) + (semitones if name == "pitch-mean" else 0)), name
    assert scale_share(moved) == pytest.approx(scale_share(melody))


def test_repetition_counts_bars_that_came_before():
    bar = (Note(60, 0, 4), Note(62, 8, 4))
    other = (Note(60, 0, 4), Note(64, 8, 4))
    form = [bar, other, bar, bar]
    melody = Melody.joined(Melody(notes, num_bars=1) for notes in form)
    assert ATTRIBUTES["repetition"](melody) == 2 / 4


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ((Note(60, 0, 4), Note(60, 16, 4)), 0.5),
        ((Note(60, 0, 4, 50), Note(60, 16, 4, 90)), 0.5),  # louder is the same
        ((Note(60, 0, 4), Note(61, 16, 4)), 0.0),
        ((Note(60, 0, 4), Note(60, 16, 5)), 0.0),  # longer is different
        ((Note(60, 0, 4), Note(60, 16, 2), Note(60, 18, 2)), 0.0),  # struck again is different
        ((Note(60, 0, 16),), 0.0),  # a rest is not a held note
        ((Note(60, 0, 32),), 0.0),  # a note going on is not struck
    ],
)
def test_bars_are_equal_when_they_sound_alike(notes, expected):
    assert ATTRIBUTES["repetition"](Melody(notes, num_bars=2)) == expected


def test_attributes_know_pitches_outside_the_vocabulary_and_meters_without_a_grid():
    melody = Melody((Note(0, 0, 2), Note(127, 12, 2)), meter=Meter(7, 8), num_bars=1)
    values = {name: attribute(melody) for name, attribute in ATTRIBUTES.items()}
    assert (values["pitch-range"], values["density"]) == (127, 2 / 14)


@pytest.mark.parametrize(
    ("pitches", "expected"),
    [
        ((), 1.0),
        ((60, 62, 64, 65, 67, 69, 71), 1.0),
        ((69, 71, 72, 74, 76, 77, 80), 1.0),  # A harmonic minor, in no major scale
        ((60, 61, 62, 63), 3 / 4),
        (tuple(range(60, 72)), 7 / 12),
    ],
)
def test_scale_share(pitches, expected):
    assert scale_share(line(*pitches)) == pytest.approx(expected)


@given(melodies(), st.data())
def test_no_scale_holds_more_than_scale_share(melody, data):
    tonic = data.draw(st.integers(0, 11))
    steps = data.draw(st.sampled_from([(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 8, 11)]))
    inside = sum((note.pitch - tonic) % 12 in steps for note in melody.notes)
    assert inside <= scale_share(melody) * len(melody.notes) + 1e-9
    assert scale_share(melody) >= 7 / 12 - 1e-9  # the scales of one kind cover each note 7 times out of 12


def form(letters):
    """Tokens of one bar a letter, equal for equal letters."""
    return np.array([[2 + ord(letter) - ord("A")] + [0] * 15 for letter in letters], np.uint8)


@pytest.mark.parametrize(("letters", "expected"), [("A", 1), ("AABA", 2 / 4), ("ABCD", 1), ("AAAA", 1 / 4), ("", 1)])
def test_share_of_different_bars(letters, expected):
    assert different_bars(form(letters).reshape(-1, 16)) == expected


@pytest.mark.parametrize(
    ("letters", "max_lag", "expected"),
    [
        ("ABAB", 4, [2, 0, 2, 0, 0]),
        ("AABA", 4, [2, 1, 1, 0, 0]),  # the last A was heard two bars before, not three
        ("ABCDABCD", 4, [4, 0, 0, 0, 4]),
        ("ABCDABCD", 3, [8, 0, 0, 0]),  # too long ago
        ("", 2, [0, 0, 0]),
    ],
)
def test_repeat_lags(letters, max_lag, expected):
    assert repeat_lags(form(letters).reshape(-1, 16), max_lag).tolist() == expected


def test_repeat_lags_look_eight_bars_back():
    assert repeat_lags(form("ABCDEFGHA")).tolist() == [8, 0, 0, 0, 0, 0, 0, 0, 1]


@given(tokens(max_bars=8), st.integers(1, 9))
def test_lags_and_different_bars_agree(rows, max_lag):
    counts = repeat_lags(rows, max_lag)
    assert counts.sum() == len(rows)
    assert counts[0] >= round(different_bars(rows) * len(rows))
    if max_lag >= len(rows):
        assert counts[0] == round(different_bars(rows) * len(rows))


def test_note_offs_in_silence_make_no_difference():
    rows = np.zeros((2, 16), np.uint8)
    rows[1, 5] = 1
    assert different_bars(rows) == 0.5
    assert repeat_lags(rows)[1] == 1


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"max_lag must be at least 1 bar, got 0"):
        repeat_lags(form("AB"), 0)
    with pytest.raises(ValueError, match=r"tokens have shape \(bars, steps\), got \(1, 2, 16\)"):
        different_bars(form("AB")[None])
