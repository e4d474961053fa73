import pytest
from corpus.places import COLLECTIONS, make_collection

from musicvae.corpus.sources.collections import read_plain, tunes_of
from musicvae.corpus.sources.items import expand
from musicvae.corpus.tunes import SourceFile
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.midi import write_midi

ABC = "X:{number}\nT:The Old {kind}\nR:{field}\nC:{composer}\nM:4/4\nL:1/8\n{extra}K:G dorian\n{music}|\n\n"
MUSIC = '"Gm"GABc "F"dedB|'


def abc(*, number=1, kind="Tune", field="", composer="", music=MUSIC, extra=""):
    return ABC.format(number=number, kind=kind, field=field, composer=composer, music=music, extra=extra)


def tunes(*specs, **options):
    return [tune for item in expand([str(s) for s in specs], **options) for tune in tunes_of(item)]


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def song(path, name="MELODY"):
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = tuple(Note(60 + i % 7, 4 * i, 3) for i in range(16))
    return write_midi([Melody(notes, Meter(4, 4), 4, 120.0, name=name)], path, force=True)


def test_a_folder_of_one_s_own(tmp_path):
    song(tmp_path / "own" / "march" / "a.mid")
    put(tmp_path / "own" / "reels" / "b.abc", abc(number=1, kind="Jig") + abc(number=2, field="Hornpipe", composer="J. Hand"))
    put(tmp_path / "own" / "c.abc", abc(kind="Waltz", composer="Trad.") + abc(field="Double Jig", music="GABc"))
    put(tmp_path / "own" / "d.mid", "nothing")
    found = tunes(tmp_path / "own")
    assert [(t.tune_id, dict(t.tags), t.file) for t in found] == [
        ("own/c.abc#1 The Old Waltz", {"type": "waltz"}, "c.abc"), ("own/c.abc#2 The Old Tune", {"type": "jig"}, "c.abc"),
        ("own/d.mid", {}, "d.mid"), ("own/march/a.mid", {"type": "march"}, "march/a.mid"),
        ("own/reels/b.abc#1 The Old Jig", {"type": "reels"}, "reels/b.abc"),
        ("own/reels/b.abc#2 The Old Tune", {"type": "reels", "composer": "J. Hand"}, "reels/b.abc"),
    ]  # fmt: skip
    assert {(t.source, t.track, t.split) for t in found} == {("own", None, "")}
    scores = [t.read() for i, t in enumerate(found) if i != 2]
    assert [len(s.tracks[0].notes) for s in scores] == [8, 4, 16, 8, 8]
    assert str(scores[0].keys[0].key) == "G dorian"
    assert [str(c.chord) for c in scores[0].chords] == ["Gm", "F"]
    with pytest.raises(ValueError, match=r"^[^/]*$"):  # where the file lies is not told
        found[2].read()


def test_shares_of_a_book_hold_its_tunes_once(tmp_path):
    put(tmp_path / "own" / "b.abc", "".join(abc(number=i, kind=str(i)) for i in range(23)))
    whole = [t.tune_id for t in tunes(tmp_path / "own")]
    assert len(set(whole)) == 23
    assert [t.tune_id for t in tunes(tmp_path / "own", split_abc=5)] == whole


@pytest.mark.parametrize("content", ["", "no music", "X:1\nT:cut off"])
def test_files_without_a_tune_say_so_when_they_are_read(tmp_path, content):
    path = put(tmp_path / "own" / "a.abc", content)
    (tune,) = tunes_of(SourceFile("own", "a.abc", str(path)))
    with pytest.raises(ValueError, match=r"^[^/]+$"):
        tune.read()


@pytest.mark.parametrize("recipe", ["", "ryan", "nottingham", "freedoom", "groove", "maestro", "pop909", "bach-chorales"])
def test_files_that_are_gone_say_so_when_they_are_read(tmp_path, recipe):
    (tune,) = tunes_of(SourceFile("s", "d/a.abc", str(tmp_path / "d" / "a.abc"), recipe))
    with pytest.raises(FileNotFoundError):
        tune.read()


