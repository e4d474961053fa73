from concurrent.futures import ThreadPoolExecutor

import pytest

from musicvae.music.abc import read_abc, read_abc_text, split_tunes, tune_fields
from musicvae.music.extract import extract_melody
from musicvae.music.key import Key
from musicvae.music.meter import Meter

HEAD = "X:1\nT:A tune\nM:4/4\nL:1/4\n"


def line(score):
    """(pitch, onset in beats, duration in beats) of the first track."""
    return [(n.pitch, n.onset_ticks / score.ticks_per_beat, n.duration_ticks / score.ticks_per_beat) for n in score.tracks[0].notes]


def changes(score):
    return [(c.tick / score.ticks_per_beat, str(c.meter)) for c in score.meters]


def test_notes_lie_where_they_are_written():
    score = read_abc_text(HEAD + "K:D\nF2 z C/>D/|c,4|\n")
    assert line(score) == [(66, 0, 2), (61, 3, 0.75), (62, 3.75, 0.25), (61, 4, 4)]
    assert score.title == "A tune"
    assert score.losses == {}


def test_chord_symbols_graces_lyrics_and_decorations_are_silent_and_graces_counted():
    score = read_abc_text(HEAD + 'R:hornpipe\nK:C\n"Am"{de}C !trill!D ~E vF|\nw: la la la la\n"G7"G4 % a comment: ABC\n')
    assert line(score) == [(60, 0, 1), (62, 1, 1), (64, 2, 1), (65, 3, 1), (67, 4, 4)]
    assert score.losses == {"grace notes": 1}


def test_hornpipes_are_not_swung_and_dots_are_three_to_one():
    score = read_abc_text("X:1\nT:t\nM:4/4\nL:1/8\nR:hornpipe\nK:C\nCDEF C>D E<F|\n")
    assert [onset for _, onset, _ in line(score)] == [0, 0.5, 1, 1.5, 2, 2.75, 3, 3.25]


def test_repeats_and_endings_are_written_out():
    score = read_abc_text(HEAD + "K:C\n|:CDEF|1 G4:|2 A4||\n")
    assert [pitch for pitch, _, _ in line(score)] == [60, 62, 64, 65, 67, 60, 62, 64, 65, 69]
    assert changes(score) == [(0, "4/4")]


def test_parts_are_played_in_their_order():
    score = read_abc_text("X:1\nT:t\nP:ABA\nM:4/4\nL:1/1\nK:C\nP:A\nC|\nP:B\nE|\n")
    assert [pitch for pitch, _, _ in line(score)] == [60, 64, 60]


def test_a_pickup_comes_before_the_first_bar():
    assert changes(read_abc_text(HEAD + "K:C\nG|CDEF|GABc|\n")) == [(1, "4/4")]


@pytest.mark.parametrize(
    "body",
    [
        "G|CDEF|CDE:|G|CDEF|CDE|]",  # the halves of a bar on both sides of a repeat
        "G|CDEF|CD z:|G|CDEF|C z2|]",  # with rests before the bar lines
        "G|CDEF-|FDE:|G|CDEF-|F2E|]",  # with ties over them
    ],
)
def test_bar_lines_stay_on_one_grid(body):
    score = read_abc_text(HEAD + f"K:C\n{body}\n")
    assert changes(score) == [(1, "4/4")]
    assert score.losses == {}


def test_a_bar_too_long_starts_a_new_grid():
    score = read_abc_text(HEAD + "K:C\nCDEF|CDEFG|CDEF|CDEF|CDEF|CDEF|\n")
    assert changes(score) == [(0, "4/4"), (9, "4/4")]
    assert score.losses == {"bar lines off the grid": 1}
    assert [part.melody.num_bars for part in extract_melody(score).lines] == [3, 4]


def test_meters_and_keys_change_in_the_middle():
    score = read_abc_text(HEAD + "K:D\nDEFG|\nM:3/4\nK:G\nGAB|GAB|[M:6/8][K:Em]EFG ABc|\n")
    assert changes(score) == [(0, "4/4"), (4, "3/4"), (10, "6/8")]
    assert [(c.tick / score.ticks_per_beat, str(c.key)) for c in score.keys] == [(0, "D major"), (4, "G major"), (10, "E minor")]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("Bb", Key(10)),
        ("F#m", Key(6, "minor")),
        ("D dorian", Key(2, "dorian")),
        ("AMixolydian", Key(9, "mixolydian")),
        ("G clef=treble", Key(7)),
        ("Em transpose=0", Key(4, "minor")),
    ],
)
def test_the_key_carries_its_mode(field, key):
    assert read_abc_text(HEAD + f"K:{field}\nCDEF|\n").keys[0].key == key


@pytest.mark.parametrize("field", ["HP", "none", ""])
def test_no_stated_key_gives_none(field):
    assert read_abc_text(HEAD + f"K:{field}\nCDEF|\n").keys == ()


def test_voices_become_named_tracks():
    score = read_abc_text(HEAD + "V:Soprano\nV:Bass\nK:C\n[V:Soprano] c d e f|\n[V:Bass] C, D, E, F,|\n")
    assert [track.name for track in score.tracks] == ["Soprano", "Bass"]
    assert line(score)[0] == (72, 0, 1)


def test_a_file_is_split_at_its_tunes(tmp_path):
    path = tmp_path / "two.abc"
    one = "X:1\nT:One\nM:C|\nL:1/4\nK:C\nC4|\n\nwords between\n\n"
    two = "X:2\nT:Two\nM:6/8\nL:1/8\nK:G\nG6|\n"
    path.write_bytes(b"\xef\xbb\xbf" + (one + two).replace("\n", "\r\n").encode())
    first, second = read_abc(path)
    assert (first.title, first.meters[0].meter) == ("One", Meter(2, 2))
    assert (second.title, second.meters[0].meter) == ("Two", Meter(6, 8))
    assert [tune_fields(tune)["T"] for tune in split_tunes(path.read_text())] == ["One", "Two"]


@pytest.mark.parametrize(
    ("text", "message"), [("X:1\nT:t\nM:4/4\n", "no K: line"), (HEAD + "K:C\nz4|\n", "no notes"), (HEAD + "K:C\n", "no notes")]
)
def test_a_tune_without_music_is_an_error(text, message):
    with pytest.raises(ValueError, match=message):
        read_abc_text(text)


def test_a_file_without_tunes_is_an_error(tmp_path):
    (tmp_path / "no.abc").write_text("nothing here")
    with pytest.raises(ValueError, match=r"no\.abc holds no ABC tune"):
        read_abc(tmp_path / "no.abc")


def test_nothing_reaches_the_terminal_and_threads_may_read(capfd):
    texts = [HEAD + f"K:C\nC-D|{'CDEF|' * n}\n" for n in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        assert [len(line(score)) for score in pool.map(read_abc_text, texts)] == [2 + 4 * n for n in range(1, 9)]
    assert capfd.readouterr() == ("", "")


def test_bars_agree_with_music21_on_real_tunes():
    import music21

    folder = music21.common.getCorpusFilePath() / "ryansMammoth"
    compared = 0
    for path in sorted(folder.glob("*Jig.abc"))[:8]:
        ours = read_abc_text(path.read_text(encoding="utf-8", errors="replace"))
        theirs = music21.converter.parse(path, forceSource=True).parts[0].getElementsByClass(music21.stream.Measure)
        whole = next(m for m in theirs if m.duration.quarterLength == m.barDuration.quarterLength)
        assert ours.meters[0].tick == pytest.approx(whole.offset * ours.ticks_per_beat, abs=2)
        compared += 1
    assert compared == 8
