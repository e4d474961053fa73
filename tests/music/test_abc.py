from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicvae.music import abc
from musicvae.music.abc import TuneBatch, decode_abc, read_abc, read_abc_text, split_tunes, tune_fields
from musicvae.music.barmarks import TuneSource
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


def chords(score):
    return [(c.tick / score.ticks_per_beat, None if c.chord is None else str(c.chord)) for c in score.chords]


def test_chord_symbols_lie_where_they_are_played():
    score = read_abc_text(HEAD + 'K:C\n|:"C"CD"G7"EF|1 "Am"G4:|2 "F/a"G2"N.C."z2||\n')
    first = [(0, "C"), (2, "G7"), (4, "Am")]
    assert chords(score) == [*first, (8, "C"), (10, "G7"), (12, "F/A"), (14, None)]
    assert score.losses == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('"C"z4|z2"G"z2|"F"C4|', [(0, "C"), (6, "G"), (8, "F")]),  # over rests
        ('"C"C4-|C2-"G"C2|', [(0, "C"), (6, "G")]),  # under a tie
        ('"C"(3CD"G"E F2|', [(0, "C"), (4 / 3, "G")]),  # within a triplet: three in the time of two
        ('"C"C>"G"D "F"EF|', [(0, "C"), (1.5, "G"), (2, "F")]),  # in a broken rhythm
        ('"C"Z2|"G"C4|', [(0, "C"), (8, "G")]),  # after bars of rest
        ('"C"CDEF|"C"GABc|', [(0, "C")]),  # the same again is no change
        ('CDEF|GABc|"G"', []),  # nothing sounds under it
        ('"^slowly""C"{g}.C!trill!"Fine"DEF|', [(0, "C")]),  # words are none
    ],
)
def test_chord_symbols_keep_their_place(body, expected):
    score = read_abc_text(HEAD + f"K:C\n{body}\n")
    assert [(pytest.approx(tick, abs=1e-3), name) for tick, name in expected] == chords(score)


def test_unknown_chord_symbols_are_counted():
    score = read_abc_text(HEAD + 'K:C\n"C"CD"C7b5"EF|\n')
    assert chords(score) == [(0, "C"), (2, None)]
    assert score.losses == {"chord symbols not known": 1}


def test_chord_symbols_of_a_second_voice_count():
    score = read_abc_text(HEAD + 'V:1\nV:2\nK:C\n[V:1] CDEF|GABc|\n[V:2] "C"C,4|"G"G,4|\n')
    assert chords(score) == [(0, "C"), (4, "G")]


def test_bars_of_rest_have_their_bar_lines():
    score = read_abc_text(HEAD + "K:C\nG|CDEF|Z3|CDEF|\n")
    assert changes(score) == [(1, "4/4")]
    assert [(p, on) for p, on, _ in line(score)][5] == (60, 17)
    score = read_abc_text("X:1\nT:t\nM:3/4\nK:C\nC2D2E2|Z2|\nM:2/4\nCDEF|Z|CDEF|\n")
    assert changes(score) == [(0, "3/4"), (9, "2/4")]


def test_notes_tied_to_another_note_are_not_lost():
    assert [n[:2] for n in line(read_abc_text(HEAD + "K:C\nCDEF-|GABc-:|d4-|d4|\n"))][3:5] == [(65, 3), (67, 4)]
    assert line(read_abc_text(HEAD + "K:C\nC4-|C4|\n")) == [(60, 0, 8)]


@pytest.mark.parametrize("body", ["CDEFH|]", "CDEF[|]", "vCuDEF[|]|]", "CDEF!\nGABc!|]", 'C"4"D."x".EHF|', "[CDEF|"])
def test_slips_and_old_signs_cost_no_note(body):
    assert [n[0] for n in line(read_abc_text(HEAD + f"K:C\n{body}\n"))][:4] == [60, 62, 64, 65]


def test_endings_may_begin_with_a_double_bar():
    score = read_abc_text(HEAD + "K:C\n|:CDEF||1 G4:|2 A4||\n")
    assert [pitch for pitch, _, _ in line(score)] == [60, 62, 64, 65, 67, 60, 62, 64, 65, 69]


def test_notes_of_a_chord_start_together_in_every_voice():
    score = read_abc_text(HEAD + "V:1\nV:2\nK:C\n[V:1] [CEG]4|\n[V:2] [C,E,]4|\n")
    assert {n.onset_ticks for track in score.tracks for n in track.notes} == {0}


