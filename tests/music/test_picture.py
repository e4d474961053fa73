import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest

from musicvae.music.key import Key
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.picture import OddPlaces, ScoreMarks, write_piano_roll, write_score_roll
from musicvae.music.score import Score, ScoreNote, Track

TUNE = Melody((Note(62, 0, 4), Note(65, 4, 4, 50), Note(62, 8, 4)), num_bars=2, key=Key.parse("D dorian"), name="Tune", tempo_qpm=97)


def texts_of(svg):
    """What an SVG of matplotlib says: each text is kept as a comment beside its outlines."""
    return re.findall(r"<!-- (.*?) -->", svg)


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_the_suffix_chooses_the_kind_and_the_bytes_are_the_same_again(suffix, begins, tmp_path):
    paths = [write_piano_roll([TUNE, TUNE], tmp_path / f"{name}{suffix}") for name in "ab"]
    first, second = (path.read_bytes() for path in paths)
    assert first.startswith(begins)
    assert first == second
    assert not re.search(rb"20\d\d-\d\d-\d\d|D:20\d\d", first)


def test_every_note_is_drawn_once_at_its_place(tmp_path):
    path = write_piano_roll([TUNE], tmp_path / "a.svg")
    root = ET.parse(path).getroot()
    space = {"s": "http://www.w3.org/2000/svg"}
    shapes = [
        [float(number) for number in re.findall(r"-?\d+\.?\d*", element.get("d"))]
        for group in root.iterfind(".//s:g", space)
        if group.get("id") == "notes"
        for element in group.iterfind(".//s:path", space)
    ]
    lefts = [min(shape[0::2]) for shape in shapes]
    tops = [min(shape[1::2]) for shape in shapes]
    assert len(shapes) == len(TUNE.notes)
    assert lefts[1] - lefts[0] == pytest.approx(lefts[2] - lefts[1], rel=1e-3)
    assert tops[0] == pytest.approx(tops[2])
    assert tops[1] < tops[0]  # a higher note lies higher


def test_titles_and_facts(tmp_path):
    svg = write_piano_roll([TUNE, replace(TUNE, meter=Meter(3, 4))], tmp_path / "a.svg").read_text()
    said = texts_of(svg)
    assert said.count("Tune") == 2
    assert any("4/4" in text and "97 quarters a minute" in text and "D dorian" in text for text in said)
    assert any("3/4" in text for text in said)
    own = texts_of(write_piano_roll([TUNE], tmp_path / "b.svg", titles=["$100 & 旋律 \n" + "x" * 99]).read_text())
    assert any(text.startswith("$100 &amp; ?? ?xxx") and len(text) < 90 for text in own)


@pytest.mark.parametrize(("tempo_qpm", "shown"), [(173.99994, "174"), (97.3, "97"), (112.5, "112.5"), (0.3, "0.3")])
def test_tempo_is_a_whole_number_where_one_is_near(tempo_qpm, shown, tmp_path):
    said = texts_of(write_piano_roll([replace(TUNE, tempo_qpm=tempo_qpm)], tmp_path / "a.svg").read_text())
    assert any(f"  {shown} quarters a minute" in text for text in said)


def test_colour_tells_the_pitch_class(tmp_path):
    notes = tuple(Note(60 + i, 4 * i, 4, 127) for i in range(13))
    svg = write_piano_roll([Melody(notes, num_bars=4)], tmp_path / "a.svg").read_text()
    colours = re.findall(r"fill: (#[0-9a-f]{6}); stroke: #ffffff", svg)
    assert len(colours) == 13
    assert len(set(colours)) == 12
    assert colours[0] == colours[12]


@pytest.mark.parametrize(
    "melodies",
    [
        [Melody((), num_bars=1)],
        [Melody((), num_bars=3000)],
        [Melody((Note(0, 0, 1), Note(127, 1, 1)), num_bars=1), TUNE],
        [replace(TUNE, num_bars=9)] * 12,
    ],
)
def test_empty_long_wide_and_many(melodies, tmp_path):
    image = matplotlib.image.imread(write_piano_roll(melodies, tmp_path / "a.png"))
    assert min(image.shape[:2]) > 100
    assert max(image.shape[:2]) < 2**16
    assert np.ptp(image) > 0.1


def test_global_state_stays_as_it_was(tmp_path):
    before = dict(mpl.rcParams)
    write_piano_roll([TUNE], tmp_path / "a.svg")
    assert dict(mpl.rcParams) == before
    code = (
        "import sys; from musicvae.music.melody import Melody; from musicvae.music.picture import write_piano_roll; "
        "assert 'matplotlib' not in sys.modules; write_piano_roll([Melody(())], sys.argv[1]); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b.png")], check=True)


