import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import keys

from musicvae.music.key import CANONICAL_MEAN_PITCH, MODES, Key, canonical_shift, estimate_key

# Tunes of the public domain by ear: (key, pitches, durations in quarters).
TUNES = {
    "Twinkle, Twinkle": (
        "C major",
        [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60],
        [1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2],
    ),
    "Ode to Joy": (
        "D major",
        [66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66, 66, 64, 64, 66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66, 64, 62, 62],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 0.5, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 0.5, 2],
    ),
    "Frere Jacques": (
        "F major",
        [65, 67, 69, 65, 65, 67, 69, 65, 69, 70, 72, 69, 70, 72, 72, 74, 72, 70, 69, 65, 72, 74, 72, 70, 69, 65, 65, 60, 65, 65, 60, 65],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 2, 0.5, 0.5, 0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1, 2, 1, 1, 2],
    ),
    "Amazing Grace": (
        "G major",
        [62, 67, 71, 67, 71, 69, 67, 64, 62, 62, 67, 71, 67, 71, 69, 74],
        [1, 2, 0.5, 0.5, 2, 1, 2, 1, 2, 1, 2, 0.5, 0.5, 2, 1, 5],
    ),
    "God Rest Ye Merry": (
        "E minor",
        [64, 64, 71, 71, 69, 67, 66, 64, 62, 64, 66, 67, 69, 71, 64, 64, 71, 71, 69, 67, 66, 64, 62, 64, 66, 67, 69, 71],
        [1] * 13 + [3] + [1] * 13 + [3],
    ),
    "Greensleeves": (
        "A minor",
        [69, 72, 74, 76, 77, 76, 74, 71, 67, 69, 71, 72, 69, 69, 68, 69, 71, 68, 64],
        [1, 2, 1, 1.5, 0.5, 1, 2, 1, 1.5, 0.5, 1, 2, 1, 1.5, 0.5, 1, 2, 1, 2],
    ),
}

# Temperley (1999), written down a second time.
MAJOR = [5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0]
MINOR = [5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0]


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("shift", [-5, 0, 4, 7])
def test_known_tunes_are_found_in_their_keys_wherever_they_are_moved(name, shift):
    key, pitches, durations = TUNES[name]
    assert estimate_key([pitch + shift for pitch in pitches], durations) == Key.parse(key).transposed(shift)


@pytest.mark.parametrize("name", TUNES)
def test_key_finder_agrees_with_music21(name):
    note, stream = pytest.importorskip("music21.note"), pytest.importorskip("music21.stream")
    _, pitches, durations = TUNES[name]
    part = stream.Stream()
    for pitch, duration in zip(pitches, durations, strict=True):
        part.append(note.Note(pitch, quarterLength=duration))
    found = part.analyze("TemperleyKostkaPayne")
    assert estimate_key(pitches, durations) == Key(found.tonic.pitchClass, found.mode)


@given(st.lists(st.tuples(st.integers(21, 108), st.integers(1, 16)), min_size=1, max_size=30))
def test_the_key_found_is_the_best_correlated_one(notes):
    weights = [sum(duration for pitch, duration in notes if pitch % 12 == pc) for pc in range(12)]
    found = estimate_key([pitch for pitch, _ in notes], [duration for _, duration in notes])
    if len(set(weights)) == 1:
        assert found == Key(0)
        return

    def fit(key: Key) -> float:
        profile = MAJOR if key.mode == "major" else MINOR
        return statistics.correlation(weights, [profile[(pc - key.tonic) % 12] for pc in range(12)])

    fits = {key: fit(key) for mode in ("major", "minor") for key in (Key(tonic, mode) for tonic in range(12))}
    assert fits[found] == pytest.approx(max(fits.values()), abs=1e-8)


@pytest.mark.parametrize(("pitches", "durations"), [([], []), (list(range(60, 72)), [1] * 12)])
def test_nothing_to_go_by_gives_c_major(pitches, durations):
    assert estimate_key(pitches, durations) == Key(0, "major")


@pytest.mark.parametrize(("pitches", "expected"), [((60, 62), "C major"), ((60, 62, 64), "C major"), ((60, 66), None)])
def test_a_tie_goes_to_fewer_accidentals_then_to_major(pitches, expected):
    found = estimate_key(pitches, [1] * len(pitches))
    # C and D fit A minor as well as C major; C and F sharp fit any key as well as the one a tritone away.
    assert expected is None or found == Key.parse(expected)
    assert abs(found.sharps) <= abs(found.transposed(6).sharps)


