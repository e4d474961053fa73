import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicvae.music.chords import QUALITIES, Chord, looks_like_chord, symbol_of_kind

CHORDS = st.builds(Chord, st.integers(0, 11), st.sampled_from(sorted(QUALITIES)), st.none() | st.integers(0, 11))


def own_bass(chord):
    """A bass that is the root says nothing, and no symbol carries it."""
    return Chord(chord.root, chord.quality) if chord.bass == chord.root else chord


@given(CHORDS)
def test_what_is_written_is_read_again(chord):
    assert Chord.parse(str(chord)) == own_bass(chord)


@given(CHORDS, st.integers(-40, 40))
def test_transposing_moves_every_note_and_back(chord, semitones):
    moved = chord.transposed(semitones)
    assert moved.pitch_classes == {(p + semitones) % 12 for p in chord.pitch_classes}
    assert moved.transposed(-semitones) == chord


@given(CHORDS)
def test_the_code_holds_root_and_quality(chord):
    assert Chord.from_code(chord.code) == Chord(chord.root, chord.quality)
    assert 1 <= chord.code <= 252


def test_codes_are_all_there_once():
    codes = [Chord(root, quality).code for root in range(12) for quality in QUALITIES]
    assert codes == list(range(1, 253))
    assert Chord.from_code(0) is None
    for code in (-1, 253):
        with pytest.raises(ValueError, match=rf"chord code {code} is outside 0-252"):
            Chord.from_code(code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Am7/G", Chord(9, "min7", 7)), ("F#m7b5", Chord(6, "hdim7")), ("Bbmaj7", Chord(10, "maj7")), ("C#dim", Chord(1, "dim")),
        ("E♭", Chord(3)), ("Cb", Chord(11)), ("B#", Chord(0)), ("F##m", Chord(7, "min")), ("Ebb7", Chord(3, "7")),
        # as in POP909 and other sets in the syntax of Harte et al.
        ("B:maj7", Chord(11, "maj7")), ("C#:min7/b3", Chord(1, "min7", 4)), ("G:sus4(b7)", Chord(7, "7sus4")),
        ("D:maj/3", Chord(2, "maj", 6)),
        ("A:7/b7", Chord(9, "7", 7)), ("C:maj(9)", Chord(0, "add9")), ("F:hdim7", Chord(5, "hdim7")), ("C:minmaj7", Chord(0, "minmaj7")),
        ("N", None), ("N.C.", None),
        # as in Nottingham
        ("D/f+", Chord(2, "maj", 6)), ("Gd", Chord(7, "dim")), ("Ea", Chord(4, "aug")), ("(E7)", Chord(4, "7")), ("D m", Chord(2, "min")),
        ("C-7", Chord(0, "min7")), ("CM7", Chord(0, "maj7")), ("CΔ7", Chord(0, "maj7")), ("C°7", Chord(0, "dim7")),
        ("Cø", Chord(0, "hdim7")),
        ("C+", Chord(0, "aug")), ("C+7", Chord(0, "aug7")), ("C7#5", Chord(0, "aug7")), ("Cm(maj7)", Chord(0, "minmaj7")),
        ("Csus", Chord(0, "sus4")), ("C7sus", Chord(0, "7sus4")), ("C6/9", Chord(0, "6")), ("C/C", Chord(0)),
        # notes beyond the seventh are left out where no quality has them
        ("E7b9", Chord(4, "7")), ("G13", Chord(7, "9")), ("Cmaj13#11", Chord(0, "maj9")), ("C9sus4", Chord(0, "7sus4")), 
        ("Cm11", Chord(0, "min9")),
    ],
)  # fmt: skip
def test_symbols_people_write(text, expected):
    assert Chord.parse(text) == expected
    assert looks_like_chord(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("am7", r"'am7' is no chord: write a root from A to G .*; the nearest is Am7$"),
        ("H7", "is no chord: .*; the nearest is G7$"),
        ("Camj7", "the nearest is Cmaj7$"),
        ("C7b5", "'C7b5' is no chord known here; the nearest is C7$"),
        ("Dm/q", "the nearest is Dm$"),
        ("", "'' is no chord: write a root"),
        ("?" * 10_000, r"is no chord: write a root from A to G and a quality, as in Am7/G$"),
    ],
)
def test_what_is_no_chord_names_the_nearest(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        Chord.parse(text)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=20))
def test_any_text_is_a_chord_or_a_value_error(text):
    try:
        chord = Chord.parse(text)
    except ValueError:
        return
    assert looks_like_chord(text)
    assert chord is None or Chord.parse(str(chord)) == chord


@pytest.mark.parametrize("text", ["Fine", "D.C.", "Coda", "Bb clarinet", "From A.Train's song", "Allegro", "1.", "^slow"])
def test_words_do_not_look_like_chords(text):
    assert not looks_like_chord(text)


@pytest.mark.parametrize("values", [(12, "maj", None), (0, "maj", -1), (0, "major", None)])
def test_values_outside_their_range_are_refused(values):
    with pytest.raises(ValueError, match="outside 0-11|unknown quality 'major'; allowed are maj, min"):
        Chord(*values)


def test_notes_agree_with_music21():
    from music21.harmony import ChordSymbol

    names = {
        "min": "m",
        "maj9": "M9",
        "min6": "m6",
        "min7": "m7",
        "minmaj7": "mM7",
        "hdim7": "ø7",
        "5": "power",
        "aug7": "+7",
        "min9": "m9",
        "maj": "",
    }
    for quality in QUALITIES:
        theirs = ChordSymbol("D" + names.get(quality, quality))
        assert Chord(2, quality).pitch_classes == {p.pitchClass for p in theirs.pitches}, quality


def test_music21_kinds_give_the_same_notes():
    from music21 import harmony

    known = 0
    names = {theirs: ours for ours, theirs in harmony.CHORD_ALIASES.items()}  # music21 has its own names for some
    for kind in harmony.CHORD_TYPES:
        try:
            symbol = symbol_of_kind(names.get(kind, kind))
        except ValueError:
            continue
        ours = Chord.parse("C" + symbol).pitch_classes
        theirs = {p.pitchClass for p in harmony.ChordSymbol(root="C", kind=kind).pitches}
        assert ours <= theirs, kind
        assert ours == theirs or "th" in kind
        known += 1
    assert known == 25


def test_degrees_of_a_kind():
    assert Chord.parse("C" + symbol_of_kind("dominant", [("add", 9, -1)])) == Chord(0, "7")
    assert Chord.parse("C" + symbol_of_kind("minor-seventh", [("alter", 5, -1)])) == Chord(0, "hdim7")
    assert Chord.parse("C" + symbol_of_kind("major", [("subtract", 3, 0)])) == Chord(0, "5")
    with pytest.raises(ValueError, match="no chord for the harmony kind 'pedal'; allowed are major, minor"):
        symbol_of_kind("pedal")
