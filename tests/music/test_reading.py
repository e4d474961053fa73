import io
import shutil
import zipfile

import pytest

from musicvae.music import reading
from musicvae.music.melody import Melody, Note
from musicvae.music.midi import midi_bytes
from musicvae.music.reading import file_format, read_score

MIDI = midi_bytes([Melody((Note(62, 0, 4), Note(64, 4, 12)), num_bars=1)])
ABC = b"""X:1
T:First
M:4/4
L:1/4
K:C
CDEF|

X:2
T:Second
M:3/4
L:1/4
K:G
GAB|
"""
XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions><key><fifths>1</fifths><mode>major</mode></key>
<time><beats>2</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type></note>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type></note>
</measure></part></score-partwise>
"""
KERN = b"!!!OTL: Third\n**kern\n*M2/4\n=1\n4g\n4a\n==\n*-\n"


def mxl():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>')
        archive.writestr("a.xml", XML)
    return buffer.getvalue()


def pitches(score):
    return [note.pitch for track in score.tracks for note in track.notes]


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (MIDI, "MIDI", [62, 64]),
        (b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + MIDI, "MIDI", [62, 64]),
        (ABC, "ABC", [60, 62, 64, 65]),
        (b"\xef\xbb\xbf%abc-2.1\r\n" + ABC.replace(b"\n", b"\r\n"), "ABC", [60, 62, 64, 65]),
        (XML, "MusicXML", [67, 69]),
        (XML.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "MusicXML", [67, 69]),
        (mxl(), "MusicXML", [67, 69]),
        (ABC.decode().encode("utf-16"), "ABC", [60, 62, 64, 65]),
        (ABC.replace(b"First", b"Caf\xe9"), "ABC", [60, 62, 64, 65]),
        (KERN, "Humdrum", [67, 69]),
        (
            KERN.replace(b"**kern", b"**text\t**kern")
            .replace(b"=1", b"=1\t=1")
            .replace(b"*M2/4", b"*\t*M2/4")
            .replace(b"4g", b"la\t4g")
            .replace(b"4a", b".\t4a")
            .replace(b"==", b"==\t==")
            .replace(b"*-", b"*-\t*-"),
            "Humdrum",
            [67, 69],
        ),
    ],
    ids=["midi", "rmid", "abc", "abc-dos", "xml", "xml-utf16", "mxl", "abc-utf16", "abc-latin1", "kern", "kern-second"],
)
@pytest.mark.parametrize("name", ["right", "wrong.mid", "wrong.xml", "none"])
def test_the_content_decides(content, kind, expected, name, tmp_path):
    xml = ".mxl" if content.startswith(b"PK") else ".xml"
    suffix = {"MIDI": ".mid", "ABC": ".abc", "Humdrum": ".krn", "MusicXML": xml}[kind]
    path = tmp_path / (name + suffix if name == "right" else name)
    path.write_bytes(content)
    assert file_format(path) == kind
    assert pitches(read_score(path)) == expected


def test_tunes_of_an_abc_file(tmp_path):
    path = tmp_path / "a.abc"
    path.write_bytes(ABC)
    assert pitches(read_score(path, tune=1)) == [67, 69, 71]
    assert read_score(path, tune=1).title == "Second"
    for tune in (2, -1):
        with pytest.raises(ValueError, match=rf"a\.abc: there is no tune number {tune + 1}; the file holds 2$"):
            read_score(path, tune=tune)
    path.write_bytes(MIDI)
    with pytest.raises(ValueError, match="is a MIDI file and holds one piece"):
        read_score(path, tune=1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mid", b"", "is empty"),
        ("a.abc", b" \n", "is empty"),
        ("a.mid", b"ID3\x04 this is sound", "not a MIDI file: it begins with b'ID3"),
        ("a.mid", MIDI[:-9], "the file ends in the middle of track 2"),
        ("a.txt", b"Dear friend,\n", r"holds no music that can be read here; allowed are MIDI \(\.mid"),
        ("a.abc", b"Dear friend,\n", "no ABC tune in it"),
        ("a.musicxml", XML[:200], "well-formed|read as MusicXML"),
        ("a.musicxml", b"<html></html>", "partwise|read as MusicXML"),
        ("a.mxl", mxl()[:100], "damaged"),
        ("a.mxl", b"PK\3\4", "damaged"),
        ("a.krn", b"Dear friend,\n", "no kern: line 1 comes before"),
        ("a.krn", KERN.replace(b"4a", b"4a\t4b"), "line 6 has 2 columns"),
    ],
    ids=range(12),
)
def test_what_cannot_be_read_is_one_line_that_names_the_file(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_score(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).count(name) == 1
    assert "\n" not in str(caught.value)


def test_missing_files_folders_and_large_files(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none\.mid"):
        read_score(tmp_path / "none.mid")
    with pytest.raises(ValueError, match="is a folder or a device"):
        read_score(tmp_path)
    monkeypatch.setattr(reading, "_MAX_FILE_BYTES", 2**20)
    (tmp_path / "a.abc").write_bytes(bytes(b"%" * (2**20 + 1)))
    with pytest.raises(ValueError, match="has 1 MiB; up to 1 are read"):
        read_score(tmp_path / "a.abc")


def test_surprises_of_the_libraries_become_one_line(tmp_path, monkeypatch):
    def surprise(path, tune):
        raise RuntimeError("deep\n  inside")

    monkeypatch.setitem(reading._READERS, "MIDI", surprise)
    (tmp_path / "a.mid").write_bytes(MIDI)
    with pytest.raises(ValueError, match=r"a\.mid cannot be read as MIDI \(RuntimeError: deep inside\); is it damaged\?"):
        read_score(tmp_path / "a.mid")


def test_a_name_with_odd_letters(tmp_path):
    path = tmp_path / "naïve 旋律 %s.mid"
    path.write_bytes(MIDI)
    assert pitches(read_score(str(path))) == [62, 64]
    shutil.copy(path, tmp_path / "UPPER.MID")
    assert file_format(tmp_path / "UPPER.MID") == "MIDI"
