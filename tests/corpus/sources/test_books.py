import pytest

from musicvae.corpus.sources.books import count_tunes, tunes_of_book

TUNE = "X:{}\nT:Tune {} é\nK:C\nCDEF|\n\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("tunes", [0, 1, 7])
def test_as_many_tunes_are_counted_as_are_read(tmp_path, encoding, end, tunes):
    text = "%abc-2.1\nX is no field\n\n" + "".join(TUNE.format(i, i) for i in range(tunes))
    path = tmp_path / "a.abc"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    found = tunes_of_book(path)
    assert count_tunes(path) == len(found) == tunes
    assert all(f"T:Tune {i} é" in text for i, text in enumerate(found))


def test_a_book_that_begins_with_a_tune(tmp_path):
    path = tmp_path / "a.abc"
    path.write_bytes(TUNE.format(1, 1).encode("utf-8-sig"))
    assert count_tunes(path) == 1


def test_an_endless_line_is_no_tune(tmp_path):
    path = tmp_path / "a.abc"
    path.write_text("X:1\nK:C\n|" + "X:" * 200_000)
    assert count_tunes(path) == len(tunes_of_book(path)) == 1


def test_a_changed_book_is_read_again(tmp_path):
    path = tmp_path / "a.abc"
    path.write_text(TUNE.format(1, 1))
    assert len(tunes_of_book(path)) == 1
    path.write_text(TUNE.format(1, 1) + TUNE.format(2, 2))
    assert len(tunes_of_book(path)) == 2


def test_a_missing_book_holds_none(tmp_path):
    assert count_tunes(tmp_path / "none.abc") == 0
    with pytest.raises(FileNotFoundError):
        tunes_of_book(tmp_path / "none.abc")
