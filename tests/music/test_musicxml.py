import zipfile

import pytest

from musicvae.music.key import Key
from musicvae.music.musicxml import read_musicxml


def note(step, duration, *, octave=4, extra="", tie=""):
    ties = "".join(f'<tie type="{kind}"/>' for kind in tie.split())
    return f"<note>{extra}<pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{duration}</duration>{ties}</note>"


def attributes(beats=4, beat_type=4, fifths=0, mode=""):
    mode = f"<mode>{mode}</mode>" if mode else ""
    return (f"<attributes><divisions>4</divisions><key><fifths>{fifths}</fifths>{mode}</key>"
            f"<time><beats>{beats}</beats><beat-type>{beat_type}</beat-type></time></attributes>")  # fmt: skip


def document(*parts, head=""):
    names = "".join(f'<score-part id="P{i}"><part-name>{name}</part-name></score-part>' for i, (name, _) in enumerate(parts))
    music = "".join(
        f'<part id="P{i}">' + "".join(f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate(bars, 1)) + "</part>"
        for i, (_, bars) in enumerate(parts)
    )
    body = f"<work><work-title>Song</work-title></work><part-list>{names}</part-list>{music}"
    return f'<?xml version="1.0"?>{head}<score-partwise version="3.1">{body}</score-partwise>'


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "score.musicxml"
        path.write_text(text)
        return read_musicxml(path, **options)

    return read


def line(score, track=0):
    return [(n.pitch, n.onset_ticks / 480, n.duration_ticks / 480) for n in score.tracks[track].notes]


def test_notes_ties_rests_and_the_title(read):
    bars = [
        attributes() + note("C", 4) + "<note><rest/><duration>4</duration></note>" + note("G", 8, tie="start"),
        note("G", 4, tie="stop") + note("A", 12),
    ]
    score = read(document(("Voice", bars)))
    assert line(score) == [(60, 0, 1), (67, 2, 3), (69, 5, 3)]
    assert (score.title, score.tracks[0].name, str(score.meters[0].meter)) == ("Song", "Voice", "4/4")


def test_second_voices_and_graces_are_counted(read):
    bar = attributes() + "<note><grace/><pitch><step>B</step><octave>4</octave></pitch><voice>1</voice></note>"
    bar += note("C", 16).replace("</duration>", "</duration><voice>1</voice>") + "<backup><duration>16</duration></backup>"
    bar += note("E", 16, octave=3).replace("</duration>", "</duration><voice>2</voice>")
    score = read(document(("Voice", [bar, note("D", 16)])))
    assert line(score) == [(60, 0, 4), (62, 4, 4)]
    assert score.losses == {"grace notes": 1, "notes in a second voice": 1}


def test_a_pickup_comes_before_the_first_meter_change(read):
    score = read(document(("Voice", [attributes(3) + note("G", 4), note("C", 12), note("D", 12)])))
    assert [(c.tick, str(c.meter)) for c in score.meters] == [(480, "3/4")]


def test_repeats_are_written_out(read):
    bars = [
        attributes() + note("C", 16),
        note("D", 16) + '<barline location="right"><repeat direction="backward"/></barline>',
        note("E", 16),
    ]
    assert [pitch for pitch, _, _ in line(read(document(("Voice", bars))))] == [60, 62, 60, 62, 64]


@pytest.mark.parametrize(
    ("steps", "fifths", "mode", "key"),
    [("CEGC", 0, "", Key(0)), ("AECA", 0, "", Key(9, "minor")), ("DFAD", 0, "dorian", Key(2, "dorian")), ("GBDG", 1, "major", Key(7))],
)
def test_a_missing_mode_is_found_from_the_notes(read, steps, fifths, mode, key):
    bars = [attributes(fifths=fifths, mode=mode) + "".join(note(step, 4) for step in steps)] * 1
    assert read(document(("Voice", bars))).keys[0].key == key


