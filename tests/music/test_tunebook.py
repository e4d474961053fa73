import pytest

from musicvae.music.tunebook import decode_abc, header_texts, plain_text, split_tunes, tune_fields

TUNE = "X:1\nT:Bean an F\u00edr\nK:C\nCDEF|\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_every_encoding_gives_the_same_text(encoding):
    assert decode_abc(TUNE.encode(encoding)).removeprefix("\ufeff") == TUNE


def test_a_named_character_set_is_used():
    text = "%%abc-charset iso-8859-2\nX:1\nT:Dob\u0159e\nK:C\nC|\n"
    assert decode_abc(text.encode("iso-8859-2")) == text
    assert "T:Caf\u00e9" in decode_abc(b"%%abc-charset nonsense\nX:1\nT:Caf\xe9\nK:C\nC|\n")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"Caf\'e", "Caf\u00e9"), (r"\`a la \^ile", "\u00e0 la \u00eele"), (r"Se\~nor \"Uber", "Se\u00f1or \u00dcber"),
        (r"Gar\,con", "Gar\u00e7on"), (r"\AAse s\ae r\/o", "\u00c5se s\u00e6 r\u00f8"), (r"\vS\ue", "\u0160\u0115"),
        ("Caf&eacute; &amp; Bar", "Caf\u00e9 & Bar"), (r"Caf\u00e9", "Caf\u00e9"), (r"50\% \\ \'7", r"50% \ \'7"),
        ("  two   spaces ", "two spaces"),
    ],
)  # fmt: skip
def test_accents_become_letters(written, meant):
    assert plain_text(written) == meant


def test_header_texts_keep_every_field_that_tells_of_the_tune():
    tune = "X:1\nT:One\nT:Other % not this\nR:reel\nC:Trad\nO:Ireland\nB:Book\nS:me\nZ:typist\nN:note\nM:4/4\nK:D\nR:late\n"
    assert header_texts(tune) == ("T:One", "T:Other", "R:reel", "C:Trad", "O:Ireland", "B:Book", "S:me")


def test_the_header_of_a_file_holds_for_all_its_tunes_but_not_over_their_own():
    text = "%abc-2.1\nR:reel\nM:4/4\nT:no title for all\nsome words\n\nX:1\nT:One\nK:C\nCDEF|\n\nX:2\nT:Two\nR:jig\nK:G\nGABc|\n"
    first, second = (tune_fields(tune) for tune in split_tunes(text))
    assert (first["T"], first["R"], first["M"]) == ("One", "reel", "4/4")
    assert (second["T"], second["R"], second["M"]) == ("Two", "jig", "4/4")


def test_tunes_end_at_a_blank_line_and_words_between_are_left_out():
    tunes = split_tunes("X:1\r\nT:A\r\nK:C\r\nCDEF|\r\n\r\nwords: many\r\n\r\nX:2\r\nK:G\r\nGABc|")
    assert tunes == ["X:1\nT:A\nK:C\nCDEF|", "X:2\nK:G\nGABc|"]
    assert split_tunes("no tune") == []
