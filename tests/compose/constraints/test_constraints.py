import json

import numpy as np
import pytest
from compose.fake_engine import tune
from hypothesis import given
from hypothesis import strategies as st

from musicvae.compose.constraints.constraints import Constraints, RequiredNote
from musicvae.compose.constraints.names import parse_pitch, parse_range, parse_scale, pitch_text, scale_text
from musicvae.compose.constraints.plan import FORBIDDEN
from musicvae.music.key import Key
from musicvae.music.lead_sheet import LeadSheet
from musicvae.music.melody import Melody
from musicvae.music.meter import Meter

FOUR = Meter(4, 4)


@pytest.mark.parametrize(
    ("text", "notes"),
    [("D dorian", {2, 4, 5, 7, 9, 11, 0}), ("A minor pentatonic", {9, 0, 2, 4, 7}), ("A blues", {9, 0, 2, 3, 4, 7}),
        ("Bb", {10, 0, 2, 3, 5, 7, 9}),
     ("E harmonic minor", {4, 6, 7, 9, 11, 0, 3}), ("C D E, G A", {0, 2, 4, 7, 9}), ("F#m", {6, 8, 9, 11, 1, 2, 4}), ("C Bb", {0, 10})],
)  # fmt: skip
def test_scales_as_they_are_named(text, notes):
    assert parse_scale(text) == notes
    assert parse_scale(scale_text(parse_scale(text))) == notes


@pytest.mark.parametrize("text", ["", "H major", "D dorain", "C4 D4", "major"])
def test_no_scale(text):
    with pytest.raises(ValueError, match='is no scale: write a tonic and a mode or one of major pentatonic, .* as in "D dorian"'):
        parse_scale(text)


@given(st.integers(0, 127))
def test_pitches_are_read_as_they_are_written(pitch):
    assert parse_pitch(pitch_text(pitch)) == parse_pitch(str(pitch)) == pitch


@pytest.mark.parametrize(("text", "pitch"), [("C4", 60), ("c4", 60), ("Bb3", 58), ("B#3", 60), ("C-1", 0), ("G9", 127)])
def test_pitches(text, pitch):
    assert parse_pitch(text) == pitch


@pytest.mark.parametrize("text", ["C", "H4", "128", "-3", "G#9", "C10", ""])
def test_no_pitch(text):
    with pytest.raises(ValueError, match="is no pitch: write a letter and an octave"):
        parse_pitch(text)


@pytest.mark.parametrize("text", ["C4-A5", "60-81", "C4 - A5", "C4..A5", "C4 to 81"])
def test_ranges(text):
    assert parse_range(text) == (60, 81)


def test_a_range_may_lie_below_zero_in_octaves():
    assert parse_range("C-1-C0") == (0, 12)


@pytest.mark.parametrize("text", ["C4", "C4-", "-A5", "low-high"])
def test_no_range(text):
    with pytest.raises(ValueError, match="is no (range|pitch)"):
        parse_range(text)