def test_one_part_can_be_asked_for(read):
    text = document(("Piano", [attributes() + note("C", 16)]), ("Voice", [attributes() + note("G", 16)]))
    assert [t.name for t in read(text).tracks] == ["Piano", "Voice"]
    assert [t.name for t in read(text, parts=lambda name: name == "Voice").tracks] == ["Voice"]
    assert [t.name for t in read(text, parts=lambda name: name == "Oboe").tracks] == ["Piano", "Voice"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<score-partwise><part-list>", "no well-formed XML"),
        ("<html></html>", "no partwise MusicXML"),
        (document(("V", [attributes() + "<note><rest/><duration>16</duration></note>"])), "has no notes"),
        (document(("V", [attributes() + note("C", 16)]), head='<!DOCTYPE a [<!ENTITY b "c">]>'), "declares XML entities"),
    ],
)
def test_what_is_no_music_is_an_error(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_zip_files(tmp_path):
    path = tmp_path / "a.mxl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr("score.xml", document(("V", [attributes() + note("C", 16)])))
    assert line(read_musicxml(path)) == [(60, 0, 4)]
    path.write_bytes(path.read_bytes()[:120])
    with pytest.raises(ValueError, match="damaged"):
        read_musicxml(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(ValueError, match="without MusicXML"):
        read_musicxml(path)


def harmony(root, kind, *, alter=0, bass="", offset="", degree=""):
    bass = f"<bass><bass-step>{bass}</bass-step></bass>" if bass else ""
    offset = f"<offset>{offset}</offset>" if offset else ""
    return (f"<harmony><root><root-step>{root}</root-step><root-alter>{alter}</root-alter></root>"
            f"<kind>{kind}</kind>{bass}{degree}{offset}</harmony>")  # fmt: skip


def chords(score):
    return [(c.tick / 480, None if c.chord is None else str(c.chord)) for c in score.chords]


def test_chord_symbols_lie_before_the_notes_they_stand_at(read):
    degree = "<degree><degree-value>9</degree-value><degree-alter>-1</degree-alter><degree-type>add</degree-type></degree>"
    bars = [
        attributes() + harmony("C", "major") + note("C", 8) + harmony("B", "minor-seventh", alter=-1, bass="D") + note("D", 8),
        harmony("G", "dominant", degree=degree, offset="4") + note("E", 16),
        harmony("C", "none") + note("C", 16),
    ]
    assert chords(read(document(("Voice", bars)))) == [(0, "C"), (2, "Bbm7/D"), (5, "G7"), (8, None)]


def test_chord_symbols_are_repeated_with_their_bars(read):
    bars = [
        attributes() + harmony("C", "major") + note("C", 16),
        harmony("G", "dominant") + note("D", 16) + '<barline location="right"><repeat direction="backward"/></barline>',
        harmony("A", "minor") + note("E", 16),
    ]
    assert chords(read(document(("Voice", bars)))) == [(0, "C"), (4, "G7"), (8, "C"), (12, "G7"), (16, "Am")]


def test_unknown_harmonies_are_counted(read):
    bars = [attributes() + harmony("C", "major") + note("C", 8) + harmony("C", "Tristan") + note("D", 8)]
    score = read(document(("Voice", bars)))
    assert chords(score) == [(0, "C"), (2, None)]
    assert score.losses == {"chord symbols not known": 1}


def test_chords_and_composer_of_a_real_lead_sheet_agree_with_music21():
    from music21 import common, converter, harmony

    path = common.getCorpusFilePath() / "leadSheet" / "berlinAlexandersRagtime.mxl"
    theirs = [
        (float(symbol.getOffsetInHierarchy(stream)), frozenset(p.pitchClass for p in symbol.pitches))
        for stream in [converter.parse(path).expandRepeats()]
        for symbol in stream.recurse().getElementsByClass(harmony.ChordSymbol)
    ]
    score = read_musicxml(path)
    ours = {c.tick / 480: c.chord.pitch_classes for c in score.chords}
    assert len(theirs) == 36
    assert {at: notes for at, notes in theirs if at in ours} == ours
    assert score.texts == ("C:Irving Berlin",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<score-partwise>" + "<a>" * 5000 + "</a>" * 5000 + "</score-partwise>", "nests its XML more than 100 deep"),
        (
            document(("V", [attributes() + note("C", 16) + '<barline><repeat direction="backward" times="99999"/></barline>'])),
            "a repeat played '99999' times",
        ),
        (document(("V", [attributes(beats=1000) + note("C", 16)])), "<beats> 1000; at most 128 is read"),
        (document(("V", [attributes() + note("C", 10**12)])), "lasts 250000000000 beats; at most 250000 are read: is a duration damaged"),
    ],
)
def test_hostile_files_are_refused(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