def test_threads_draw_the_same(tmp_path):
    expected = write_piano_roll([TUNE], tmp_path / "one.svg").read_bytes()
    threads = [threading.Thread(target=write_piano_roll, args=([TUNE], tmp_path / f"{i}.svg")) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(tmp_path / f"{i}.svg").read_bytes() for i in range(4)] == [expected] * 4


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"a\.gif should end in \.png, \.svg, \.pdf"):
        write_piano_roll([TUNE], tmp_path / "a.gif")
    for melodies in ([], [TUNE] * 65):
        with pytest.raises(ValueError, match=f"a picture shows 1 to 64 melodies, got {len(melodies)}"):
            write_piano_roll(melodies, tmp_path / "a.png")
    with pytest.raises(ValueError, match="2 titles for 1 melodies"):
        write_piano_roll([TUNE], tmp_path / "a.png", titles=["a", "b"])
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(FileExistsError, match="use --force"):
        write_piano_roll([TUNE], tmp_path / "old.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"pictures need matplotlib, which is not installed .*pip install 'musicvae\[plot\]'"):
        write_piano_roll([TUNE], tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"]


# -- pictures of whole files

TOP = Track((ScoreNote(0, 60, 480, 90), ScoreNote(480, 64, 480, 90)), "Tune")
SCORE = Score(480, (TOP, Track((ScoreNote(0, 36, 960, 90),), "Low", 32), Track((), "Empty")))
MARKS = ScoreMarks({1: "melody"}, [(0, 1), (1920, 2), (3840, 3)], {"2 bars": [(0, 3840)], "4 bars": []})


def shapes_of(svg, gid):
    """Corners (x, y) of each shape of a group, as the picture has them."""
    root, space = ET.parse(svg).getroot(), {"s": "http://www.w3.org/2000/svg"}
    groups = [group for group in root.iterfind(".//s:g", space) if group.get("id") == gid]
    paths = [element.get("d") for group in groups for element in group.iterfind(".//s:path", space)]
    return [[float(number) for number in re.findall(r"-?\d+\.?\d*", path)] for path in paths]


def test_all_tracks_of_a_score_are_drawn_and_the_taken_ones_apart(tmp_path):
    path = write_score_roll(SCORE, tmp_path / "a.svg", MARKS)
    taken, others = shapes_of(path, "taken"), shapes_of(path, "notes")
    assert (len(taken), len(others)) == (2, 1)
    width = [max(shape[0::2]) - min(shape[0::2]) for shape in taken + others]
    assert width[0] == pytest.approx(width[1], rel=1e-3)
    assert width[2] == pytest.approx(2 * width[0], rel=1e-3)
    said = texts_of(path.read_text())
    assert "1 Tune: melody" in said
    assert "2 Low" in said
    assert {"1", "2", "3", "2 bars", "4 bars"} <= set(said)
    assert not any("Empty" in text for text in said)


def test_kept_windows_are_shaded_where_they_lie(tmp_path):
    whole = write_score_roll(SCORE, tmp_path / "a.png", MARKS)
    none = write_score_roll(SCORE, tmp_path / "b.png", replace(MARKS, kept={"2 bars": [], "4 bars": []}))
    before, after = matplotlib.image.imread(none), matplotlib.image.imread(whole)
    assert before.shape == after.shape
    columns = np.flatnonzero((before != after).any(axis=(0, 2)))
    assert columns.max() - columns.min() > 0.4 * before.shape[1]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_score_gives_the_same_bytes(suffix, tmp_path):
    first, second = (write_score_roll(SCORE, tmp_path / f"{name}{suffix}", MARKS, title="A").read_bytes() for name in "ab")
    assert first == second


def test_an_odd_score_can_be_drawn(tmp_path):
    names = ("$a_b$ & \u65cb\u5f8b", "x" * 200, "")
    tracks = tuple(Track((ScoreNote(-5, 0, 0, 1), ScoreNote(0, 127, 10**6, 127)), name, is_drum=not name) for name in names)
    write_score_roll(Score(96, tracks), tmp_path / "a.png", ScoreMarks())
    write_score_roll(Score(96, ()), tmp_path / "b.png", ScoreMarks({7: "melody"}))
    with pytest.raises(ValueError, match=r"should end in .png"):
        write_score_roll(SCORE, tmp_path / "a.bmp", MARKS)
    with pytest.raises(FileExistsError):
        write_score_roll(SCORE, tmp_path / "a.png", MARKS)


def test_odd_notes_get_frames_and_odd_bars_a_shade(tmp_path):
    plain = write_piano_roll([TUNE], tmp_path / "plain.svg").read_text()
    marked = write_piano_roll([TUNE], tmp_path / "odd.svg", odd=[OddPlaces(notes=(1, 2), bars=(2,), better={1: 64})]).read_text()
    assert plain.count("#d1242f") == 0
    assert 'id="odd"' in marked
    assert 'id="better"' in marked
    assert marked.count("#d1242f") >= 4  # two frames, a wish, a shade
    with pytest.raises(ValueError, match="2 sets of marks for 1 melodies"):
        write_piano_roll([TUNE], tmp_path / "wrong.svg", odd=[OddPlaces(), OddPlaces()])