def test_notes_that_must_be_there_as_they_are_written():
    for text in ("8:3:G4:2", "1:1.75:Bb3"):
        assert str(RequiredNote.parse(text)) == text
    for wrong in ("8:3", "8:3:G4:2:1", "0:1:C4", "1:0.5:C4", "1:1:C4:0", "x:1:C4", "1:1:H4"):
        with pytest.raises(ValueError, match="is no note: write BAR:BEAT:PITCH or BAR:BEAT:PITCH:BEATS, as in 8:3:G4:2"):
            RequiredNote.parse(wrong)
    with pytest.raises(ValueError, match="not on the grid: beats are quarter notes, in quarters of one"):
        RequiredNote(1, 1.3, 60)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"range": "A5-C4"}, "from a lower to a higher pitch"),
        ({"range": (-3, 60)}, "from a lower to a higher pitch"),
        ({"scale": [0, 12]}, "pitch classes from 0"),
        ({"scale": []}, "pitch classes from 0"),
        ({"range": 60}, "a range is two pitches"),
        ({"range": (60,)}, "a range is two pitches"),
        ({"scale": ["C"]}, "a scale is a name"),
        ({"notes": [5]}, "notes that must be there are written"),
        ({"notes": 5}, "notes that must be there are written"),
        ({"notes": "1:inf:C4"}, "beats are numbers up to 10000"),
        ({"notes": "1:1:C4:1e308"}, "beats are numbers up to 10000"),
        ({"notes": "1:nan:C4"}, "beats are numbers up to 10000"),
        ({"longest": 0.1}, "at least a sixteenth"),
        ({"longest": "2"}, "number of beats"),
        ({"rhythm": Melody(())}, "has no notes"),
    ],
)
def test_what_cannot_be_asked(options, message):
    with pytest.raises(ValueError, match=message):
        Constraints.of(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "C", "range": "C#4-C#4"}, "no note of the scale C D E F G A B lies in C#4 to C#4: widen the range"),
        ({"scale": "C", "notes": "1:1:C#4"}, "outside the scale or the range"),
        ({"notes": "9:1:C4"}, "lies outside the piece: 8 bars of 4/4, 4 beats each"),
        ({"notes": "1:5:C4"}, "lies outside the piece"),
        ({"notes": "8:4:C4:2"}, "ends after the last bar"),
        ({"notes": "1:1:C4 1:1:D4"}, "leaves no room"),
        ({"notes": "1:1:C4:2 1:2:D4"}, "leaves no room"),
        ({"notes": "1:1:C4:3", "longest": 2}, "none may be longer than 2"),
        ({"rhythm": tune(1, 4), "longest": 0.25}, "the rhythm has a note of"),
        ({"rhythm": tune(1, 4, "3/4")}, "the rhythm is in 3/4 and the piece in 4/4"),
        ({"rhythm": Melody.from_beats([(60, 0, 1)], num_bars=1), "notes": "1:2:C4"}, "where the rhythm .* leaves no room"),
        ({"rhythm": Melody.from_beats([(60, 0, 1)], num_bars=1), "notes": "1:1:C4:2"}, "must last 2 beats, and in the given rhythm"),
        ({"chords": "C " * 65}, "65 chords do not fit into 8 bars of 4/4"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_the_piece(options, message):
    with pytest.raises(ValueError, match=message):
        Constraints.of(**options).over(FOUR, 8)


def test_a_bound_is_in_the_engine_s_coordinates():
    plan = Constraints.of(scale="D", range="D4-D5", notes="2:1:F#4:1").over(FOUR, 2)
    bound = plan.bound(1, 1, -2)  # D major sounds as C major
    free = {21 + int(p) for p in np.flatnonzero(bound.bias[0, 8, 2:] == 0)}
    assert free == {60, 62, 64, 65, 67, 69, 71, 72}
    assert set(np.unique(bound.bias)) == {0.0, FORBIDDEN}
    assert bound.forced[0].tolist() == [64 - 21 + 2, 0, 0, 0] + [-1] * 12
    assert bound.bias[0, 4, 0] == FORBIDDEN  # after its beat the note does not go on
    with pytest.raises(ValueError, match="lies outside what the model can write in this key"):
        plan.bound(1, 1, 50)
    assert (plan.bound(0, 1, 0).forced == -1).all()
    assert plan.bound(1, 3, 0).forced.shape == (3, 16)  # beyond the piece all is free
    assert (plan.bound(1, 3, 0).forced[1:] == -1).all()


def test_half_bars_of_two_four_lie_in_model_bars():
    plan = Constraints.of(notes="2:1:C5 3:2:D5").over(Meter(2, 4), 3)
    assert np.argwhere(plan.bound(0, 2, 0).forced > 0).tolist() == [[0, 8], [1, 4]]


def test_a_plan_says_what_a_melody_breaks():
    tones = Melody.from_beats([(60, 0, 1), (61, 1, 3)], num_bars=1)
    assert Constraints.of().over(FOUR, 1).broken(tones) == ()
    broken = Constraints.of(scale="C", longest=2, notes="1:1:D4 1:2:C4:2", rhythm=None).over(FOUR, 1).broken(tones)
    assert broken == (
        "1 of 2 notes are outside the scale or the range", "1 notes are longer than 8 steps", "2 notes that must be there are not",
        "notes do not last as long as they must",
    )  # fmt: skip
    assert "the rhythm is another" in Constraints(rhythm=Melody.from_beats([(60, 0, 1)], num_bars=1)).over(FOUR, 1).broken(tones)


def test_finishing_cuts_what_is_too_long_and_puts_chords_beside():
    melody = Melody.from_beats([(60, 0, 3), (62, 3, 1), (64, 4, 4)], num_bars=2)
    finished = Constraints.of(longest=1.5).over(FOUR, 2).finish(melody)
    assert [note.duration for note in finished.notes] == [1.5, 1, 1.5]
    assert type(finished) is Melody
    sheet = Constraints.of(chords="C G7").over(FOUR, 2).finish(melody)
    assert isinstance(sheet, LeadSheet)
    assert [(span.onset_steps, str(span.chord)) for span in sheet.spans] == [(0, "C"), (16, "G7")]
    assert sheet.melody == melody


@pytest.mark.parametrize(
    ("options", "major_tonic"),
    [
        ({"chords": "C Am F G7"}, 0), ({"chords": "Am E7 Am"}, 0), ({"chords": "D A Bm G"}, 2), ({"chords": "Ebmaj7 Cm7 Fm7 Bb7"}, 3),
        ({"chords": "C G C"}, 0), ({"chords": "G C G"}, 7), ({"scale": "E dorian"}, 2), ({"scale": "A minor pentatonic"}, 0),
        ({"notes": "1:1:F#4 1:2:C#4 1:3:G#4 1:4:D4 2:1:E4 2:2:A4 2:3:B4"}, 9), ({"chords": "N.C."}, None), ({"range": "C4-C5"}, None),
        ({"chords": "N.C.", "scale": "B"}, 11),
    ],
)  # fmt: skip
def test_the_signature_that_suits(options, major_tonic):
    assert Constraints.of(**options).over(FOUR, 8).major_tonic == major_tonic
    assert Constraints.of(**options).over(FOUR, 8, key=Key.parse("F# minor")).major_tonic == 9


def test_provenance_tells_what_was_asked():
    asked = Constraints.of(scale="D dorian", range="C4-A5", rhythm=tune(1, 4), longest=1.5, notes="8:3:G4:2", chords="C | Am7")
    told = asked.story()
    assert told | {"rhythm": 0} == {
        "scale": "C D E F G A B", "range": "C4-A5", "rhythm": 0, "longest": 1.5, "notes": "8:3:G4:2", "chords": "C Am7",
    }  # fmt: skip
    json.dumps(told)
    assert Constraints().story() == {}
    assert Constraints().is_empty
    assert not asked.is_empty


def test_within_a_key():
    assert Constraints.of(scale="C D E G A").within(Key.parse("G")).scale == {0, 2, 4, 7, 9}
    assert Constraints().within(Key.parse("G")).scale == Key.parse("G").scale
    with pytest.raises(ValueError, match="no note of the scale C# F# is in C major"):
        Constraints.of(scale="F# C#").within(Key.parse("C"))


@pytest.mark.parametrize(
    ("chords", "key"),
    [
        ("C Am F G7", "C"),
        ("Dm7 G7 Cmaj7", "C"),
        ("Am F C G", "A minor"),
        ("F C E7 Am", "A minor"),
        ("D A Bm G", "D"),
        ("Dm G", None),
        ("N.C.", None),
    ],
)
def test_the_key_that_chords_are_in(chords, key):
    assert Constraints.of(chords=chords).over(FOUR, 8).key == (key and Key.parse(key))
