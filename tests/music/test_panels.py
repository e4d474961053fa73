import re

import numpy as np
import pytest

from musicvae.music.colours import of_pitch, of_track, paler
from musicvae.music.melody import Melody, Note
from musicvae.music.meter import Meter
from musicvae.music.panels import panels_of
from musicvae.music.performance import END, empty_bars
from musicvae.music.picture import write_piano_roll
from musicvae.music.piece import Piece
from musicvae.music.score import MeterChange, Score, ScoreNote, TempoChange, Track
from tests.music.made import random_piece


def test_a_melody_has_its_pitches_and_all_panels_the_same_rows():
    high, low = Melody((Note(72, 4, 4, 100),), num_bars=1), Melody((Note(50, 0, 2), Note(55, 14, 2)), num_bars=1)
    first, second = panels_of([high, low])
    assert first.rows == second.rows == (49, 74)
    (box,) = first.boxes
    assert (box.begin, box.number, box.colour) == (1.25, 72, paler(of_pitch(72), 100))
    assert box.end == pytest.approx(1.5 - 0.06 / 16)
    assert panels_of([low])[0].rows == (47, 60)  # an octave at least
    assert panels_of([Melody((), num_bars=1)])[0].rows == (59, 73)


def test_drums_have_a_row_for_each_class_where_they_are_played():
    velocity, late = np.zeros((2, 16, 9)), np.zeros((2, 16, 9))
    velocity[0, 0, 3], late[0, 0, 3], velocity[1, 8, 8] = 127, -0.5, 1
    (panel,) = panels_of([Piece("groove", {"bars": velocity, "offsets": late})])
    assert panel.rows == (0, 9)
    assert [(box.begin, box.number, box.is_drum) for box in panel.boxes] == [(1 - 1 / 32, 3, True), (2.5, 8, True)]
    assert [panel.row(box) for box in panel.boxes] == [(3, 1), (8, 1)]
    assert panels_of([random_piece("drums", 1).cut(0, 1)])[0].drums.name == "nine"


def test_a_trio_has_its_drums_below_and_a_colour_for_each_part():
    trio = Piece("trio", {"bars": np.full((1, 16), 50), "bass": np.full((1, 16), 20), "drums": np.full((1, 16), 1)})
    (panel,) = panels_of([trio])
    assert panel.pitches == (38, 71)
    assert panel.rows == (38 - 2 - 18, 71)
    assert [name for name, _ in panel.parts] == ["Melody", "Bass"]
    assert {box.colour for box in panel.boxes if not box.is_drum} == {paler(of_track(1), 90), paler(of_track(2), 90)}
    assert {panel.row(box) for box in panel.boxes if box.is_drum} == {(18, 2)}


def test_a_percussion_sound_of_no_class_is_shown_all_the_same():
    rows = empty_bars(1)
    rows[0, 0, :4] = (488, 36, 88, END)
    (panel,) = panels_of([Piece("performance", {"bars": rows})])
    assert [box.number for box in panel.boxes] == [0, 8]


def test_drums_of_two_maps_need_two_pictures():
    one, two = random_piece("drums", 1), random_piece("drums", 1, drum_map="sixty-one")
    with pytest.raises(ValueError, match=r"drums of different maps \(nine, sixty-one\)"):
        panels_of([one, two])


@pytest.mark.parametrize("material", ["drums", "groove", "trio", "performance"])
def test_pieces_are_drawn(material, tmp_path):
    piece = random_piece(material, 2, bars=2)
    path = write_piano_roll([piece, piece.cut(0, 1)], tmp_path / "a.svg")
    drawn = path.read_text()
    assert drawn.count('id="notes') == 2
    again = write_piano_roll([piece, piece.cut(0, 1)], tmp_path / "b.svg")
    assert again.read_text() == drawn


def test_names_of_drums_below_many_pitches_do_not_run_into_each_other(tmp_path):
    wide = np.where(np.arange(16) % 2, 2, 88)[None]
    trio = Piece("trio", {"bars": wide, "bass": wide, "drums": np.full((1, 16), 1)})
    written = re.findall(r"<!-- (.*?) -->", write_piano_roll([trio], tmp_path / "a.svg").read_text())
    names = trio.drums.names if trio.drums else ()
    assert [name for name in names if name in written] == list(names[::2])
    alone = Piece("drums", {"bars": np.full((1, 16), 1, np.uint64)})
    written = re.findall(r"<!-- (.*?) -->", write_piano_roll([alone], tmp_path / "b.svg").read_text())
    assert set(names) <= set(written)


def test_a_score_has_all_its_tracks_over_its_own_bars():
    meters = (MeterChange(0, Meter(4, 4)), MeterChange(400, Meter(2, 4)))
    bass = Track((ScoreNote(0, 40, 100, 127), ScoreNote(450, 45, 50, 90)), "Bass")
    drums = Track((ScoreNote(500, 38, 10, 80),), is_drum=True)
    (panel,) = panels_of([Score(100, (bass, drums), (TempoChange(0, 90.0),), meters, title="Song")])
    assert (panel.name, panel.num_bars, str(panel.meter), panel.tempo_qpm) == ("Song", 2, "4/4", 90.0)
    assert [(round(box.begin, 3), box.number, box.is_drum) for box in panel.boxes] == [(1, 40, False), (2.25, 45, False), (2.5, 1, True)]
    assert panel.boxes[0].end == pytest.approx(1 + (100 - 1.5) / 400)
    (alone,) = panels_of([Score(100, (drums,))])
    assert (alone.rows, alone.pitches) == ((0, 9), None)