def test_an_unknown_recipe_is_told(tmp_path):
    with pytest.raises(ValueError, match="no recipe is called 'gone'"):
        tunes_of(SourceFile("s", "a.mid", str(tmp_path / "a.mid"), "gone"))


EXPECTED = {
    "aird": ("aird/book1#1 book1", {"type": "reel"}, None, ""),
    "ryan": ("ryan/42dHighlandRegimentStrathspey#1 42dHighlandRegimentStrathspey", {"type": "reel"}, None, ""),
    "oneill": ("oneill/0001-0050#1 0001-0050", {"type": "reel"}, None, ""),
    "essen": ("essen/altdeu10#1 altdeu10", {"type": "folk-song", "region": "Irland"}, None, ""),
    "bach-chorales": ("bach-chorales/bwv1.6", {"type": "chorale", "composer": "Johann Sebastian Bach"}, 1, ""),
    "nottingham": ("nottingham/jigs#1 jigs", {"type": "jig"}, None, ""),
    "openhymnal": ("openhymnal/a#1 a", {"type": "hymn"}, 1, ""),
    "openscore-lieder": ("openscore-lieder/lc1 Erlkönig", {"type": "song", "composer": "Franz Schubert"}, 1, ""),
    "pop909": ("pop909/001", {"type": "pop"}, 1, ""),
    "groove": (
        "groove/drummer1/session1/1_rock_80_beat_4-4",
        {"type": "funk", "style": "funk/fast", "part": "fill", "drummer": "drummer1", "session": "drummer1/session1"}, None, "validation",
    ),
    "freedoom": ("freedoom/d_e1m1", {"type": "game", "game": "phase-1"}, None, ""),
    "lakh-full": ("lakh-full/0/0a", {}, None, ""),
    "lakh-matched": ("lakh-matched/A/B/C/TRABC1/x", {"track": "TRABC1"}, None, ""),
    "lakh-clean": ("lakh-clean/ABBA/Waterloo", {"artist": "ABBA"}, None, ""),
    "maestro": ("maestro/2018/a Étude, No. 1", {"type": "piano", "composer": "Franz Liszt", "year": "2018"}, None, "test"),
    "gigamidi": ("gigamidi/drums-only/0/a", {"part": "drums-only"}, None, "train"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(COLLECTIONS))
def test_tunes_of_known_collections(tmp_path, name):
    root = make_collection(name, tmp_path)
    found = tunes(tmp_path)
    _, taken, _ = COLLECTIONS[name]
    assert len({t.tune_id for t in found}) == len(found) == len(taken)
    (tune,) = [t for t in found if t.file == taken[0]]
    assert (tune.tune_id, dict(tune.tags), tune.track, tune.split) == EXPECTED[name]
    assert tune.source == name
    # A second copy has a name of its own, in ids as well.
    again = tunes(root, make_collection(name, tmp_path / "2"))
    assert len({t.tune_id for t in again}) == 2 * len(found)


def test_nottingham_s_order_of_parts_is_played(tmp_path):
    root = make_collection("nottingham", tmp_path)
    text = abc(music="P:A\nGABc dedB|\nP:B\nG4 A4", extra="Y:ABA\n")
    put(root / "ABC_cleaned" / "jigs.abc", text)
    (tune,) = tunes(root / "ABC_cleaned" / "jigs.abc")
    assert [n.pitch for n in tune.read().tracks[0].notes][8:10] == [67, 69]
    assert len(tune.read().tracks[0].notes) == 18


def test_groove_s_tags_come_from_the_file_s_name_where_the_table_has_none(tmp_path):
    root = make_collection("groove", tmp_path)
    (root / "info.csv").write_bytes(b"\xff\xfe\x00damaged")
    folder = root / "drummer1" / "session1"
    (folder / "1_rock_80_beat_4-4.mid").rename(folder / "7_latin-brazilian-baiao_95_fill_4-4.mid")
    (folder / "take.mid").write_bytes(b"MThd")
    tags = [dict(t.tags) for t in tunes(root)]
    own = {"drummer": "drummer1", "session": "drummer1/session1"}
    assert tags == [{"type": "latin", "style": "latin/brazilian-baiao", "part": "fill", **own}, own]


@pytest.mark.parametrize(
    ("folder", "split"), [("training-V1.1-80%", "train"), ("validation-V1.1-10%", "validation"), ("test-V1.1", "test"), ("x", "")]
)
def test_gigamidi_s_split_is_that_of_its_folder(tmp_path, folder, split):
    make_collection("gigamidi", tmp_path).rename(tmp_path / folder)
    assert {t.split for t in tunes(tmp_path)} == {split}


def test_a_table_is_read_again_when_it_has_changed(tmp_path):
    root = make_collection("maestro", tmp_path)
    assert tunes(root)[0].split == "test"
    table = root / "maestro-v3.0.0.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",test,", ",validation,"), encoding="utf-8")
    assert tunes(root)[0].split == "validation"


def test_pop909_is_read_through_its_beats(tmp_path):
    root = make_collection("pop909", tmp_path)
    song(root / "001" / "001.mid")
    # 120 a minute by the file; the beats say twice as many.
    (root / "001" / "beat_midi.txt").write_text(
        "".join(f"{beat / 4:.3f} {int(beat % 2 == 0)} {int(beat % 4 == 0)}\n" for beat in range(100))
    )
    (root / "001" / "chord_midi.txt").write_text("0.0\t1.0\tC:maj\n1.0\t9.0\tG:7\n")
    (root / "001" / "key_audio.txt").write_text("0.0\t9.0\tC:maj\n")
    score = tunes(root / "001")[0].read()
    assert (score.title, score.tracks[0].name, round(score.tempi[0].qpm)) == ("001", "MELODY", 240)
    assert [n.onset_ticks for n in score.tracks[0].notes] == [960 * i for i in range(16)]
    assert [(c.tick, str(c.chord)) for c in score.chords] == [(0, "C"), (4 * 480, "G7")]


def test_lieder_are_read_from_the_voice(tmp_path):
    part = '<score-part id="{0}"><part-name>{1}</part-name></score-part>'
    notes = "<note><pitch><step>{}</step><octave>5</octave></pitch><duration>1</duration></note>" * 4
    meter = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bar = f'<part id="{{0}}"><measure number="1">{meter}{{1}}'
    parts = (("P1", "Piano", "C"), ("P2", "Singstimme", "E"))
    text = "".join(bar.format(i, notes.format(*[step] * 4)) + "</measure></part>" for i, _, step in parts)
    names = "".join(part.format(i, name) for i, name, _ in parts)
    xml = f'<?xml version="1.0"?><score-partwise version="3.0"><part-list>{names}</part-list>{text}</score-partwise>'
    root = make_collection("openscore-lieder", tmp_path)
    put(root / "scores" / "Schubert,_Franz" / "_" / "Erlkönig" / "lc1.mxl", xml)
    score = tunes(root)[0].read()
    assert [t.name for t in score.tracks] == ["Singstimme"]
    assert {n.pitch for n in score.tracks[0].notes} == {76}


def test_the_fast_reader_says_what_the_careful_one_does(tmp_path):
    from musicvae.music.reading import read_score

    path = song(tmp_path / "a.mid")
    assert read_plain(path) == read_score(path)
    put(tmp_path / "b.abc", abc() + abc(kind="Two"))
    assert read_plain(tmp_path / "b.abc", 1) == read_score(tmp_path / "b.abc", tune=1)


@pytest.mark.parametrize("name", ["ryansMammoth", "oneills1850", "airdsAirs"])
def test_folk_tunes_of_music21_have_titles_and_types(name):
    found = tunes(f"music21:{name}")
    assert len({t.tune_id for t in found}) == len(found) > 1000
    types = {t.tags.get("type", "") for t in found}
    assert {"reel", "jig", "hornpipe"} <= types
    score = found[len(found) // 2].read()
    assert score.tracks[0].notes
    assert score.keys
