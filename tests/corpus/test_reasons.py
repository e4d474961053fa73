import pytest

from musicvae.corpus.reasons import normal_reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("/data/a.mid: no notes in it"), "no notes in it"),
        (ValueError("a.mid holds no ABC tune: 17 bytes"), "the file holds no ABC tune: N bytes"),
        (ValueError("note 5 of 'Piano' lasts -3 ticks (onset 8)"), "note N of '...' lasts N ticks"),
        (ValueError("12345 bars in the file; at most 10000 are read: damaged?"), "N bars in the file; at most 10000 are read: damaged?"),
        (ValueError("pitch 7 is outside 21-108"), "pitch N is outside 21-108"),
        (ValueError("12 bars in unsupported meter 5/4, of 14"), "only bars in unsupported meter 5/4"),
        (ValueError("no grid for meter 7/8 and MIDI2"), "no grid for meter 7/8 and MIDI2"),
        (ValueError("first\nsecond"), "first"),
        (ValueError(), "no message"),
        (KeyError("key 5"), "KeyError: '...'"),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError: maximum recursion depth exceeded"),
        (FileNotFoundError(2, "No such file or directory", "/data/a.mid"), "No such file or directory"),
        (SystemExit(3), "the reader asked the program to end"),
        (ValueError("cannot open /var/tmp/x81/tune.abc: gone"), "cannot open '...': gone"),
        (ValueError("x" * 1000), "x" * 160),
    ],
)
def test_reasons_are_told_so_that_like_ones_can_be_counted(error, reason):
    assert normal_reason(error, ("/data/a.mid", "sub/a.mid", "")) == reason


def test_a_short_name_is_not_cut_out_of_words():
    assert normal_reason(ValueError("a bar of a"), ("/x/a", "a")) == "the file bar of the file"
    assert normal_reason(ValueError("damaged data"), ("/x/a", "a")) == "damaged data"


def test_an_error_that_cannot_be_printed_has_a_reason():
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert normal_reason(OddError()) == "OddError: no message"