def test_titles_and_headers_are_plain_text():
    score = read_abc_text("X:1\nT:Caf\\'e\nR:reel\nC:Trad\nO:Ireland\nM:4/4\nL:1/4\nK:C\nCDEF|\n")
    assert (score.title, score.texts) == ("Caf\u00e9", ("T:Caf\u00e9", "R:reel", "C:Trad", "O:Ireland"))


def test_text_blocks_are_no_music():
    score = read_abc_text(HEAD + "K:C\nCDEF|\n%%begintext\nA BAD CAGE\n%%endtext\nGABc|\n")
    assert len(line(score)) == 8


TUNES = [
    HEAD + "K:C\nCDEF|\n",
    "X:2\nT:no key\n",
    HEAD + 'K:G\n"G"G2B2|[CE|\n',
    HEAD + "K:C\nC=|D#E,,,''F|\n",  # errors that abc2midi tells of
    HEAD + "K:C\nz4|\n",
    HEAD + "K:D\nDEFG-|G4|\n",
]


def result(read):
    try:
        return read()
    except ValueError as error:
        return str(error)


def test_tunes_read_together_are_as_read_alone():
    batch = TuneBatch(TUNES * 3)
    together = [result(lambda i=i: batch.read(i)) for i in range(len(batch))]
    alone = [result(lambda tune=tune: read_abc_text(tune)) for tune in TUNES]
    assert together == alone * 3
    assert [isinstance(one, str) for one in alone] == [False, True, False, False, True, False]
    assert result(lambda: batch.read(0)) == alone[0]  # again, and out of turn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("M:", "P:((A9)9)99\nM:") + "K:C\nP:A\nCDEF|\n", "plays a part 8019 times; at most 1000"),
        (HEAD + "K:C\nZ99999999|\n", "99999999 bars of rest in a row"),
        (HEAD + "K:C\n" + "C|" * 6000, "has 6001 bars and chord symbols; at most 4608"),
        (HEAD + "K:C\n" + "C" * 300_000, "characters; at most 262144 are read: is an X: line missing"),
        (HEAD + "K:" + "C" * 9000 + "\nCDEF|\n", "the field K: of this ABC tune has 9000 characters"),
        (HEAD + "K:C octave=99\nCDEF|\n", "could not read|made nothing"),
        (HEAD + "K:C\n" + "[CEG]" * 40_000 + "\n", "made nothing of this ABC tune|at most"),
    ],
)
def test_hostile_tunes_are_refused_in_a_line(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_abc_text(text)
    assert len(str(caught.value)) < 250


def test_a_tune_without_end_is_an_error(monkeypatch, tmp_path):
    read_abc_text(TUNES[0])  # symusic, once imported, leaves the program's name alone
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 60\n")
    endless.chmod(0o755)
    monkeypatch.setenv("SYMUSIC_ABC2MIDI", str(endless))
    monkeypatch.setattr(abc, "_SECONDS", 0.1)
    with pytest.raises(ValueError, match=r"took abc2midi more than 0\.1 s; a repeat without an end"):
        read_abc_text(TUNES[0])


@settings(max_examples=60, deadline=None)
@given(st.text("CDEFGAbz|:[]()-\"'>,/1234 \n!{}", max_size=80))
def test_any_line_of_signs_is_a_score_or_a_value_error(body):
    try:
        score = read_abc_text(HEAD + "K:C\n" + body)
    except ValueError:
        return
    ticks = [n.onset_ticks for n in score.tracks[0].notes]
    assert ticks == sorted(ticks)
    assert min(ticks) >= 0
    assert [c.tick for c in score.meters] == sorted(c.tick for c in score.meters)


def test_the_shadow_keeps_time_with_the_tune_on_real_tunes():
    """Every onset of a tune is one of its shadow, which also has the notes under ties and the rests."""
    import music21

    folder = music21.common.getCorpusFilePath() / "oneills1850"
    tunes = [tune for path in sorted(folder.glob("*.abc"))[:2] for tune in split_tunes(decode_abc(path.read_bytes()))]
    for tune in tunes[:60]:
        source = TuneSource(tune)
        (sound, shadow), _ = abc._abc2midi((source.sound, source.shadow), 20)
        onsets = [{n.time for track in abc._midi(file).tracks for n in track.notes} for file in (sound, shadow)]
        assert onsets[0] <= onsets[1]
