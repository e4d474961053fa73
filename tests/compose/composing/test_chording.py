import pytest

from musicvae.compose.composing.chording import chords_of_plan, ending_notices, ending_on, section_chords_text
from musicvae.compose.composing.form import parse_form, plan_of
from musicvae.compose.harmony import chords_text
from musicvae.music.chords import Chord
from musicvae.music.key import Key
from musicvae.music.lead_sheet import LeadSheet


def played(chords, form="AABA", bars=16, size=4):
    return chords_text(chords_of_plan(chords, plan_of(parse_form(form), bars, size)))


def test_a_progression_begins_anew_in_every_section():
    assert played("C Am F") == "C Am F C " * 3 + "C Am F C"
    assert played("A: C Am F G; B: F G C C") == "C Am F G C Am F G F G C C C Am F G"
    assert played({"A": ["C", "G"], "B": "F"}) == "C G C G C G C G F F F F C G C G"


def test_letters_without_chords_have_the_first_ones_and_a_coda_the_closing_bars():
    assert played("A: C Am F G", "AB", 10) == "C Am F G C Am F G F G"


def test_more_chords_than_bars_share_them():
    assert played("C F G C Am Dm G C", "A", 4) == "C F G C Am Dm G C"
    assert played("A: C F G C Am Dm G C; B: C G", "AB", 8) == "C F G C Am Dm G C C C G G C C G G"


def test_the_last_bar_is_on_the_tonic():
    chords = [Chord.parse(text) for text in ("C", "Am", "F", "G")]
    assert chords_text(ending_on(chords, Key(0), 4)) == "C Am F C"
    assert chords_text(ending_on(chords, Key(9, "minor"), 4)) == "C Am F Am"
    assert chords_text(ending_on(chords, Key(7), 2)) == "C Am G G"


def test_text_reads_again():
    for text in ("C Am F G", "A: C Am; B: F G7"):
        assert section_chords_text(text) == text
    assert section_chords_text({"A": ["C", None]}) == "A: C N.C."


@pytest.mark.parametrize(
    ("chords", "message"),
    [
        ("A: C Am; A: F", "given twice: A, A"),
        ("A: C; Z: F", "chords are given for Z, and the sections are A, B"),
        ("A: C; F G", "'F G' has no letter of a section"),
        ({"a": "C"}, "named by the letters of sections"),
        ({}, "named by the letters"),
        ("C " * 9, "9 chords are too many for section A of 4 bars: at most 2 a bar"),
        ("A: H", "H"),
    ],
)
def test_what_are_no_chords_of_sections_says_why(chords, message):
    with pytest.raises(ValueError, match=message):
        played(chords)


def test_a_last_chord_that_is_another_than_asked_for_is_told(model):
    piece = model.compose("AA", bars=16, seed=3, chords="C Am F G")
    assert piece.notices == ("the piece ends on its tonic: its last bar is over C, not G",)
    halves = [Chord.parse(text) for text in ("C", "Am", "F", "C")]
    assert ending_notices(halves, ending_on(halves, Key(0), 2), 2) == ("the piece ends on its tonic: its last bar is over C, not F C",)


def test_a_piece_over_chords_ends_on_their_tonic_and_has_them_as_a_track(model, tmp_path):
    piece = model.compose("AB", bars=16, seed=3, chords="A: Am F C G; B: F G Am Am")
    assert piece.notices == ()
    assert isinstance(piece.melody, LeadSheet)
    assert str(piece.melody.key) == "A minor"
    assert str(piece.melody.spans[-1].chord) == "Am"
    assert piece.melody.notes[-1].pitch % 12 == 9
    assert piece.melody.provenance["chords"] == "A: Am F C G; B: F G Am Am"
    assert len(piece.melody.score.tracks) == 2
    ends = {note.onset_steps: note.pitch % 12 for note in piece.melody.notes}
    assert ends[7 * 16] in Chord.parse("G").pitch_classes