def test_durations_must_match_pitches():
    with pytest.raises(ValueError, match=r"2 pitches but 1 durations"):
        estimate_key([60, 62], [1])


@given(keys())
def test_a_key_survives_being_written_and_read(key):
    assert Key.parse(str(key)) == key
    assert Key.parse(str(key)[0].lower() + str(key)[1:]) == key


@given(keys(), st.integers(-30, 30))
def test_transposing_there_and_back_gives_the_key(key, semitones):
    moved = key.transposed(semitones)
    assert moved.transposed(-semitones) == key
    assert moved.scale == {(pc + semitones) % 12 for pc in key.scale}


@given(keys())
def test_scale_has_seven_notes_with_the_tonic_and_those_of_the_signature(key):
    assert len(key.scale) == 7
    assert key.tonic in key.scale
    assert key.scale == Key(key.major_tonic).scale
    assert Key.from_signature(key.sharps, key.mode) == key


@pytest.mark.parametrize(
    ("text", "tonic", "mode", "sharps"),
    [
        ("C", 0, "major", 0),
        ("Am", 9, "minor", 0),
        ("D dorian", 2, "dorian", 0),
        ("Edor", 4, "dorian", 2),
        ("Gmix", 7, "mixolydian", 0),
        ("E phr", 4, "phrygian", 0),
        ("F lydian", 5, "lydian", 0),
        ("B locrian", 11, "locrian", 0),
        ("Bb", 10, "major", -2),
        ("bb minor", 10, "minor", -5),
        ("b", 11, "major", 5),
        ("Bm", 11, "minor", 2),
        ("F# minor", 6, "minor", 3),
        ("F#", 6, "major", 6),
        ("Gb", 6, "major", 6),
        ("Cb", 11, "major", 5),
        ("E♭ Major", 3, "major", -3),
        ("GM", 7, "major", 1),
        ("A aeolian", 9, "minor", 0),
        ("  c MIN ", 0, "minor", -3),
    ],
)
def test_ways_to_write_a_key(text, tonic, mode, sharps):
    key = Key.parse(text)
    assert (key.tonic, key.mode, key.sharps) == (tonic, mode, sharps)


@pytest.mark.parametrize("text", ["", "H", "C blues", "C##", "1", "m", "C major minor", "Cm7"])
def test_what_is_no_key_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r'is no key: write a letter and a mode, as in "D dorian"; modes are major, minor, dorian'):
        Key.parse(text)


@pytest.mark.parametrize(
    ("sharps", "mode", "name"),
    [(0, "major", "C major"), (0, "minor", "A minor"), (-7, "major", "B major"), (7, "major", "Db major"), (3, "dorian", "B dorian")],
)
def test_signatures(sharps, mode, name):
    assert str(Key.from_signature(sharps, mode)) == name


def test_bad_signatures_and_keys_are_refused():
    with pytest.raises(ValueError, match=r"a key signature has -7 to 7 sharps, got 8"):
        Key.from_signature(8)
    with pytest.raises(ValueError, match=r"unknown mode 'blues'; allowed are major, minor"):
        Key.from_signature(0, "blues")
    with pytest.raises(ValueError, match=r"unknown mode 'Major'; allowed are major, minor"):
        Key(0, "Major")
    with pytest.raises(ValueError, match=r"tonic 60 is outside 0-11 .*modulo 12"):
        Key(60)


@given(keys(), st.floats(0, 127))
def test_canonical_shift_leaves_no_accidentals_and_lands_in_the_middle(key, mean_pitch):
    shift = canonical_shift(key, mean_pitch)
    assert key.transposed(shift).sharps == 0
    assert key.transposed(shift).mode == key.mode
    assert abs(mean_pitch + shift - CANONICAL_MEAN_PITCH) <= 6 + 1e-9


@given(keys(), st.integers(0, 127))
def test_canonical_shift_is_done_once_and_takes_the_lower_of_two(key, mean_pitch):
    shift = canonical_shift(key, mean_pitch)
    assert canonical_shift(key.transposed(shift), mean_pitch + shift) == 0
    assert mean_pitch + shift != CANONICAL_MEAN_PITCH + 6


@pytest.mark.parametrize("mode", MODES)
def test_the_white_keys_are_canonical_in_every_mode(mode):
    tonic = MODES[mode]
    assert Key(tonic, mode).sharps == 0
    assert canonical_shift(Key(tonic, mode), 71.0) == 0
